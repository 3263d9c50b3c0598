import { describe, expect, it } from "vitest";
import type { Acl } from "../../../../src/model/acl.ts";
import {
  formatAccessControlPolicy,
  MAX_ACCESS_CONTROL_POLICY_BYTES,
  parseAccessControlPolicy,
} from "../../../../src/protocol/xml/access-control-policy.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const OWNER = "0123456789abcdef".repeat(4);
const OTHER = "f".repeat(64);
const XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
const ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers";

const ACL: Acl = [
  { grantee: { kind: "canonical-user", id: OWNER }, permission: "FULL_CONTROL" },
  { grantee: { kind: "canonical-user", id: OTHER }, permission: "READ_ACP" },
  { grantee: { kind: "all-users" }, permission: "READ" },
  { grantee: { kind: "authenticated-users" }, permission: "WRITE" },
  { grantee: { kind: "log-delivery" }, permission: "WRITE_ACP" },
];
const owner = { id: OWNER, displayName: "Ana & Bo" };
const nameOf = (id: string) => (id === OWNER ? owner.displayName : undefined);

describe("AccessControlPolicy", () => {
  it("is written in the order of its grants and read back", () => {
    const document = formatAccessControlPolicy(owner, ACL, nameOf);
    expect(document).toBe(
      golden(
        "AccessControlPolicy",
        `<Owner><ID>${OWNER}</ID><DisplayName>Ana &amp; Bo</DisplayName></Owner>
         <AccessControlList>
         <Grant><Grantee ${XSI} xsi:type="CanonicalUser">
           <ID>${OWNER}</ID><DisplayName>Ana &amp; Bo</DisplayName></Grantee>
           <Permission>FULL_CONTROL</Permission></Grant>
         <Grant><Grantee ${XSI} xsi:type="CanonicalUser"><ID>${OTHER}</ID></Grantee>
           <Permission>READ_ACP</Permission></Grant>
         <Grant><Grantee ${XSI} xsi:type="Group"><URI>${ALL_USERS}</URI></Grantee><Permission>READ</Permission></Grant>
         <Grant><Grantee ${XSI} xsi:type="Group">
           <URI>http://acs.amazonaws.com/groups/global/AuthenticatedUsers</URI></Grantee>
           <Permission>WRITE</Permission></Grant>
         <Grant><Grantee ${XSI} xsi:type="Group"><URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI></Grantee>
           <Permission>WRITE_ACP</Permission></Grant>
         </AccessControlList>`,
      ),
    );
    expect(parseAccessControlPolicy(bytes(document))).toEqual({ ownerId: OWNER, grants: ACL });
  });

  it("is written without grants and read back", () => {
    const document = formatAccessControlPolicy(owner, [], nameOf);
    expect(document).toContain("<AccessControlList/>");
    expect(parseAccessControlPolicy(bytes(document)).grants).toEqual([]);
  });
});

const OWNER_XML = `<Owner><ID>${OWNER}</ID></Owner>`;
const policy = (inner: string) => `<AccessControlPolicy>${inner}</AccessControlPolicy>`;
const withGrants = (...grants: string[]) =>
  policy(`${OWNER_XML}<AccessControlList>${grants.join("")}</AccessControlList>`);
const grant = (type: string, inner: string, permission = "READ") =>
  `<Grant><Grantee ${XSI} ${type}>${inner}</Grantee><Permission>${permission}</Permission></Grant>`;
const toUser = (id: string, permission?: string) => grant('xsi:type="CanonicalUser"', `<ID>${id}</ID>`, permission);

