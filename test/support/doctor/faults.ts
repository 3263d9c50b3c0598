/** Faults of zones, proxies and caches, as `doctor` has to name them. */
import { gunzipSync, gzipSync } from "node:zlib";
import type { Fault, Given, Passed } from "./proxy.ts";

const html = (status: number, title: string, headers: Given["headers"] = {}): Given => {
  const body = Buffer.from(`<!DOCTYPE html><html><head><title>${title}</title></head><body>${title}</body></html>`);
  return { status, headers: { "content-type": "text/html", ...headers, "content-length": String(body.length) }, body };
};

const withBody = (given: Given, body: Buffer, headers: Given["headers"] = {}): Given => ({
  ...given,
  body,
  headers: { ...given.headers, ...headers, "content-length": String(body.length) },
});

const mapPath = (map: (path: string) => string): Fault => ({
  request: ({ path }) => {
    const [before = "", ...query] = path.split("?");
    return { path: [map(before), ...query].join("?") };
  },
});

const dropRequestHeaders = (isDropped: (name: string) => boolean): Fault => ({
  request: ({ headers }) => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !isDropped(name))),
  }),
});

const isFound = ({ status }: Given, { method }: Passed) => method === "GET" && status === 200;
const isText = ({ headers }: Given) => /text|json|xml|javascript/.test(String(headers["content-type"] ?? ""));
const accepts = ({ headers }: Passed, coding: string) => String(headers["accept-encoding"] ?? "").includes(coding);

/** Cloudflare's default "Normalize incoming URLs" with the type Cloudflare. */
export const foldsPaths = mapPath((path) => {
  const url = new URL(`http://host${path.replaceAll("\\", "/").replaceAll(/\/{2,}/g, "/")}`);
  return url.pathname;
});

export const lowersPaths = mapPath((path) =>
  path.replaceAll(/%[0-9A-F]{2}|[A-Z]/g, (text) => (text.length === 1 ? text.toLowerCase() : text)),
);

export const decodesSlashes = mapPath((path) => path.replaceAll(/%2f/gi, "/"));

/** Ignores `no-transform`. */
const compress = (given: Given): Given => {
  const body = gzipSync(given.body);
  const { "content-length": _, ...headers } = given.headers;
  return { ...given, body, headers: { ...headers, "content-encoding": "gzip", etag: `W/${String(headers.etag)}` } };
};

export const compresses: Fault = {
  response: (given, passed) => {
    const may = isFound(given, passed) && isText(given) && given.headers["content-encoding"] === undefined;
    return may && accepts(passed, "gzip") && given.headers.etag !== undefined ? compress(given) : given;
  },
};

export const compressesForAll: Fault = {
  response: (given, passed) => {
    const may = isFound(given, passed) && isText(given) && given.headers["content-encoding"] === undefined;
    return may && given.headers.etag !== undefined ? compress(given) : given;
  },
};

/** Loses the length of text, and weakens its ETag. */
export const spoilsHttp2: Fault = {
  response: (given, passed) => {
    if (!passed.isHttp2 || !isText(given) || given.headers.etag === undefined) return given;
    return {
      ...given,
      headers: { ...given.headers, "content-length": undefined, etag: `W/${String(given.headers.etag)}` },
    };
  },
};

export const decompressesStored: Fault = {
  response: (given, passed) => {
    if (!isFound(given, passed) || given.headers["content-encoding"] !== "gzip" || accepts(passed, "gzip"))
      return given;
    return withBody(given, gunzipSync(given.body), { "content-encoding": undefined });
  },
};

export const capsBodies: Fault = {
  answer: ({ body }) => (body.length > 1_000_000 ? html(413, "413 Request Entity Too Large") : undefined),
};

export const dropsMetadata = dropRequestHeaders((name) => name.startsWith("x-amz-meta-"));

export const renamesMetadata: Fault = {
  response: (given) => ({
    ...given,
    headers: Object.fromEntries(
      Object.entries(given.headers).map(([name, value]) => [name.replace(/^x-amz-meta-/, "x-meta-"), value]),
    ),
  }),
};

export const dropsDottedNames = dropRequestHeaders((name) => name.includes("."));

export const dropsRange = dropRequestHeaders((name) => name === "range");

export const dropsConditions = dropRequestHeaders((name) => name === "if-none-match" || name === "if-match");

export const dropsAuthorization = dropRequestHeaders((name) => name === "authorization");

export const changesHost: Fault = {
  request: ({ headers }) => ({ headers: { ...headers, host: "upstream.internal" } }),
};

/** "Cache Everything": by the URL only. */
export const caches = (): Fault => {
  const kept = new Map<string, Given>();
  return {
    answer: ({ method, path }) => {
      const given = method === "GET" ? kept.get(path) : undefined;
      return given === undefined ? undefined : { ...given, headers: { ...given.headers, age: "1", "x-cache": "HIT" } };
    },
    response: (given, passed) => {
      if (isFound(given, passed) && given.headers.etag !== undefined) kept.set(passed.path, given);
      return given;
    },
  };
};

/** Cloudflare's Email Obfuscation. */
export const rewritesHtml: Fault = {
  response: (given, passed) => {
    if (!isFound(given, passed) || !/^text\/html/.test(String(given.headers["content-type"]))) return given;
    const encoded =
      '<a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="00">[email&#160;protected]</a>';
    return withBody(given, Buffer.from(given.body.toString().replaceAll(/\w+@[\w.-]+\w/g, encoded)));
  },
};

export const challengesAgents: Fault = {
  answer: ({ headers }) =>
    /^(Go-http-client|python-requests)|^$/.test(headers["user-agent"] ?? "")
      ? html(403, "Just a moment...", { "cf-mitigated": "challenge" })
      : undefined,
};

export const challengesAll: Fault = { answer: () => html(403, "Just a moment...", { "cf-mitigated": "challenge" }) };

export const blocksSql: Fault = {
  answer: ({ body }) =>
    /DROP TABLE/.test(body.subarray(0, 1000).toString()) ? html(403, "Attention Required! | Cloudflare") : undefined,
};

export const shiftsDate: Fault = {
  response: (given) => ({
    ...given,
    headers: { ...given.headers, date: new Date(Date.now() - 3_600_000).toUTCString() },
  }),
};

export const stripsEtagQuotes: Fault = {
  response: (given) => ({
    ...given,
    headers: { ...given.headers, etag: mapEtag(given, (etag) => etag.replaceAll('"', "")) },
  }),
};

export const weakensEtags: Fault = {
  response: (given) => ({ ...given, headers: { ...given.headers, etag: mapEtag(given, (etag) => `W/${etag}`) } }),
};

function mapEtag({ headers: { etag } }: Given, map: (etag: string) => string): string | undefined {
  return typeof etag === "string" ? map(etag) : undefined;
}

/** Buffers the answer and sends it in chunks. */
export const dropsLength: Fault = {
  response: (given) => ({ ...given, headers: { ...given.headers, "content-length": undefined } }),
};

export const answersOptions: Fault = {
  answer: ({ method }) => (method === "OPTIONS" ? html(405, "405 Not Allowed") : undefined),
};

export const hangs: Fault = { answer: () => null };

/** Takes uploads above 500 KB and never answers. */
export const swallowsUploads: Fault = { answer: ({ body }) => (body.length > 500_000 ? null : undefined) };

export const asksForLogin: Fault = {
  answer: () => ({
    status: 302,
    headers: {
      location: "https://team.cloudflareaccess.com/cdn-cgi/access/login/s3.example.com?kid=1",
      "content-length": "0",
    },
    body: Buffer.alloc(0),
  }),
};
