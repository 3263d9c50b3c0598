/** Request and answer of the CORS operations (API_PutBucketCors, API_CORSRule, "Elements of a CORS configuration"). */
import { invalidArgument, invalidRequest } from "../../errors.ts";
import type { CorsMethod, CorsRule } from "../../model/bucket.ts";
import { isHeaderName } from "../header-values.ts";
import { childrenOf, childText, malformedXml, parseXml, requireOnly, textOf, type XmlElement } from "./reader.ts";
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** "The document is limited to 64 KB in size" (API_PutBucketCors). */
export const MAX_CORS_BYTES = 64 * 1024;
export const MAX_RULES = 100;
const MAX_ID_LENGTH = 255;
/** The largest `Integer` of the API reference. */
const MAX_SECONDS = 2_147_483_647;
const METHODS: readonly CorsMethod[] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const ELEMENTS = ["ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds"];

/** A rule whose methods are not yet checked. */
interface UncheckedRule extends Omit<CorsRule, "allowedMethods"> {
  readonly allowedMethods: readonly string[];
}

/**
 * The structure of all rules is checked before any value: a malformed rule answers `MalformedXML` even after an invalid
 * one.
 *
 * @throws S3Error `MalformedXML`; `InvalidRequest` for more than 100 rules, another method, a second `*` or an
 *   ExposeHeader that is not a header name; `InvalidArgument` for an ID that is too long or repeated.
 */
export function parseCorsConfiguration(body: Uint8Array): readonly CorsRule[] {
  const root = parseXml(body, "CORSConfiguration", { maxBytes: MAX_CORS_BYTES });
  requireOnly(root, ["CORSRule"]);
  const rules = childrenOf(root).map(readRule);
  if (rules.length === 0) throw malformedXml("no CORSRule");
  // The message of Ceph and CloudServer, which mirror S3 here; AWS documents only the limit.
  if (rules.length > MAX_RULES) {
    throw invalidRequest(`The number of CORS rules should not exceed allowed limit of ${MAX_RULES} rules.`);
  }
  requireUniqueIds(rules);
  return rules.map(validateRule);
}

/** Elements in the order of API_GetBucketCors; only those that were put. */
export function formatCorsConfiguration(rules: readonly CorsRule[]): string {
  return formatXml(
    "CORSConfiguration",
    rules.map((rule) =>
      xmlElement("CORSRule", [
        ...all("AllowedHeader", rule.allowedHeaders),
        ...all("AllowedMethod", rule.allowedMethods),
        ...all("AllowedOrigin", rule.allowedOrigins),
        ...all("ExposeHeader", rule.exposeHeaders),
        xmlOptional("ID", rule.id),
        xmlOptional("MaxAgeSeconds", rule.maxAgeSeconds),
      ]),
    ),
  );
}

function all(name: string, values: readonly string[]): XmlNode[] {
  return values.map((value) => xmlText(name, value));
}

function readRule(element: XmlElement): UncheckedRule {
  requireOnly(element, ELEMENTS);
  const allowedOrigins = textsOf(element, "AllowedOrigin");
  const allowedMethods = textsOf(element, "AllowedMethod");
  if (allowedOrigins.length === 0 || allowedMethods.length === 0)
    throw malformedXml("no origin or no method in a rule");
  const id = childText(element, "ID");
  const maxAgeSeconds = readSeconds(childText(element, "MaxAgeSeconds"));
  return {
    ...(id !== undefined && id !== "" && { id }),
    allowedOrigins,
    allowedMethods,
    allowedHeaders: textsOf(element, "AllowedHeader"),
    exposeHeaders: textsOf(element, "ExposeHeader"),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  };
}

function textsOf(element: XmlElement, name: string): string[] {
  return childrenOf(element, name).map(textOf);
}

/** XML Schema's integers may have blanks around them. */
function readSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const digits = /^[ \t\r\n]*(\d{1,10})[ \t\r\n]*$/.exec(text)?.[1];
  const seconds = Number(digits);
  if (digits === undefined || seconds > MAX_SECONDS) throw malformedXml("MaxAgeSeconds is not an integer from 0");
  return seconds;
}

/** AWS documents only that an ID is unique, and its length. The errors are those of lifecycle rules. */
function requireUniqueIds(rules: readonly UncheckedRule[]): void {
  const seen = new Set<string>();
  for (const { id } of rules) {
    if (id === undefined) continue;
    if (id.length > MAX_ID_LENGTH) {
      throw invalidArgument(`ID length should not exceed allowed limit of ${MAX_ID_LENGTH}`, "ID", id);
    }
    if (seen.has(id)) {
      throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", id);
    }
    seen.add(id);
  }
}

function validateRule(rule: UncheckedRule): CorsRule {
  const allowedMethods = rule.allowedMethods.map(requireMethod);
  for (const origin of rule.allowedOrigins) requirePattern("AllowedOrigin", origin);
  for (const header of rule.allowedHeaders) requirePattern("AllowedHeader", header);
  for (const header of rule.exposeHeaders) requireExposable(header);
  return { ...rule, allowedMethods };
}

function requireMethod(text: string): CorsMethod {
  const method = METHODS.find((known) => known === text);
  if (method !== undefined) return method;
  throw invalidRequest(`Found unsupported HTTP method in CORS config. Unsupported method is ${text}`);
}

function requirePattern(element: "AllowedOrigin" | "AllowedHeader", pattern: string): void {
  // No header can match such a pattern.
  if (/[\u0000-\u001f\u007f]/.test(pattern)) throw malformedXml(`control character in ${element}`);
  if (pattern.indexOf("*") !== pattern.lastIndexOf("*")) {
    throw invalidRequest(`${element} "${pattern}" can not have more than one wildcard.`);
  }
  if (element === "AllowedHeader" && pattern !== "" && !isHeaderName(pattern)) {
    throw invalidRequest(`AllowedHeader "${pattern}" contains invalid character.`);
  }
}

/** The names are sent in Access-Control-Expose-Headers, so they must not be able to end that header. */
function requireExposable(header: string): void {
  if (header.includes("*")) {
    throw invalidRequest(
      `ExposeHeader "${header}" contains wildcard. We currently do not support wildcard for ExposeHeader.`,
    );
  }
  if (!isHeaderName(header)) throw invalidRequest(`ExposeHeader "${header}" contains invalid character.`);
}
