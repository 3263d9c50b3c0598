/**
 * The parameters of a request that the audit shows. Nothing is shown unless it is named here: what is new is left out until it is
 * known to be no secret. Never shown: secret keys, session and confirmation tokens, signatures, customers' keys, passphrases and
 * what follows from them; of documents the digest; of URLs no path or query, where receivers keep tokens.
 */
import { sha256Hex } from "../checksum/hasher.ts";
import { clip, type Digest, type Shown } from "./line.ts";

const MAX_VALUE_LENGTH = 256;
const MAX_PARAMETERS = 24;
const MAX_LIST = 20;

/** Signed headers of S3. */
const HEADERS = [
  "x-amz-acl",
  "x-amz-grant-full-control",
  "x-amz-grant-read",
  "x-amz-grant-read-acp",
  "x-amz-grant-write",
  "x-amz-grant-write-acp",
  "x-amz-bypass-governance-retention",
  "x-amz-bucket-object-lock-enabled",
  "x-amz-bucket-region",
  "x-amz-object-ownership",
  "x-amz-confirm-remove-self-bucket-access",
  "x-amz-expected-bucket-owner",
] as const;

/** Signed query parameters of S3. */
const QUERY: ReadonlySet<string> = new Set(["id", "versionId", "tagKeys"]);

/** Parameters of IAM, STS and SNS, without the number of their member. */
const TEXTS: ReadonlySet<string> = new Set([
  "UserName",
  "NewUserName",
  "Path",
  "NewPath",
  "PolicyName",
  "AccessKeyId",
  "Status",
  "Name",
  "DurationSeconds",
  "TopicArn",
  "SubscriptionArn",
  "Protocol",
  "AttributeName",
  "Label",
  "AWSAccountId",
  "ActionName",
  "AuthenticateOnUnsubscribe",
]);
const DOCUMENTS: ReadonlySet<string> = new Set(["PolicyDocument", "Policy", "AttributeValue"]);
const MAX_NAME_LENGTH = 128;
const MEMBER = /\.(?:member|entry)\.\d{1,4}(?:\.(?:key|value))?$/;

/** Without a user and a password in front of the host. */
const ORIGIN = /^(https?:\/\/)(?:[^/?#@]*@)?([A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-f:.]+\](?::\d{1,5})?)(?:[/?#]|$)/i;

export type Parameters = Readonly<Record<string, Shown>>;

export function digestOf(document: Uint8Array): Digest {
  return { bytes: document.byteLength, sha256: sha256Hex(document) };
}

interface SignedRequest {
  readonly headers: Headers;
  readonly query: { readonly entries: readonly (readonly [string, string])[] };
}

export function shownOfS3({ headers, query }: SignedRequest): Parameters | undefined {
  const ofHeaders = HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, shorten(value)] as const];
  });
  const ofQuery = query.entries.flatMap(([name, value]) =>
    QUERY.has(name) && value !== "" ? [[name, shorten(value)] as const] : [],
  );
  return collect([...ofHeaders, ...ofQuery]);
}

export function shownOfForm(form: ReadonlyMap<string, string>): Parameters | undefined {
  const entries = [...form].flatMap(([name, value]): (readonly [string, Shown])[] => {
    const base = name.replace(MEMBER, "");
    const shown = showParameter({ name, base, value });
    return shown === undefined ? [] : [[clip(name, MAX_NAME_LENGTH), shown]];
  });
  // Actions read parameters by their own names. Members, which the client can number as it likes, do not displace them.
  const isMember = ([name]: readonly [string, Shown]) => MEMBER.test(name);
  return collect([...entries.filter((entry) => !isMember(entry)), ...entries.filter(isMember)]);
}

function showParameter(parameter: {
  readonly name: string;
  readonly base: string;
  readonly value: string;
}): Shown | undefined {
  const { name, base, value } = parameter;
  if (DOCUMENTS.has(base)) return digestOf(new TextEncoder().encode(value));
  if (base === "Attributes") return name.endsWith(".key") ? shorten(value) : undefined;
  if (base === "Endpoint") return originOf(value);
  return TEXTS.has(base) ? shorten(value) : undefined;
}

/** @param values those of the path, which are ids and names, all of which are shown */
export function shownOfRoute(
  fields: readonly string[],
  { body, values }: { readonly body?: unknown; readonly values: Readonly<Record<string, string>> },
): Parameters | undefined {
  const entries = Object.entries(values).map(([name, value]): readonly [string, Shown] => [name, shorten(value)]);
  for (const field of fields) {
    const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined;
    const shown = field === "endpoint" && typeof value === "string" ? originOf(value) : showValue(value);
    if (shown !== undefined) entries.push([field, shown]);
  }
  return collect(entries);
}

function showValue(value: unknown): Shown | undefined {
  if (typeof value === "string") return shorten(value);
  if (typeof value === "number" || typeof value === "boolean") return value;
  if (!Array.isArray(value)) return undefined;
  return value.slice(0, MAX_LIST).flatMap((each) => (typeof each === "string" ? [shorten(each)] : []));
}

/** Scheme and host of a URL; an ARN as a whole. */
function originOf(text: string): string {
  if (text.startsWith("arn:")) return shorten(text);
  const [, scheme, host] = ORIGIN.exec(text) ?? [];
  return scheme === undefined ? "(no URL)" : shorten(`${scheme}${host}`);
}

function shorten(text: string): string {
  return clip(text, MAX_VALUE_LENGTH);
}

function collect(entries: readonly (readonly [string, Shown])[]): Parameters | undefined {
  return entries.length === 0 ? undefined : Object.fromEntries(entries.slice(0, MAX_PARAMETERS));
}
