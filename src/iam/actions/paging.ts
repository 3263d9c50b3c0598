/** Lists in pages: `MaxItems`, `Marker`, `IsTruncated`. */
import { type XmlNode, xmlOptional, xmlText } from "../../protocol/xml/writer.ts";
import * as paging from "../../query-api/paging.ts";
import { invalidMarker } from "../parameters.ts";
import type { IamCall } from "./action.ts";

export interface Page<Item> {
  readonly items: readonly Item[];
  /** `IsTruncated` and, if so, `Marker`. */
  readonly elements: readonly (XmlNode | undefined)[];
}

/**
 * @param owner whose items these are; a marker holds for this list alone
 * @throws IamError `ValidationError`
 */
export async function readPage<Item>(
  { action, parameters, services: { tokenKey } }: IamCall,
  owner: string,
  read: (page: { after: string; limit: number }) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string,
): Promise<Page<Item>> {
  const { items, nextToken } = await paging.readPage(
    {
      tokenKey,
      scope: `${action}/${owner}`,
      size: parameters.readMaxItems(),
      token: parameters.findMarker(),
      invalidToken: invalidMarker,
    },
    read,
    nameOf,
  );
  return { items, elements: [xmlText("IsTruncated", nextToken !== undefined), xmlOptional("Marker", nextToken)] };
}
