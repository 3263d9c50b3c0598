import { describe, expect, it } from "vitest";
import { formatDeleteResult, parseDelete } from "../../../../src/protocol/xml/delete-objects.ts";
import { childrenOf, requireChildText } from "../../../../src/protocol/xml/reader.ts";
import { escapeXml } from "../../../../src/protocol/xml/writer.ts";
import { failure } from "../failure.ts";
import { bytes, golden, HOSTILE_KEYS, reread } from "./golden.ts";

describe("Delete", () => {
  const parse = (content: string) => parseDelete(bytes(golden("Delete", content)));

  it("reads keys with their conditions, in order", () => {
    expect(
      parse(`
        <Object><Key> a&#13;</Key><VersionId>null</VersionId><ETag>"e1"</ETag><Size>0</Size>
          <LastModifiedTime>Mon, 12 Oct 2009 17:50:30 GMT</LastModifiedTime></Object>
        <Quiet>true</Quiet>
        <Object><Key>b</Key><VersionId/></Object>
        <Object><Key>b</Key><LastModifiedTime>2009-10-12T17:50:30Z</LastModifiedTime></Object>`),
    ).toEqual({
      quiet: true,
      objects: [
        {
          key: " a\r",
          versionId: "null",
          etag: "e1",
          sizeBytes: 0,
          lastModifiedTime: new Date("2009-10-12T17:50:30Z"),
        },
        { key: "b" },
        { key: "b", lastModifiedTime: new Date("2009-10-12T17:50:30Z") },
      ],
    });
  });

  it.each([
    ["", false],
    ["<Quiet/>", false],
    ["<Quiet>false</Quiet>", false],
    ["<Quiet>True</Quiet>", true],
  ])("reads %j as quiet: %s", (quiet, expected) => {
    expect(parse(`<Object><Key>k</Key></Object>${quiet}`).quiet).toBe(expected);
  });

  it("reads hostile keys", () => {
    const objects = HOSTILE_KEYS.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
    expect(parse(objects).objects).toEqual(HOSTILE_KEYS.map((key) => ({ key })));
  });

  it("reads 1,000 keys and refuses 1,001 with MalformedXML", () => {
    const object = "<Object><Key>k</Key></Object>";
    expect(parse(object.repeat(1000)).objects.length).toBe(1000);
    expect(failure(() => parse(object.repeat(1001))).code).toBe("MalformedXML");
  });

  it.each([
    "",
    "<Quiet>true</Quiet>",
    "<Object/>",
    "<Object><Key/></Object>",
    "<Object><Key>k</Key><Key>l</Key></Object>",
    "<Object><Key>k</Key><Other/></Object>",
    "<Object><Key>k</Key></Object><Other/>",
    "<Object>k</Object>",
    "<Object><Key>k</Key></Object><Quiet>yes</Quiet>",
    "<Object><Key>k</Key><Size>-1</Size></Object>",
    "<Object><Key>k</Key><LastModifiedTime>today</LastModifiedTime></Object>",
  ])("refuses %j with MalformedXML", (content) => {
    expect(failure(() => parse(content)).code).toBe("MalformedXML");
  });
});

describe("DeleteResult", () => {
  it("lists successes before failures", () => {
    expect(
      formatDeleteResult({
        deleted: [{ key: "a" }, { key: "b", versionId: "v", deleteMarker: true, deleteMarkerVersionId: "m" }],
        errors: [{ key: "c", versionId: "v", code: "AccessDenied", message: "Access Denied" }],
      }),
    ).toBe(
      golden(
        "DeleteResult",
        `<Deleted><Key>a</Key></Deleted>
         <Deleted><Key>b</Key><VersionId>v</VersionId><DeleteMarker>true</DeleteMarker>
           <DeleteMarkerVersionId>m</DeleteMarkerVersionId></Deleted>
         <Error><Key>c</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`,
      ),
    );
  });

  it("escapes hostile keys", () => {
    const document = formatDeleteResult({ deleted: HOSTILE_KEYS.map((key) => ({ key })), errors: [] });
    const deleted = childrenOf(reread(document, "DeleteResult"), "Deleted");
    expect(deleted.map((element) => requireChildText(element, "Key"))).toEqual(HOSTILE_KEYS);
  });
});
