import { describe, expect, it } from "vitest";
import { S3Error } from "../../../../src/errors.ts";
import { readPostForm } from "../../../../src/protocol/post-form/post-form.ts";
import { BOUNDARY, encodeForm, type FormEntry } from "../../../support/post-form.ts";
import { cut, readWhole, sourceOf } from "./form.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function refusal(reading: Promise<unknown>): Promise<S3Error> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof S3Error) return error;
  throw new Error(`no S3Error but ${String(error)}`);
}

/** The variable `${filename}`. */
const NAME = `\${filename}`;

/** A file with many sequences that resemble a delimiter. */
const TRICKY = `\r\n--${BOUNDARY.slice(0, -1)}\r\r\n-\r\n--\r\r\n--${BOUNDARY.slice(0, 9)}--${BOUNDARY}\n--${BOUNDARY}\r\n\r`;
const SMALL: readonly FormEntry[] = [
  ["key", "a/ü"],
  ["x-amz-meta-note", "line\r\nbreak"],
  ["empty", ""],
  ["file", { content: TRICKY, name: "f.bin", type: "text/css" }],
];

describe("readPostForm, in chunks", () => {
  const whole = encodeForm(SMALL);
  const expected = { key: "a/ü", "x-amz-meta-note": "line\r\nbreak", empty: "" };

  it("reads a form that is split at any byte", async () => {
    for (let at = 0; at <= whole.length; at++) {
      const { fields, file } = await readWhole([whole.subarray(0, at), whole.subarray(at)]);
      expect([at, fields, text(file)]).toEqual([at, expected, TRICKY]);
    }
  });

  it.each([1, 2, 3, 5, 7, 39, 40, 41, 64])("reads a form in chunks of %i bytes", async (size) => {
    const { fields, file } = await readWhole(cut(whole, size));
    expect([fields, text(file)]).toEqual([expected, TRICKY]);
  });

  it("refuses a form that ends too early at any byte", async () => {
    const end = whole.length - 2;
    for (let length = 0; length < end; length++) {
      const error = await refusal(readWhole([whole.subarray(0, length)]));
      expect([length, error.code]).toEqual([length, "MalformedPOSTRequest"]);
    }
    // Without the last line break the form is complete.
    expect(text((await readWhole([whole.subarray(0, end)])).file)).toBe(TRICKY);
  });

  it("counts the bytes before and after the file", async () => {
    for (const pieces of [[whole], cut(whole, 1)]) {
      const { form, file } = await readWhole(pieces);
      expect(form.headBytes + file.length + form.closingBytes + 2).toBe(whole.length);
    }
  });

  it("passes the file on before its end has arrived", async () => {
    const form = await readPostForm(sourceOf(cut(whole, 16)), BOUNDARY);
    const { value } = await form.file().next();
    expect(value?.length).toBeLessThan(TRICKY.length);
  });
});

describe("the file", () => {
  const fileOf = async (content: string | Uint8Array) =>
    (
      await readWhole([
        encodeForm([
          ["key", "k"],
          ["file", { content }],
        ]),
      ])
    ).file;

  it.each(["", "\r\n", "\r", "\n", "--", `--${BOUNDARY}`, `--${BOUNDARY}--`, "x\r\n--", "\0"])(
    "may contain %j",
    async (content) => {
      expect(text(await fileOf(content))).toBe(content);
    },
  );

  it("may contain every byte", async () => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
    expect(await fileOf(bytes)).toEqual(bytes);
  });

  it("ends at the first delimiter; parts after it are ignored", async () => {
    const { fields, file } = await readWhole([
      encodeForm([
        ["key", "k"],
        ["file", { content: "one" }],
        ["key", "other"],
        ["file", { content: "two" }],
        ["submit", "Upload"],
      ]),
    ]);
    expect([fields, text(file)]).toEqual([{ key: "k" }, "one"]);
  });

  it("is refused if the form after it is incomplete", async () => {
    const form = encodeForm(
      [
        ["key", "k"],
        ["file", { content: "one" }],
        ["submit", "Upload"],
      ],
      BOUNDARY,
      "\r\n",
    );
    expect((await refusal(readWhole([form]))).code).toBe("MalformedPOSTRequest");
  });
});

