/** Encoded words (RFC 2047): how S3 carries text beyond ASCII in metadata headers ("User-defined object metadata"). */
import { decodeUtf8 } from "./percent-encoding.ts";

const ENCODED_WORD = /=\?([A-Za-z0-9-]+)(?:\*[A-Za-z0-9-]+)?\?([BbQq])\?([^?\s]*)\?=/;
const RUN = new RegExp(`${ENCODED_WORD.source}(?:[ \\t\\r\\n]+${ENCODED_WORD.source})*`, "g");

/** Replaces encoded words by what they say. Words that are malformed or in other character sets stay as they are. */
export function decodeEncodedWords(text: string): string {
  return text.includes("=?") ? text.replace(RUN, decodeRun) : text;
}

/** Neighbouring words are one text: the space between them is not part of it, and encoders cut inside characters. */
function decodeRun(run: string): string {
  let bytes: number[] = [];
  let charset: string | undefined;
  let decoded = "";
  for (const word of run.split(/[ \t\r\n]+/)) {
    const [, wordCharset = "", encoding = "", content = ""] = ENCODED_WORD.exec(word) ?? [];
    const wordBytes = encoding.toUpperCase() === "B" ? decodeBase64(content) : decodeQ(content);
    const normalised = wordCharset.toLowerCase();
    if (charset !== undefined && charset !== normalised) {
      const part = decodeBytes(bytes, charset);
      if (part === undefined) return run;
      decoded += part;
      bytes = [];
    }
    if (wordBytes === undefined) return run;
    charset = normalised;
    for (const byte of wordBytes) bytes.push(byte);
  }
  const rest = decodeBytes(bytes, charset ?? "");
  return rest === undefined ? run : decoded + rest;
}

function decodeBytes(bytes: readonly number[], charset: string): string | undefined {
  if (charset === "utf-8" || charset === "us-ascii") return decodeUtf8(Uint8Array.from(bytes));
  return charset === "iso-8859-1" ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") : undefined;
}

function decodeBase64(text: string): number[] | undefined {
  try {
    return Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function decodeQ(text: string): number[] | undefined {
  const bytes: number[] = [];
  for (const [token] of text.matchAll(/=[0-9A-Fa-f]{2}|./gs)) {
    if (token === "=" || token.charCodeAt(0) > 0x7e) return undefined;
    bytes.push(token.length === 3 ? Number.parseInt(token.slice(1), 16) : token === "_" ? 0x20 : token.charCodeAt(0));
  }
  return bytes;
}

/**
 * One word, however long. Text that is mostly ASCII is quoted, other text is in Base64 (recorded on AWS by LocalStack), so
 * that what can be read stays readable.
 */
export function formatEncodedWord(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const plain = text.replaceAll(/[^\t\n\r\u0020-\u007e]/g, "").length;
  return plain > text.length - plain
    ? `=?UTF-8?Q?${Array.from(bytes, quoteByte).join("")}?=`
    : `=?UTF-8?B?${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}?=`;
}

function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === " ") return "_";
  if (/^[!-<>@-^`-~]$/.test(character)) return character;
  return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
