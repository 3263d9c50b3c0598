/** Where a copy may go. */
import type { Row } from "./rows.ts";

export interface Placement {
  readonly place: string;
  readonly rows: readonly Row[];
  readonly only: Row | undefined;
  readonly isSameBucket: boolean;
}

export function faultOfPlace({ place, rows, only, isSameBucket }: Placement): string | undefined {
  const isFolder = only === undefined || only.kind === "folder";
  if (isFolder && place !== "" && !place.endsWith("/")) return "A folder ends with a slash.";
  if (!isFolder && place === "") return "A key has at least one character.";
  if (!isSameBucket) return undefined;
  if (only !== undefined && place === only.key) return "This is where it is.";
  // Copies would be found by the listing, and copied again.
  const isInside = rows.some(({ kind, key }) => kind === "folder" && place.startsWith(key));
  return isInside ? "A folder cannot be copied or moved into itself." : undefined;
}
