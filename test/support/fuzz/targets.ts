/** What reads text that clients write, by format. A reader returns, or throws an `S3Error`. */
import { parsePolicy } from "../../../src/access/policy/document.ts";
import { AwsChunkedDecoder } from "../../../src/auth/payload/aws-chunked.ts";
import { parseContentSha256 } from "../../../src/auth/payload/content-sha256.ts";
import { readDeclaredDigests } from "../../../src/auth/payload/declared-content.ts";
import { parsePolicyDocument } from "../../../src/auth/post-policy/policy.ts";
import { claimedAccessKeyId, claimedService, readClaim } from "../../../src/auth/request-claim.ts";
import { parseAmzDate, parseDateHeader } from "../../../src/auth/request-time.ts";
import { canonicalQuery } from "../../../src/auth/sigv4/canonical-request.ts";
import { parseHeaderNames } from "../../../src/cors/rules.ts";
import { parseCopySourceRange, parseRange } from "../../../src/model/byte-range.ts";
import { parseIpAddress, parseIpRange } from "../../../src/model/ip-address.ts";
import { parseKmsKeyName } from "../../../src/model/kms-key.ts";
import { parseDestinationArn } from "../../../src/model/replication.ts";
import { parseTopicArn } from "../../../src/model/topic.ts";
import { parseTarget, TargetRefused } from "../../../src/outbound/target.ts";
import { parseAclHeaders } from "../../../src/protocol/acl-headers.ts";
import { parseAddress } from "../../../src/protocol/addressing.ts";
import { parseUploadChecksum } from "../../../src/protocol/checksum-algorithm.ts";
import { parseDeleteCondition, parseWriteCondition } from "../../../src/protocol/conditions.ts";
import { parseContinuationToken } from "../../../src/protocol/continuation-token.ts";
import { parseCopySource } from "../../../src/protocol/copy-source.ts";
import { readCustomerKeyHeaders } from "../../../src/protocol/customer-key-headers.ts";
import { parseHttpDate, parseIso8601 } from "../../../src/protocol/dates.ts";
import { parseEncryptionContext, readRequestedEncryption } from "../../../src/protocol/encryption-headers.ts";
import { parseETag } from "../../../src/protocol/header-values.ts";
import { parseUserMetadata } from "../../../src/protocol/metadata.ts";
import { parseContentHeaders, parseStorageClass } from "../../../src/protocol/object-headers.ts";
import { parseLockHeaders } from "../../../src/protocol/object-lock-headers.ts";
import { parseBoundary } from "../../../src/protocol/post-form/part-headers.ts";
import { readPostForm } from "../../../src/protocol/post-form/post-form.ts";
import {
  parseListObjectsParameters,
  parseListObjectsV2Parameters,
  parsePartNumber,
  parseVersionId,
} from "../../../src/protocol/query-parameters.ts";
import { parseRenameSource } from "../../../src/protocol/rename-headers.ts";
import { parseReplicaState } from "../../../src/protocol/replica-state.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import { resolveOperation } from "../../../src/protocol/routes.ts";
import type { S3Request } from "../../../src/protocol/s3-request.ts";
import { parseTaggingHeader } from "../../../src/protocol/tags.ts";
import { parseTaggingField } from "../../../src/protocol/xml/tagging.ts";
import { parseForm } from "../../../src/query-api/form.ts";
import { macKeyOf } from "../mac-key.ts";
import * as corpus from "./corpus.ts";
import { DOCUMENTS } from "./documents.ts";
import { ELEMENT_TEXT } from "./mutation.ts";
import { NOW, xmlTargetOf } from "./xml-targets.ts";

export interface FuzzTarget {
  readonly inputs: readonly string[];
  /** Where values are in the inputs; by default between any two delimiters. */
  readonly fields?: RegExp;
  /** Each of them reads the text by itself, so that an error of one does not hide another's. */
  readonly readers: readonly ((text: string) => unknown)[];
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const KEY = macKeyOf(7);
const DOMAINS = ["s3.example.com"];

let lastHeaders: { readonly text: string; readonly headers: Headers | undefined } | undefined;

/** Only what `Headers` accepts reaches the Worker; undefined if the platform would have refused the request. */
function headersOf(text: string): Headers | undefined {
  if (lastHeaders?.text !== text) lastHeaders = { text, headers: makeHeaders(text) };
  return lastHeaders.headers;
}

function makeHeaders(text: string): Headers | undefined {
  const headers = new Headers();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === -1) continue;
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1));
    } catch {
      return undefined;
    }
  }
  return headers;
}

const onHeaders = (read: (headers: Headers) => unknown) => (text: string) => {
  const headers = headersOf(text);
  return headers === undefined ? undefined : read(headers);
};
const onHeader = (name: string, read: (value: string) => unknown) =>
  onHeaders((headers) => {
    const value = headers.get(name);
    return value === null ? undefined : read(value);
  });

function requestOf(text: string, headers = new Headers()): S3Request {
  const url = parseRawUrl(text);
  const { resource, style } = parseAddress(url, null, DOMAINS);
  return {
    method: "GET",
    url,
    resource,
    style,
    query: parseQuery(url.query),
    headers,
    copySource: () => undefined,
    client: { address: undefined, acceptEncoding: undefined, tlsVersion: undefined },
    body: null,
    now: NOW,
    requestId: "0".repeat(16),
  };
}

const CLAIM_RULES = { regions: "any", services: ["s3"], signatureV2: true } as const;

