import { describe, expect, it } from "vitest";
import { claimedFormAccessKeyId, readFormClaim } from "../../../../src/auth/post-policy/form-claim.ts";
import { failure } from "../../protocol/failure.ts";

const COMPLETE: Readonly<Record<string, string>> = {
  key: "k",
  "x-amz-algorithm": "AWS4-HMAC-SHA256",
  "x-amz-credential": "AKIA/20260301/us-east-1/s3/aws4_request",
  "x-amz-date": "20260301T120000Z",
  "x-amz-signature": "00",
  policy: "e30=",
};

function read(
  changes: Record<string, string | undefined>,
  regions: "any" | (string & {}) = "any",
  signatureV2 = false,
) {
  const fields = Object.entries({ ...COMPLETE, ...changes }).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  return readFormClaim(new Map(fields), { regions, services: ["s3"], signatureV2 });
}

const NONE = {
  "x-amz-algorithm": undefined,
  "x-amz-credential": undefined,
  "x-amz-date": undefined,
  "x-amz-signature": undefined,
};

describe("readFormClaim", () => {
  it("reads a complete form", () => {
    expect(read({ "x-amz-security-token": "token" })).toEqual({
      version: 4,
      credential: {
        accessKeyId: "AKIA",
        day: "20260301",
        region: "us-east-1",
        service: "s3",
        terminal: "aws4_request",
      },
      policy: "e30=",
      signature: "00",
      sessionToken: "token",
    });
  });

  it.each(["token", undefined])("reads a complete form of Version 2, session token %s", (token) => {
    const fields = { ...NONE, awsaccesskeyid: "AKIA", signature: "c2ln", "x-amz-security-token": token };
    expect(read(fields, "any", true)).toEqual({
      version: 2,
      accessKeyId: "AKIA",
      signature: "c2ln",
      policy: "e30=",
      sessionToken: token,
    });
  });

  // LocalStack's recordings of AWS.
  it.each([
    [{ awsaccesskeyid: "AKIA" }, "Signature"],
    [{ signature: "c2ln" }, "AWSAccessKeyId"],
    [{ awsaccesskeyid: "AKIA", signature: "c2ln", policy: undefined }, "policy"],
  ])("reports the missing field of Version 2 in %j", (fields, name) => {
    const { code, message, details } = failure(() => read({ ...NONE, ...fields }, "any", true));
    expect([code, message, details]).toEqual([
      "InvalidArgument",
      `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
      { ArgumentName: name, ArgumentValue: "" },
    ]);
  });

  it("prefers Version 4 if fields of both are present", () => {
    expect(read({ awsaccesskeyid: "OTHER", signature: "c2ln" }, "any", true)?.version).toBe(4);
  });

  it("returns undefined for a form without these fields", () => {
    expect(read({ ...NONE, policy: undefined })).toBeUndefined();
  });

  it.each(["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "policy"])(
    "misses %s with InvalidArgument",
    (name) => {
      const { code, message, details } = failure(() => read({ [name.toLowerCase()]: undefined }));
      expect([code, message, details]).toEqual([
        "InvalidArgument",
        `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
        { ArgumentName: name, ArgumentValue: "" },
      ]);
    },
  );

  it("reports the first of several missing fields (seen on AWS)", () => {
    const { details } = failure(() => read({ "x-amz-algorithm": undefined, "x-amz-credential": undefined }));
    expect(details.ArgumentName).toBe("X-Amz-Algorithm");
  });

  it("refuses an unsigned policy with AccessDenied (seen on AWS)", () => {
    const { code, message } = failure(() => read(NONE));
    expect([code, message]).toEqual(["AccessDenied", "Access Denied"]);
  });

  it.each([{ awsaccesskeyid: "AKIA" }, { signature: "x" }, { awsaccesskeyid: "AKIA", signature: "x" }])(
    "refuses Version 2's %j with InvalidRequest",
    (fields) => {
      for (const policy of ["e30=", undefined]) {
        const { code, message } = failure(() => read({ ...NONE, policy, ...fields }));
        expect([code, message]).toEqual([
          "InvalidRequest",
          "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ]);
      }
    },
  );

  it("refuses Version 4A with NotImplemented", () => {
    expect(failure(() => read({ "x-amz-algorithm": "AWS4-ECDSA-P256-SHA256" })).code).toBe("NotImplemented");
  });

  const malformed = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".';
  const scope = (rest: string) => `AKIA/${rest}`;
  it.each<[string, string, string, string]>([
    ["x-amz-algorithm", "AWS4-HMAC-SHA1", "X-Amz-Algorithm", "Only AWS4-HMAC-SHA256 is supported"],
    ["x-amz-algorithm", "", "X-Amz-Algorithm", "Only AWS4-HMAC-SHA256 is supported"],
    ["x-amz-date", "2026-03-01T12:00:00Z", "X-Amz-Date", "X-Amz-Date must be formated via ISO8601 Long format"],
    ["x-amz-date", "20260230T120000Z", "X-Amz-Date", "X-Amz-Date must be formated via ISO8601 Long format"],
    ["x-amz-credential", "AKIA", "X-Amz-Credential", malformed],
    ["x-amz-credential", "/20260301/us-east-1/s3/aws4_request", "X-Amz-Credential", malformed],
    [
      "x-amz-credential",
      scope("2026/us-east-1/s3/aws4_request"),
      "X-Amz-Credential",
      'incorrect date format "2026". This date in the credential must be in the format "yyyyMMdd".',
    ],
    [
      "x-amz-credential",
      scope("20260301/us-east-1/ec2/aws4_request"),
      "X-Amz-Credential",
      'incorrect service "ec2". This endpoint belongs to "s3".',
    ],
    [
      "x-amz-credential",
      scope("20260301/us-east-1/s3/aws3_request"),
      "X-Amz-Credential",
      'incorrect terminal "aws3_request". This endpoint uses "aws4_request".',
    ],
    [
      "x-amz-credential",
      scope("20260302/us-east-1/s3/aws4_request"),
      "X-Amz-Credential",
      'Invalid credential date "20260302". This date is not the same as X-Amz-Date: "20260301".',
    ],
  ])("refuses %s %j with InvalidArgument", (field, value, argument, message) => {
    const error = failure(() => read({ [field]: value }));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: argument, ArgumentValue: value },
    ]);
  });

  it("reports the expected region", () => {
    const { code, message, details } = failure(() => read({}, "eu-west-1"));
    expect([code, message, details]).toEqual([
      "InvalidArgument",
      "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
      { ArgumentName: "X-Amz-Credential", ArgumentValue: COMPLETE["x-amz-credential"], Region: "eu-west-1" },
    ]);
  });
});

describe("claimedFormAccessKeyId", () => {
  it.each([
    ["AKIA/20260301/us-east-1/s3/aws4_request", "AKIA"],
    ["/20260301", undefined],
    ["AKIA", undefined],
  ])("of %j is %j", (credential, id) => {
    expect(claimedFormAccessKeyId(new Map([["x-amz-credential", credential]]))).toBe(id);
  });
});
