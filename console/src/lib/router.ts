/**
 * Routes are in the fragment of the URL, which is sent to no server: `#/buckets/photos?prefix=2026/`. Keys are in the query
 * part, because they contain slashes.
 */

export interface Route {
  /** Decoded, without empty ones. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

export type Params = Readonly<Record<string, string>>;

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark === -1 ? text : text.slice(0, mark);
  const segments = path.split("/").filter((segment) => segment !== "");
  return {
    segments: segments.map(decodeOrKeep),
    query: new URLSearchParams(mark === -1 ? "" : text.slice(mark + 1)),
  };
}

function decodeOrKeep(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The values of a pattern (`/buckets/:bucket/object`), or undefined if it is about other paths. */
export function matchPath(pattern: string, segments: readonly string[]): Params | undefined {
  const parts = pattern.split("/").filter((part) => part !== "");
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}

export type LinkQuery = Readonly<Record<string, string | undefined>>;

/** The `href` of a page: `link("/buckets/:bucket/object", {bucket}, {key})`. */
export function link(pattern: string, params: Params = {}, query: LinkQuery = {}): string {
  const path = pattern.replace(/:([a-zA-Z]+)/g, (_part, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(name, value);
  const text = search.toString();
  return `#${path}${text === "" ? "" : `?${text}`}`;
}
