/**
 * Hostile input: damaged versions of valid inputs, for every reader of text that clients write. A reader accepts them, or
 * refuses them with an S3 error that is the client's fault. `npm run test:fuzz` tries many more, and measures. `FUZZ_RUNS` is
 * the number of inputs for each format, `SEED` chooses them; a failure prints the seed and the shortest input.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import { QueryError } from "../../../src/query-api/errors.ts";
import { DOCUMENTS } from "../../support/fuzz/documents.ts";
import { damaged, withEachField } from "../../support/fuzz/mutation.ts";
import { TARGETS } from "../../support/fuzz/targets.ts";
import { XML_TARGETS, xmlTargetOf } from "../../support/fuzz/xml-targets.ts";

const isSoak = import.meta.env.FUZZ_RUNS !== undefined;
const numRuns = Number(import.meta.env.FUZZ_RUNS ?? 150);
const seed = Number(import.meta.env.SEED ?? (isSoak ? Date.now() : 1));
const parameters = { numRuns, seed };

/** CPU time that the largest legal documents may take (`npm run test:time`); measured only in the long runs. */
const MAX_MS = 250;

/** What is wrong with an error; undefined for one that a client may see. */
function fault(error: unknown): string | undefined {
  if (error instanceof QueryError && error.status < 500) return undefined;
  if (!(error instanceof S3Error)) return `not an S3Error: ${error instanceof Error ? error.stack : String(error)}`;
  if (error.status >= 500 && error.status !== 501) return `${error.code} is not the client's fault`;
  return undefined;
}

async function faultOf(read: () => unknown): Promise<string | undefined> {
  const start = process.cpuUsage();
  try {
    await read();
  } catch (error) {
    const found = fault(error);
    if (found !== undefined) return found;
  }
  const { user, system } = process.cpuUsage(start);
  const tookMs = (user + system) / 1000;
  return isSoak && tookMs > MAX_MS ? `takes ${tookMs} ms` : undefined;
}

describe("a damaged input is accepted or refused with the client's error", () => {
  it.each(Object.keys(TARGETS))("%s", async (name) => {
    const { inputs = [], readers = [] } = TARGETS[name] ?? {};
    await fc.assert(
      fc.asyncProperty(damaged(inputs), async (text) => {
        for (const read of readers) expect(await faultOf(() => read(text))).toBeUndefined();
      }),
      parameters,
    );
  });
});

/** Formats with many fields are left to the long runs. */
const FEW_FIELDS = ["Authorization headers", "dates", "ranges", "ids", "addresses of receivers", "queries", "tokens"];

describe("each field of an input is replaced by each text that parsers treat in special ways", () => {
  it.each(isSoak ? Object.keys(TARGETS) : FEW_FIELDS)("%s", async (name) => {
    const { inputs = [], readers = [], fields } = TARGETS[name] ?? {};
    const faults: string[] = [];
    for (const text of withEachField(inputs, fields)) {
      for (const read of readers) {
        const found = await faultOf(() => read(text));
        if (found !== undefined) faults.push(`${text}: ${found}`);
      }
    }
    expect(faults.slice(0, 3)).toEqual([]);
  });
});

describe("the inputs before the damage", () => {
  it("have every document that a reader reads", () => {
    const roots = DOCUMENTS.map((text) => /<(\w+)/.exec(text)?.[1]);
    expect(new Set(roots)).toEqual(new Set(Object.keys(XML_TARGETS)));
  });

  it.each(DOCUMENTS)("are accepted: %s", (text) => {
    expect(() => xmlTargetOf(text).read(new TextEncoder().encode(text))).not.toThrow();
  });
});

it("a document that is accepted reads the same after it is written", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  fc.assert(
    fc.property(damaged(DOCUMENTS), (text) => {
      const { read, readAgain } = xmlTargetOf(text);
      if (readAgain === undefined) return;
      let first: unknown;
      try {
        first = read(bytes(text));
      } catch {
        return;
      }
      // A rule without an id gets a new one each time it is read.
      fc.pre(!/id/i.test(JSON.stringify(first)) || /<ID>[^<]/i.test(text));
      expect(readAgain(bytes(text))).toEqual(first);
    }),
    { ...parameters, numRuns: numRuns * 4 },
  );
});
