/**
 * The headers of a form and of its parts: the boundary in Content-Type (RFC 2046, 5.1.1), and Content-Disposition above
 * each part's content (RFC 7578, 4.2).
 */
import { S3Error } from "../../errors.ts";
import { percentDecode } from "../percent-encoding.ts";

export interface FormPart {
  readonly name: string;
  /** As sent, including the path. */
  readonly fileName: string | undefined;
}

/**
 * Only Content-Disposition is read. S3 takes the object's Content-Type from the field of that name, not from the part.
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

/** `filename*=UTF-8''…` (RFC 8187), which forms should not use but some clients send, is preferred to `filename`. */
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

/** 1 to 70 characters; the last is not a space. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** @throws S3Error `MalformedPOSTRequest` */
export function parseBoundary(contentType: string): string {
  const boundary = parseParameters(contentType)?.parameters.get("boundary");
  if (boundary === undefined || !BOUNDARY.test(boundary)) throw new S3Error("MalformedPOSTRequest");
  return boundary;
}

/** `form-data; name="key"; filename="a.txt"`: a header's value and its parameters (RFC 2045, 5.1; RFC 7578, 4.2). */
interface ParameterizedValue {
  /** In lower case. */
  readonly value: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

// Matched one after the other, so that quoted text is not taken for the next parameter.
const PARAMETER = /[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*)))?/sy;

/** Undefined if the header has another form or repeats a parameter. */
function parseParameters(header: string): ParameterizedValue | undefined {
  const text = header.trimEnd();
  const [value = ""] = text.split(";", 1);
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = value.length;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const [, name, quoted, plain = ""] = match;
    if (name === undefined) continue;
    const key = name.toLowerCase();
    if (parameters.has(key)) return undefined;
    parameters.set(key, quoted === undefined ? plain : unquote(quoted));
  }
  return { value: value.trim().toLowerCase(), parameters };
}

/** Only an escaped quote is unescaped: some browsers send `C:\dir\file` without escapes. */
function unquote(text: string): string {
  return text.replaceAll('\\"', '"');
}
