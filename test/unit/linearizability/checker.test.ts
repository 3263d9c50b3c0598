/** The checker finds what is known to be linearizable or not: on a plain register, and on keys with versions, tags and ACLs. */
import { describe, expect, it } from "vitest";
import { checkLinearizable, type Operation, type SequentialModel } from "../../support/linearizability/checker.ts";
import {
  type KeyInput,
  type KeyOutput,
  keyModel,
  md5,
  type Versioning,
} from "../../support/linearizability/object-model.ts";
import { randomFrom } from "../../support/linearizability/random.ts";

type Register = { readonly write: number } | "read";

const register: SequentialModel<number, Register, number> = {
  initial: 0,
  step: (state, input, output) => {
    if (input !== "read") return input.write;
    return output === undefined || output === state ? state : undefined;
  },
  keyOf: String,
};

/** `[called, answered, input, output]`; without an output there was no answer. */
type Line<Input, Output> = readonly [called: number, answered: number, input: Input, output?: Output];

function operations<Input, Output>(lines: readonly Line<Input, Output>[]): Operation<Input, Output>[] {
  return lines.map(([called, answered, input, output]) => ({ input, output, called, answered }));
}

const REGISTERS: readonly { name: string; lines: Line<Register, number>[]; isLinearizable: boolean }[] = [
  {
    name: "a read after a write",
    lines: [
      [0, 1, { write: 1 }, 0],
      [2, 3, "read", 1],
    ],
    isLinearizable: true,
  },
  {
    name: "a read after a write that misses it",
    lines: [
      [0, 1, { write: 1 }, 0],
      [2, 3, "read", 0],
    ],
    isLinearizable: false,
  },
  {
    name: "a read at the time of a write, before or after it",
    lines: [
      [0, 5, { write: 1 }, 0],
      [1, 2, "read", 0],
      [3, 4, "read", 1],
    ],
    isLinearizable: true,
  },
  {
    name: "reads that see a write come and go",
    lines: [
      [0, 5, { write: 1 }, 0],
      [1, 2, "read", 1],
      [3, 4, "read", 0],
    ],
    isLinearizable: false,
  },
  {
    name: "two writes at once, of which two readers see different last ones",
    lines: [
      [0, 3, { write: 1 }, 0],
      [1, 2, { write: 2 }, 0],
      [4, 5, "read", 1],
      [6, 7, "read", 2],
    ],
    isLinearizable: false,
  },
  {
    name: "a write without an answer that took effect late",
    lines: [
      [0, 1, { write: 1 }],
      [2, 3, "read", 0],
      [4, 5, "read", 1],
    ],
    isLinearizable: true,
  },
  {
    name: "a write without an answer that never took effect",
    lines: [
      [0, 1, { write: 1 }],
      [2, 3, "read", 0],
      [4, 5, "read", 0],
    ],
    isLinearizable: true,
  },
  {
    name: "a write without an answer that took effect twice",
    lines: [
      [0, 1, { write: 1 }],
      [2, 3, "read", 1],
      [4, 5, { write: 2 }, 0],
      [6, 7, "read", 2],
      [8, 9, "read", 1],
    ],
    isLinearizable: false,
  },
];

const said = (status: number, about: Partial<KeyOutput> = {}): KeyOutput => ({
  status,
  versionId: "",
  isMarker: false,
  ...about,
});
const put = (write: string, condition = {}): KeyInput => ({
  kind: "put",
  write,
  body: write,
  etag: md5(write),
  condition,
});
const shows = (write: string, versionId = "", tagCount = 0) =>
  said(200, { versionId, read: { write, body: write, etag: md5(write), tagCount } });

