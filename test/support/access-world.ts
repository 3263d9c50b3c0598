/**
 * The callers and the buckets of the access matrix: every kind of caller, and a bucket for every source of permission and of denial,
 * each described for the second authorizer as it is set up through the API.
 */
import { createHash } from "node:crypto";
import type { Env } from "../../src/env.ts";
import type { Acl, ObjectOwnership, PublicAccessBlock } from "../../src/model/acl.ts";
import type { Bucket } from "../../src/model/bucket.ts";
import type { AccountCaller, Caller } from "../../src/model/caller.ts";
import type { TestAccount } from "./accounts.ts";
import { type AttackKey, signAs } from "./attack-signer.ts";
import { call, credentialsOf, resultOf } from "./iam.ts";
import { HOST, handDirectly } from "./request.ts";
import type { Key } from "./s3.ts";
import { cannedAcl } from "./second-authorizer/acl.ts";
import type { ObjectState } from "./second-authorizer/s3.ts";
import { fields } from "./xml.ts";

export const KEY = "the-key";
export const SOURCE_KEY = "source-key";

/** How the Worker refuses keys that are not valid, whatever they ask for. */
export type Invalid = { readonly status: number; readonly code: string };

export interface MatrixCaller {
  readonly key: AttackKey | null;
  readonly caller: Caller;
  readonly invalid?: Invalid;
}

export interface MatrixBucket {
  readonly bucket: Bucket;
  /** Both of its objects. */
  readonly object: ObjectState;
}

export interface Accounts {
  readonly owner: TestAccount;
  readonly other: TestAccount;
}

interface Statement {
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Condition?: object;
}

/** What a bucket's setting is made of. The statements are about all actions on the bucket and its objects. */
interface Setting {
  readonly statements?: readonly Statement[];
  /** Of the bucket and of its objects. */
  readonly acl?: "public-read" | "public-read-write" | "authenticated-read" | "full control for the other account";
  /** Only of its objects. */
  readonly isBucketPrivate?: true;
  readonly isWrittenByOther?: true;
  readonly ownership?: ObjectOwnership;
  readonly block?: Partial<PublicAccessBlock>;
  readonly isWebsite?: true;
}

export interface People extends Accounts {
  /** In the owner's account, with no policy of its own; bucket policies name it. */
  readonly named: Person;
  /** In the other account, with a policy that allows everything; bucket policies name it. */
  readonly guest: Person;
}

export interface Person extends Key {
  readonly name: string;
  readonly arn: string;
  readonly id: string;
  readonly account: TestAccount;
  readonly policies: readonly string[];
}

const EVERYONE: Statement = { Effect: "Allow", Principal: "*" };
const NO_ONE: Statement = { Effect: "Deny", Principal: "*" };

export function settings({ owner, other, named, guest }: People): Readonly<Record<string, Setting>> {
  const root = (account: TestAccount) => `arn:aws:iam::${account.accountId}:root`;
  const allow = (AWS: string | readonly string[]): Statement => ({ Effect: "Allow", Principal: { AWS } });
  const deny = (AWS: string): Statement => ({ Effect: "Deny", Principal: { AWS } });
  return {
    "no source": {},
    "a policy for the user": { statements: [allow(named.arn)] },
    "a policy for the account": { statements: [allow(root(owner))] },
    "a policy for the other account": { statements: [allow(other.accountId)] },
    "a policy for the other account by its canonical id": {
      statements: [{ Effect: "Allow", Principal: { CanonicalUser: other.canonicalId } }],
    },
    "a policy for a user of the other account": { statements: [allow(guest.arn)] },
    "a policy for everyone": { statements: [EVERYONE] },
    "a policy for everyone, restricted": { statements: [EVERYONE], block: { restrictPublicBuckets: true } },
    "a policy for everyone, and a Deny of the user": { statements: [EVERYONE, deny(named.arn)] },
    "a policy for everyone, and a Deny of the other account": { statements: [EVERYONE, deny(root(other))] },
    "a policy for everyone, and a Deny of all but the user": {
      statements: [EVERYONE, { Effect: "Deny", NotPrincipal: { AWS: [named.arn, root(owner)] } }],
    },
    "a policy for the account's callers": {
      statements: [{ ...EVERYONE, Condition: { StringEquals: { "aws:PrincipalAccount": owner.accountId } } }],
    },
    "a policy for long-term keys": {
      statements: [EVERYONE, { ...NO_ONE, Condition: { Null: { "aws:TokenIssueTime": "false" } } }],
    },
    "a policy that denies everyone": { statements: [NO_ONE] },
    "public-read": { acl: "public-read" },
    "public-read-write": { acl: "public-read-write" },
    "authenticated-read": { acl: "authenticated-read" },
    "grants to the other account": { acl: "full control for the other account" },
    "public-read-write, ignored": { acl: "public-read-write", block: { ignorePublicAcls: true } },
    "public-read-write, and a Deny of everyone": { acl: "public-read-write", statements: [NO_ONE] },
    "grants that are not in force": {
      acl: "full control for the other account",
      isBucketPrivate: true,
      ownership: "BucketOwnerEnforced",
    },
    "an object of the other account": { isWrittenByOther: true },
    "an object of the other account, public-read": {
      acl: "public-read",
      isWrittenByOther: true,
      ownership: "BucketOwnerPreferred",
    },
    "an object of the other account, without ACLs": { isWrittenByOther: true, ownership: "BucketOwnerEnforced" },
  };
}

