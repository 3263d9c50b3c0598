import { describe, expect, it } from "vitest";
import { findUnmet } from "../../../src/model/object.ts";

describe("findUnmet", () => {
  const object = { etag: "a", sizeBytes: 3, lastModified: new Date("2026-11-29T02:00:00.900Z") };
  const sameSecond = new Date("2026-11-29T02:00:00Z");

  it.each([
    [{ etag: "*" }, undefined],
    [{ etag: "a" }, undefined],
    [{ etag: "b" }, "If-Match"],
    [{ etag: "*", sizeBytes: 3, lastModified: sameSecond }, undefined],
    [{ etag: "a", sizeBytes: 0 }, "x-amz-if-match-size"],
    [{ etag: "*", lastModified: new Date("2026-11-29T02:00:01Z") }, "x-amz-if-match-last-modified-time"],
    [{ etag: "b", sizeBytes: 0 }, "If-Match"],
  ])("%j: %s", (expected, header) => {
    expect(findUnmet(expected, object)).toBe(header);
  });
});
