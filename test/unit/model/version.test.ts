import { describe, expect, it } from "vitest";
import {
  isMarkerToken,
  isNullToken,
  isVersionId,
  newVersionToken,
  orderOf,
  tokenAfter,
  versionIdOf,
} from "../../../src/model/version.ts";

const NOW = new Date("2026-11-28T12:00:00Z");
const VERSION = { isNull: false, isMarker: false };
const NULL = { isNull: true, isMarker: false };

describe("version ids", () => {
  it("have 32 letters and digits, as AWS's have", () => {
    const token = newVersionToken(VERSION, { now: NOW, replaced: undefined });
    expect(token).toMatch(/^[0-9A-Za-z]{32}$/);
    expect(versionIdOf(token)).toBe(token);
    expect(isVersionId(token)).toBe(true);
  });

  it("sort the later version first, also within a millisecond and if the clock is behind", () => {
    let replaced = newVersionToken(VERSION, { now: NOW, replaced: undefined });
    for (const ms of [0, 0, 1, -5_000, 0, 86_400_000, -1]) {
      const token = newVersionToken(VERSION, { now: new Date(NOW.getTime() + ms), replaced });
      expect(token < replaced).toBe(true);
      expect(orderOf(token)).toBeGreaterThan(orderOf(replaced));
      replaced = token;
    }
  });

  it("are as proposed, unless a later version is replaced, and then differ only in their order", () => {
    const options = { now: new Date(NOW.getTime() + 1_000), replaced: undefined };
    const proposed = newVersionToken(VERSION, { now: NOW, replaced: undefined });
    const earlier = newVersionToken(NULL, { now: new Date(NOW.getTime() - 1), replaced: undefined });
    const later = newVersionToken(NULL, { now: new Date(NOW.getTime() + 5_000), replaced: undefined });
    expect(tokenAfter(proposed, options)).toBe(proposed);
    expect(tokenAfter(proposed, { ...options, replaced: earlier })).toBe(proposed);
    for (const replaced of [proposed, later]) {
      const token = tokenAfter(proposed, { ...options, replaced });
      expect(token < replaced).toBe(true);
      expect(token.slice(9)).toBe(proposed.slice(9));
      expect(isVersionId(token)).toBe(true);
    }
  });

  it("are the time of writing for the first version of a key", () => {
    const token = newVersionToken(NULL, { now: NOW, replaced: undefined });
    expect(orderOf(token)).toBe(NOW.getTime() * 1024);
  });

  it("are null for null versions, whose tokens no client can name", () => {
    const token = newVersionToken(NULL, { now: NOW, replaced: undefined });
    expect(isNullToken(token)).toBe(true);
    expect(versionIdOf(token)).toBe("null");
    expect(isVersionId("null")).toBe(true);
    expect(isVersionId(token)).toBe(false);
  });

  it("do not have the form of one whose last characters were changed", () => {
    const token = newVersionToken(VERSION, { now: NOW, replaced: undefined });
    expect(isVersionId(`${token.slice(0, -4)}ABCD`)).toBe(token.endsWith("ABCD"));
  });

  it.each([true, false])("say whether the version is a delete marker, for null versions (%j) too", (isNull) => {
    const marker = newVersionToken({ isNull, isMarker: true }, { now: NOW, replaced: undefined });
    expect([isMarkerToken(marker), isNullToken(marker), isVersionId(marker)]).toEqual([true, isNull, !isNull]);
    const object = newVersionToken({ isNull, isMarker: false }, { now: NOW, replaced: undefined });
    expect([isMarkerToken(object), isNullToken(object)]).toEqual([false, isNull]);
  });

  it.each([
    "",
    "x",
    "NULL",
    "a".repeat(32),
    `${"0".repeat(9)}v${"a".repeat(21)}`,
    `${"0".repeat(9)}v${"é".repeat(22)}`,
  ])("do not have the form of %j", (text) => {
    expect(isVersionId(text)).toBe(false);
  });
});