const KEYS: readonly {
  name: string;
  versioning: Versioning;
  lines: Line<KeyInput, KeyOutput>[];
  isLinearizable: boolean;
}[] = [
  {
    name: "two writers that may create the object only, and both succeed",
    versioning: "never",
    lines: [
      [0, 3, put("1", { ifNoneMatch: "*" }), said(200)],
      [1, 2, put("2", { ifNoneMatch: "*" }), said(200)],
    ],
    isLinearizable: false,
  },
  {
    name: "two writers that may create the object only, of which one succeeds",
    versioning: "never",
    lines: [
      [0, 3, put("1", { ifNoneMatch: "*" }), said(200)],
      [1, 2, put("2", { ifNoneMatch: "*" }), said(412)],
    ],
    isLinearizable: true,
  },
  {
    name: "a torn read: the body of one write with the metadata of another",
    versioning: "never",
    lines: [
      [0, 1, put("1"), said(200)],
      [2, 3, put("2"), said(200)],
      [4, 5, { kind: "get" }, said(200, { read: { write: "2", body: "1", etag: md5("2"), tagCount: 0 } })],
    ],
    isLinearizable: false,
  },
  {
    name: "tags that were acknowledged and are gone after an ACL was put",
    versioning: "never",
    lines: [
      [0, 1, put("1"), said(200)],
      [2, 5, { kind: "put-tags", tags: "a=1" }, said(200)],
      [3, 4, { kind: "put-acl", acl: "public-read" }, said(200)],
      [6, 7, { kind: "get" }, shows("1")],
    ],
    isLinearizable: false,
  },
  {
    name: "the deletion of the current version brings the one before back",
    versioning: "Enabled",
    lines: [
      [0, 1, put("1"), said(200, { versionId: "b1" })],
      [2, 3, put("2"), said(200, { versionId: "a2" })],
      [4, 5, { kind: "delete-version", versionId: "a2" }, said(204)],
      [6, 7, { kind: "get" }, shows("1", "b1")],
    ],
    isLinearizable: true,
  },
  {
    name: "a version that is deleted and read again",
    versioning: "Enabled",
    lines: [
      [0, 1, put("1"), said(200, { versionId: "b1" })],
      [2, 3, { kind: "delete-version", versionId: "b1" }, said(204)],
      [4, 5, { kind: "get", versionId: "b1" }, shows("1", "b1")],
    ],
    isLinearizable: false,
  },
  {
    name: "a version without an answer that is found by a listing",
    versioning: "Enabled",
    lines: [
      [0, 1, put("1")],
      [2, 3, { kind: "list" }, said(200, { rows: [{ id: "b1", isMarker: false, etag: md5("1") }] })],
      [4, 5, { kind: "get" }, shows("1", "b1")],
    ],
    isLinearizable: true,
  },
  {
    name: "two null versions",
    versioning: "Suspended",
    lines: [
      [0, 1, put("1"), said(200)],
      [2, 3, put("2"), said(200)],
      [
        4,
        5,
        { kind: "list" },
        said(200, {
          rows: [
            { id: "null", isMarker: false, etag: md5("2") },
            { id: "null", isMarker: false, etag: md5("1") },
          ],
        }),
      ],
    ],
    isLinearizable: false,
  },
];

describe("checkLinearizable", () => {
  it.each(REGISTERS)("$name: $isLinearizable", ({ lines, isLinearizable }) => {
    expect(checkLinearizable(operations(lines), register).isLinearizable).toBe(isLinearizable);
  });

  it.each(KEYS)("$name: $isLinearizable", ({ versioning, lines, isLinearizable }) => {
    const model = keyModel({ versioning, versions: [] });
    expect(checkLinearizable(operations(lines), model).isLinearizable).toBe(isLinearizable);
  });

  it("accepts 200 random histories of a register, and refuses each if one read is changed to a value never written", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const history = randomHistory(seed);
      expect(checkLinearizable(history, register).isLinearizable, `seed ${seed}`).toBe(true);
      const at = history.findIndex(({ input }) => input === "read");
      const changed = history.map((operation, index) => (index === at ? { ...operation, output: -1 } : operation));
      if (at >= 0) expect(checkLinearizable(changed, register).isLinearizable, `seed ${seed}`).toBe(false);
    }
  });

  it("does not try a configuration twice", () => {
    // Twelve writes at once and a read of none of them: without memory that are 12! orders.
    const writes = Array.from(
      { length: 12 },
      (_, index): Line<Register, number> => [index, 100, { write: index % 2 }, 0],
    );
    const verdict = checkLinearizable(operations([...writes, [101, 102, "read", 7]]), register);
    expect(verdict.isLinearizable).toBe(false);
    expect(verdict.configurations).toBeLessThan(2 * 2 ** 12);
  });
});

/** Operations that take effect in one order, each called before its effect and answered after it. */
function randomHistory(seed: number): Operation<Register, number>[] {
  const random = randomFrom(seed);
  let value = 0;
  return Array.from({ length: 30 }, (_, index) => {
    const at = index * 10;
    const input: Register = random.chance(2) ? "read" : { write: index };
    if (input !== "read") value = input.write;
    const isAnswered = input === "read" || !random.chance(10);
    return {
      input,
      output: isAnswered ? value : undefined,
      called: at - random.next() * 35,
      answered: at + random.next() * 35,
    };
  });
}
