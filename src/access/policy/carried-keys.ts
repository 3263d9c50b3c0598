/**
 * Condition keys about the object that a request writes, where no header says what it is like: a rename writes it as it was. What
 * the headers of such a request say is without effect, so they do not decide.
 */
import type { Acl, Grantee } from "../../model/acl.ts";
import type { ObjectEncryption } from "../../model/encryption.ts";
import type { StoredObject } from "../../model/object.ts";
import { cannedGrants, fullControl } from "../acl/grants.ts";
import type { CarriedKeys } from "../actions.ts";

type Carried = Pick<StoredObject, "encryption" | "storageClass" | "websiteRedirectLocation" | "ownerId" | "acl">;

const CANNED = ["private", "public-read", "public-read-write", "authenticated-read"] as const;
const TO_BUCKET_OWNER = ["bucket-owner-read", "bucket-owner-full-control"] as const;

const GRANTS = {
  FULL_CONTROL: "full-control",
  READ: "read",
  READ_ACP: "read-acp",
  WRITE: "write",
  WRITE_ACP: "write-acp",
} as const;

/** The values that `x-amz-grant-…` has for groups ("Access control list (ACL) overview"). */
const GROUPS: Readonly<Record<Exclude<Grantee["kind"], "canonical-user">, string>> = {
  "all-users": "http://acs.amazonaws.com/groups/global/AllUsers",
  "authenticated-users": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
  "log-delivery": "http://acs.amazonaws.com/groups/s3/LogDelivery",
};

/**
 * An object without an ACL of its own has no key about it, as a write without such a header; if the request names a canned ACL
 * that means the same, it has that one.
 */
export function carriedKeys(
  object: Carried,
  { bucketOwnerId, statedAcl }: { readonly bucketOwnerId: string; readonly statedAcl: string | null },
): CarriedKeys {
  const { encryption, storageClass, websiteRedirectLocation: redirect, acl } = object;
  const canned = cannedNames(object, bucketOwnerId);
  const stated = canned.filter((name) => name === statedAcl);
  const named = stated.length > 0 ? stated : acl === undefined ? [] : canned;
  return {
    "s3:x-amz-copy-source": [],
    "s3:x-amz-metadata-directive": [],
    ...encryptionKeys(encryption),
    "s3:x-amz-storage-class": [storageClass],
    "s3:x-amz-website-redirect-location": redirect === undefined ? [] : [redirect],
    "s3:x-amz-acl": named,
    ...grantKeys(named.length > 0 ? [] : (acl ?? [])),
  };
}

function encryptionKeys(encryption: ObjectEncryption | undefined): CarriedKeys {
  const name = "s3:x-amz-server-side-encryption";
  return {
    [name]: encryption === undefined ? ["AES256"] : encryption.kind === "data-key" ? ["aws:kms"] : [],
    [`${name}-aws-kms-key-id`]: encryption?.kind === "data-key" ? [encryption.keyArn] : [],
    [`${name}-customer-algorithm`]: encryption?.kind === "customer-key" ? ["AES256"] : [],
  };
}

/** The canned ACLs that mean the same as the object's. */
function cannedNames({ ownerId, acl = [fullControl(ownerId)] }: Carried, bucketOwnerId: string): readonly string[] {
  const context = { target: "object", ownerId, bucketOwnerId } as const;
  return [...CANNED, ...TO_BUCKET_OWNER].filter((name) => isSameAcl(cannedGrants(name, context), acl));
}

function isSameAcl(left: Acl, right: Acl): boolean {
  const sorted = (acl: Acl) => JSON.stringify(acl.map((grant) => JSON.stringify(grantText(grant))).sort());
  return sorted(left) === sorted(right);
}

function grantText({ grantee, permission }: Acl[number]): readonly [permission: string, grantee: string] {
  return [permission, grantee.kind === "canonical-user" ? `id=${grantee.id}` : `uri=${GROUPS[grantee.kind]}`];
}

/** In the form of the headers; each grantee is a value of its own. */
function grantKeys(acl: Acl): CarriedKeys {
  const texts = acl.map(grantText);
  return Object.fromEntries(
    Object.entries(GRANTS).map(([permission, name]) => [
      `s3:x-amz-grant-${name}`,
      texts.filter(([each]) => each === permission).map(([, grantee]) => grantee),
    ]),
  );
}