describe("the file name in fields", () => {
  const keyOf = async (name: string | undefined, key = `in/${NAME}`) =>
    (
      await readWhole([
        encodeForm([
          ["key", key],
          ["x-amz-meta-name", `<${NAME}>`],
          ["file", { content: "x", name }],
        ]),
      ])
    ).fields;

  it.each([
    ["report.pdf", "report.pdf"],
    ["C:\\Users\\me\\report.pdf", "report.pdf"],
    ["/home/me/report.pdf", "report.pdf"],
    ["a/b\\c.txt", "c.txt"],
    ["a\\b/c.txt", "c.txt"],
    ["dir/", ""],
    ["", ""],
    ["$&.txt", "$&.txt"],
    ['say \\"hi\\".txt', 'say "hi".txt'],
    ["ünï.txt", "ünï.txt"],
    ["a;b=c.txt", "a;b=c.txt"],
  ])("of %j is written as %j in every field", async (name, filled) => {
    expect(await keyOf(name)).toEqual({ key: `in/${filled}`, "x-amz-meta-name": `<${filled}>` });
  });

  it("is not replaced if the file has no name", async () => {
    expect(await keyOf(undefined)).toEqual({ key: `in/${NAME}`, "x-amz-meta-name": `<${NAME}>` });
  });

  it("is replaced at every place, but not in its own value", async () => {
    expect((await keyOf(NAME, `${NAME}/${NAME}`)).key).toBe(`${NAME}/${NAME}`);
  });

  it("is also read from filename*", async () => {
    const body = `--b\r\nContent-Disposition: form-data; name=key\r\n\r\n\${filename}\r\n--b\r\ncontent-disposition:form-data ; name=file; filename="x"; filename*=utf-8''na%C3%AFve.txt\r\n\r\nx\r\n--b--`;
    expect((await readWhole([body], "b")).fields.key).toBe("naïve.txt");
  });
});

describe("fields", () => {
  it("have names in any case", async () => {
    const form = encodeForm([
      ["KEY", "K"],
      ["X-Amz-Meta-A", "V"],
      ["FiLe", { content: "x" }],
    ]);
    expect((await readWhole([form])).fields).toEqual({ key: "K", "x-amz-meta-a": "V" });
  });

  it("may follow a preamble and padding", async () => {
    const body =
      "preamble\r\n--b \t\r\nContent-Disposition: form-data; name=key\r\n\r\nk\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=file\r\n\r\nx\r\n--b--epilogue";
    const { fields, file } = await readWhole([body], "b");
    expect([fields, text(file)]).toEqual([{ key: "k" }, "x"]);
  });

  it("may be sent as files", async () => {
    const form = encodeForm([
      ["key", { content: "k", name: "key.txt", type: "text/plain" }],
      ["file", { content: "x" }],
    ]);
    expect((await readWhole([form])).fields).toEqual({ key: "k" });
  });

  it("that are ignored may be repeated", async () => {
    const form = encodeForm([
      ["key", "k"],
      ["x-ignore-a", "1"],
      ["X-Ignore-A", "2"],
      ["file", { content: "x" }],
    ]);
    expect((await readWhole([form])).fields).toEqual({ key: "k", "x-ignore-a": "2" });
  });

  it("may have 20 KB including headers and boundaries", async () => {
    const withFiller = (size: number) =>
      encodeForm([
        ["key", "k"],
        ["x-ignore-filler", "x".repeat(size)],
        ["file", { content: "y".repeat(50_000) }],
      ]);
    const { headBytes } = (await readWhole([withFiller(0)])).form;
    const room = 20_480 - headBytes;
    for (const size of [29, 1000, 100_000]) {
      expect((await readWhole(cut(withFiller(room), size))).file.length).toBe(50_000);
      const error = await refusal(readWhole(cut(withFiller(room + 1), size)));
      expect([error.code, error.status, error.message, error.details]).toEqual([
        "MaxPostPreDataLengthExceededError",
        400,
        "Your POST request fields preceding the upload file were too large.",
        { MaxPostPreDataLengthBytes: "20480" },
      ]);
    }
  });

  it.each([
    ["a preamble", "x".repeat(30_000)],
    ["a header line", `--b\r\nContent-Disposition: form-data; name=${"x".repeat(30_000)}`],
    ["header lines", `--b\r\n${"A: b\r\n".repeat(5_000)}`],
    ["a value", `--b\r\nContent-Disposition: form-data; name=a\r\n\r\n${"x".repeat(30_000)}`],
  ])("are refused as soon as %s exceeds 20 KB", async (_what, body) => {
    const endless = { take: async () => new TextEncoder().encode("xxxx") };
    const first = sourceOf([body]);
    const source = { ...endless, take: async () => (await first.take()) ?? (await endless.take()) };
    expect((await refusal(readPostForm(source, "b"))).code).toBe("MaxPostPreDataLengthExceededError");
  });
});

