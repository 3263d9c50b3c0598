import { describe, expect, it } from "vitest";
import { XML_SETTINGS } from "../../../console/src/documents/bucket-settings.ts";
import { editModel, editText, problemsOf, startEditing, xmlFormat } from "../../../console/src/documents/editing.ts";
import { type Field, itemsIn, type Model, readModel, writeTree } from "../../../console/src/documents/fields.ts";
import { parseTree } from "../../../console/src/documents/parse-tree.ts";
import { canonical, formatTree } from "../../../console/src/documents/tree.ts";
import { parseCorsConfiguration } from "../../../src/protocol/xml/cors-configuration.ts";
import { parseLifecycleRules } from "../../../src/protocol/xml/lifecycle-configuration.ts";
import { parseReplicationConfiguration } from "../../../src/protocol/xml/replication-configuration.ts";
import { parseWebsiteConfiguration } from "../../../src/protocol/xml/website-configuration.ts";
import { readXml } from "../../support/xml.ts";

function setting(id: string) {
  const found = XML_SETTINGS.find((each) => each.id === id);
  if (found === undefined) throw new Error(`There is no setting ${id}.`);
  return found;
}

const FIELDS: readonly Field[] = [
  { kind: "text", id: "name", path: ["Name"], label: "Name", isRequired: true },
  { kind: "text", id: "kept", path: ["Outer", "Kept"], label: "Kept", isKept: true },
  { kind: "number", id: "days", path: ["Outer", "Days"], label: "Days", least: 1 },
  { kind: "flag", id: "flag", path: ["Flag"], label: "Flag", on: "true", off: "false" },
  { kind: "lines", id: "lines", path: ["Line"], label: "Lines" },
  {
    kind: "list",
    id: "items",
    path: ["Items", "Item"],
    label: "Items",
    itemLabel: "item",
    fields: [{ kind: "choice", id: "kind", path: ["Kind"], label: "Kind", options: [{ value: "a", label: "a" }] }],
  },
];
const MODEL: Model = {
  name: "<&>",
  kept: "",
  days: "3",
  flag: "yes",
  lines: "one\ntwo",
  items: [{ kind: "a" }, { kind: "b" }],
};
const TEXT =
  "<Root><Name>&lt;&amp;&gt;</Name><Outer><Kept></Kept><Days>3</Days></Outer><Flag>true</Flag><Line>one</Line><Line>two</Line><Items><Item><Kind>a</Kind></Item><Item><Kind>b</Kind></Item></Items></Root>";

describe("fields", () => {
  it("write what they read, in their order", () => {
    expect(formatTree(writeTree(FIELDS, MODEL, "Root")).replace(/\n\s*/g, "")).toBe(TEXT);
    expect(readModel(FIELDS, parseTree(TEXT))).toEqual(MODEL);
  });

  it("read the same from another order of elements, with layout and empty elements", () => {
    const text = TEXT.replace("<Flag>true</Flag>", "").replace("<Root>", "<Root>\n  <Flag>true</Flag>\n  <Empty/>\n");
    expect(readModel(FIELDS, parseTree(text))).toEqual(MODEL);
  });

  it.each([
    ["an element without a field", TEXT.replace("</Root>", "<New>x</New></Root>")],
    ["a second element of a field for one", TEXT.replace("<Flag>", "<Name>other</Name><Flag>")],
    ["an unknown element in an item", TEXT.replace("<Kind>b</Kind>", "<Kind>b</Kind><More>1</More>")],
    ["a value that a flag does not have", TEXT.replace("true", "maybe")],
  ])("say nothing about a document with %s, which a form would lose", (_what, text) => {
    expect(readModel(FIELDS, parseTree(text))).toBeUndefined();
  });

  it("find missing values and invalid numbers, each at its place", () => {
    const fields: Field[] = [
      ...FIELDS,
      { kind: "list", id: "more", path: ["More"], label: "More", itemLabel: "one", isRequired: true, fields: FIELDS },
    ];
    const format = { ...xmlFormat({ root: "Root", fields }), fields };
    const model = {
      ...MODEL,
      days: "0",
      more: [
        { ...MODEL, name: " " },
        { ...MODEL, days: "1.5" },
      ],
    };
    const problems = problemsOf(format, { text: "", model, mistake: undefined });
    expect([...problems.keys()].sort()).toEqual(["days", "more.0.name", "more.1.days"]);
    expect([...problemsOf(format, { text: "", model: MODEL, mistake: undefined })]).toEqual([["more", "Add a one."]]);
  });
});

