/**
 * The request line and the headers of every command of AWS's newest SDK: each request must resolve to the operation of its
 * name, or be refused. A new SDK with a command, a parameter or a header that is unknown here fails these tests.
 */
import * as sdk from "@aws-sdk/client-s3";
import { describe, expect, it } from "vitest";
import { claimedService } from "../../../src/auth/request-claim.ts";
import { findScopeFault } from "../../../src/auth/sigv4/credential-scope.ts";
import { OFFERED_NAMES } from "../../../src/operations/index.ts";
import { parseAddress } from "../../../src/protocol/addressing.ts";
import { OPERATION_NAMES, type OperationName } from "../../../src/protocol/operation-name.ts";
import {
  isCriticalHeader,
  KNOWN_CRITICAL_HEADERS,
  REFUSED_HEADERS,
  refuseHeaders,
} from "../../../src/protocol/refused-headers.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import { PARAMETERS, resolveOperation } from "../../../src/protocol/routes.ts";
import { failure } from "./failure.ts";
import { type CapturedRequest, type Command, captureRequest, readCommands } from "./sdk-commands.ts";

const HOST = "s3.example.com";
const commands = readCommands(sdk);

/** Commands that are not operations here (see `operation-name.ts`), and the error of their requests. */
const NOT_OPERATIONS: Readonly<Record<string, (request: CapturedRequest) => unknown>> = {
  // The request line of ListBuckets, signed for directory buckets.
  ListDirectoryBuckets({ headers }) {
    const scope = { accessKeyId: "k", day: "20260101", region: "us-east-1", terminal: "aws4_request" };
    const service = claimedService(headers) ?? "";
    return findScopeFault({ ...scope, service }, { regions: "any", services: ["s3"] });
  },
  // Sent to another host, which here is a bucket that accepts only forms.
  WriteGetObjectResponse: route,
};

const own = commands.filter(({ name }) => !Object.hasOwn(NOT_OPERATIONS, name));

function route({ method, url, headers }: CapturedRequest, more = ""): OperationName {
  const raw = parseRawUrl(`${url}${more && `${url.includes("?") ? "&" : "?"}${more}`}`);
  const { resource } = parseAddress(raw, raw.host, [HOST]);
  return resolveOperation({ method, resource, query: parseQuery(raw.query), headers });
}

it("every command of the SDK has an operation of its name, and every operation a command", () => {
  const withoutCommand = ["PostObject", "OptionsPreflight"];
  expect(commands.map(({ name }) => name).sort()).toEqual(
    [...OPERATION_NAMES.filter((name) => !withoutCommand.includes(name)), ...Object.keys(NOT_OPERATIONS)].sort(),
  );
});

describe.each([true, false])("the request line of a command, path style %s", (forcePathStyle) => {
  it.each(own)("$name", async (command) => {
    for (const members of ["required", "all"] as const) {
      const request = await captureRequest(sdk, command, { endpoint: `http://${HOST}`, forcePathStyle, members });
      expect([members, route(request)]).toEqual([members, command.name]);
    }
  });

  it.each(own.filter(({ method }) => method !== "GET" && method !== "HEAD"))(
    "$name with an unknown bare parameter is refused",
    async (command) => {
      const request = await captureRequest(sdk, command, { endpoint: `http://${HOST}`, forcePathStyle });
      for (const more of ["novelty", "novelty=", "Acl", "novelty&x-id=a", "%6eovelty"]) {
        expect(failure(() => route(request, more)).code).toBe("NotImplemented");
      }
      // With a value, or ignored as on AWS.
      for (const more of ["novelty=1", "x-novelty", "X-Novelty=", "=", "=x", "prefix=", "x-id="]) {
        expect(route(request, more)).toBe(command.name);
      }
    },
  );

  it.each(own.filter(({ method }) => method === "GET" || method === "HEAD"))(
    "$name with an unknown bare parameter is the same read",
    async (command) => {
      const request = await captureRequest(sdk, command, { endpoint: `http://${HOST}`, forcePathStyle });
      expect(route(request, "novelty")).toBe(command.name);
    },
  );
});

it.each([
  ["ListDirectoryBuckets", "NotImplemented"],
  ["WriteGetObjectResponse", "MethodNotAllowed"],
])("%s is refused with %s", async (name, code) => {
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw new Error(`${name} has gone`);
  const request = await captureRequest(sdk, command, { endpoint: `http://${HOST}`, forcePathStyle: true });
  expect(failure(() => NOT_OPERATIONS[name]?.(request)).code).toBe(code);
});

it("every query parameter of the SDK is known", () => {
  const unknown = commands.flatMap(({ parameters }) => parameters).filter((name) => !PARAMETERS.has(name));
  // A marker, with an id as its value.
  expect([...new Set(unknown)]).toEqual(["uploadId"]);
});

