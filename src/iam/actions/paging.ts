/** Lists in pages: `MaxItems`, `Marker`, `IsTruncated`. */
import { S3Error } from "../../errors.ts";
import { formatContinuationToken, parseContinuationToken } from "../../protocol/continuation-token.ts";
import { type XmlNode, xmlOptional, xmlText } from "../../protocol/xml/writer.ts";
import { invalidMarker } from "../parameters.ts";
import type { IamCall } from "./action.ts";

export interface Page<Item> {
  readonly items: readonly Item[];
  /** `IsTruncated` and, if so, `Marker`. */
  readonly elements: readonly (XmlNode | undefined)[];
}

/**
 * Reads one item more than the page has, to know whether there are more.
 * @param owner whose items these are; a marker holds for this list alone
 * @throws IamError `ValidationError`
 */
export async function readPage<Item>(
  call: IamCall,
  owner: string,
  read: (page: { after: string; limit: number }) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string,
): Promise<Page<Item>> {
  const maxItems = call.parameters.readMaxItems();
  const marker = call.parameters.findMarker();
  const { tokenKey } = call.services;
  const scope = `${call.action}/${owner}`;
  const after = marker === undefined ? "" : await readMarker(tokenKey, scope, marker);
  const found = await read({ after, limit: maxItems + 1 });
  const items = found.slice(0, maxItems);
  const last = items.at(-1);
  const isTruncated = found.length > maxItems && last !== undefined;
  const next = isTruncated ? await formatContinuationToken(tokenKey, scope, nameOf(last)) : undefined;
  return { items, elements: [xmlText("IsTruncated", isTruncated), xmlOptional("Marker", next)] };
}

async function readMarker(tokenKey: CryptoKey, scope: string, marker: string): Promise<string> {
  try {
    return await parseContinuationToken(tokenKey, scope, marker);
  } catch (error) {
    if (error instanceof S3Error) throw invalidMarker();
    throw error;
  }
}
