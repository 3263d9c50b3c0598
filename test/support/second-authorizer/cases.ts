/**
 * Random questions for both authorizers: callers, buckets, objects, policies, ACLs and requests from small pools, so that statements
 * often match, with values on both sides of each limit.
 */
import fc from "fast-check";
import type { Acl, AclPermission, Grantee } from "../../../src/model/acl.ts";
import type { Bucket, BucketDocumentTypes } from "../../../src/model/bucket.ts";
import { type AccountCaller, ANONYMOUS_ID, type Caller } from "../../../src/model/caller.ts";
import { cannedAcl } from "./acl.ts";
import type { Sent } from "./context.ts";
import { BUCKET_ACTIONS, CANNED, OBJECT_ACTIONS } from "./pools.ts";
import { conditionFor, policyText, type Subject } from "./random-policies.ts";
import type { ObjectState, S3Question } from "./s3.ts";

export const OWNER = account("111111111111", "a");
export const OTHER = account("222222222222", "b");
export const THIRD = account("333333333333", "c");

function account(id: string, digit: string): AccountCaller["account"] {
  return { id, canonicalId: digit.repeat(64), displayName: digit, isRoot: false };
}

interface Person {
  readonly account: AccountCaller["account"];
  readonly path: string;
  readonly name: string;
}

export const USERS: readonly Person[] = [
  { account: OWNER, path: "/", name: "alice" },
  { account: OWNER, path: "/team/", name: "bob" },
  { account: OTHER, path: "/", name: "alice" },
];

export const userIdOf = ({ account, name }: Person) => `AIDA${account.id}${name.toUpperCase()}`;
export const arnOfUser = ({ account, path, name }: Person) => `arn:aws:iam::${account.id}:user${path}${name}`;

export const BUCKET = "demo-b";
const KEYS = ["k", "home/alice/x", "a*b", "home/", "ü/😀", "K:1"];

const sometimes = <T>(value: fc.Arbitrary<T>, weight = 1) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight, arbitrary: value });

const grantee: fc.Arbitrary<Grantee> = fc.constantFrom(
  { kind: "all-users" },
  { kind: "authenticated-users" },
  { kind: "canonical-user", id: OWNER.canonicalId },
  { kind: "canonical-user", id: OTHER.canonicalId },
  { kind: "log-delivery" },
);

const permission = fc.constantFrom<AclPermission>("READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL");

const aclOf = (ownerId: string): fc.Arbitrary<Acl> =>
  fc.oneof(
    fc.constantFrom(...CANNED).map((name) => cannedAcl(name, { ownerId, bucketOwnerId: OWNER.canonicalId })),
    fc.array(fc.record({ grantee, permission }), { maxLength: 3 }),
  );

const tags = fc.array(fc.constantFrom({ key: "color", value: "red" }, { key: "Color", value: "blue" }), {
  maxLength: 1,
});

const object: fc.Arbitrary<ObjectState> = fc
  .constantFrom(OWNER.canonicalId, OTHER.canonicalId, THIRD.canonicalId, ANONYMOUS_ID)
  .chain((ownerId) =>
    fc
      .record({ acl: sometimes(aclOf(ownerId), 2), tags })
      .map(({ acl, tags }) => ({ ownerId, tags, ...(acl !== undefined && { acl }) })),
  );

const headers = fc.record(
  {
    "x-amz-acl": fc.constantFrom("private", "public-read", "bucket-owner-full-control"),
    "x-amz-storage-class": fc.constantFrom("STANDARD", "GLACIER"),
    "x-amz-server-side-encryption": fc.constantFrom("AES256", "aws:kms"),
    "if-none-match": fc.constant("*"),
    "x-amz-content-sha256": fc.constantFrom("UNSIGNED-PAYLOAD", "0".repeat(64)),
    referer: fc.constantFrom("https://www.a.example/page", "https://b.example/"),
    "user-agent": fc.constantFrom("curl/8", "aws-cli/2"),
  },
  { requiredKeys: [] },
);

const query = fc.record(
  {
    prefix: fc.constantFrom("", "home/", "home/alice/", "HOME/"),
    delimiter: fc.constant("/"),
    "max-keys": fc.constantFrom("9", "10", "11"),
  },
  { requiredKeys: [] },
);

