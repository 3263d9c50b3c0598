import { describe, expect, it } from "vitest";
import { formatRetention, formatTagging } from "../../../console/src/api/s3/object-settings.ts";
import { formatAttachment, metadataHeaders } from "../../../console/src/api/s3/objects.ts";
import { previewOf, typeOfName } from "../../../console/src/lib/media-types.ts";
import { toRecord } from "../../../console/src/pages/objects/pairs.ts";
import { faultOfPlace } from "../../../console/src/pages/objects/place.ts";
import {
  describeSelection,
  foldersOf,
  lastPart,
  nameBelow,
  type Row,
  rowKey,
  targetKey,
} from "../../../console/src/pages/objects/rows.ts";

const common = { sizeBytes: 1, modifiedAt: "", etag: "", storageClass: "STANDARD" };
const object = (key: string): Row => ({ kind: "object", key, ...common });
const folder = (key: string): Row => ({ kind: "folder", key });
const version = (key: string, versionId: string): Row => ({
  kind: "version",
  key,
  versionId,
  isLatest: true,
  isMarker: false,
  ...common,
});

describe("previews", () => {
  it.each([
    ["a.png", "image/png", { kind: "image", type: "image/png" }],
    ["a.png", "binary/octet-stream", { kind: "image", type: "image/png" }],
    ["a", "IMAGE/JPEG; x=y", { kind: "image", type: "image/jpeg" }],
    ["a.svg", "image/svg+xml", { kind: "image", type: "image/svg+xml" }],
    ["a.mp4", "", { kind: "video", type: "video/mp4" }],
    ["a.mp3", "audio/mpeg", { kind: "audio", type: "audio/mpeg" }],
    ["a.pdf", "application/pdf", { kind: "pdf", type: "application/pdf" }],
    ["a.html", "text/html", { kind: "text" }],
    ["a", "application/ld+json", { kind: "text" }],
    ["a.zip", "application/zip", { kind: "none" }],
    ["a.png", "application/x-evil", { kind: "none" }],
    ["a.bin", "", { kind: "none" }],
  ])("%s of type %s", (key, type, preview) => {
    expect(previewOf(key, type)).toEqual(preview);
  });

  it("no type that a browser runs as a page is ever asked for", () => {
    const types = [
      "text/html",
      "application/xhtml+xml",
      "text/xml",
      "application/xml",
      "image/svg+xml",
      "text/javascript",
    ];
    const shown = types
      .map((type) => previewOf("a.html", type))
      .flatMap((preview) => ("type" in preview ? [preview] : []));
    // An SVG image runs no script in <img>.
    expect(shown).toEqual([{ kind: "image", type: "image/svg+xml" }]);
  });

  it("the type of a name", () => {
    expect([typeOfName("a/B.JPG"), typeOfName("a.b/c"), typeOfName("x.unknown")]).toEqual([
      "image/jpeg",
      "application/octet-stream",
      "application/octet-stream",
    ]);
  });
});

describe("keys and folders", () => {
  it("a prefix has its folders, a key its last part", () => {
    expect(foldersOf("a/b/")).toEqual(["a/", "a/b/"]);
    expect(foldersOf("")).toEqual([]);
    expect(foldersOf("/x/")).toEqual(["/", "/x/"]);
    expect(["a/b.txt", "a/b/", "b", "/"].map(lastPart)).toEqual(["b.txt", "b/", "b", "/"]);
    expect([nameBelow("a/", "a/b"), nameBelow("a/", "a/")]).toEqual(["b", "(this folder)"]);
    expect(targetKey("a/b/c", "a/b/", "x/")).toBe("x/c");
  });

  it("rows of the same key are different rows", () => {
    expect(new Set([object("a"), folder("a"), version("a", "1"), version("a", "2")].map(rowKey)).size).toBe(4);
  });

  it("a selection is described", () => {
    expect(describeSelection([folder("a/"), object("b"), object("c")])).toBe("1 folder, 2 objects");
    expect(describeSelection([version("a", "1")])).toBe("1 version");
  });

  it.each([
    [{ place: "x", rows: [folder("a/")], only: folder("a/") }, "A folder ends with a slash."],
    [{ place: "a/b/", rows: [folder("a/")], only: folder("a/") }, "A folder cannot be copied or moved into itself."],
    [
      { place: "a/", rows: [folder("a/"), object("b")], only: undefined },
      "A folder cannot be copied or moved into itself.",
    ],
    [{ place: "b", rows: [object("b")], only: object("b") }, "This is where it is."],
    [{ place: "", rows: [object("b")], only: object("b") }, "A key has at least one character."],
    [{ place: "", rows: [object("a/b"), object("a/c")], only: undefined }, undefined],
    [{ place: "ab/", rows: [folder("a/")], only: folder("a/") }, undefined],
    [{ place: "c", rows: [object("b")], only: object("b") }, undefined],
  ])("a copy to %j", (placement, fault) => {
    expect(faultOfPlace({ ...placement, isSameBucket: true })).toBe(fault);
  });

  it("in another bucket a folder keeps its name", () => {
    expect(
      faultOfPlace({ place: "a/", rows: [folder("a/")], only: folder("a/"), isSameBucket: false }),
    ).toBeUndefined();
  });
});

describe("headers and documents", () => {
  it("a name in a header is quoted and encoded", () => {
    expect(formatAttachment('ü"\r\n.txt')).toBe(
      "attachment; filename=\"____.txt\"; filename*=UTF-8''%C3%BC%22%0D%0A.txt",
    );
  });

  it("metadata becomes headers, and what no header can have is refused", () => {
    expect(metadataHeaders({ "content-type": "a/b", expires: "" }, { Name: "x y" })).toEqual({
      "content-type": "a/b",
      "x-amz-meta-name": "x y",
    });
    expect(() => metadataHeaders({}, { name: "ü" })).toThrow("ASCII");
    expect(() => metadataHeaders({}, { "a b": "x" })).toThrow("name of a header");
    expect(() => metadataHeaders({ "content-type": "a\r\nb: c" }, {})).toThrow("ASCII");
  });

  it("pairs without a name are left out, repeated names are refused", () => {
    expect(
      toRecord([
        { key: " a ", value: " 1 " },
        { key: "", value: "x" },
      ]),
    ).toEqual({ a: "1" });
    expect(() =>
      toRecord([
        { key: "a", value: "1" },
        { key: "a", value: "2" },
      ]),
    ).toThrow("occurs twice");
  });

  it("tags and retention", () => {
    expect(formatTagging([{ key: "a", value: "<" }])).toContain(
      "<TagSet><Tag><Key>a</Key><Value>&lt;</Value></Tag></TagSet>",
    );
    const until = new Date("2030-01-02T03:04:05Z");
    expect(formatRetention({ mode: "GOVERNANCE", until })).toContain(
      "<Mode>GOVERNANCE</Mode><RetainUntilDate>2030-01-02T03:04:05.000Z</RetainUntilDate>",
    );
    expect(formatRetention(undefined)).toMatch(/^<Retention xmlns="[^"]+"><\/Retention>$/);
  });
});