/** In pieces of 1, 7 and all bytes: a piece may end anywhere. */
async function decodeChunks(text: string): Promise<void> {
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  for (const size of [1, 7, Math.max(1, bytes.length)]) {
    const decoder = new AwsChunkedDecoder({ sizeBytes: 9, signatures: undefined, trailer: text.includes("x-amz") });
    for (let at = 0; at < bytes.length; at += size) await decoder.decode(bytes.slice(at, at + size));
    await decoder.end();
  }
}

async function readForm(text: string): Promise<void> {
  const bytes = bytesOf(text);
  for (const size of [13, Math.max(1, bytes.length)]) {
    let at = 0;
    const take = async () => {
      if (at >= bytes.length) return undefined;
      at += size;
      return bytes.subarray(at - size, at);
    };
    const form = await readPostForm({ take }, "b");
    for await (const piece of form.file()) void piece;
  }
}

const query = (read: (query: ReturnType<typeof parseQuery>) => unknown) => (text: string) => read(parseQuery(text));

export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  URLs: {
    inputs: corpus.URLS,
    readers: [
      (text) => parseAddress(parseRawUrl(text), null, DOMAINS),
      (text) => parseAddress(parseRawUrl(text), text.slice(0, 200), DOMAINS),
      (text) => canonicalQuery(parseQuery(parseRawUrl(text).query)),
      (text) => resolveOperation(requestOf(text)),
      (text) => claimedAccessKeyId(requestOf(text)),
      (text) => readClaim(requestOf(text), CLAIM_RULES),
    ],
  },
  "Authorization headers": {
    inputs: corpus.AUTHORIZATIONS,
    readers: [
      onHeaders(() => undefined),
      (text) => {
        const headers = headersOf(`authorization: ${text}\nx-amz-date: 20260601T000000Z`);
        if (headers === undefined) return;
        claimedService(headers);
        readClaim(requestOf("https://s3.example.com/b/k", headers), CLAIM_RULES);
      },
    ],
  },
  dates: { inputs: corpus.DATES, readers: [parseHttpDate, parseIso8601, parseAmzDate, parseDateHeader] },
  ranges: { inputs: corpus.RANGES, readers: [parseRange, parseCopySourceRange] },
  ids: {
    inputs: corpus.IDS,
    readers: [
      (text) => parseVersionId(parseQuery(`versionId=${text}`)),
      parseTopicArn,
      parseDestinationArn,
      (text) => parseKmsKeyName(text, "111122223333"),
      parseETag,
      parseIpRange,
      parseIpAddress,
    ],
  },
  "addresses of receivers": {
    inputs: corpus.TARGETS,
    readers: [(text) => orRefused(() => parseTarget(text, { allowPrivate: false, ownHosts: ["s3.example.com"] }))],
  },
  headers: {
    inputs: corpus.HEADERS,
    readers: [
      onHeaders(parseContentHeaders),
      onHeaders((headers) => parseStorageClass(headers)),
      onHeaders((headers) => parseUserMetadata(headers)),
      onHeaders((headers) => parseTaggingHeader(headers.get("x-amz-tagging"))),
      onHeaders((headers) => parseAclHeaders(headers, "object")),
      onHeaders((headers) => parseLockHeaders(headers, NOW)),
      onHeaders(parseWriteCondition),
      onHeaders(parseDeleteCondition),
      onHeaders((headers) => readCustomerKeyHeaders(headers, "target")),
      onHeaders(readRequestedEncryption),
      onHeaders((headers) => parseEncryptionContext(headers.get("x-amz-server-side-encryption-context") ?? undefined)),
      onHeaders(parseUploadChecksum),
      onHeaders((headers) => readDeclaredDigests(headers, { kind: "unsigned-chunks" })),
      onHeaders(parseRenameSource),
      onHeaders((headers) => parseReplicaState(headers, NOW, "write")),
      onHeaders((headers) => parseHeaderNames(headers.get("access-control-request-headers"))),
      onHeader("x-amz-copy-source", parseCopySource),
      onHeader("x-amz-content-sha256", parseContentSha256),
    ],
  },
  queries: {
    inputs: corpus.QUERIES,
    readers: [
      query(parseListObjectsParameters),
      query(parseListObjectsV2Parameters),
      query((parsed) => (parsed.has("partNumber") ? parsePartNumber(parsed) : undefined)),
    ],
  },
  tokens: {
    inputs: ["AAAA", "a".repeat(43), "c2NvcGUAYWZ0ZXI"],
    readers: [(text) => parseContinuationToken(KEY, "scope", text)],
  },
  policies: {
    inputs: corpus.POLICIES,
    readers: [
      (text) => parsePolicy(text, { kind: "bucket", bucket: "abc", users: {} }),
      (text) => JSON.stringify(parsePolicy(text, { kind: "bucket", bucket: "abc", users: {} })),
    ],
  },
  "policies of forms": {
    inputs: corpus.POST_POLICIES,
    readers: [
      (text) => parsePolicyDocument(text),
      (text) => parsePolicyDocument(btoa(Array.from(bytesOf(text), (byte) => String.fromCharCode(byte)).join(""))),
    ],
  },
  forms: {
    inputs: corpus.FORMS,
    readers: [readForm, (text) => parseBoundary(`multipart/form-data; boundary=${text.slice(0, 80)}`)],
  },
  "forms of the query APIs": { inputs: corpus.QUERY_API_FORMS, readers: [(text) => parseForm(bytesOf(text))] },
  chunks: { inputs: corpus.CHUNKS, readers: [decodeChunks] },
  documents: {
    inputs: DOCUMENTS,
    fields: ELEMENT_TEXT,
    readers: [(text) => xmlTargetOf(text).read(bytesOf(text)), parseTaggingField],
  },
};

/** `parseTarget` has an error of its own, with a reason. */
function orRefused(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof TargetRefused) return undefined;
    throw error;
  }
}
