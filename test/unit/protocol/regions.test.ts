import { describe, expect, it } from "vitest";
import { chooseLocation, isAwsRegion } from "../../../src/protocol/regions.ts";
import { failure } from "./failure.ts";

const PLACE = { region: "us-east-1", regions: ["us-east-1", "eu-west-1"], isAnyRegion: true };

describe("chooseLocation", () => {
  it.each<[signed: string | undefined, constraint: string | undefined, expected: object]>([
    ["us-east-1", undefined, { region: "us-east-1" }],
    ["us-east-1", "", { region: "us-east-1" }],
    [undefined, undefined, { region: "us-east-1" }],
    ["auto", undefined, { region: "us-east-1" }],
    ["", undefined, { region: "us-east-1" }],
    ["us-east-1", "eu-west-1", { region: "eu-west-1" }],
    [undefined, "eu-west-1", { region: "eu-west-1" }],
    ["us-east-1", "eu-central-1", { region: "eu-central-1" }],
    ["eu-central-1", "eu-central-1", { region: "eu-central-1" }],
    ["auto", "auto", { region: "auto" }],
    ["garage", "eu-central-1", { region: "eu-central-1" }],
    ["us-east-1", "EU", { region: "eu-west-1", constraint: "EU" }],
    ["eu-west-1", "EU", { region: "eu-west-1", constraint: "EU" }],
  ])("chooses a location, signed for %s with constraint %s", (signedRegion, constraint, expected) => {
    expect(chooseLocation(constraint, { ...PLACE, signedRegion })).toEqual(expected);
  });

  // LocalStack's recordings test_different_location_constraint, test_create_bucket_with_eu_location_constraint_raises.
  it.each([
    ["us-east-2", undefined, "unspecified"],
    ["us-east-2", "us-west-1", "us-west-1"],
    ["us-west-1", "us-east-1", "us-east-1"],
    ["us-west-1", "aws-global", "aws-global"],
    ["us-west-1", "EU", "EU"],
  ])("refuses, signed for %s, the constraint %s", (signedRegion, constraint, named) => {
    const error = failure(() => chooseLocation(constraint, { ...PLACE, signedRegion }));
    expect([error.code, error.status, error.message]).toEqual([
      "IllegalLocationConstraintException",
      400,
      `The ${named} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    ]);
  });

  it.each([
    ["us-east-1", "us-east-1"],
    ["us-east-1", "eu-nowhere-1"],
    ["us-east-1", "aws-global"],
    ["auto", "other"],
    ["a b", "a b"],
    ["us-east-1", "eu"],
  ])("refuses, signed for %s, the unknown region %s", (signedRegion, constraint) => {
    const error = failure(() => chooseLocation(constraint, { ...PLACE, signedRegion }));
    expect([error.code, error.details]).toEqual(["InvalidLocationConstraint", { LocationConstraint: constraint }]);
  });

  it("accepts only regions with a store where one region is enforced", () => {
    const enforced = { ...PLACE, isAnyRegion: false, signedRegion: "us-east-1" };
    expect(chooseLocation("eu-west-1", enforced)).toEqual({ region: "eu-west-1" });
    expect(failure(() => chooseLocation("eu-central-1", enforced)).code).toBe("InvalidLocationConstraint");
    const onlyOne = { ...enforced, regions: ["us-east-1"] };
    expect(failure(() => chooseLocation("EU", onlyOne)).code).toBe("InvalidLocationConstraint");
  });

  it("needs no constraint in the deployment's region", () => {
    const own = { region: "eu-central-1", regions: ["eu-central-1"], isAnyRegion: true, signedRegion: "eu-central-1" };
    expect(chooseLocation(undefined, own)).toEqual({ region: "eu-central-1" });
    expect(chooseLocation("eu-central-1", own)).toEqual({ region: "eu-central-1" });
  });
});

it("recognises only the regions of AWS", () => {
  expect(["us-east-1", "eu-west-1", "ap-southeast-7", "eu-east-1", "EU", "auto", ""].map(isAwsRegion)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