const GRANTS = ["full-control", "read", "read-acp", "write-acp"].map((name) => `x-amz-grant-${name}`);
const CHECKSUMS = [
  "crc32",
  "crc32c",
  "crc64nvme",
  "md5",
  "sha1",
  "sha256",
  "sha512",
  "xxhash128",
  "xxhash3",
  "xxhash64",
].map((name) => `x-amz-checksum-${name}`);
const CONTENT = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];
const LOCK = ["mode", "retain-until-date", "legal-hold"].map((name) => `x-amz-object-lock-${name}`);
const WRITTEN = ["x-amz-acl", ...GRANTS, ...CONTENT, ...LOCK, "x-amz-storage-class", "x-amz-website-redirect-location"];
const READ = ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range", "x-amz-checksum-mode"];
const SOURCE = [
  "x-amz-copy-source",
  "x-amz-copy-source-if-match",
  "x-amz-copy-source-if-modified-since",
  "x-amz-copy-source-if-none-match",
  "x-amz-copy-source-if-unmodified-since",
  "x-amz-source-expected-bucket-owner",
];
const CUSTOMER_KEY = ["algorithm", "key", "key-md5"].map((name) => `x-amz-server-side-encryption-customer-${name}`);
const SOURCE_KEY = ["algorithm", "key", "key-md5"].map(
  (name) => `x-amz-copy-source-server-side-encryption-customer-${name}`,
);
const SEALED = ["", "-aws-kms-key-id", "-bucket-key-enabled", "-context"].map(
  (name) => `x-amz-server-side-encryption${name}`,
);
/** Has no effect: no object is archived. */
const LISTED = ["x-amz-optional-object-attributes"];

/** Supported by every operation, or without effect because requester pays is not offered. */
const EVERYWHERE = [
  "content-length",
  "content-md5",
  "x-amz-expected-bucket-owner",
  "x-amz-request-payer",
  "x-amz-sdk-checksum-algorithm",
];

/** How each operation uses the headers that AWS supports on it, except those that it refuses. */
const HONOURED: Partial<Record<OperationName, readonly string[]>> = {
  CompleteMultipartUpload: [
    ...CHECKSUMS,
    ...CUSTOMER_KEY,
    "x-amz-checksum-type",
    "x-amz-mp-object-size",
    "if-match",
    "if-none-match",
  ],
  CopyObject: [
    ...SOURCE,
    ...SOURCE_KEY,
    ...CUSTOMER_KEY,
    ...SEALED,
    ...WRITTEN,
    "x-amz-checksum-algorithm",
    "if-match",
    "if-none-match",
    "x-amz-metadata-directive",
    "x-amz-object-annotation-directive",
    "x-amz-tagging",
    "x-amz-tagging-directive",
  ],
  CreateBucket: [
    "x-amz-acl",
    ...GRANTS,
    "x-amz-grant-write",
    "x-amz-object-ownership",
    "x-amz-bucket-object-lock-enabled",
  ],
  CreateMultipartUpload: [
    ...WRITTEN,
    ...CUSTOMER_KEY,
    ...SEALED,
    "x-amz-tagging",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-type",
  ],
  DeleteObject: [
    "if-match",
    "x-amz-bypass-governance-retention",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
  ],
  DeleteObjectAnnotation: ["x-amz-object-if-match"],
  DeleteObjects: ["x-amz-bypass-governance-retention"],
  GetObject: [...READ, ...CUSTOMER_KEY],
  GetObjectAnnotation: ["x-amz-checksum-mode"],
  GetObjectAttributes: [...CUSTOMER_KEY, "x-amz-max-parts", "x-amz-object-attributes", "x-amz-part-number-marker"],
  HeadObject: [...READ, ...CUSTOMER_KEY],
  ListObjectVersions: LISTED,
  ListObjects: LISTED,
  ListObjectsV2: LISTED,
  ListParts: CUSTOMER_KEY,
  PutBucketAcl: ["x-amz-acl", ...GRANTS, "x-amz-grant-write"],
  PutBucketLifecycleConfiguration: ["x-amz-transition-default-minimum-object-size"],
  PutBucketNotificationConfiguration: ["x-amz-skip-destination-validation"],
  // The root user can always read and replace the policy, so a confirmation is not needed.
  PutBucketPolicy: ["x-amz-confirm-remove-self-bucket-access"],
  PutObject: [...WRITTEN, ...CHECKSUMS, ...CUSTOMER_KEY, ...SEALED, "x-amz-tagging", "if-match", "if-none-match"],
  // "A token to allow Object Lock to be enabled for an existing bucket" is not needed any more.
  PutObjectLockConfiguration: ["x-amz-bucket-object-lock-token"],
  PutObjectRetention: ["x-amz-bypass-governance-retention"],
  PutObjectAnnotation: [...CHECKSUMS, "x-amz-object-if-match"],
  PutObjectAcl: ["x-amz-acl", ...GRANTS, "x-amz-grant-write"],
  RenameObject: [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "x-amz-client-token",
    "x-amz-rename-source",
    "x-amz-rename-source-if-match",
    "x-amz-rename-source-if-modified-since",
    "x-amz-rename-source-if-none-match",
    "x-amz-rename-source-if-unmodified-since",
  ],
  UploadPart: [...CHECKSUMS, ...CUSTOMER_KEY],
  UploadPartCopy: [...SOURCE, ...SOURCE_KEY, ...CUSTOMER_KEY, "x-amz-copy-source-range"],
};