export const INSTANTS = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.000Z", "2025-12-31T23:59:59.500Z"];
export const ADDRESSES = ["203.0.113.7", "203.0.113.8", "10.1.2.3", "2001:db8::1", "2001:db8:0:1::1"];

export const sent: fc.Arbitrary<Sent> = fc
  .record({
    sourceIp: fc.option(fc.constantFrom(...ADDRESSES), { nil: undefined, freq: 6 }),
    isSecure: fc.boolean(),
    tlsVersion: fc.constantFrom(undefined, "1.2", "1.3"),
    headers,
    query,
    now: fc.constantFrom(...INSTANTS),
    createsObject: fc.constantFrom(undefined, true, false),
    signature: fc.constantFrom("header", "query", "v2"),
    signatureAgeMs: fc.constantFrom(0, 600_000, 600_001),
  })
  .map(({ headers, query, now, signature, ...rest }) => ({
    ...rest,
    headers: new Headers(headers as Record<string, string>),
    query: { get: (name: string) => (query as Record<string, string | undefined>)[name] },
    now: new Date(now),
    authType: signature === "query" ? "REST-QUERY-STRING" : "REST-HEADER",
    signatureVersion: signature === "v2" ? "AWS" : "AWS4-HMAC-SHA256",
  }));

export interface Case extends S3Question {
  readonly bucket: Bucket;
}

const block = fc.record({
  blockPublicAcls: fc.boolean(),
  ignorePublicAcls: fc.boolean(),
  blockPublicPolicy: fc.boolean(),
  restrictPublicBuckets: fc.boolean(),
});

/** What a question is about, before its policies, which are chosen for it. */
const subject = fc
  .record({
    isOnObject: fc.boolean(),
    bucketAction: fc.constantFrom(...BUCKET_ACTIONS),
    objectAction: fc.constantFrom(...OBJECT_ACTIONS),
    key: fc.constantFrom(...KEYS),
    isWriting: fc.boolean(),
  })
  .map(
    ({ isOnObject, bucketAction, objectAction, key, isWriting }): Subject => ({
      action: isOnObject ? objectAction : bucketAction,
      resource: `arn:aws:s3:::${BUCKET}${isOnObject ? `/${key}` : ""}`,
      ...(isOnObject && { key }),
      isNew: isOnObject && (objectAction === "s3:PutObject" || (isWriting && WITH_PUT.includes(objectAction))),
    }),
  );

/** Actions that a PUT with a header for an ACL or tags requires too. */
const WITH_PUT = ["s3:PutObjectTagging", "s3:PutObjectAcl"];

/** Chosen for the question that they decide, but without knowing it: a policy may as well miss it. */
export const s3Case: fc.Arbitrary<Case> = subject.chain((about) => {
  const name = JSON.stringify(about);
  const known = CASES.get(name) ?? caseAbout(about);
  CASES.set(name, known);
  return known;
});

/** A user whose only policy has one condition, which therefore decides. */
export const conditionCase: fc.Arbitrary<Case> = subject.chain((about) => {
  const name = JSON.stringify(about);
  const known = CONDITION_CASES.get(name) ?? caseWithCondition(about);
  CONDITION_CASES.set(name, known);
  return known;
});

const CONDITION_CASES = new Map<string, fc.Arbitrary<Case>>();

function caseWithCondition(about: Subject): fc.Arbitrary<Case> {
  const everything = { Effect: "Allow", Action: "*", Resource: "*" };
  return fc
    .record({
      made: caseAbout(about),
      who: fc.constantFrom(0, 1),
      isSession: fc.boolean(),
      Version: fc.constantFrom("2012-10-17", "2008-10-17"),
      Condition: conditionFor(about),
      Effect: fc.constantFrom("Allow", "Deny"),
    })
    .map(({ made, who, isSession, Version, Condition, Effect }) => {
      const statement = { ...everything, Effect, ...(Condition && { Condition }) };
      const Statement = Effect === "Allow" ? [statement] : [everything, statement];
      const session = isSession ? { policy: "", kind: "plain" } : undefined;
      const caller = callerOf({ who, userPolicies: [JSON.stringify({ Version, Statement })], session });
      const sent = { ...made.sent, authType: made.sent.authType ?? "REST-HEADER" };
      return { ...made, caller, sent, bucket: bucketWith({}), object: made.object && { ...made.object, acl: [] } };
    });
}

