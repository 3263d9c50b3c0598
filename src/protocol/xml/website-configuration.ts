/**
 * Request and answer of the website operations (API_PutBucketWebsite, "Configuring a webpage redirect").
 *
 * AWS documents the schema but few errors. Codes, messages and valid statuses are those that the tests of LocalStack
 * and Versity recorded on AWS, and that Ceph's s3-tests expect.
 */
import { invalidArgument, invalidRequest } from "../../errors.ts";
import type { Protocol, Redirect, RoutingRule, Website, WebsiteSite } from "../../model/website.ts";
import { MAX_KEY_BYTES } from "../addressing.ts";
import { utf8Length } from "../percent-encoding.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  type XmlElement,
} from "./reader.ts";
import { formatXml, type XmlNode, xmlElement, xmlOptional, xmlText } from "./writer.ts";

/** "The maximum request length is limited to 128 KB" (API_PutBucketWebsite). */
export const MAX_WEBSITE_BYTES = 128 * 1024;
/** "a limitation of 50 routing rules per website configuration" (API_PutBucketWebsite). */
export const MAX_ROUTING_RULES = 50;
const REDIRECT_CODES: ReadonlySet<number> = new Set([301, 302, 303, 304, 305, 307, 308]);
const PROTOCOLS: readonly Protocol[] = ["http", "https"];

/**
 * @throws S3Error `MalformedXML` for a document of another schema; `InvalidArgument` and `InvalidRequest` for values
 *   that are not allowed.
 */
export function parseWebsiteConfiguration(body: Uint8Array): Website {
  const root = parseXml(body, "WebsiteConfiguration", { maxBytes: MAX_WEBSITE_BYTES });
  requireOnly(root, ["RedirectAllRequestsTo", "IndexDocument", "ErrorDocument", "RoutingRules"]);
  const redirectAll = findChild(root, "RedirectAllRequestsTo");
  return redirectAll === undefined ? readSite(root) : readRedirectAll(redirectAll, root);
}

/** Elements in the order of API_GetBucketWebsite; only those that were put. */
export function formatWebsiteConfiguration(website: Website): string {
  if (website.kind === "redirect-all") {
    const { hostName, protocol } = website;
    const target = [xmlText("HostName", hostName), xmlOptional("Protocol", protocol)];
    return formatXml("WebsiteConfiguration", [xmlElement("RedirectAllRequestsTo", target)]);
  }
  const { indexSuffix, errorKey, routingRules } = website;
  return formatXml("WebsiteConfiguration", [
    xmlElement("IndexDocument", [xmlText("Suffix", indexSuffix)]),
    errorKey === undefined ? undefined : xmlElement("ErrorDocument", [xmlText("Key", errorKey)]),
    routingRules.length === 0 ? undefined : xmlElement("RoutingRules", routingRules.map(formatRule)),
  ]);
}

function formatRule({ condition, redirect }: RoutingRule): XmlNode {
  return xmlElement("RoutingRule", [
    condition &&
      xmlElement("Condition", [
        xmlOptional("HttpErrorCodeReturnedEquals", condition.errorCode),
        xmlOptional("KeyPrefixEquals", condition.keyPrefix),
      ]),
    xmlElement("Redirect", [
      xmlOptional("HostName", redirect.hostName),
      xmlOptional("HttpRedirectCode", redirect.statusCode),
      xmlOptional("Protocol", redirect.protocol),
      xmlOptional("ReplaceKeyPrefixWith", redirect.replaceKeyPrefixWith),
      xmlOptional("ReplaceKeyWith", redirect.replaceKeyWith),
    ]),
  ]);
}

function readRedirectAll(element: XmlElement, root: XmlElement): Website {
  requireOnly(element, ["HostName", "Protocol"]);
  const hostName = requireChildText(element, "HostName");
  if (childrenOf(root).length > 1) {
    const message = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
    throw invalidArgument(message, "RedirectAllRequestsTo", "not null");
  }
  if (hostName === "") {
    throw invalidRequest('A host name must be provided to redirect all requests (e.g. "example.com").');
  }
  return { kind: "redirect-all", hostName: requireHostName(hostName), ...readProtocol(element) };
}

function readSite(root: XmlElement): WebsiteSite {
  const index = findChild(root, "IndexDocument");
  if (index === undefined) {
    const message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
    throw invalidArgument(message, "IndexDocument", "null");
  }
  requireOnly(index, ["Suffix"]);
  const indexSuffix = requireChildText(index, "Suffix");
  if (!isPossibleKey(indexSuffix) || indexSuffix.includes("/")) {
    throw invalidArgument("The IndexDocument Suffix is not well formed", "IndexDocument", indexSuffix);
  }
  const errorKey = readErrorKey(findChild(root, "ErrorDocument"));
  const routingRules = readRules(findChild(root, "RoutingRules"));
  return { kind: "site", indexSuffix, ...(errorKey !== undefined && { errorKey }), routingRules };
}

