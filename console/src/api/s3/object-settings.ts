/** Tags, ACL and lock of an object. */
import type { ApiClient } from "../client.ts";
import { hasCode } from "../errors.ts";
import { objectPath } from "../urls.ts";
import { childrenOf, element, findElement, findText, formatDocument, textOf } from "../xml.ts";
import type { ObjectName } from "./objects.ts";

export interface Tag {
  readonly key: string;
  readonly value: string;
}

function requestFor({ bucket, key, versionId }: ObjectName, subresource: string) {
  return { path: objectPath(bucket, key), query: { [subresource]: "", versionId } };
}

export async function getTags(client: ApiClient, name: ObjectName): Promise<readonly Tag[]> {
  const root = await client.sendForXml({ method: "GET", ...requestFor(name, "tagging") });
  const set = root && findElement(root, "TagSet");
  return (set ? childrenOf(set, "Tag") : []).map((tag) => ({ key: textOf(tag, "Key"), value: textOf(tag, "Value") }));
}

export async function putTags(client: ApiClient, name: ObjectName, tags: readonly Tag[]): Promise<void> {
  if (tags.length === 0) {
    await client.send({ method: "DELETE", ...requestFor(name, "tagging") });
    return;
  }
  await client.send({ method: "PUT", ...requestFor(name, "tagging"), body: formatTagging(tags), hasChecksum: true });
}

export function formatTagging(tags: readonly Tag[]): string {
  return formatDocument("Tagging", [
    element(
      "TagSet",
      tags.map(({ key, value }) => element("Tag", [element("Key", key), element("Value", value)])),
    ),
  ]);
}

export interface Grant {
  /** Who: an account, or the name of a group. */
  readonly grantee: string;
  readonly permission: string;
}

export interface ObjectAcl {
  readonly owner: string;
  readonly grants: readonly Grant[];
}

export async function getAcl(client: ApiClient, name: ObjectName): Promise<ObjectAcl> {
  const root = await client.sendForXml({ method: "GET", ...requestFor(name, "acl") });
  if (root === undefined) throw new Error("The answer is empty.");
  const list = findElement(root, "AccessControlList");
  return {
    owner: textOf(root, "Owner", "DisplayName") || textOf(root, "Owner", "ID"),
    grants: (list ? childrenOf(list, "Grant") : []).map((grant) => ({
      grantee: granteeOf(findElement(grant, "Grantee")),
      permission: textOf(grant, "Permission"),
    })),
  };
}

const GROUPS: Readonly<Record<string, string>> = {
  AllUsers: "Everyone",
  AuthenticatedUsers: "All accounts",
  LogDelivery: "Log delivery",
};

function granteeOf(grantee: Element | undefined): string {
  if (grantee === undefined) return "";
  const group = findText(grantee, "URI")?.split("/").at(-1);
  if (group !== undefined) return GROUPS[group] ?? group;
  return findText(grantee, "DisplayName") || textOf(grantee, "ID");
}

export const CANNED_ACLS = [
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
] as const;
export type CannedAcl = (typeof CANNED_ACLS)[number];

export async function putCannedAcl(client: ApiClient, name: ObjectName, acl: CannedAcl): Promise<void> {
  await client.send({ method: "PUT", ...requestFor(name, "acl"), headers: { "x-amz-acl": acl } });
}

export type LockMode = "GOVERNANCE" | "COMPLIANCE";

export interface ObjectLock {
  readonly retention: { readonly mode: LockMode; readonly until: string } | undefined;
  readonly hasLegalHold: boolean;
}

/** Codes of a bucket or object without a lock. */
const WITHOUT_LOCK = ["NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "InvalidRequest"];

/** Undefined if the bucket has no object lock. */
export async function getLock(client: ApiClient, name: ObjectName): Promise<ObjectLock | undefined> {
  const [retention, hold] = await Promise.all([read(client, name, "retention"), read(client, name, "legal-hold")]);
  if (retention === "no lock" || hold === "no lock") return undefined;
  const mode = retention && findText(retention, "Mode");
  return {
    retention:
      retention !== undefined && (mode === "GOVERNANCE" || mode === "COMPLIANCE")
        ? { mode, until: textOf(retention, "RetainUntilDate") }
        : undefined,
    hasLegalHold: hold !== undefined && findText(hold, "Status") === "ON",
  };
}

/** Undefined if the version has none. */
async function read(
  client: ApiClient,
  name: ObjectName,
  part: "retention" | "legal-hold",
): Promise<Element | undefined | "no lock"> {
  try {
    return await client.sendForXml({ method: "GET", ...requestFor(name, part) });
  } catch (error) {
    if (hasCode(error, "InvalidRequest")) return "no lock";
    if (hasCode(error, ...WITHOUT_LOCK)) return undefined;
    throw error;
  }
}

export interface NewRetention {
  /** Undefined removes the retention, which governance mode allows with `bypasses`. */
  readonly retention: { readonly mode: LockMode; readonly until: Date } | undefined;
  /** Uses `s3:BypassGovernanceRetention`. */
  readonly bypasses: boolean;
}

export async function putRetention(client: ApiClient, name: ObjectName, change: NewRetention): Promise<void> {
  await client.send({
    method: "PUT",
    ...requestFor(name, "retention"),
    headers: change.bypasses ? { "x-amz-bypass-governance-retention": "true" } : {},
    body: formatRetention(change.retention),
    hasChecksum: true,
  });
}

export function formatRetention(retention: NewRetention["retention"]): string {
  if (retention === undefined) return formatDocument("Retention", []);
  const { mode, until } = retention;
  return formatDocument("Retention", [element("Mode", mode), element("RetainUntilDate", until.toISOString())]);
}

export async function putLegalHold(client: ApiClient, name: ObjectName, isOn: boolean): Promise<void> {
  const body = formatDocument("LegalHold", [element("Status", isOn ? "ON" : "OFF")]);
  await client.send({ method: "PUT", ...requestFor(name, "legal-hold"), body, hasChecksum: true });
}
