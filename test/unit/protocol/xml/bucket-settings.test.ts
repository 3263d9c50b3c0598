import { describe, expect, it } from "vitest";
import { OBJECT_OWNERSHIPS } from "../../../../src/model/acl.ts";
import {
  formatOwnershipControls,
  formatPublicAccessBlock,
  parseOwnershipControls,
  parsePublicAccessBlock,
} from "../../../../src/protocol/xml/bucket-settings.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

describe("OwnershipControls", () => {
  const rule = (ownership: string) => `<Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule>`;
  const controls = (inner: string) => `<OwnershipControls>${inner}</OwnershipControls>`;

  it.each(OBJECT_OWNERSHIPS)("%s is written and read back", (ownership) => {
    const document = formatOwnershipControls(ownership);
    expect(document).toBe(golden("OwnershipControls", rule(ownership)));
    expect(parseOwnershipControls(bytes(document))).toBe(ownership);
  });

  it.each([
    "",
    controls(""),
    controls("<Rule/>"),
    controls(rule("RandomValue")),
    controls(rule("")),
    controls(rule("ObjectWriter") + rule("ObjectWriter")),
    controls(`${rule("ObjectWriter")}<Surprise/>`),
    rule("ObjectWriter"),
  ])("refuses %j with MalformedXML", (document) => {
    expect(failure(() => parseOwnershipControls(bytes(document))).code).toBe("MalformedXML");
  });
});

describe("PublicAccessBlockConfiguration", () => {
  const OFF = {
    blockPublicAcls: false,
    ignorePublicAcls: false,
    blockPublicPolicy: false,
    restrictPublicBuckets: false,
  };
  const configuration = (inner: string) => `<PublicAccessBlockConfiguration>${inner}</PublicAccessBlockConfiguration>`;

  it.each([
    ["BlockPublicAcls", { ...OFF, blockPublicAcls: true }],
    ["IgnorePublicAcls", { ...OFF, ignorePublicAcls: true }],
    ["BlockPublicPolicy", { ...OFF, blockPublicPolicy: true }],
    ["RestrictPublicBuckets", { ...OFF, restrictPublicBuckets: true }],
  ])("%s is written and read back; an absent setting is off", (name, settings) => {
    const flag = (other: string) => `<${other}>${String(other === name)}</${other}>`;
    const all = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"].map(flag);
    const document = formatPublicAccessBlock(settings);
    expect(document).toBe(golden("PublicAccessBlockConfiguration", all.join("")));
    expect(parsePublicAccessBlock(bytes(document))).toEqual(settings);
    expect(parsePublicAccessBlock(bytes(configuration(`<${name}>TRUE</${name}>`)))).toEqual(settings);
  });

  it.each([
    "",
    "<Other/>",
    configuration("<BlockPublicAcls>yes</BlockPublicAcls>"),
    configuration("<BlockPublicAcls/>"),
    configuration("<BlockPublicAcls>true</BlockPublicAcls><BlockPublicAcls>false</BlockPublicAcls>"),
    configuration("<BlockAll>true</BlockAll>"),
  ])("refuses %j with MalformedXML", (document) => {
    expect(failure(() => parsePublicAccessBlock(bytes(document))).code).toBe("MalformedXML");
  });

  it("refuses an empty configuration with InvalidRequest", () => {
    const error = failure(() => parsePublicAccessBlock(bytes(configuration(""))));
    expect([error.code, error.message]).toEqual(["InvalidRequest", "Must specify at least one configuration."]);
  });
});
