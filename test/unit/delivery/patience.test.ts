import { describe, expect, it } from "vitest";
import { Patience } from "../../../src/delivery/patience.ts";

const at = (host: string, accountId = "a") => ({ accountId, host });
const first = { isRetry: false };
const retry = { isRetry: true };

describe("the patience of a batch", () => {
  it("is over for a host's first attempts once it was in trouble, however short", () => {
    const patience = new Patience();
    patience.lose(at("one"), 0);
    expect(patience.isOver(at("one"), first)).toBe(true);
    expect(patience.isOver(at("one"), retry)).toBe(false);
    expect(patience.isOver(at("other"), first)).toBe(false);
    expect(patience.isOver(at("one", "b"), first)).toBe(false);
  });

  it("is over for a host's retries after 10 s", () => {
    const patience = new Patience();
    patience.lose(at("one"), 9_999);
    expect(patience.isOver(at("one"), retry)).toBe(false);
    patience.lose(at("one"), 1);
    expect(patience.isOver(at("one"), retry)).toBe(true);
    expect(patience.isOver(at("other"), retry)).toBe(false);
  });

  it("is over for an account after 10 s of first attempts and 30 s of retries, and for no other", () => {
    const patience = new Patience();
    patience.lose(at("one"), 5_000);
    patience.lose(at("two"), 5_000);
    expect(patience.isOver(at("three"), first)).toBe(true);
    expect(patience.isOver(at("three"), retry)).toBe(false);
    for (const host of ["four", "five", "six", "seven"]) patience.lose(at(host), 5_000);
    expect(patience.isOver(at("three"), retry)).toBe(true);
    expect(patience.isOver(at("one", "b"), retry)).toBe(false);
  });
});
