/** Lists in pages, each with a token for the next page that is valid for the same list only. */
import { S3Error } from "../errors.ts";
import type { MacKey } from "../model/mac-key.ts";
import { formatContinuationToken, parseContinuationToken } from "../protocol/continuation-token.ts";
import type { QueryError } from "./errors.ts";

export interface PageRequest {
  readonly tokenKey: MacKey;
  /** Identifies the list; a token of another scope is invalid. */
  readonly scope: string;
  /** As the client sent it; undefined for the first page. */
  readonly token: string | undefined;
  readonly size: number;
  /** The error for a token that is not valid for this list. */
  invalidToken(): QueryError;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Undefined on the last page. */
  readonly nextToken: string | undefined;
}

/**
 * Reads one item more than the page has, to find out whether another page follows.
 * @throws QueryError `invalidToken`
 */
export async function readPage<Item>(
  request: PageRequest,
  read: (page: { after: string; limit: number }) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string,
): Promise<Page<Item>> {
  const { tokenKey, scope, size } = request;
  const found = await read({ after: await readToken(request), limit: size + 1 });
  const items = found.slice(0, size);
  const last = items.at(-1);
  const isTruncated = found.length > size && last !== undefined;
  const nextToken = isTruncated ? await formatContinuationToken(tokenKey, scope, nameOf(last)) : undefined;
  return { items, nextToken };
}

async function readToken({ tokenKey, scope, token, invalidToken }: PageRequest): Promise<string> {
  if (token === undefined) return "";
  try {
    return await parseContinuationToken(tokenKey, scope, token);
  } catch (error) {
    if (error instanceof S3Error) throw invalidToken();
    throw error;
  }
}
