// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
import { describe, expect, it } from "vitest";
import { Effort } from "../../../../src/access/policy/effort.ts";
import {
  equalsIgnoringCase,
  matchesArnPattern,
  matchesPattern,
  parsePattern,
  reach,
} from "../../../../src/access/policy/pattern.ts";

const SYNTAX = { wildcards: true, variables: true };
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "aws:username": ["alice"],
  "aws:referer": ["*"],
  "aws:multi": ["a", "b"],
  "aws:empty": [""],
};
const reading = (effort = new Effort()) => ({ lookUp: (key: string) => VALUES[key.toLowerCase()], effort });

function matches(source: string, text: string): boolean | undefined | "malformed" {
  const pattern = parsePattern(source, SYNTAX);
  return pattern === undefined ? "malformed" : matchesPattern(pattern, text, reading());
}

describe("matchesPattern", () => {
  it.each<[string, string, boolean | undefined | "malformed"]>([
    ["", "", true],
    ["", "a", false],
    ["a", "a", true],
    ["a", "A", false],
    ["a", "ab", false],
    ["*", "", true],
    ["*", "a/b:c", true],
    ["?", "", false],
    ["?", "a", true],
    ["?", "ab", false],
    ["a*", "a", true],
    ["a*", "ba", false],
    ["*a", "a", true],
    ["*a", "ab", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["*ab*ab", "ab", false],
    ["*ab*ab", "abab", true],
    ["*aab", "aaab", true],
    ["a**b", "ab", true],
    ["a?c", "abc", true],
    ["a?c", "a😀c", true],
    ["a??c", "a😀c", false],
    ["*?", "😀", true],
    ["*??", "😀", false],
    ["*?c", "😀c", true],
    ["x*?😀?*y", "x--😀😀-y", true],
    ["*b?d*", "a-bcd-e", true],
    ["*b?d*", "a-bd-e", false],
    ["*?*", "", false],
    ["a?*", "a", false],
    ["home/${aws:username}/*", "home/alice/x", true],
    ["home/${AWS:UserName}/*", "home/alice/x", true],
    ["home/${ aws:username }/*", "home/alice/x", true],
    ["home/${aws:username}/*", "home/bob/x", false],
    ["home/${aws:nobody}/*", "home/alice/x", undefined],
    ["home/${aws:nobody, 'public'}/*", "home/public/x", true],
    ["home/${aws:nobody,'public'}/*", "home/public/x", true],
    ["home/${aws:username, 'public'}/*", "home/public/x", false],
    ["home/${aws:nobody, ''}/*", "home//x", true],
    ["${aws:nobody, '*'}", "anything", false],
    ["${aws:nobody, '*'}", "*", true],
    ["${aws:referer}", "anything", false],
    ["${aws:referer}", "*", true],
    ["a${aws:empty}b", "ab", true],
    ["${aws:multi}", "a", undefined],
    ["${*}", "*", true],
    ["${*}", "a", false],
    ["${?}", "?", true],
    ["${?}", "a", false],
    ["${$}{aws:username}", "${aws:username}", true],
    ["$", "$", true],
    ["$x", "$x", true],
    ["${", "${", "malformed"],
    ["${}", "", "malformed"],
    ["${aws:username", "alice", "malformed"],
    ["${username}", "alice", "malformed"],
    ["${aws:username, public}", "alice", "malformed"],
    ["${${aws:username}}", "alice", "malformed"],
  ])("%j on %j: %s", (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it("treats variables as text before version 2012-10-17", () => {
    const pattern = parsePattern("${aws:username}", { wildcards: true, variables: false });
    expect(pattern && matchesPattern(pattern, "alice", reading())).toBe(false);
    expect(pattern && matchesPattern(pattern, "${aws:username}", reading())).toBe(true);
  });

  it("treats wildcards as text if they are not enabled", () => {
    const pattern = parsePattern("a*?${*}", { wildcards: false, variables: true });
    expect(pattern && matchesPattern(pattern, "a*?*", reading())).toBe(true);
    expect(pattern && matchesPattern(pattern, "abc", reading())).toBe(false);
    expect(pattern && equalsIgnoringCase(pattern, "A*?*", reading())).toBe(true);
  });

  it.each([
    ["many stars", "*a".repeat(9000), `${"a".repeat(15_000)}b`],
    ["one long run", `*${"a".repeat(18_000)}b*`, "a".repeat(30_000)],
    ["one long run, the odd one first", `*b${"a".repeat(18_000)}*`, "a".repeat(30_000)],
    ["a run with ?", `*${"a".repeat(18_000)}?b*`, "a".repeat(30_000)],
    ["nothing but ?", `*${"?".repeat(18_000)}b*`, "a".repeat(30_000)],
    ["stars and ?", "*?a".repeat(6000), `${"a".repeat(15_000)}b`],
  ])("examines few characters: %s", (_name, source, text) => {
    const pattern = parsePattern(source, SYNTAX);
    const effort = new Effort();
    expect(pattern && matchesPattern(pattern, text, reading(effort))).toBe(false);
    // A 32nd of the pattern per character with `?`, otherwise a few steps; plus the preparation.
    const share = source.includes("?") ? source.length / 32 + 2 : 5;
    expect(effort.spent).toBeLessThan(500 * source.length + text.length * share);
  });

  it("finds long segments with and without ?", () => {
    const run = "abcdefghij".repeat(10);
    expect(matches(`*${run}*`, `x${run}y`)).toBe(true);
    expect(matches(`*${run}x*`, `x${run}y`)).toBe(false);
    expect(matches(`*${run.replaceAll("e", "?")}*`, `x${run.replaceAll("e", "😀")}y`)).toBe(true);
    expect(matches(`*${run.replaceAll("e", "?")}*z`, `x${run.replaceAll("j", "e")}y`)).toBe(false);
    expect(matches(`*${"a".repeat(32)}?*`, "a".repeat(33))).toBe(true);
    expect(matches(`*${"a".repeat(32)}?*`, "a".repeat(32))).toBe(false);
    expect(matches(`*${"a".repeat(31)}?*${"a".repeat(33)}*`, "a".repeat(65))).toBe(true);
    expect(matches(`*${"a".repeat(31)}?*${"a".repeat(33)}*`, "a".repeat(64))).toBe(false);
  });

  it("agrees with a plain recursive matcher on every short pattern and text", () => {
    const glob = (pattern: string, text: string): boolean => {
      if (pattern === "") return text === "";
      if (pattern[0] === "*") return glob(pattern.slice(1), text) || (text !== "" && glob(pattern, text.slice(1)));
      return text !== "" && (pattern[0] === "?" || pattern[0] === text[0]) && glob(pattern.slice(1), text.slice(1));
    };
    const words = (alphabet: string, length: number): string[] =>
      length === 0 ? [""] : words(alphabet, length - 1).flatMap((word) => [...alphabet].map((letter) => word + letter));
    const texts = [0, 1, 2, 3, 4, 5].flatMap((length) => words("ab", length));
    for (const pattern of [1, 2, 3, 4, 5].flatMap((length) => words("ab*?", length))) {
      for (const text of texts) if (matches(pattern, text) !== glob(pattern, text)) expect([pattern, text]).toEqual([]);
    }
  });
});

describe("matchesArnPattern", () => {
  it.each<[string, string, boolean]>([
    ["arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:user/a", true],
    ["arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/a", true],
    ["arn:aws:iam::*:user/a", "arn:aws:iam::111122223333:user/a", true],
    ["arn:aws:iam::111122223333:*", "arn:aws:iam::111122223333:user/a:b", true],
    // A wildcard stays within its part, unlike in StringLike.
    ["arn:aws:iam:*:user/a", "arn:aws:iam::111122223333:user/a", false],
    ["arn:aws:*", "arn:aws:iam::111122223333:user/a", false],
    ["*", "arn:aws:iam::111122223333:user/a", false],
    ["arn:aws:*:*:*:*", "arn:aws:iam::111122223333:user/a", true],
    ["arn:aws:iam::111122223333:user/${aws:username}", "arn:aws:iam::111122223333:user/alice", true],
    ["arn:aws:iam::111122223333:user/A", "arn:aws:iam::111122223333:user/a", false],
    ["arn:aws:iam::111122223333:user/a", "no arn", false],
  ])("%s on %s: %s", (source, text, expected) => {
    const pattern = parsePattern(source, SYNTAX);
    expect(pattern && matchesArnPattern(pattern, text, reading())).toBe(expected);
  });
});

describe("reach", () => {
  it.each<[string, boolean, boolean]>([
    ["bucket", true, false],
    ["bucket/*", false, true],
    ["bucket/", false, true],
    ["bucket*", true, true],
    ["*", true, true],
    ["buck?t", true, false],
    ["b*t", true, true],
    ["other", false, false],
    ["bucket2/*", false, false],
    ["bucke", false, false],
    ["*/x", false, true],
    ["${aws:username}", true, true],
    ["${aws:username}/x", false, true],
  ])("%s reaches the bucket: %s, objects in it: %s", (source, bucket, objects) => {
    const pattern = parsePattern(source, SYNTAX);
    expect(pattern && reach(pattern, "bucket").exactly).toBe(bucket);
    expect(pattern && reach(pattern, "bucket/").beyond).toBe(objects);
  });
});