/** The policies of the caller's user and session. */
export function ownPoliciesAbout(about: Subject) {
  const session = fc.record({ policy: policyText(about, "user"), kind: fc.constantFrom("plain", "federated") });
  return { userPolicies: fc.array(policyText(about, "user"), { maxLength: 2 }), session: sometimes(session, 2) };
}

/** Making an arbitrary takes longer than using it. */
const CASES = new Map<string, fc.Arbitrary<Case>>();

function caseAbout(about: Subject): fc.Arbitrary<Case> {
  const { action, key, isNew } = about;
  const isVersion = /ObjectVersion/.test(action);
  return fc
    .record({
      who: fc.constantFrom("anonymous", "root", "other root", "third root", 0, 1, 2, 0, 1, 2),
      policy: fc.option(policyText(about, "bucket"), { nil: undefined, freq: 3 }),
      ...ownPoliciesAbout(about),
      acl: sometimes(aclOf(OWNER.canonicalId), 2),
      ownership: fc.constantFrom(undefined, "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"),
      publicAccessBlock: sometimes(block, 2),
      object: fc.option(object, { nil: undefined, freq: 4 }),
      requestTags: tags,
      sent,
    })
    .map((made): Case => {
      const caller = callerOf(made);
      const documents: Partial<BucketDocumentTypes> = {
        ...(made.policy !== undefined && { policy: made.policy, policyUsers: usersIn(made.policy) }),
        ...(made.acl !== undefined && { acl: made.acl }),
        ...(made.ownership !== undefined && { ownership: made.ownership as "ObjectWriter" }),
        ...(made.publicAccessBlock !== undefined && { publicAccessBlock: made.publicAccessBlock }),
      };
      return {
        caller,
        action,
        bucket: bucketWith(documents),
        ...(key !== undefined && { key, object: made.object }),
        ...(isNew && { isNew }),
        ...(isVersion && { versionId: "v1" }),
        ...(/Put/.test(action) && key !== undefined && { requestTags: made.requestTags }),
        sent:
          caller.kind === "anonymous" ? { ...made.sent, authType: undefined, signatureVersion: undefined } : made.sent,
      };
    });
}

export interface MadeCaller {
  readonly who: string | number;
  readonly userPolicies: readonly string[];
  readonly session: { policy: string; kind: string } | undefined;
}

export function callerOf(made: MadeCaller): Caller {
  const { who } = made;
  if (who === "anonymous") return { kind: "anonymous" };
  const person = typeof who === "number" ? USERS[who] : undefined;
  const own = who === "other root" ? OTHER : who === "third root" ? THIRD : OWNER;
  const times = {
    issuedAt: new Date("2026-01-01T00:00:00Z"),
    expiresAt: new Date("2026-01-02T00:00:00Z"),
    makerAccessKeyId: "AKIA",
  };
  return {
    kind: "account",
    account: person?.account ?? own,
    accessKeyId: "AKIA",
    ...(person && {
      user: {
        id: userIdOf(person),
        name: person.name,
        path: person.path,
        arn: arnOfUser(person),
        policies: made.userPolicies,
      },
    }),
    ...(made.session && {
      session: made.session.kind === "federated" ? { ...times, policy: made.session.policy, name: "fed" } : times,
    }),
  };
}

/** The ids that are stored with a policy when it is put. */
export function usersIn(policy: string): Record<string, string> {
  return Object.fromEntries(
    USERS.filter((person) => policy.includes(`"${arnOfUser(person)}"`)).map((person) => [
      arnOfUser(person),
      userIdOf(person),
    ]),
  );
}

export function bucketWith(documents: Partial<BucketDocumentTypes>): Bucket {
  return {
    name: BUCKET,
    id: "abcdefghijkl",
    accountId: OWNER.id,
    ownerId: OWNER.canonicalId,
    ownerDisplayName: "a",
    region: "us-east-1",
    createdAt: new Date(0),
    readAt: new Date(0),
    isBeingDeleted: false,
    documents,
  };
}
