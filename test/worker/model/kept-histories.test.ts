/** Histories that random runs have found, as they were shrunk: each was answered in another way than the model expected. */
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { useMemory } from "../../support/memory-r2.ts";
import type { History } from "../../support/model/commands.ts";
import { runHistory } from "../../support/model/histories.ts";
import { type Callers, callersOf } from "../../support/model/wire.ts";
import { testEnv } from "../../support/s3.ts";

const env = { ...testEnv, CONFIG_TTL_SECONDS: "600", REQUEST_LOG: "errors" };
let callers: Callers;
let useSimulator = () => {};

beforeAll(async () => {
  useSimulator = useMemory(testEnv.STORE);
  vi.spyOn(console, "log").mockImplementation(() => {});
  callers = callersOf(await rootAccount(), await createAccount("another"));
});

afterAll(() => {
  useSimulator();
  vi.restoreAllMocks();
});

interface Kept {
  readonly what: string;
  readonly history: History;
}

const by = "owner";
const listing = { by, bucket: 0, prefix: "", delimiter: "", maxKeys: 1, after: "", isUrlEncoded: false } as const;

const KEPT: readonly Kept[] = [
  {
    what: "a full page of a suspended bucket, before a key whose only version was deleted by its id",
    history: {
      setups: ["suspended"],
      commands: [
        { op: "PutObject", by, bucket: 0, key: 1, body: 0, attributes: {}, condition: {} },
        { op: "DeleteObject", by, bucket: 0, key: 1, version: 0 },
        { op: "ListObjects", ...listing },
      ],
    },
  },
  {
    what: "two deletions in one request, of which the second is refused before the first fails",
    history: {
      setups: ["plain"],
      commands: [
        { op: "PutBucketAcl", by, bucket: 0, acl: "public-read-write" },
        { op: "PutObject", by, bucket: 0, key: 0, body: 0, attributes: {}, condition: {} },
        {
          op: "DeleteObjects",
          by: "anonymous",
          bucket: 0,
          items: [{ key: 1, ifMatch: "current" }, { key: 0 }],
          isQuiet: false,
        },
      ],
    },
  },
];

describe("a history that was found", () => {
  it.each(KEPT)("is answered as the model of S3 does: $what", async ({ history }) => {
    await runHistory(history, { env, callers, prefix: `k${Date.now().toString(36)}` });
  });
});
