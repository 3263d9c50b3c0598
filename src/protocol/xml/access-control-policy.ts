/** Request and answer of the ACL operations (API_PutBucketAcl, API_GetBucketAcl). */
import { S3Error } from "../../errors.ts";
import { ACL_PERMISSIONS, type Acl, type AclGrant, type AclPermission, type Grantee } from "../../model/acl.ts";
import {
  formatGroup,
  parseCanonicalUser,
  parseGroup,
  requireCanonicalId,
  requireGrantLimit,
  unresolvableEmail,
} from "../acl-headers.ts";
import { type Owner, ownerNode } from "./common-elements.ts";
import {
  attributeOf,
  childrenOf,
  malformedXml,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  type XmlElement,
} from "./reader.ts";
import { formatXml, type XmlNode, XSI_NAMESPACE, xmlElement, xmlText } from "./writer.ts";

/** Four times 100 grants of 300 bytes. */
export const MAX_ACCESS_CONTROL_POLICY_BYTES = 128 * 1024;

export interface AccessControlPolicy {
  /** Canonical user id of the owner that the document names. */
  readonly ownerId: string;
  readonly grants: Acl;
}

/**
 * @throws S3Error `MalformedACLError`; `InvalidArgument` for invalid ids and group URIs;
 *   `UnresolvableGrantByEmailAddress`
 */
export function parseAccessControlPolicy(body: Uint8Array): AccessControlPolicy {
  try {
    const root = parseXml(body, "AccessControlPolicy", { maxBytes: MAX_ACCESS_CONTROL_POLICY_BYTES });
    requireOnly(root, ["Owner", "AccessControlList"]);
    const owner = requireChild(root, "Owner");
    requireOnly(owner, ["ID", "DisplayName"]);
    const list = requireChild(root, "AccessControlList");
    requireOnly(list, ["Grant"]);
    const ownerId = requireCanonicalId(requireChildText(owner, "ID"), "CanonicalUser/ID");
    return { ownerId, grants: requireGrantLimit(childrenOf(list).map(parseGrant)) };
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== "MalformedXML") throw error;
    throw new S3Error("MalformedACLError", { cause: error.cause });
  }
}

/** A grant of an ACL or of TargetGrants. @throws S3Error `MalformedXML`, `InvalidArgument`, `UnresolvableGrantByEmailAddress` */
export function parseGrant(grant: XmlElement): AclGrant {
  requireOnly(grant, ["Grantee", "Permission"]);
  const permission = parsePermission(requireChildText(grant, "Permission"));
  return { grantee: parseGrantee(requireChild(grant, "Grantee")), permission };
}

function parsePermission(text: string): AclPermission {
  const permission = ACL_PERMISSIONS.find((known) => known === text);
  if (permission === undefined) throw malformedXml(`unknown permission ${text}`);
  return permission;
}

function parseGrantee(element: XmlElement): Grantee {
  const type = attributeOf(element, "type");
  switch (type) {
    case "CanonicalUser":
      requireOnly(element, ["ID", "DisplayName"]);
      return parseCanonicalUser(requireChildText(element, "ID"), "CanonicalUser/ID");
    case "Group":
      requireOnly(element, ["URI"]);
      return parseGroup(requireChildText(element, "URI"), "Group/URI");
    case "AmazonCustomerByEmail":
      requireChildText(element, "EmailAddress");
      throw unresolvableEmail();
    default:
      throw malformedXml(`unknown type of grantee ${type}`);
  }
}

/**
 * Grants are in the order of the request that set them (recorded on AWS).
 *
 * @param displayNameOf undefined for an unknown name; the element is then left out
 */
export function formatAccessControlPolicy(
  owner: Owner,
  grants: Acl,
  displayNameOf: (canonicalId: string) => string | undefined,
): string {
  return formatXml("AccessControlPolicy", [
    ownerNode("Owner", owner),
    xmlElement("AccessControlList", formatGrants(grants, displayNameOf)),
  ]);
}

/** @param displayNameOf as for `formatAccessControlPolicy` */
export function formatGrants(
  grants: Acl,
  displayNameOf: (canonicalId: string) => string | undefined,
): readonly XmlNode[] {
  return grants.map(({ grantee, permission }) =>
    xmlElement("Grant", [granteeNode(grantee, displayNameOf), xmlText("Permission", permission)]),
  );
}

function granteeNode(grantee: Grantee, displayNameOf: (canonicalId: string) => string | undefined): XmlNode {
  if (grantee.kind !== "canonical-user") return typed("Group", [xmlText("URI", formatGroup(grantee.kind))]);
  const name = displayNameOf(grantee.id);
  return typed("CanonicalUser", [
    xmlText("ID", grantee.id),
    name === undefined ? undefined : xmlText("DisplayName", name),
  ]);
}

function typed(type: string, children: readonly (XmlNode | undefined)[]): XmlNode {
  return xmlElement("Grantee", children, { "xmlns:xsi": XSI_NAMESPACE, "xsi:type": type });
}
