import { describe, expect, it } from "vitest";
import { CANNED_ACLS } from "../../../src/model/acl.ts";
import { MAX_GRANTS, parseAclHeaders, parseObjectOwnershipHeader } from "../../../src/protocol/acl-headers.ts";
import { failure } from "./failure.ts";

const ID = "0123456789abcdef".repeat(4);
const ID2 = "f".repeat(64);
const GLOBAL = "http://acs.amazonaws.com/groups/global";

describe("x-amz-acl", () => {
  it("is undefined when absent", () => {
    expect(parseAclHeaders(new Headers(), "object")).toBeUndefined();
  });

  it.each(CANNED_ACLS)("accepts %s for buckets", (name) => {
    expect(parseAclHeaders(new Headers({ "x-amz-acl": name }), "bucket")).toEqual({ kind: "canned", name });
  });

  it.each(CANNED_ACLS.filter((name) => name !== "log-delivery-write"))("accepts %s for objects", (name) => {
    expect(parseAclHeaders(new Headers({ "x-amz-acl": name }), "object")).toEqual({ kind: "canned", name });
  });

  // Code, message and arguments of LocalStack's recordings of AWS of 2026-02.
  it.each([
    ["bucket", "fake-acl"],
    ["object", "fake-acl"],
    ["object", "Private"],
    ["object", ""],
    ["object", "log-delivery-write"],
  ] as const)("refuses for a %s %j with InvalidArgument", (target, value) => {
    const error = failure(() => parseAclHeaders(new Headers({ "x-amz-acl": value }), target));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      "",
      { ArgumentName: "x-amz-acl", ArgumentValue: value },
    ]);
  });

  it("refuses aws-exec-read with NotImplemented", () => {
    const error = failure(() => parseAclHeaders(new Headers({ "x-amz-acl": "aws-exec-read" }), "object"));
    expect([error.code, error.details]).toEqual(["NotImplemented", { Header: "x-amz-acl" }]);
  });

  it("refuses a canned ACL together with grants with InvalidRequest", () => {
    const headers = new Headers({ "x-amz-acl": "private", "x-amz-grant-read": `id=${ID}` });
    const error = failure(() => parseAclHeaders(headers, "object"));
    expect([error.code, error.message]).toEqual([
      "InvalidRequest",
      "Specifying both Canned ACLs and Header Grants is not allowed",
    ]);
  });
});

describe("x-amz-grant-*", () => {
  const read = (value: string) => parseAclHeaders(new Headers({ "x-amz-grant-read": value }), "object");
  const grantees = (value: string) => {
    const request = read(value);
    return request?.kind === "grants" ? request.grants.map(({ grantee }) => grantee) : undefined;
  };
  const user = (id: string) => ({ kind: "canonical-user", id });

  it.each([
    [`id="${ID}"`, [user(ID)]],
    [`id=${ID}`, [user(ID)]],
    [` ID = "${ID}" `, [user(ID)]],
    [`id="${ID}", id="${ID2}"`, [user(ID), user(ID2)]],
    [`id="${ID}",uri="${GLOBAL}/AllUsers"`, [user(ID), { kind: "all-users" }]],
    [`uri=${GLOBAL}/AllUsers`, [{ kind: "all-users" }]],
    [`uri="${GLOBAL}/AuthenticatedUsers"`, [{ kind: "authenticated-users" }]],
    ['uri="http://acs.amazonaws.com/groups/s3/LogDelivery"', [{ kind: "log-delivery" }]],
  ])("reads %s", (value, expected) => {
    expect(grantees(value)).toEqual(expected);
  });

  it("takes the permission from the header name and combines all headers", () => {
    const names = ["full-control", "read", "read-acp", "write", "write-acp"];
    const headers = new Headers(names.map((name) => [`x-amz-grant-${name}`, `id=${ID}`]));
    expect(parseAclHeaders(headers, "bucket")).toEqual({
      kind: "grants",
      grants: ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"].map((permission) => ({
        grantee: user(ID),
        permission,
      })),
    });
  });

  // Code, message and arguments of LocalStack's recordings of AWS of 2026-02.
  it.each([
    ['uri="http://acs.amazonaws.com/groups/s3/FakeGroup"', "Invalid group uri", "uri"],
    // This form occurs in the reference system's documentation.
    ['uri="http://acs.amazonaws.com/groups/s3/AllUsers"', "Invalid group uri", "uri"],
    ['id="wrong-id"', "Invalid id", "id"],
    [`id="${ID.toUpperCase()}"`, "Invalid id", "id"],
    ['id=""', "Invalid id", "id"],
    ['fakekey="1234"', "Argument format not recognized", "x-amz-grant-read"],
    ["", "Argument format not recognized", "x-amz-grant-read"],
    [ID, "Argument format not recognized", "x-amz-grant-read"],
    [`id="${ID}`, "Argument format not recognized", "x-amz-grant-read"],
  ])("refuses %s with InvalidArgument, %s", (value, message, argument) => {
    const error = failure(() => read(value));
    const inner = /"(.*)"/.exec(value)?.[1] ?? "";
    const shown = argument === "x-amz-grant-read" ? value : inner;
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: argument, ArgumentValue: shown },
    ]);
  });

  it("refuses an e-mail address with UnresolvableGrantByEmailAddress", () => {
    const error = failure(() => read('emailAddress="xyz@example.com"'));
    expect([error.code, error.status, error.message]).toEqual([
      "UnresolvableGrantByEmailAddress",
      400,
      "The e-mail address you provided does not match any account on record.",
    ]);
  });

  it("accepts 100 grants and refuses 101 with MalformedACLError", () => {
    const list = (count: number) => Array.from({ length: count }, () => `id=${ID}`).join(",");
    expect(grantees(list(MAX_GRANTS))?.length).toBe(100);
    expect(failure(() => read(list(MAX_GRANTS + 1))).code).toBe("MalformedACLError");
  });
});

describe("x-amz-object-ownership", () => {
  it.each(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])("reads %s", (value) => {
    expect(parseObjectOwnershipHeader(new Headers({ "x-amz-object-ownership": value }))).toBe(value);
  });

  it("is undefined when absent", () => {
    expect(parseObjectOwnershipHeader(new Headers())).toBeUndefined();
  });

  it.each(["RandomValue", ""])("refuses %j with InvalidArgument", (value) => {
    const error = failure(() => parseObjectOwnershipHeader(new Headers({ "x-amz-object-ownership": value })));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      `Invalid x-amz-object-ownership header: ${value}`,
      { ArgumentName: "x-amz-object-ownership" },
    ]);
  });
});
