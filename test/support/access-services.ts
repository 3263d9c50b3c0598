/**
 * The rows of the access matrix beyond S3's operations: IAM, STS, topics, S3 Control, the admin API, websites and KMS. None of the
 * calls has an effect if it is allowed.
 */
import type { Env } from "../../src/env.ts";
import type { AccountCaller } from "../../src/model/caller.ts";
import { SENT } from "./access-requests.ts";
import { KEY, type MatrixBucket, type MatrixCaller, type People } from "./access-world.ts";
import { signAs } from "./attack-signer.ts";
import { call, type Service } from "./iam.ts";
import { envWith } from "./lifecycle.ts";
import { encode, HOST, handDirectly } from "./request.ts";
import { iamAllows, kmsAllows, type ServiceQuestion, snsAllows, stsAllows } from "./second-authorizer/others.ts";
import { s3Allows } from "./second-authorizer/s3.ts";
import { WEBSITE_DOMAIN } from "./website.ts";

export interface Answer {
  readonly status: number;
  readonly code: string;
}

export interface ServiceRow {
  readonly send: (by: MatrixCaller) => Promise<Response>;
  readonly isAllowed: (by: MatrixCaller) => boolean;
}

/** What the rows are about: resources of the owner's account. */
export interface Subjects {
  readonly people: People;
  readonly buckets: readonly (readonly [string, MatrixBucket])[];
  /** The same settings in buckets that are websites. */
  readonly websites: readonly (readonly [string, MatrixBucket])[];
  /** Topics of the owner, by the text of their policy; undefined: the default policy. */
  readonly topics: readonly { readonly arn: string; readonly policy: string | undefined }[];
  /** A public bucket of the owner, and its objects under the account's default key and under one of its own. */
  readonly encrypted: {
    readonly at: MatrixBucket;
    readonly keys: Readonly<Record<"default" | "own", string>>;
    readonly keyArn: string;
  };
}

type Rows = Readonly<Record<string, ServiceRow>>;

const byAccount = (allows: (caller: AccountCaller) => boolean) => (by: MatrixCaller) =>
  by.caller.kind === "account" && allows(by.caller);

function question(caller: AccountCaller, action: string, more: Partial<ServiceQuestion> = {}): ServiceQuestion {
  return { caller, action, resource: "*", accountId: caller.account.id, sent: SENT, ...more };
}

function queryRow(
  [service, action]: readonly [Service, string],
  parameters: Readonly<Record<string, string>>,
  isAllowed: (caller: AccountCaller) => boolean,
): ServiceRow {
  return {
    send: ({ key }) => call(service, action, parameters, { as: key }),
    isAllowed: byAccount(isAllowed),
  };
}

/** Each fails behind its permission, or only reads. */
const IAM_CALLS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ListUsers: {},
  GetUser: { UserName: "named" },
  ListAccessKeys: { UserName: "named" },
  ListUserPolicies: { UserName: "named" },
  GetUserPolicy: { UserName: "named", PolicyName: "none" },
  CreateUser: { UserName: "named" },
  DeleteUser: { UserName: "named" },
  UpdateUser: { UserName: "named", NewUserName: "second" },
  UpdateAccessKey: { UserName: "named", AccessKeyId: "AKIANONE000000000000", Status: "Inactive" },
  DeleteAccessKey: { UserName: "named", AccessKeyId: "AKIANONE000000000000" },
  DeleteUserPolicy: { UserName: "named", PolicyName: "none" },
};

function iamRows(): Rows {
  const rows = Object.entries(IAM_CALLS).map(([action, parameters]) => {
    // Each account has users of these names.
    const allows = (caller: AccountCaller) =>
      iamAllows(question(caller, `iam:${action}`, { resource: `arn:aws:iam::${caller.account.id}:user/named` }));
    return [`iam:${action}`, queryRow(["iam", action], parameters, allows)] as const;
  });
  return Object.fromEntries(rows);
}

function stsRows(): Rows {
  const row = (action: string, parameters: Readonly<Record<string, string>> = {}) =>
    queryRow(["sts", action], parameters, (caller) => {
      const resource = `arn:aws:sts::${caller.account.id}:federated-user/fed`;
      return stsAllows(question(caller, `sts:${action}`, { resource }));
    });
  return {
    "sts:GetCallerIdentity": row("GetCallerIdentity"),
    "sts:GetSessionToken": row("GetSessionToken"),
    "sts:GetFederationToken": row("GetFederationToken", { Name: "fed" }),
  };
}

function topicRows({ people, topics }: Subjects): Rows {
  const users = { [people.named.arn]: people.named.id, [people.guest.arn]: people.guest.id };
  const calls: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    GetTopicAttributes: {},
    ListSubscriptionsByTopic: {},
    SetTopicAttributes: { AttributeName: "SignatureVersion", AttributeValue: "3" },
  };
  const rows = topics.flatMap(({ arn, policy }, index) =>
    Object.entries(calls).map(([action, parameters]) => {
      const allows = (caller: AccountCaller) =>
        snsAllows(
          question(caller, `SNS:${action}`, { resource: arn, accountId: people.owner.accountId }),
          policy === undefined ? undefined : { text: policy, users },
        );
      return [
        `SNS:${action} on topic ${index}`,
        queryRow(["sns", action], { ...parameters, TopicArn: arn }, allows),
      ] as const;
    }),
  );
  return Object.fromEntries(rows);
}

