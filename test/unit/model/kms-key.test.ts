import { describe, expect, it } from "vitest";
import { keyNameOfArn, kmsKeyArn, parseKmsKeyName } from "../../../src/model/kms-key.ts";

const ID = "134f2428-cec1-4b25-a1ae-9048164dba47";
const OWN = "111111111111";
const ARN = `arn:aws:kms:eu-west-1:222222222222:key/${ID}`;

describe("the name of a KMS key", () => {
  it.each([
    [ID, { accountId: OWN, id: ID }],
    ["alias/a/b-c_d", { accountId: OWN, alias: "a/b-c_d" }],
    [ARN, { accountId: "222222222222", region: "eu-west-1", id: ID }],
    [
      "arn:aws:kms:eu-west-1:222222222222:alias/aws/s3",
      { accountId: "222222222222", region: "eu-west-1", alias: "aws/s3" },
    ],
  ])("%s", (text, name) => {
    expect(parseKmsKeyName(text, OWN)).toEqual(name);
  });

  it.each([
    "",
    "alias/",
    "alias/a b",
    "alias/a\nb",
    ID.toUpperCase(),
    `${ID} `,
    ID.slice(1),
    `arn:aws:kms:eu-west-1:222222222222:key/${ID}x`,
    `arn:aws:kms:eu-west-1:2:key/${ID}`,
    `arn:aws:s3:eu-west-1:222222222222:key/${ID}`,
    "arn:aws:kms:eu-west-1:222222222222:alias/",
  ])("%j is not one: KMS.NotFoundException", (text) => {
    expect(() => parseKmsKeyName(text, OWN)).toThrow(
      expect.objectContaining({ code: "KMS.NotFoundException", message: `Invalid keyId '${text}'` }),
    );
  });

  it("of an object is its key's ARN", () => {
    const name = keyNameOfArn(ARN);
    expect(name).toEqual({ accountId: "222222222222", region: "eu-west-1", id: ID });
    expect(kmsKeyArn({ ...name, region: "eu-west-1" })).toBe(ARN);
    expect(() => keyNameOfArn("alias/a")).toThrow("an object names no key");
  });
});
