/**
 * ACLs in short: a letter for the permission, then whom it is given to. A hundred grants to accounts are 6.8 KB, which
 * is most of what an entry's metadata may be.
 */
import type { Acl, AclGrant, AclPermission, Grantee } from "../../model/acl.ts";

/** `F` and nothing: full control for the object's owner. `R*`: everybody may read. */
export type EncodedGrant = string;

const PERMISSIONS: Readonly<Record<AclPermission, string>> = {
  FULL_CONTROL: "F",
  READ: "R",
  WRITE: "W",
  READ_ACP: "r",
  WRITE_ACP: "w",
};

const GROUPS: Readonly<Record<Exclude<Grantee["kind"], "canonical-user">, string>> = {
  "all-users": "*",
  "authenticated-users": "+",
  "log-delivery": "^",
};

export function encodeAcl(acl: Acl, ownerId: string): readonly EncodedGrant[] {
  return acl.map(({ permission, grantee }) => PERMISSIONS[permission] + encodeGrantee(grantee, ownerId));
}

function encodeGrantee(grantee: Grantee, ownerId: string): string {
  if (grantee.kind !== "canonical-user") return GROUPS[grantee.kind];
  return grantee.id === ownerId ? "" : grantee.id;
}

export function decodeAcl(encoded: readonly EncodedGrant[], ownerId: string): Acl {
  return encoded.flatMap((text): AclGrant[] => {
    const permission = keyOf(PERMISSIONS, text.charAt(0));
    // What a later version wrote and this one does not know gives nothing.
    return permission === undefined ? [] : [{ grantee: decodeGrantee(text.slice(1), ownerId), permission }];
  });
}

function decodeGrantee(text: string, ownerId: string): Grantee {
  const kind = keyOf(GROUPS, text);
  return kind === undefined ? { kind: "canonical-user", id: text === "" ? ownerId : text } : { kind };
}

function keyOf<Key extends string>(table: Readonly<Record<Key, string>>, value: string): Key | undefined {
  return (Object.keys(table) as Key[]).find((key) => table[key] === value);
}