describe("parseAccessControlPolicy", () => {
  it("accepts elements in any order, DisplayName and indentation", () => {
    const document = `<?xml version="1.0"?>
      <AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <AccessControlList>
          ${grant('xsi:type="CanonicalUser"', `<DisplayName/><ID>${OTHER}</ID>`, "WRITE")}
        </AccessControlList>
        <Owner><DisplayName>any</DisplayName><ID>${OWNER}</ID></Owner>
      </AccessControlPolicy>`;
    expect(parseAccessControlPolicy(bytes(document))).toEqual({
      ownerId: OWNER,
      grants: [{ grantee: { kind: "canonical-user", id: OTHER }, permission: "WRITE" }],
    });
  });

  it("accepts 100 grants and refuses 101 with MalformedACLError", () => {
    const list = (count: number) => bytes(withGrants(...Array.from({ length: count }, () => toUser(OTHER))));
    expect(parseAccessControlPolicy(list(100)).grants.length).toBe(100);
    expect(failure(() => parseAccessControlPolicy(list(101))).code).toBe("MalformedACLError");
  });

  it.each([
    ["nothing", ""],
    ["text", "private"],
    ["another document", "<Tagging/>"],
    ["an empty policy", "<AccessControlPolicy/>"],
    ["no owner", policy("<AccessControlList/>")],
    ["an owner without id", policy("<Owner/><AccessControlList/>")],
    ["no list", policy(OWNER_XML)],
    ["two lists", policy(`${OWNER_XML}<AccessControlList/><AccessControlList/>`)],
    ["an unknown element", policy(`${OWNER_XML}<AccessControlList/><Surprise/>`)],
    ["something else in the list", withGrants("<Owner/>")],
    ["an unknown permission", withGrants(toUser(OTHER, "DELETE"))],
    [
      "no permission",
      withGrants(`<Grant><Grantee ${XSI} xsi:type="CanonicalUser"><ID>${OTHER}</ID></Grantee></Grant>`),
    ],
    ["no grantee", withGrants("<Grant><Permission>READ</Permission></Grant>")],
    ["an unknown type of grantee", withGrants(grant('xsi:type="BadType"', `<ID>${OTHER}</ID>`))],
    ["no type of grantee", withGrants(grant("", `<ID>${OTHER}</ID>`))],
    ["a user by URI", withGrants(grant('xsi:type="CanonicalUser"', `<URI>${ALL_USERS}</URI>`))],
    ["a group by id", withGrants(grant('xsi:type="Group"', `<ID>${OTHER}</ID>`))],
    ["a DTD", `<!DOCTYPE a [<!ENTITY e "${OWNER}">]>${policy("<Owner><ID>&e;</ID></Owner><AccessControlList/>")}`],
    ["more than the limit", withGrants(" ".repeat(MAX_ACCESS_CONTROL_POLICY_BYTES))],
  ])("refuses %s with MalformedACLError", (_name, document) => {
    const error = failure(() => parseAccessControlPolicy(bytes(document)));
    expect([error.code, error.message]).toEqual([
      "MalformedACLError",
      "The XML you provided was not well-formed or did not validate against our published schema",
    ]);
  });

  // Messages and arguments of LocalStack's recordings of AWS of 2026-02.
  it.each([
    [policy("<Owner><ID>wrong-id</ID></Owner><AccessControlList/>"), "Invalid id", "CanonicalUser/ID", "wrong-id"],
    [withGrants(toUser("wrong-id")), "Invalid id", "CanonicalUser/ID", "wrong-id"],
    [withGrants(toUser(`${OTHER} `)), "Invalid id", "CanonicalUser/ID", `${OTHER} `],
    [withGrants(grant('xsi:type="Group"', "<URI>x</URI>")), "Invalid group uri", "Group/URI", "x"],
  ])("refuses %s with InvalidArgument, %s", (document, message, name, value) => {
    const error = failure(() => parseAccessControlPolicy(bytes(document)));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: name, ArgumentValue: value },
    ]);
  });

  it("refuses an e-mail address with UnresolvableGrantByEmailAddress", () => {
    const document = withGrants(grant('xsi:type="AmazonCustomerByEmail"', "<EmailAddress>a@b.example</EmailAddress>"));
    expect(failure(() => parseAccessControlPolicy(bytes(document))).code).toBe("UnresolvableGrantByEmailAddress");
  });
});
