import { describe, expect, it } from "vitest";
import { parseXml, textOf } from "../../../../src/protocol/xml/reader.ts";
import { formatDocument, formatXml, xmlElement, xmlOptional, xmlText } from "../../../../src/protocol/xml/writer.ts";

const HOSTILE = [
  ["plain", "plain"],
  [" spaces at both ends ", " spaces at both ends "],
  ["a\r\nb\tc", "a&#xd;&#xa;b&#x9;c"],
  ["\0\u0001\b\u001f\u007f\u0085", "&#x0;&#x1;&#x8;&#x1f;&#x7f;&#x85;"],
  ['<a href="x">&amp;\'</a>', "&lt;a href=&quot;x&quot;&gt;&amp;amp;'&lt;/a&gt;"],
  ["]]>", "]]&gt;"],
  ["<![CDATA[x]]>", "&lt;![CDATA[x]]&gt;"],
  ["ünï/日本/😀", "ünï/日本/😀"],
  ["\ufeffbom", "\ufeffbom"],
  ["\u2028\uffff", "&#x2028;&#xffff;"],
  ["a\ud800b", "a\ufffdb"],
  ["+ %20 & =", "+ %20 &amp; ="],
] as const;

describe("formatXml", () => {
  it("writes prolog, namespace and children in order, and leaves out undefined children", () => {
    expect(
      formatXml("Result", [
        xmlText("Name", "b"),
        xmlText("Count", 0),
        xmlText("Truncated", false),
        xmlOptional("None", undefined),
        xmlOptional("Empty", ""),
        xmlElement("List", [xmlElement("Item", [], { "xsi:type": '"' }), undefined]),
      ]),
    ).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Result xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
        "<Name>b</Name><Count>0</Count><Truncated>false</Truncated><Empty/>" +
        '<List><Item xsi:type="&quot;"/></List></Result>',
    );
  });

  it.each(HOSTILE)("escapes %j", (text, escaped) => {
    const document = formatDocument(xmlText("a", text));
    expect(document).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n<a>${escaped}</a>`);
    expect(textOf(parseXml(new TextEncoder().encode(document), "a", { maxBytes: 1000 }))).toBe(text.toWellFormed());
  });
});
