/** Types of content: what a browser may show of an object, and under which type. */

const BY_EXTENSION: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bmp: "image/bmp",
  gif: "image/gif",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  png: "image/png",
  svg: "image/svg+xml",
  webp: "image/webp",
  m4v: "video/mp4",
  mp4: "video/mp4",
  ogv: "video/ogg",
  webm: "video/webm",
  aac: "audio/aac",
  flac: "audio/flac",
  m4a: "audio/mp4",
  mp3: "audio/mpeg",
  oga: "audio/ogg",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  wav: "audio/wav",
  pdf: "application/pdf",
  css: "text/css",
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  js: "text/javascript",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  sh: "application/x-sh",
  sql: "application/sql",
  toml: "application/toml",
  ts: "text/plain",
  txt: "text/plain",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
};

const UNKNOWN = "application/octet-stream";

/** The type of a file's name; browsers know few. */
export function typeOfName(name: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  return BY_EXTENSION[extension] ?? UNKNOWN;
}

export type Preview =
  | { readonly kind: "image" | "video" | "audio" | "pdf"; readonly type: string }
  | { readonly kind: "text" }
  | { readonly kind: "none" };

const SHOWN = new Set(Object.values(BY_EXTENSION).filter((type) => /^(?:image|video|audio)\/|\/pdf$/.test(type)));
const TEXT = /^text\/|^application\/(?:json|xml|javascript|yaml|toml|sql|x-sh|x-ndjson|x-yaml)$|\+(?:json|xml)$/;

/**
 * How an object can be shown. A type of the list is what the endpoint is asked to answer with, whatever is stored, so that
 * a browser never takes an object for a page.
 */
export function previewOf(key: string, contentType: string): Preview {
  const stored = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  const isVague = stored === "" || stored === UNKNOWN || stored === "binary/octet-stream";
  const type = isVague ? typeOfName(key) : stored;
  if (SHOWN.has(type)) {
    const kind = type === "application/pdf" ? "pdf" : type.split("/")[0];
    if (kind === "image" || kind === "video" || kind === "audio" || kind === "pdf") return { kind, type };
  }
  return TEXT.test(type) ? { kind: "text" } : { kind: "none" };
}