describe("readPostForm refuses", () => {
  const part = (disposition: string, value = "v") => `--b\r\n${disposition}\r\n\r\n${value}\r\n`;
  const key = part("Content-Disposition: form-data; name=key", "k");
  const file = part("Content-Disposition: form-data; name=file", "x");

  it.each<[string, string]>([
    ["an empty body", ""],
    ["a body that is not multipart", "key=k&file=x"],
    ["another boundary", "--c\r\n\r\n--c--"],
    ["text after a boundary", `${key}--bc\r\n${file}--b--`],
    ["a single dash after a boundary", `${key}--b-\r\n${file}--b--`],
    ["bare line feeds", "--b\nContent-Disposition: form-data; name=key\n\nk\n--b--\n"],
    ["a part without Content-Disposition", `${part("Content-Type: text/plain")}${file}--b--`],
    [
      "a part with two of them",
      `${part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b")}${file}--b--`,
    ],
    ["another disposition", `${part('Content-Disposition: attachment; name="key"')}${file}--b--`],
    ["a part without a name", `${part("Content-Disposition: form-data")}${file}--b--`],
    ["two names", `${part("Content-Disposition: form-data; name=a; name=b")}${file}--b--`],
    ["a quote that is not closed", `${part('Content-Disposition: form-data; name="key')}${file}--b--`],
    ["text after a quote", `${part('Content-Disposition: form-data; name="key"x')}${file}--b--`],
    ["a header line without a colon", `${part("Content-Disposition: form-data; name=key\r\nnonsense")}${file}--b--`],
    [
      "a file name that is not UTF-8",
      `${key}${part("Content-Disposition: form-data; name=file; filename*=utf-8''%FF")}--b--`,
    ],
  ])("%s with MalformedPOSTRequest", async (_what, body) => {
    const error = await refusal(readWhole([body], "b"));
    expect([error.code, error.status, error.message]).toEqual([
      "MalformedPOSTRequest",
      400,
      "The body of your POST request is not well-formed multipart/form-data.",
    ]);
  });

  it("a value that is not UTF-8 with MalformedPOSTRequest", async () => {
    const pieces = ["--b\r\nContent-Disposition: form-data; name=key\r\n\r\n", Uint8Array.of(0xff), `\r\n${file}--b--`];
    expect((await refusal(readWhole(pieces, "b"))).code).toBe("MalformedPOSTRequest");
  });

  const order = "If it is specified, please check the order of the fields.";
  it.each<[string, readonly FormEntry[], string, string, string]>([
    ["no file", [["key", "k"]], "POST requires exactly one file upload per request.", "file", "0"],
    ["no field", [], "POST requires exactly one file upload per request.", "file", "0"],
    ["no key", [["file", { content: "x" }]], `Bucket POST must contain a field named 'key'.  ${order}`, "key", ""],
    [
      "a key behind the file",
      [
        ["file", { content: "x" }],
        ["key", "k"],
      ],
      `Bucket POST must contain a field named 'key'.  ${order}`,
      "key",
      "",
    ],
    [
      "an empty key",
      [
        ["key", ""],
        ["file", { content: "x" }],
      ],
      "User key must have a length greater than 0.",
      "key",
      "",
    ],
    [
      "a field that comes twice",
      [
        ["key", "a"],
        ["Key", "b"],
        ["file", { content: "x" }],
      ],
      "The form field key must not be repeated.",
      "key",
      "b",
    ],
  ])("%s with InvalidArgument", async (_what, entries, message, name, value) => {
    const form = entries.length === 0 ? "--b--\r\n" : encodeForm(entries, "b");
    const error = await refusal(readWhole([form], "b"));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: name, ArgumentValue: value },
    ]);
  });

  it("a key of 1,025 bytes after the file name is inserted with KeyTooLongError", async () => {
    const form = (keyText: string, name: string) =>
      encodeForm([
        ["key", keyText],
        ["file", { content: "x", name }],
      ]);
    expect((await refusal(readWhole([form("k".repeat(1025), "f")]))).code).toBe("KeyTooLongError");
    expect((await refusal(readWhole([form(NAME, "f".repeat(1025))]))).code).toBe("KeyTooLongError");
    expect((await readWhole([form(NAME, "f".repeat(1024))])).fields.key?.length).toBe(1024);
  });
});
