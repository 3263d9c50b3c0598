/** `partNumber` (API_UploadPart, API_GetObject). */
import { invalidArgument } from "../errors.ts";
import type { Query } from "./query.ts";

const NAME = "partNumber";
const MAX_PART_NUMBER = 10_000;

/** @throws S3Error `InvalidArgument` unless it is an integer from 1 to 10,000 */
export function parsePartNumber(query: Query): number {
  const text = query.get(NAME);
  const partNumber = text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (partNumber < 1 || partNumber > MAX_PART_NUMBER) {
    throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive", NAME, text);
  }
  return partNumber;
}
