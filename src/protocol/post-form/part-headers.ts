/** What stands above a part's content (RFC 7578, 4.2). */
import { S3Error } from "../../errors.ts";
import { percentDecode } from "../percent-encoding.ts";
import { type ParameterizedValue, parseParameters } from "./parameters.ts";

export interface FormPart {
  readonly name: string;
  /** As sent, path and all. */
  readonly fileName: string | undefined;
}

/**
 * Only Content-Disposition counts. A part's Content-Type does not: S3 takes the object's from the field of that name.
 * @throws S3Error `MalformedPOSTRequest`
 */
export function parsePartHeaders(lines: readonly string[]): FormPart {
  const dispositions = lines.map(splitHeader).filter(([name]) => name === "content-disposition");
  const [disposition, ...others] = dispositions;
  const parsed = disposition && parseParameters(disposition[1]);
  const name = parsed?.parameters.get("name");
  if (parsed?.value !== "form-data" || name === undefined || others.length > 0) throw malformed();
  return { name, fileName: readFileName(parsed) };
}

function splitHeader(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 1) throw malformed();
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1)];
}

/** `filename*=UTF-8''…` (RFC 8187), which forms should not but some clients do send, says it better than `filename`. */
function readFileName({ parameters }: ParameterizedValue): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(parameters.get("filename*") ?? "") ?? [];
  if (encoded === undefined) return parameters.get("filename");
  try {
    return percentDecode(encoded);
  } catch {
    throw malformed();
  }
}

function malformed(): S3Error {
  return new S3Error("MalformedPOSTRequest");
}
