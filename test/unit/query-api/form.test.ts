/** Bodies of the query APIs: in pieces, at the size limit, and ambiguous ones. */
import { describe, expect, test } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import { QueryError } from "../../../src/query-api/errors.ts";
import { parseForm, readBody } from "../../../src/query-api/form.ts";
import { bytesOf, streamOf } from "../auth/support.ts";

const MAX_BODY_BYTES = 64 * 1024;

async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof QueryError || error instanceof S3Error) return error.code;
    throw error;
  }
  return "none";
}

describe("readBody", () => {
  test("joins the pieces; an absent body is an empty one", async () => {
    const bytes = bytesOf("Action=ListUsers&Version=2010-05-08");
    for (const pieceBytes of [1, 7, 1000])
      expect(await readBody(streamOf(bytes, pieceBytes), MAX_BODY_BYTES)).toEqual(bytes);
    expect(await readBody(null, MAX_BODY_BYTES)).toHaveLength(0);
  });

  test("stops reading a body that is too long", async () => {
    expect(await readBody(streamOf(new Uint8Array(MAX_BODY_BYTES), 4096), MAX_BODY_BYTES)).toHaveLength(MAX_BODY_BYTES);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(4096));
      },
    });
    expect(await codeOf(() => readBody(endless, MAX_BODY_BYTES))).toBe("EntityTooLarge");
    expect(pulled).toBeLessThan(20);
  });
});

describe("parseForm", () => {
  test("decodes escapes and plus signs, keeps empty values", () => {
    const form = parseForm(bytesOf("A=a+b%2Bc&B=&C&D=%C3%BC=x"));
    expect([...form]).toEqual([
      ["A", "a b+c"],
      ["B", ""],
      ["C", ""],
      ["D", "ü=x"],
    ]);
  });

  test.each([
    ["A=1&A=1", "InvalidQueryParameter"],
    ["A=1&%41=2", "InvalidQueryParameter"],
    ["A=%", "InvalidURI"],
    ["A=%C3", "InvalidURI"],
  ])("%s is %s", async (body, code) => {
    expect(await codeOf(() => parseForm(bytesOf(body)))).toBe(code);
  });

  test("refuses bytes that are not UTF-8 with InvalidURI", async () => {
    expect(await codeOf(() => parseForm(Uint8Array.of(0x41, 0x3d, 0xff)))).toBe("InvalidURI");
  });
});