function readErrorKey(element: XmlElement | undefined): string | undefined {
  if (element === undefined) return undefined;
  requireOnly(element, ["Key"]);
  const key = requireChildText(element, "Key");
  if (!isPossibleKey(key)) throw invalidArgument("The ErrorDocument Key is not well formed", "ErrorDocument", key);
  return key;
}

function isPossibleKey(text: string): boolean {
  return text !== "" && utf8Length(text) <= MAX_KEY_BYTES;
}

function readRules(element: XmlElement | undefined): readonly RoutingRule[] {
  if (element === undefined) return [];
  requireOnly(element, ["RoutingRule"]);
  const rules = childrenOf(element, "RoutingRule");
  if (rules.length === 0) throw malformedXml("no RoutingRule");
  if (rules.length > MAX_ROUTING_RULES) {
    throw invalidRequest(
      `${rules.length} routing rules provided, the number of routing rules in a website configuration is limited to ${MAX_ROUTING_RULES}.`,
    );
  }
  return rules.map(readRule);
}

/** The redirect is checked before the condition (seen on AWS). */
function readRule(element: XmlElement): RoutingRule {
  requireOnly(element, ["Condition", "Redirect"]);
  const redirect = readRedirect(requireChild(element, "Redirect"));
  const condition = findChild(element, "Condition");
  return { ...(condition !== undefined && { condition: readCondition(condition) }), redirect };
}

function readCondition(element: XmlElement): NonNullable<RoutingRule["condition"]> {
  requireOnly(element, ["HttpErrorCodeReturnedEquals", "KeyPrefixEquals"]);
  if (childrenOf(element).length === 0) {
    throw invalidRequest(
      "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
    );
  }
  const keyPrefix = childText(element, "KeyPrefixEquals");
  const errorCode = readStatus(element, "HttpErrorCodeReturnedEquals");
  if (errorCode !== undefined && !isErrorCode(errorCode)) {
    throw invalidRequest(`The provided HTTP error code (${errorCode}) is not valid. Valid codes are 4XX or 5XX.`);
  }
  return { ...(keyPrefix !== undefined && { keyPrefix }), ...(errorCode !== undefined && { errorCode }) };
}

/** The error codes of RFC 2616: AWS refuses 418 and 506. */
function isErrorCode(code: number): boolean {
  return (code >= 400 && code <= 417) || (code >= 500 && code <= 505);
}

function readRedirect(element: XmlElement): Redirect {
  requireOnly(element, ["HostName", "HttpRedirectCode", "Protocol", "ReplaceKeyPrefixWith", "ReplaceKeyWith"]);
  if (childrenOf(element).length === 0) throw malformedXml("Redirect is empty");
  const replaceKeyWith = childText(element, "ReplaceKeyWith");
  const replaceKeyPrefixWith = childText(element, "ReplaceKeyPrefixWith");
  if (replaceKeyWith !== undefined && replaceKeyPrefixWith !== undefined) {
    throw invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  const protocol = readProtocol(element);
  const statusCode = readStatus(element, "HttpRedirectCode");
  if (statusCode !== undefined && !REDIRECT_CODES.has(statusCode)) {
    throw invalidRequest(
      `The provided HTTP redirect code (${statusCode}) is not valid. Valid codes are 3XX except 300.`,
    );
  }
  const hostName = childText(element, "HostName");
  return {
    ...(hostName !== undefined && { hostName: requireHostName(hostName) }),
    ...protocol,
    ...(statusCode !== undefined && { statusCode }),
    ...(replaceKeyWith !== undefined && { replaceKeyWith }),
    ...(replaceKeyPrefixWith !== undefined && { replaceKeyPrefixWith }),
  };
}

function readProtocol(element: XmlElement): { readonly protocol?: Protocol } {
  const text = childText(element, "Protocol");
  if (text === undefined) return {};
  const protocol = PROTOCOLS.find((known) => known === text);
  if (protocol !== undefined) return { protocol };
  throw invalidRequest(
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
  );
}

/** XML Schema's integers may have blanks around them. */
function readStatus(element: XmlElement, name: string): number | undefined {
  const text = childText(element, name);
  if (text === undefined) return undefined;
  const digits = /^[ \t\r\n]*(\d{1,9})[ \t\r\n]*$/.exec(text)?.[1];
  if (digits === undefined) throw malformedXml(`${name} is not an integer`);
  return Number(digits);
}

/**
 * A host, optionally with a port and, as on AWS, a path.
 *
 * Deviation: AWS accepts any text. It becomes part of a URL after `http://`, so text is refused that could end the
 * header, name another scheme or leave the host out; the reference system also refuses `*`.
 */
function requireHostName(text: string): string {
  const isHost = /^[A-Za-z0-9[][A-Za-z0-9\-._~:/?#[\]@!$&'()+,;=%]*$/.test(text) && !text.includes("://");
  if (!isHost) throw invalidArgument("The HostName is not well formed", "HostName", text);
  return text;
}
