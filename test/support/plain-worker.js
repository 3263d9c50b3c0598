/** A Worker without any of this project's code: it serves an R2 bucket by the paths of its requests. */
export default {
  async fetch(request, { PHOTOS }) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") {
      const { etag } = await PHOTOS.put(key, request.body, { httpMetadata: request.headers });
      return new Response(etag);
    }
    if (request.method === "DELETE") {
      await PHOTOS.delete(key);
      return new Response(null, { status: 204 });
    }
    if (key === "") return Response.json((await PHOTOS.list()).objects.map((object) => object.key));
    const object = await PHOTOS.get(key, { range: request.headers });
    if (object === null) return new Response(null, { status: 404 });
    const headers = new Headers({ etag: object.httpEtag });
    object.writeHttpMetadata(headers);
    return new Response(object.body, { headers });
  },
};
