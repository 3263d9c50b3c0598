/**
 * POST Object's form ("Creating an HTML Form (Using AWS Signature Version 4)", RESTObjectPOST): fields, then the file.
 *
 * The fields are read whole, because they carry the signature and the policy; the file stays a stream. Parts after the
 * file are ignored, but the form must be complete.
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import { requireKeyLength } from "../addressing.ts";
import { decodeUtf8, uriEncode } from "../percent-encoding.ts";
import { type ByteSource, MultipartReader } from "./multipart-reader.ts";
import { type FormPart, parsePartHeaders } from "./part-headers.ts";

/** "The form data and boundaries (excluding the contents of the file) cannot exceed 20KB." */
export const MAX_FIELD_BYTES = 20_480;

const FILE_NAME = /\$\{filename\}/g;

export interface PostForm {
  /** By lower-case name, with `${filename}` replaced. Without the file. */
  readonly fields: ReadonlyMap<string, string>;
  /** The `key` field. */
  readonly key: string;
  /** Bytes of the form before the file. */
  readonly headBytes: number;
  /** Bytes of the form after the file, at least. */
  readonly closingBytes: number;
  /**
   * The file's bytes, to be consumed once. Throws at the end unless the form is complete.
   * @throws S3Error `MalformedPOSTRequest`
   */
  file(): AsyncGenerator<Uint8Array, void>;
}

/**
 * Reads the form up to the file.
 * @throws S3Error `MalformedPOSTRequest`; `MaxPostPreDataLengthExceededError` beyond 20 KB; `InvalidArgument` without a
 *   file, without a key, or with a repeated field; `KeyTooLongError`
 */
export async function readPostForm(source: ByteSource, boundary: string): Promise<PostForm> {
  const reader = new MultipartReader(source, boundary);
  await skipPreamble(reader);
  const sent = new Map<string, string>();
  while (await reader.nextPart()) {
    const part = await readPart(reader);
    const name = part.name.toLowerCase();
    if (name !== "file") {
      addField(sent, name, await readValue(reader));
      continue;
    }
    const fields = fillInFileName(sent, part.fileName);
    return {
      fields,
      key: requireKey(fields),
      headBytes: reader.position,
      closingBytes: reader.closingBytes,
      file: () => fileContent(reader),
    };
  }
  throw invalidArgument("POST requires exactly one file upload per request.", "file", "0");
}

async function* fileContent(reader: MultipartReader): AsyncGenerator<Uint8Array, void> {
  yield* reader.content();
  while (await reader.nextPart()) await reader.skip();
}

async function skipPreamble(reader: MultipartReader): Promise<void> {
  for await (const _piece of reader.content()) requireWithinLimit(reader.position);
}

async function readPart(reader: MultipartReader): Promise<FormPart> {
  const lines: string[] = [];
  for (;;) {
    const line = await reader.line(MAX_FIELD_BYTES);
    if (line === undefined) throw tooManyFieldBytes();
    requireWithinLimit(reader.position);
    if (line.length === 0) return parsePartHeaders(lines);
    lines.push(requireText(line));
  }
}

async function readValue(reader: MultipartReader): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of reader.content()) {
    requireWithinLimit(reader.position);
    pieces.push(piece);
  }
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return requireText(bytes);
}

/** A repeated field is refused: the policy check and the upload could use different values of it. */
function addField(fields: Map<string, string>, name: string, value: string): void {
  if (fields.has(name) && !name.startsWith("x-ignore-")) {
    throw invalidArgument(`The form field ${name} must not be repeated.`, name, value);
  }
  fields.set(name, value);
}

/** "The variable ${filename} … is recognized by all form fields"; without a file name it is not replaced. */
function fillInFileName(
  fields: ReadonlyMap<string, string>,
  fileName: string | undefined,
): ReadonlyMap<string, string> {
  if (fileName === undefined) return fields;
  const name = fileName.slice(Math.max(fileName.lastIndexOf("/"), fileName.lastIndexOf("\\")) + 1);
  return new Map([...fields].map(([field, value]) => [field, value.replace(FILE_NAME, () => name)]));
}

function requireKey(fields: ReadonlyMap<string, string>): string {
  const key = fields.get("key");
  if (key === undefined) throw missingField("key");
  if (key === "") throw invalidArgument("User key must have a length greater than 0.", "key", "");
  requireKeyLength(key);
  return key;
}

/** AWS's message, with its two spaces. */
export function missingField(name: string): S3Error {
  const message = `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`;
  return invalidArgument(message, name, "");
}

function requireText(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new S3Error("MalformedPOSTRequest");
  return text;
}

function requireWithinLimit(position: number): void {
  if (position > MAX_FIELD_BYTES) throw tooManyFieldBytes();
}

function tooManyFieldBytes(): S3Error {
  return new S3Error("MaxPostPreDataLengthExceededError", {
    details: { MaxPostPreDataLengthBytes: String(MAX_FIELD_BYTES) },
  });
}

/** The answer that the form asks for: `success_action_redirect`, its old name `redirect`, `success_action_status`. */
export type SuccessAction =
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "status"; readonly status: 200 | 201 | 204 };

/**
 * "If Amazon S3 cannot interpret the URL, it acts as if the field is not present"; an unknown status is ignored too.
 */
export function parseSuccessAction(fields: ReadonlyMap<string, string>): SuccessAction {
  const url = fields.get("success_action_redirect") ?? fields.get("redirect");
  if (url !== undefined && isRedirectable(url)) return { kind: "redirect", url };
  const status = fields.get("success_action_status");
  if (status === "200") return { kind: "status", status: 200 };
  if (status === "201") return { kind: "status", status: 201 };
  return { kind: "status", status: 204 };
}

/** The URL to redirect to, with bucket, key and ETag of the upload in its query. @param etag with quotes */
export function formatRedirect(
  url: string,
  { bucket, key, etag }: { bucket: string; key: string; etag: string },
): string {
  const [base = "", ...fragment] = url.split(/(?=#)/);
  const separator = base.includes("?") ? "&" : "?";
  const query = `bucket=${uriEncode(bucket)}&key=${uriEncode(key)}&etag=${uriEncode(etag)}`;
  return `${base}${separator}${query}${fragment.join("")}`;
}

function isRedirectable(url: string): boolean {
  return /^https?:\/\/[\x21-\x7e]+$/i.test(url) && URL.canParse(url);
}
