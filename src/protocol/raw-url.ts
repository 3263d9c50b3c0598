/**
 * The request target as the client sent it.
 *
 * `new URL()` folds dot segments and re-encodes, which changes keys and breaks signatures, so the text is cut by hand.
 * Everything that needs the path or the query reads it from here, never from `URL`.
 */
export interface RawUrl {
  readonly scheme: "http" | "https";
  /** Host with port, lower-cased, as it stands in the URL. */
  readonly host: string;
  /** Starts with `/`; still percent-encoded. */
  readonly path: string;
  /** Without the `?`; empty if there is none; still percent-encoded. */
  readonly query: string;
}

export function parseRawUrl(url: string): RawUrl {
  const schemeEnd = url.indexOf("://");
  const authorityStart = schemeEnd + 3;
  const fragment = url.indexOf("#", authorityStart);
  const text = fragment === -1 ? url : url.slice(0, fragment);
  const queryStart = text.indexOf("?", authorityStart);
  const pathEnd = queryStart === -1 ? text.length : queryStart;
  const slash = text.indexOf("/", authorityStart);
  const pathStart = slash === -1 || slash > pathEnd ? pathEnd : slash;
  return {
    scheme: url.slice(0, schemeEnd).toLowerCase() === "https" ? "https" : "http",
    host: text.slice(authorityStart, pathStart).toLowerCase(),
    path: text.slice(pathStart, pathEnd) || "/",
    query: queryStart === -1 ? "" : text.slice(queryStart + 1),
  };
}