const offered = own.filter(({ name }) => OFFERED_NAMES.some((each) => each === name)) as readonly (Command & {
  readonly name: OperationName;
})[];
const modeled = new Set(commands.flatMap(({ headers }) => headers));

function refusedBy(name: OperationName): string[] {
  return (REFUSED_HEADERS[name] ?? []).map(([header]) => header);
}

describe("the headers of a command", () => {
  it.each(offered)("of $name are supported or refused", ({ name, headers }) => {
    const decided = new Set([...(HONOURED[name] ?? []), ...refusedBy(name)]);
    const left = headers.filter((header) => !decided.has(header) && !EVERYWHERE.includes(header));
    expect(left).toEqual([]);
    expect((HONOURED[name] ?? []).filter((header) => refusedBy(name).includes(header))).toEqual([]);
    expect((HONOURED[name] ?? []).filter((header) => !headers.includes(header))).toEqual([]);
  });

  it.each(offered)("that $name refuses answer 501 with their name", ({ name, method }) => {
    for (const header of refusedBy(name)) {
      const error = failure(() => refuseHeaders(name, new Headers({ [header]: "something" }), method));
      expect([error.status, error.code, error.details]).toEqual([501, "NotImplemented", { Header: header }]);
    }
  });

  it.each(offered)("of other commands are ignored by $name", ({ name, method }) => {
    for (const header of modeled) {
      if (refusedBy(name).includes(header)) continue;
      expect(() => refuseHeaders(name, new Headers({ [header]: "something" }), method)).not.toThrow();
    }
  });

  it("for conditions, locks, bypasses and encryption are all known", () => {
    const unknown = [...modeled].filter((header) => isCriticalHeader(header) && !KNOWN_CRITICAL_HEADERS.has(header));
    expect(unknown).toEqual([]);
  });
});

describe("a header that no command has", () => {
  it.each([
    "x-amz-if-match-colour",
    "x-amz-object-if-none-match",
    "x-amz-object-lock-novelty",
    "x-amz-bypass-novelty",
    "x-amz-server-side-encryption-novelty",
  ])("%s is refused by writes and ignored by reads", (header) => {
    const headers = new Headers({ [header]: "x" });
    for (const method of ["PUT", "POST", "DELETE"]) {
      expect(failure(() => refuseHeaders("DeleteObject", headers, method)).details).toEqual({ Header: header });
    }
    expect(() => refuseHeaders("GetObject", headers, "GET")).not.toThrow();
  });

  it.each([
    "x-amz-meta-if-match",
    "x-amz-meta-object-lock-mode",
    "x-amz-user-agent",
    "x-amz-novelty",
    "x-amzn-trace-id",
  ])("%s is ignored", (header) => {
    expect(() => refuseHeaders("PutObject", new Headers({ [header]: "x" }), "PUT")).not.toThrow();
  });
});

describe("a header that asks for what happens anyway", () => {
  it.each<[OperationName, string, string]>([
    ["PutObject", "x-amz-server-side-encryption", "AES256"],
    ["PutObject", "x-amz-server-side-encryption-bucket-key-enabled", "false"],
    ["CopyObject", "x-amz-server-side-encryption-bucket-key-enabled", "False"],
    ["CreateBucket", "x-amz-bucket-namespace", "global"],
  ])("%s accepts %s: %s", (name, header, value) => {
    expect(() => refuseHeaders(name, new Headers({ [header]: value }), "PUT")).not.toThrow();
  });

  // Sent by real clients with operations on which they mean nothing.
  it.each<[OperationName, string]>([
    ["CreateMultipartUpload", "x-amz-metadata-directive"],
    ["UploadPartCopy", "x-amz-tagging-directive"],
    ["UploadPart", "x-amz-object-lock-mode"],
    ["PutObject", "x-amz-copy-source-if-match"],
  ])("%s ignores %s", (name, header) => {
    expect(() => refuseHeaders(name, new Headers({ [header]: "REPLACE" }), "PUT")).not.toThrow();
  });
});