export class MatrixWorld {
  readonly #env: Env;
  #buckets = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  async must(key: Key, path: string, { method = "PUT", ...more }: Partial<Parameters<typeof signAs>[2]> = {}) {
    const md5 = more.body && { "content-md5": createHash("md5").update(more.body).digest("base64") };
    const request = { method, url: `http://${HOST}/${path}`, ...more, headers: { ...more.headers, ...md5 } };
    const response = await handDirectly(signAs(key, "header, unsigned payload", request), this.#env);
    if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }

  async query(service: "iam" | "sts", action: string, parameters: Record<string, string>, as: AttackKey) {
    return resultOf(await call(service, action, parameters, { as, env: this.#env }), service, action);
  }

  async newPerson(account: TestAccount, name: string, statements: readonly object[] = []): Promise<Person> {
    const { Arn: arn = "", UserId: id = "" } = fields(
      (await this.query("iam", "CreateUser", { UserName: name }, account))?.children[0],
    );
    const { AccessKeyId = "", SecretAccessKey = "" } = fields(
      (await this.query("iam", "CreateAccessKey", { UserName: name }, account))?.children[0],
    );
    const policies = statements.length === 0 ? [] : [policyOf(statements)];
    for (const PolicyDocument of policies) {
      await this.query("iam", "PutUserPolicy", { UserName: name, PolicyName: "p", PolicyDocument }, account);
    }
    return { name, arn, id, account, policies, accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
  }

  /** A session of GetSessionToken, or with `statements` of GetFederationToken; an empty list is a session without a policy. */
  async newSession(maker: MatrixCaller, statements?: readonly object[]): Promise<MatrixCaller> {
    const { key, caller } = maker;
    if (key === null || caller.kind === "anonymous") throw new Error("Anonymous callers have no sessions.");
    const times = { issuedAt: new Date(), expiresAt: new Date(), makerAccessKeyId: key.accessKeyId };
    if (statements === undefined) {
      return {
        key: credentialsOf(await this.query("sts", "GetSessionToken", {}, key)),
        caller: { ...caller, session: times },
      };
    }
    const given = statements.length === 0 ? {} : { Policy: policyOf(statements) };
    const credentials = await this.query("sts", "GetFederationToken", { Name: "fed", ...given }, key);
    // "If you do not pass any session policies, then the resulting federated user session has no permissions."
    const policy = given.Policy ?? policyOf([{ Effect: "Deny", Action: "*", Resource: "*" }]);
    return { key: credentialsOf(credentials), caller: { ...caller, session: { ...times, name: "fed", policy } } };
  }

  async newBucket(people: People, setting: Setting): Promise<MatrixBucket> {
    const { owner, other } = people;
    const name = `matrix-${this.#buckets++}`;
    const bucketAcl = setting.isBucketPrivate ? undefined : setting.acl;
    await this.must(owner, name, { headers: aclHeaders(setting.isWrittenByOther ? WRITABLE : bucketAcl, people) });
    const writer = setting.isWrittenByOther ? other : owner;
    for (const key of [KEY, SOURCE_KEY]) {
      await this.must(writer, `${name}/${key}`, { headers: aclHeaders(setting.acl, people), body: "content" });
    }
    if (setting.isWrittenByOther) {
      await this.must(owner, `${name}?acl=`, { headers: { "x-amz-acl": setting.acl ?? "private" } });
    }
    if (setting.isWebsite) await this.must(owner, `${name}?website=`, { body: WEBSITE });
    const bucket = bucketOf(name, people, setting);
    await this.restore(owner, bucket);
    const acl = setting.acl && aclOf(setting.acl, writer, people);
    return { bucket, object: { ownerId: writer.canonicalId, tags: [], ...(acl && { acl }) } };
  }

  /** Sets ownership, public access block and policy as the bucket is described. */
  async restore(owner: Key, { name, documents }: Bucket): Promise<void> {
    const { ownership, publicAccessBlock, policy } = documents;
    if (ownership !== undefined) {
      const body = `<OwnershipControls><Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule></OwnershipControls>`;
      await this.must(owner, `${name}?ownershipControls=`, { body });
    }
    if (publicAccessBlock !== undefined) {
      const settings = Object.entries(publicAccessBlock).map(([setting, isOn]) => {
        const element = `${setting.charAt(0).toUpperCase()}${setting.slice(1)}`;
        return `<${element}>${isOn}</${element}>`;
      });
      const body = `<PublicAccessBlockConfiguration>${settings.join("")}</PublicAccessBlockConfiguration>`;
      await this.must(owner, `${name}?publicAccessBlock=`, { body });
    }
    if (policy !== undefined) await this.must(owner, `${name}?policy=`, { body: policy });
  }
}

const WEBSITE = "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>";
const WRITABLE = "public-read-write";

function aclHeaders(acl: Setting["acl"], { other }: Accounts): Record<string, string> {
  if (acl === undefined) return {};
  if (acl !== "full control for the other account") return { "x-amz-acl": acl };
  return { "x-amz-grant-full-control": `id=${other.canonicalId}` };
}

function aclOf(acl: NonNullable<Setting["acl"]>, writer: TestAccount, { owner, other }: Accounts): Acl {
  if (acl === "full control for the other account") {
    return [{ grantee: { kind: "canonical-user", id: other.canonicalId }, permission: "FULL_CONTROL" }];
  }
  return cannedAcl(acl, { ownerId: writer.canonicalId, bucketOwnerId: owner.canonicalId });
}

function bucketOf(name: string, people: People, setting: Setting): Bucket {
  const { owner, named, guest } = people;
  const Resource = [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`];
  const policy =
    setting.statements && policyOf(setting.statements.map((one) => ({ Action: "s3:*", Resource, ...one })));
  const none = {
    blockPublicAcls: false,
    ignorePublicAcls: false,
    blockPublicPolicy: false,
    restrictPublicBuckets: false,
  };
  return {
    name,
    id: "",
    accountId: owner.accountId,
    ownerId: owner.canonicalId,
    ownerDisplayName: owner.displayName,
    region: "us-east-1",
    createdAt: new Date(),
    readAt: new Date(),
    isBeingDeleted: false,
    documents: {
      ...(policy && { policy, policyUsers: { [named.arn]: named.id, [guest.arn]: guest.id } }),
      ...(setting.acl && !setting.isBucketPrivate && { acl: aclOf(setting.acl, owner, people) }),
      ...(setting.ownership && { ownership: setting.ownership }),
      ...(setting.block && { publicAccessBlock: { ...none, ...setting.block } }),
    },
  };
}

function policyOf(Statement: readonly object[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement });
}

export function asRoot(account: TestAccount, isRoot = false): MatrixCaller {
  return { key: account, caller: callerOf(account, isRoot) };
}

export function asUser(person: Person): MatrixCaller {
  const { id, name, arn, policies } = person;
  return { key: person, caller: { ...callerOf(person.account), user: { id, name, path: "/", arn, policies } } };
}

function callerOf(account: TestAccount, isRoot = false): AccountCaller {
  const { accountId: id, canonicalId, displayName } = account;
  return { kind: "account", account: { id, canonicalId, displayName, isRoot }, accessKeyId: account.accessKeyId };
}
