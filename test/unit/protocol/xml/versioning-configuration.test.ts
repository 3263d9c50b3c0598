import { describe, expect, it } from "vitest";
import {
  formatVersioningConfiguration,
  parseVersioningConfiguration,
} from "../../../../src/protocol/xml/versioning-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

describe("VersioningConfiguration", () => {
  it.each(["Enabled", "Suspended"] as const)("has the status %s", (status) => {
    const document = golden("VersioningConfiguration", `<Status>${status}</Status>`);
    expect(formatVersioningConfiguration(status)).toBe(document);
    expect(parseVersioningConfiguration(bytes(document))).toBe(status);
  });

  it("is empty for a bucket that was never versioned, and cannot be set to that", () => {
    const empty = golden("VersioningConfiguration", "");
    expect(formatVersioningConfiguration(undefined)).toBe(empty);
    expect(failure(() => parseVersioningConfiguration(bytes(empty))).code).toBe(
      "IllegalVersioningConfigurationException",
    );
  });

  it.each([
    ["<Status>enabled</Status>", "MalformedXML"],
    ["<Status>Enabled</Status><Status>Enabled</Status>", "MalformedXML"],
    ["<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>", "NotImplemented"],
  ])("refuses %s with %s", (content, code) => {
    expect(failure(() => parseVersioningConfiguration(bytes(golden("VersioningConfiguration", content)))).code).toBe(
      code,
    );
  });
});
