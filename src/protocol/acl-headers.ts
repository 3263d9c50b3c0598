/**
 * `x-amz-acl` and `x-amz-grant-*` ("Access control list (ACL) overview", "Specifying an ACL"). Errors name their
 * argument as AWS does (LocalStack's recordings of 2026-02).
 */
import { invalidArgument, S3Error } from "../errors.ts";
import {
  type Acl,
  type AclPermission,
  type AclRequest,
  CANNED_ACLS,
  type CannedAcl,
  type Grantee,
  OBJECT_OWNERSHIPS,
  type ObjectOwnership,
} from "../model/acl.ts";

const CANNED_HEADER = "x-amz-acl";
const OWNERSHIP_HEADER = "x-amz-object-ownership";

const GRANT_HEADERS: readonly (readonly [header: string, permission: AclPermission])[] = [
  ["x-amz-grant-read", "READ"],
  ["x-amz-grant-write", "WRITE"],
  ["x-amz-grant-read-acp", "READ_ACP"],
  ["x-amz-grant-write-acp", "WRITE_ACP"],
  ["x-amz-grant-full-control", "FULL_CONTROL"],
];

/** "An ACL can have up to 100 grants." */
export const MAX_GRANTS = 100;

const GROUPS: readonly (readonly [uri: string, kind: Exclude<Grantee["kind"], "canonical-user">])[] = [
  ["http://acs.amazonaws.com/groups/global/AllUsers", "all-users"],
  ["http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "authenticated-users"],
  ["http://acs.amazonaws.com/groups/s3/LogDelivery", "log-delivery"],
];

/** The URI of a group of grantees. */
export function groupUri(kind: Exclude<Grantee["kind"], "canonical-user">): string {
  return GROUPS.find(([, each]) => each === kind)?.[0] ?? "";
}

/**
 * The ACL that the headers request; undefined without such a header.
 *
 * @throws S3Error `InvalidRequest` for both kinds of header at once; `InvalidArgument` for an unknown canned ACL, group
 *   or form of grantee, and for an invalid id; `UnresolvableGrantByEmailAddress`; `NotImplemented` for `aws-exec-read`.
 */
export function parseAclHeaders(headers: Headers, target: "bucket" | "object"): AclRequest | undefined {
  const canned = headers.get(CANNED_HEADER);
  const given = GRANT_HEADERS.filter(([header]) => headers.has(header));
  if (canned !== null && given.length > 0) {
    throw new S3Error("InvalidRequest", { message: "Specifying both Canned ACLs and Header Grants is not allowed" });
  }
  if (canned !== null) return { kind: "canned", name: parseCannedAcl(canned, target) };
  if (given.length === 0) return undefined;
  const grants = given.flatMap(([header, permission]) =>
    parseGrantees(header, headers.get(header) ?? "").map((grantee) => ({ grantee, permission })),
  );
  return { kind: "grants", grants: requireGrantLimit(grants) };
}

function parseCannedAcl(value: string, target: "bucket" | "object"): CannedAcl {
  if (value === "aws-exec-read") throw new S3Error("NotImplemented", { details: { Header: CANNED_HEADER } });
  const name = CANNED_ACLS.find((known) => known === value);
  const isForBucket = name === "log-delivery-write";
  // AWS sends an empty message here, with the argument's name and value.
  if (name === undefined || (isForBucket && target === "object")) throw invalidArgument("", CANNED_HEADER, value);
  return name;
}

/** @throws S3Error `MalformedACLError` */
export function requireGrantLimit(grants: Acl): Acl {
  if (grants.length > MAX_GRANTS) throw new S3Error("MalformedACLError", { cause: `${grants.length} grants` });
  return grants;
}

/** @throws S3Error `InvalidArgument` */
export function parseCanonicalUser(id: string, argument: string): Grantee {
  return { kind: "canonical-user", id: requireCanonicalId(id, argument) };
}

/** 64 hexadecimal digits. @throws S3Error `InvalidArgument` */
export function requireCanonicalId(id: string, argument: string): string {
  if (!/^[0-9a-f]{64}$/.test(id)) throw invalidArgument("Invalid id", argument, id);
  return id;
}

/** @throws S3Error `InvalidArgument` */
export function parseGroup(uri: string, argument: string): Grantee {
  const kind = GROUPS.find(([known]) => known === uri)?.[1];
  if (kind === undefined) throw invalidArgument("Invalid group uri", argument, uri);
  return { kind };
}

export function formatGroup(kind: Exclude<Grantee["kind"], "canonical-user">): string {
  const uri = GROUPS.find(([, known]) => known === kind)?.[0];
  if (uri === undefined) throw new Error(`no group is called ${kind}`);
  return uri;
}

/** `x-amz-object-ownership`. @throws S3Error `InvalidArgument` */
export function parseObjectOwnershipHeader(headers: Headers): ObjectOwnership | undefined {
  const value = headers.get(OWNERSHIP_HEADER);
  if (value === null) return undefined;
  const ownership = OBJECT_OWNERSHIPS.find((known) => known === value);
  if (ownership === undefined) {
    throw new S3Error("InvalidArgument", {
      message: `Invalid ${OWNERSHIP_HEADER} header: ${value}`,
      details: { ArgumentName: OWNERSHIP_HEADER },
    });
  }
  return ownership;
}

/** `id="…", uri="…"`; the quotes are optional. */
function parseGrantees(header: string, value: string): Grantee[] {
  return value.split(",").map((item) => {
    const match = /^\s*(?<type>[a-z]+)\s*=\s*(?:"(?<quoted>[^"]*)"|(?<bare>[^"\s]*))\s*$/i.exec(item);
    const text = match?.groups?.quoted ?? match?.groups?.bare ?? "";
    switch (match?.groups?.type?.toLowerCase()) {
      case "id":
        return parseCanonicalUser(text, "id");
      case "uri":
        return parseGroup(text, "uri");
      case "emailaddress":
        throw unresolvableEmail();
      default:
        throw invalidArgument("Argument format not recognized", header, item.trim());
    }
  });
}

/** Accounts have no e-mail addresses here, and AWS accepts them only in its oldest regions. */
export function unresolvableEmail(): S3Error {
  return new S3Error("UnresolvableGrantByEmailAddress");
}