/** One bucket for each caller in turn, so that all buckets and callers are met. */
function controlRows({ people, buckets }: Subjects, env: Env): Rows {
  const calls = { ListTagsForResource: "GET", TagResource: "POST", UntagResource: "DELETE" };
  const rows = Object.entries(calls).flatMap(([action, method]) =>
    buckets.map(([where, { bucket }]) => {
      const send = ({ key }: MatrixCaller) => {
        const query = action === "UntagResource" ? "?tagKeys=none" : "";
        const url = `http://${HOST}/v20180820/tags/${encode(`arn:aws:s3:::${bucket.name}`)}${query}`;
        const body = action === "TagResource" ? { body: "<" } : {};
        const headers = { "x-amz-account-id": people.owner.accountId };
        return handDirectly(signAs(key, "header, unsigned payload", { method, url, headers, ...body }), env);
      };
      const isAllowed = ({ caller }: MatrixCaller) => s3Allows({ caller, action: `s3:${action}`, bucket, sent: SENT });
      return [`s3:${action} with ${where}`, { send, isAllowed }] as const;
    }),
  );
  return Object.fromEntries(rows);
}

/** A website shows what an anonymous caller may read; it reads no signature. */
function websiteRows({ websites }: Subjects, env: Env): Rows {
  const rows = websites.map(([where, { bucket, object }]) => {
    const send = ({ key }: MatrixCaller) => {
      const url = `http://${bucket.name}.${WEBSITE_DOMAIN}/${KEY}`;
      return handDirectly(signAs(key, "header, unsigned payload", { method: "GET", url }), env);
    };
    const anonymous = { kind: "anonymous" } as const;
    const isAllowed = () =>
      s3Allows({ caller: anonymous, action: "s3:GetObject", bucket, key: KEY, object, sent: SENT });
    return [`a website with ${where}`, { send, isAllowed }] as const;
  });
  return Object.fromEntries(rows);
}

function kmsRows({ people, encrypted }: Subjects): Rows {
  const { at, keys, keyArn } = encrypted;
  const env = envWith({ CUSTOMER_KEYS_OVER_HTTP: "true" });
  const rows = (["default", "own"] as const).map((kind) => {
    const send = ({ key }: MatrixCaller) => {
      const url = `http://${HOST}/${at.bucket.name}/${keys[kind]}`;
      return handDirectly(signAs(key, "header, unsigned payload", { method: "GET", url }), env);
    };
    const isAllowed = byAccount((caller) => {
      const object = { ...at.object, acl: [] };
      const mayRead = s3Allows({
        caller,
        action: "s3:GetObject",
        bucket: at.bucket,
        key: keys[kind],
        object,
        sent: SENT,
      });
      const asked = question(caller, "kms:Decrypt", { resource: keyArn, accountId: people.owner.accountId });
      return mayRead && kmsAllows(asked, kind === "default");
    });
    return [`GetObject under the ${kind} key`, { send, isAllowed }] as const;
  });
  return Object.fromEntries(rows);
}

function adminRows(env: Env): Rows {
  const send = ({ key }: MatrixCaller) =>
    handDirectly(
      signAs(key, "header, literal payload", { method: "GET", url: `http://${HOST}/-/admin/accounts` }),
      env,
    );
  const isAllowed = ({ caller }: MatrixCaller) =>
    caller.kind === "account" && caller.account.isRoot && caller.user === undefined && caller.session === undefined;
  return { "the admin API": { send, isAllowed } };
}

export function serviceRows(subjects: Subjects, env: Env): Rows {
  return {
    ...iamRows(),
    ...stsRows(),
    ...topicRows(subjects),
    ...controlRows(subjects, env),
    ...websiteRows(subjects, env),
    ...kmsRows(subjects),
    ...adminRows(env),
  };
}

/** The topics of the matrix, by the policy that each gets. */
export function topicPolicies({ other, named, guest }: People): readonly ((arn: string) => string | undefined)[] {
  const about = (arn: string, fields: object) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Action: ["SNS:GetTopicAttributes", "SNS:ListSubscriptionsByTopic"], Resource: arn, ...fields }],
    });
  return [
    () => undefined,
    (arn) => about(arn, { Effect: "Allow", Principal: { AWS: [named.arn, guest.arn] } }),
    (arn) => about(arn, { Effect: "Allow", Principal: { AWS: other.accountId } }),
    (arn) => about(arn, { Effect: "Allow", Principal: "*" }),
    (arn) => about(arn, { Effect: "Deny", Principal: "*" }),
  ];
}
