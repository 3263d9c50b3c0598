import { describe, expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import type { MacKey } from "../../../src/model/mac-key.ts";
import { formatContinuationToken, parseContinuationToken } from "../../../src/protocol/continuation-token.ts";
import { macKeyOf } from "../../support/mac-key.ts";

async function failure(promise: Promise<unknown>): Promise<S3Error> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof S3Error) return error;
  throw new Error("no S3 error");
}

describe("continuation tokens", () => {
  it.each(["", "k", "a/b/ü 😀\0\r", "x".repeat(1024)])("contain %j", async (after) => {
    const key = macKeyOf(1);
    const token = await formatContinuationToken(key, "bucket1", after);
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(await parseContinuationToken(key, "bucket1", token)).toBe(after);
  });

  it("are refused with InvalidArgument for another bucket, with another secret and after any change", async () => {
    const key = macKeyOf(1);
    const token = await formatContinuationToken(key, "bucket1", "key");
    const changed = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
    const attempts: readonly (readonly [MacKey, string, string])[] = [
      [key, "bucket2", token],
      [macKeyOf(2), "bucket1", token],
      [key, "bucket1", changed],
      [key, "bucket1", `${token}AAAA`],
      [key, "bucket1", token.slice(4)],
      ...["", "a", "key", "!", "%", btoa("x".repeat(40)), "_".repeat(48)].map(
        (text) => [key, "bucket1", text] as const,
      ),
    ];
    for (const attempt of attempts) {
      const error = await failure(parseContinuationToken(...attempt));
      expect(error.code).toBe("InvalidArgument");
      expect(error.message).toBe("The continuation token provided is incorrect");
      expect(error.details).toEqual({ ArgumentName: "continuation-token" });
    }
  });
});