describe("parseTree", () => {
  it("reads declarations, comments, CDATA, namespaces, attributes and references", () => {
    const text = `<?xml version="1.0"?>\n<!-- a < b -->\n<s3:A xmlns:s3="x"><B c='d'/><C><![CDATA[<&]]> &#x41;&#66;&quot;</C></s3:A>`;
    expect(parseTree(text)).toEqual({
      name: "A",
      text: "",
      children: [
        { name: "B", text: "", children: [] },
        { name: "C", text: '<& AB"', children: [] },
      ],
    });
  });

  it.each([
    ["", "one element"],
    ["text", "one element"],
    ["<A></A><B></B>", "one element"],
    ["<A>\n<B>\n</A>", "</A> in line 3 closes nothing"],
    ["<A>\n<B>", "<B> is not closed"],
    ["<A>\na < b</A>", "Line 2 is not XML"],
    ["<A>\nR&D</A>", "&D in line 2 is no reference"],
    ["<A>&#x110000;</A>", "is no reference"],
    ["<!DOCTYPE A [<!ENTITY a 'b'>]><A/>", "Line 1 is not XML"],
    ["<A b=c></A>", "Line 1 is not XML"],
    ["<A>".repeat(30), "nested too deeply"],
  ])("refuses %j", (text, message) => {
    expect(() => parseTree(text)).toThrow(message);
  });

  it("takes no longer for twice the text than twice the steps", () => {
    // Texts on which careless expressions go back again and again.
    for (const text of [
      "<A ".repeat(20_000),
      "<!--".repeat(20_000),
      `<A ${'b="" '.repeat(20_000)}`,
      "&".repeat(50_000),
    ]) {
      expect(() => parseTree(text)).toThrow();
    }
  });
});

describe("canonical", () => {
  it("keeps the order of siblings of one name", () => {
    const of = (text: string) => canonical(parseTree(text));
    expect(of("<A><B>1</B><C>2</C></A>")).toBe(of("<A><C>2</C><D/><B>1</B></A>"));
    expect(of("<A><B>1</B><B>2</B></A>")).not.toBe(of("<A><B>2</B><B>1</B></A>"));
  });
});

describe("a document that is edited", () => {
  const format = xmlFormat(setting("cors"));

  it("has the text of its form", () => {
    const { model, text } = startEditing(format, undefined);
    expect(model).toEqual({ rules: [] });
    expect(readXml(text).name).toBe("CORSConfiguration");
  });

  it("has no form while its text is no document, and the one of the text then", () => {
    expect(editText(format, "<CORSConfiguration>")).toMatchObject({
      model: undefined,
      mistake: "<CORSConfiguration> is not closed.",
    });
    expect(editText(format, "<Other></Other>").mistake).toBe("The document must be a CORSConfiguration.");
    const { model } = editText(
      format,
      "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>",
    );
    expect(model === undefined ? [] : itemsIn(model, "rules")).toMatchObject([{ origins: "*" }]);
  });

  it("keeps blank lines of a field while they are typed, which the text leaves out", () => {
    const edited = editModel(format, startEditing(format, undefined), { rules: [{ origins: "https://a\n" }] });
    expect(edited.model).toEqual({ rules: [{ origins: "https://a\n" }] });
    expect(edited.text.match(/<AllowedOrigin>/g)).toHaveLength(1);
  });
});

const bytes = (text: string) => new TextEncoder().encode(text);

describe("documents of the forms are accepted by the endpoint's own readers", () => {
  const written = (id: string, model: Model) => bytes(xmlFormat(setting(id)).write(model));
  const itemOf = (id: string) => setting(id).fields.find((field) => field.kind === "list")?.initial ?? {};

  it("CORS", () => {
    const rule = { ...itemOf("cors"), origins: "https://a.example\nhttps://b.example", exposed: "ETag", maxAge: "60" };
    expect(parseCorsConfiguration(written("cors", { rules: [rule] }))).toMatchObject([
      {
        allowedOrigins: ["https://a.example", "https://b.example"],
        allowedMethods: ["GET", "HEAD"],
        maxAgeSeconds: 60,
      },
    ]);
  });

  it("lifecycle", () => {
    const rule = {
      ...itemOf("lifecycle"),
      name: "x",
      prefix: "logs/",
      days: "60",
      transitions: [{ days: "30", storageClass: "STANDARD_IA" }],
      noncurrentDays: "3",
      newer: "2",
      abort: "1",
    };
    expect(
      parseLifecycleRules(
        written("lifecycle", { rules: [rule, { ...itemOf("lifecycle"), name: "y", markers: "yes" }] }),
      ),
    ).toHaveLength(2);
  });

  it("replication", () => {
    const rules = setting("replication").fields.find(({ id }) => id === "rules");
    const initial = rules?.kind === "list" ? rules.initial : undefined;
    const document = written("replication", {
      rules: [{ ...initial, destination: "arn:aws:s3:::copy", existing: "Enabled" }],
    });
    expect(parseReplicationConfiguration(document).rules).toMatchObject([
      { isEnabled: true, replicatesExisting: true },
    ]);
  });

  it("website", () => {
    const rules = [{ prefix: "old/", newPrefix: "new/", redirectCode: "301" }];
    expect(
      parseWebsiteConfiguration(written("website", { index: "index.html", error: "404.html", rules })),
    ).toBeDefined();
    expect(parseWebsiteConfiguration(written("website", { host: "www.example.com", protocol: "https" }))).toBeDefined();
  });
});
