/** `response-*` query parameters of GetObject and HeadObject ("Overriding response header values", API_GetObject). */

import { requireHeaderValue, requireLatin1 } from "./header-value.ts";
import type { Query } from "./query.ts";

const HEADERS = {
  "response-cache-control": "cache-control",
  "response-content-disposition": "content-disposition",
  "response-content-encoding": "content-encoding",
  "response-content-language": "content-language",
  "response-content-type": "content-type",
  "response-expires": "expires",
} as const;

export type ResponseOverrides = Readonly<Partial<Record<(typeof HEADERS)[keyof typeof HEADERS], string>>>;

/**
 * Response headers to replace, by lower-case name; empty if there are none. Only signed requests may have any, which is for the
 * operation to check.
 *
 * @throws S3Error `InvalidArgument` for values no header can carry.
 */
export function parseResponseOverrides(query: Query): ResponseOverrides {
  const overrides: [string, string][] = [];
  for (const [parameter, header] of Object.entries(HEADERS)) {
    const value = query.get(parameter);
    if (value === undefined || value === "") continue;
    overrides.push([header, requireLatin1(parameter, requireHeaderValue(parameter, value))]);
  }
  return Object.fromEntries(overrides);
}
