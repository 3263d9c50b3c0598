import { describe, expect, it } from "vitest";
import { requireAnnotationName } from "../../../src/model/annotation.ts";
import { failure } from "../protocol/failure.ts";

describe("requireAnnotationName", () => {
  it.each(["a", "law", "x".repeat(512), "ü".repeat(256), "a/b c", "as3"])("accepts %j", (name) => {
    expect(requireAnnotationName(name)).toBe(name);
  });

  it.each([
    [undefined, "InvalidAnnotationName"],
    ["", "InvalidAnnotationName"],
    ["aws", "InvalidAnnotationName"],
    ["AwS:label", "InvalidAnnotationName"],
    ["s3", "InvalidAnnotationName"],
    ["S3-label", "InvalidAnnotationName"],
    ["a\nb", "InvalidAnnotationName"],
    ["\ud800", "InvalidAnnotationName"],
    ["x".repeat(513), "AnnotationNameTooLong"],
    ["ü".repeat(257), "AnnotationNameTooLong"],
  ])("refuses %j with %s", (name, code) => {
    expect(failure(() => requireAnnotationName(name)).code).toBe(code);
  });
});
