/** ACLs over HTTP: documents as clients write them, and answers as plain rows. */
import { expect } from "vitest";
import { type SendOptions, send } from "./request.ts";
import { all, documentOf, textIn } from "./xml.ts";

export const XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
export const ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers";
export const AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
export const LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery";

export interface ShownAcl {
  readonly owner: { readonly id: string | undefined; readonly displayName: string | undefined };
  /** `<id or URI> <permission>` */
  readonly grants: readonly string[];
}

/** Names of the grantees in an ACL's answer; undefined for a grantee without a name. */
export async function granteeNames(options: SendOptions): Promise<(string | undefined)[]> {
  const root = await documentOf(await send({ ...options, query: "acl" }), "AccessControlPolicy");
  const list = root.children.find((child) => child.name === "AccessControlList");
  return (list?.children ?? []).map((grant) => textIn(grant, "Grantee", "DisplayName"));
}

/** Reads the ACL of a bucket or, with a key, of an object; checks the grantees' types. */
export async function getAcl(options: SendOptions): Promise<ShownAcl> {
  const root = await documentOf(await send({ ...options, query: "acl" }), "AccessControlPolicy");
  const list = root.children.find((child) => child.name === "AccessControlList");
  const grants = (list?.children ?? []).map((grant) => {
    const grantee = all(grant, "Grantee")[0];
    const id = textIn(grantee, "ID");
    expect(grantee?.attributes).toBe(`${XSI} xsi:type="${id === undefined ? "Group" : "CanonicalUser"}"`);
    return `${id ?? textIn(grantee, "URI")} ${textIn(grant, "Permission")}`;
  });
  return { owner: { id: textIn(root, "Owner", "ID"), displayName: textIn(root, "Owner", "DisplayName") }, grants };
}

export function putAcl(options: SendOptions): Promise<Response> {
  return send({ method: "PUT", query: "acl", ...options });
}

/** An AccessControlPolicy; grantees with a slash are groups. */
export function aclDocument(
  ownerId: string,
  grants: readonly (readonly [grantee: string, permission: string])[],
): string {
  const elements = grants.map(([grantee, permission]) => {
    const inner = grantee.includes("/")
      ? `<Grantee ${XSI} xsi:type="Group"><URI>${grantee}</URI></Grantee>`
      : `<Grantee ${XSI} xsi:type="CanonicalUser"><ID>${grantee}</ID></Grantee>`;
    return `<Grant>${inner}<Permission>${permission}</Permission></Grant>`;
  });
  return `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>${ownerId}</ID></Owner><AccessControlList>${elements.join("")}</AccessControlList></AccessControlPolicy>`;
}

/** PutBucketOwnershipControls, which must succeed. */
export async function setOwnership(bucket: string, ownership: string): Promise<void> {
  const body = `<OwnershipControls><Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule></OwnershipControls>`;
  await configure(bucket, "ownershipControls", body);
}

/** PutPublicAccessBlock, which must succeed. */
export async function setPublicAccessBlock(bucket: string, ...settings: readonly string[]): Promise<void> {
  const flags = settings.map((name) => `<${name}>true</${name}>`).join("");
  const body = `<PublicAccessBlockConfiguration>${flags}</PublicAccessBlockConfiguration>`;
  await configure(bucket, "publicAccessBlock", body);
}

async function configure(bucket: string, query: string, body: string): Promise<void> {
  const response = await send({ method: "PUT", bucket, query, body, headers: await digestOf(body) });
  if (response.status !== 200) throw new Error(`${query}: ${response.status} ${await response.text()}`);
}

/** The checksum header that configuration documents need. */
export async function digestOf(body: string): Promise<Record<string, string>> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  return { "x-amz-checksum-sha256": btoa(String.fromCharCode(...new Uint8Array(digest))) };
}
