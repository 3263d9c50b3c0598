import { describe, expect, it } from "vitest";
import {
  attributeOf,
  childrenOf,
  childText,
  findChild,
  nameOf,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  textOf,
} from "../../../../src/protocol/xml/reader.ts";
import { failure } from "../failure.ts";

const parse = (text: string, maxDepth = 5) =>
  parseXml(new TextEncoder().encode(text), "a", { maxBytes: 100_000, maxDepth });

describe("parseXml", () => {
  it.each([
    ["<a>x</a>", "x"],
    ["<a/>", ""],
    ["<a />", ""],
    ["<a></a>", ""],
    ["\ufeff<a>x</a>", "x"],
    ['<?xml version="1.0" encoding="UTF-8"?>\n<a>x</a>\n', "x"],
    ['<a xmlns="http://s3.amazonaws.com/doc/2006-03-01/">x</a>', "x"],
    ['<s3:a xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/">x</s3:a>', "x"],
    ["<a>  x\t </a>", "  x\t "],
    ["<a> </a>", " "],
    ["<a>007</a>", "007"],
    ["<a>1e3</a>", "1e3"],
    ["<a>true</a>", "true"],
    ["<a>&lt;&gt;&amp;&quot;&apos;</a>", "<>&\"'"],
    ["<a>&amp;lt;</a>", "&lt;"],
    ["<a>&amp;#13;</a>", "&#13;"],
    ["<a>x&#13;&#10;&#x9;y</a>", "x\r\n\ty"],
    ["<a>x\r\ny\rz</a>", "x\ny\nz"],
    ["<a>&#x1;&#8;&#0;</a>", "\u0001\b\0"],
    ["<a>&#x1F600;&#128512;😀</a>", "😀😀😀"],
    ["<a><![CDATA[<b>&amp;]]></a>", "<b>&amp;"],
    ["<a>x<![CDATA[ ]]>y<![CDATA[]]>z</a>", "x yz"],
    ["<a><![CDATA[<!DOCTYPE x>]]></a>", "<!DOCTYPE x>"],
    ["<a>x<!-- <b> & <!DOCTYPE --> y</a>", "x y"],
    ["<!-- before --><a>x</a><!-- after -->", "x"],
    ["<a/><!-- <b> -->\n<?pi x?>", ""],
    ["<a><![CDATA[<!--]]></a><!-- -->", "<!--"],
    ["<a>x]]&gt;y</a>", "x]]>y"],
    ["<a>__proto__</a>", "__proto__"],
  ])("reads the text of %j", (text, expected) => {
    const root = parse(text);
    expect(nameOf(root)).toBe("a");
    expect(textOf(root)).toBe(expected);
  });

  it("keeps order, repetition and attributes", () => {
    const root = parse('<a xmlns:xsi="http://x"><b xsi:type="Canonical &amp; User">1</b><c/><b>2</b><s:d>3</s:d></a>');
    expect(childrenOf(root).map((child) => [nameOf(child), textOf(child)])).toEqual([
      ["b", "1"],
      ["c", ""],
      ["b", "2"],
      ["d", "3"],
    ]);
    const types = [root, ...childrenOf(root)].map((element) => attributeOf(element, "type"));
    expect(types).toEqual([undefined, "Canonical & User", undefined, undefined, undefined]);
    expect(attributeOf(root, "xsi")).toBeUndefined();
  });

  it.each([
    [""],
    [" "],
    ["x"],
    ["<a>"],
    ["<a>x"],
    ["</a>"],
    ["<a></b>"],
    ["<b>x</b>"],
    ["<a/><a/>"],
    ["<a></a><a></a>"],
    ["<a/>x"],
    ["<a/>x<!-- y -->"],
    ["<a/>x<?pi?>"],
    ["x<a/>"],
    ["<a><b></a></b>"],
    ["<a>&unknown;</a>"],
    ["<a>&nbsp;</a>"],
    ["<a>x & y</a>"],
    ["<a>&#xD800;</a>"],
    ["<a>&#x110000;</a>"],
    ["<a>&#;</a>"],
    ["<a>&#xZ;</a>"],
    ["<a b=c/>"],
    ["<a b='1' b='2'/>"],
    ["<a b>x</a>"],
    ["<a b='&x;'/>"],
    ["<a>\u0001</a>"],
    ["<a>\uffff</a>"],
    ["<!DOCTYPE a><a>x</a>"],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'],
    ["<!doctype a><a>x</a>"],
    ["<a><!-- x</a>"],
    ["<a><![CDATA[x</a>"],
    ["<a><!x></a>"],
    ["<a><b><c><d><e><f/></e></d></c></b></a>"],
    ["<a>x</a >>"],
    ["<a><1/></a>"],
    ["<a><b:/></a>"],
    ["<a><b:c:d/></a>"],
    ["< a/>"],
    ["<a / >"],
    ["<a b='1'c='2'/>"],
    ["<a b='<'/>"],
    ["<a><![CDATA[]]></a><![CDATA[]]>"],
    ["<?xml version='1.0'"],
    ["<a><__proto__>x</__proto__></a><b/>"],
    ['{"Delete":1}'],
  ])("refuses %j with MalformedXML", (text) => {
    const error = failure(() => parse(text));
    expect(error.code).toBe("MalformedXML");
    expect(error.status).toBe(400);
  });

  it("refuses bytes that are not UTF-8 and bodies over the limit with MalformedXML", () => {
    const limits = { maxBytes: 10 };
    expect(failure(() => parseXml(Uint8Array.of(60, 97, 62, 0xff, 60, 47, 97, 62), "a", limits)).code).toBe(
      "MalformedXML",
    );
    expect(textOf(parseXml(new TextEncoder().encode("<a>123</a>"), "a", limits))).toBe("123");
    expect(failure(() => parseXml(new TextEncoder().encode("<a>1234</a>"), "a", limits)).code).toBe("MalformedXML");
  });

  it.each([
    ["elements", 10, "<a/>", 10],
    ["attributes", 1_000, "<a b='1'/>", 1_001],
    ["elements in comments and instructions", 0, "<!--<a/>--><?a <a/>?>", 1],
  ])("refuses too many %s", (_what, most, one, elements) => {
    const limits = { maxBytes: 100_000, maxElements: elements + (most === 10 ? 1 : 0) };
    const read = (count: number) => parseXml(new TextEncoder().encode(`<a>${one.repeat(count)}</a>`), "a", limits);
    if (most === 0) {
      expect(childrenOf(read(2_000))).toEqual([]);
      return;
    }
    expect(childrenOf(read(most))).toHaveLength(most);
    expect(failure(() => read(most + 1)).code).toBe("MalformedXML");
  });

  it("counts CDATA sections as elements, but not their content", () => {
    const read = (count: number) =>
      parseXml(new TextEncoder().encode(`<a>${"<![CDATA[<a/><a/>]]>".repeat(count)}</a>`), "a", {
        maxBytes: 100_000,
        maxElements: 101,
      });
    expect(textOf(read(100))).toBe("<a/><a/>".repeat(100));
    expect(failure(() => read(101)).code).toBe("MalformedXML");
  });

  it("refuses an element with too many attributes, including namespace declarations", () => {
    const attributes = (count: number, name: string) =>
      Array.from({ length: count }, (_unused, at) => ` ${name}${at}=''`);
    expect(nameOf(parse(`<a${attributes(16, "xmlns:n").join("")}/>`))).toBe("a");
    expect(failure(() => parse(`<a${attributes(17, "xmlns:n").join("")}/>`)).code).toBe("MalformedXML");
    expect(failure(() => parse(`<a${attributes(17, "n").join("")}/>`)).code).toBe("MalformedXML");
    expect(failure(() => parse(`<${"a".repeat(129)}/>`)).code).toBe("MalformedXML");
  });

  it("reads 10,000 parts", () => {
    const part = "<Part><PartNumber>1</PartNumber><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag></Part>";
    const text = `<CompleteMultipartUpload>${part.repeat(10_000)}</CompleteMultipartUpload>`;
    const root = parseXml(new TextEncoder().encode(text), "CompleteMultipartUpload", {
      maxBytes: 2_000_000,
      maxElements: 30_001,
    });
    expect(childrenOf(root).length).toBe(10_000);
  });
});

describe("helpers", () => {
  const root = parse("<a>\n <x>1</x> <y><z/></y> <w>1</w> <w>2</w>\n</a>");

  it("find children", () => {
    expect(childText(root, "x")).toBe("1");
    expect(requireChildText(root, "x")).toBe("1");
    expect(childText(root, "none")).toBeUndefined();
    expect(findChild(root, "none")).toBeUndefined();
    expect(childrenOf(requireChild(root, "y")).length).toBe(1);
    expect(childrenOf(root, "w").map(textOf)).toEqual(["1", "2"]);
    expect(() => requireOnly(root, ["x", "y", "w"])).not.toThrow();
  });

  it.each([
    ["a repeated child", () => findChild(root, "w")],
    ["a repeated text", () => childText(root, "w")],
    ["a missing child", () => requireChild(root, "none")],
    ["a missing text", () => requireChildText(root, "none")],
    ["elements for text", () => childText(root, "y")],
    ["an unknown child", () => requireOnly(root, ["x", "y"])],
    ["text between children", () => requireOnly(parse("<a>t<x/></a>"), ["x"])],
  ])("refuse %s with MalformedXML", (_what, run) => {
    expect(failure(run).code).toBe("MalformedXML");
  });
});
