/**
 * The floor: the same requests straight onto an R2 binding. No authentication, no buckets, no XML, no checksums.
 *
 *   GET (with Range) | HEAD | PUT | DELETE /key          PUT /key with x-copy-source: key        GET /?prefix=…&delimiter=…&after=…
 *   POST /key?uploads    PUT /key?uploadId=…&partNumber=…    POST /key?uploadId=… with the parts as JSON
 */

/** The part of R2's binding that is used here. Node's types, which this folder uses, clash with those of Workers. */
interface Store {
  get(key: string, options?: { range?: Headers }): Promise<OpenedObject | null>;
  head(key: string): Promise<StoredObject | null>;
  put(key: string, body: ReadableStream<Uint8Array> | null): Promise<StoredObject>;
  delete(key: string): Promise<void>;
  list(
    options: ListOptions,
  ): Promise<{ readonly objects: readonly StoredObject[]; readonly delimitedPrefixes: string[] }>;
  createMultipartUpload(key: string): Promise<{ readonly uploadId: string }>;
  resumeMultipartUpload(key: string, uploadId: string): Upload;
}

interface StoredObject {
  readonly key: string;
  readonly size: number;
  readonly httpEtag: string;
  readonly uploaded: Date;
}

interface OpenedObject extends StoredObject {
  readonly body: ReadableStream<Uint8Array>;
  readonly range?: { readonly offset: number; readonly length: number };
}

interface ListOptions {
  readonly prefix: string;
  readonly limit: number;
  readonly delimiter?: string;
  readonly startAfter?: string;
}

interface Part {
  readonly partNumber: number;
  readonly etag: string;
}

interface Upload {
  uploadPart(partNumber: number, body: ReadableStream<Uint8Array>): Promise<Part>;
  complete(parts: readonly Part[]): Promise<StoredObject>;
}

export default {
  async fetch(request: Request, { STORE }: { readonly STORE: Store }): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const key = pathname.slice(1);
    const uploadId = searchParams.get("uploadId");
    switch (request.method) {
      case "GET": {
        if (key === "") return list(STORE, searchParams);
        const isPart = request.headers.has("range");
        const object = await STORE.get(key, isPart ? { range: request.headers } : {});
        if (object === null) return new Response(null, { status: 404 });
        if (!isPart) return new Response(object.body, { headers: describe(object) });
        return new Response(object.body, { status: 206, headers: describePart(object) });
      }
      case "HEAD": {
        const object = await STORE.head(key);
        return new Response(null, object === null ? { status: 404 } : { headers: describe(object) });
      }
      case "PUT": {
        if (uploadId !== null && request.body !== null) {
          const upload = STORE.resumeMultipartUpload(key, uploadId);
          return Response.json(await upload.uploadPart(Number(searchParams.get("partNumber")), request.body));
        }
        const source = request.headers.get("x-copy-source");
        const body = source === null ? request.body : ((await STORE.get(source))?.body ?? null);
        return new Response(null, { headers: { etag: (await STORE.put(key, body)).httpEtag } });
      }
      case "POST": {
        if (uploadId === null) return Response.json({ uploadId: (await STORE.createMultipartUpload(key)).uploadId });
        const parts = (await request.json()) as Part[];
        const object = await STORE.resumeMultipartUpload(key, uploadId).complete(parts);
        return new Response(null, { headers: { etag: object.httpEtag } });
      }
      case "DELETE":
        await STORE.delete(key);
        return new Response(null, { status: 204 });
      default:
        return new Response(null, { status: 405 });
    }
  },
};

function describe(object: StoredObject): Record<string, string> {
  return {
    etag: object.httpEtag,
    "content-length": String(object.size),
    "content-type": "application/octet-stream",
    "last-modified": object.uploaded.toUTCString(),
  };
}

function describePart(object: OpenedObject): Record<string, string> {
  const { offset, length } = object.range ?? { offset: 0, length: object.size };
  const contentRange = `bytes ${offset}-${offset + length - 1}/${object.size}`;
  return { ...describe(object), "content-length": String(length), "content-range": contentRange };
}

async function list(store: Store, query: URLSearchParams): Promise<Response> {
  const [delimiter, startAfter] = [query.get("delimiter"), query.get("after")];
  const { objects, delimitedPrefixes } = await store.list({
    prefix: query.get("prefix") ?? "",
    limit: 1_000,
    ...(delimiter && { delimiter }),
    ...(startAfter && { startAfter }),
  });
  const rows = objects.map(({ key, size, httpEtag, uploaded }) => ({ key, size, httpEtag, uploaded }));
  return Response.json([...delimitedPrefixes, ...rows]);
}
