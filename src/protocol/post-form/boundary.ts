/** What separates the parts of a form: the `boundary` of its Content-Type (RFC 2046, 5.1.1). */
import { S3Error } from "../../errors.ts";
import { parseParameters } from "./parameters.ts";

/** 1 to 70 characters, the last of which is no space. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** @throws S3Error `MalformedPOSTRequest` */
export function parseBoundary(contentType: string): string {
  const boundary = parseParameters(contentType)?.parameters.get("boundary");
  if (boundary === undefined || !BOUNDARY.test(boundary)) throw new S3Error("MalformedPOSTRequest");
  return boundary;
}
