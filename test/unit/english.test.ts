/**
 * Comments, messages, test names and documents are in plain English. The list contains words and phrases that slow readers
 * down, each with what to write instead. Each rule has an example that breaks it, and a similar correct sentence that does
 * not.
 */
import { describe, expect, it } from "vitest";

interface WordRule {
  readonly pattern: RegExp;
  readonly instead: string;
  readonly example: string;
  readonly correct: string;
}

const RULES: readonly WordRule[] = [
  {
    pattern: /\b(?:told|tells?|telling|untold)\b/i,
    instead: "notify, report, say, distinguish",
    example: "Receivers are told of every change.",
    correct: "Receivers are notified of every change.",
  },
  {
    pattern: /\b(?:stands?|stood)\b(?! for\b)|\bstanding\b(?!-)/i,
    instead: "is, is stored in, appears in",
    example: "The rule stands in D1.",
    correct: "The rule is stored in D1, where `*` stands for any key.",
  },
  {
    pattern: /\bwhom?ever\b/i,
    instead: "anyone who, a caller that, the program that",
    example: "Whoever knows the URL may read it.",
    correct: "Anyone who knows the URL may read it.",
  },
  {
    pattern: /\b(?:nobody|somebody|anybody)\b/i,
    instead: "no one, a caller, a client, anyone",
    example: "Nobody can read it.",
    correct: "No one can read it.",
  },
  {
    pattern: /(?<!\b(?:leave|leaves|left|leaving|let) (?:\S+ )?)\balone\b/i,
    instead: "only",
    example: "It is for the root account alone.",
    correct: "It is for the root account only; other accounts' keys are left alone.",
  },
  {
    pattern: /\bin vain\b/i,
    instead: "failed",
    example: "The delivery was tried in vain.",
    correct: "The delivery failed.",
  },
  {
    pattern: /\banew\b/i,
    instead: "again",
    example: "The bucket is made anew.",
    correct: "The bucket is created again.",
  },
  {
    pattern: /\b(?:hence|thence|whence|hither|thither|whither|therein|wherein|upon|lest|aught|nought|ere)\b/i,
    instead: "so, from there, in which, on, so that … not",
    example: "The isolate ends, hence the retry.",
    correct: "The isolate ends, which is the reason for the retry.",
  },
  {
    pattern: /(?<!\bthere )\b(?:is|are) none\b/i,
    instead: "is invalid, is absent, is not one",
    example: "A date that is none is refused.",
    correct: "An invalid date is refused, and the default applies where there is none.",
  },
  {
    pattern: /\bfor good\b(?! reasons?\b)/i,
    instead: "permanently",
    example: "It fails for good.",
    correct: "It fails permanently, for good reasons.",
  },
  {
    pattern: /\bat fault\b/i,
    instead: "invalid, wrong",
    example: "The form is at fault.",
    correct: "The form is invalid.",
  },
  {
    pattern: /\bto be had\b/i,
    instead: "available",
    example: "The queue was not to be had.",
    correct: "The queue was not available.",
  },
  {
    pattern: /\bcomes? to nothing\b/i,
    instead: "has no effect, fails",
    example: "A write that comes to nothing leaves no trace.",
    correct: "A write that fails leaves no trace.",
  },
  {
    pattern: /\b(?:the|one|every) way of (?:an?|the|one) \w/i,
    instead: "the path of, how … goes",
    example: "The way of an S3 request, top to bottom.",
    correct: "The path of an S3 request, and the ways of signing it.",
  },
  {
    pattern: /\b(?:save|but) for\b/i,
    instead: "except",
    example: "All parameters are ignored but for those of lists.",
    correct: "All parameters except those of lists are ignored.",
  },
  {
    pattern: /\b(?:all|any|every|everything|nothing|none|no one)(?: \w+)? but (?:the|those|these|one|its|an?)\b/i,
    instead: "except, other than, only",
    example: "It is everything but the body.",
    correct: "It is everything except the body, all but once.",
  },
  {
    pattern: /\bbeside\b/i,
    instead: "next to, together with, in addition to",
    example: "The ACL is kept beside the metadata.",
    correct: "The ACL is stored with the metadata; besides, it is short.",
  },
  {
    pattern: /(?<!\bdead[ -])\bletters? (?:to|for the (?:receiver|queue)|from the (?:receiver|queue))\b/i,
    instead: "message",
    example: "It sends a letter to the receiver.",
    correct: "It sends a message to the receiver; dead letters to retry are listed.",
  },
  {
    pattern: /\bmend(?:s|ed|ing)?\b/i,
    instead: "repair, correct",
    example: "A parser would mend the URL.",
    correct: "A parser would correct the URL, as RFC 3986 recommended.",
  },
  {
    pattern: /\b(?:perish(?:es|ed)?|dwells?|betrays?|betrayed)\b/i,
    instead: "end, is, reveal",
    example: "The answer betrays that the key exists.",
    correct: "The answer reveals that the key exists.",
  },
  {
    pattern: /\b(?:speaks?|spoken|speaking|spoke) of\b/i,
    instead: "mention, name, be about",
    example: "The ACL speaks of two accounts.",
    correct: "The ACL names two accounts, and the endpoint speaks S3.",
  },
  {
    pattern: /\bg(?:i|a)ves? (?:it |them )?back\b/i,
    instead: "return",
    example: "S3 gives back the header as it was.",
    correct: "S3 returns the header as it was.",
  },
  {
    pattern: /(?<!-)\bill\b(?!-)/i,
    instead: "failing",
    example: "The receiver is ill.",
    correct: "The receiver is failing on ill-formed text.",
  },
  {
    pattern: /\bpatience\b/i,
    instead: "the time limit, the number of retries",
    example: "The batch loses patience after a minute.",
    correct: "The batch ends after a minute.",
  },
  {
    pattern: /\bin the place of\b/i,
    instead: "instead of",
    example: "The platform sends its own header in the place of the client's.",
    correct: "The platform sends its own header instead of the client's.",
  },
  {
    pattern: /\b(?:whatever|what) (?:becomes|comes) of\b/i,
    instead: "whether … succeeds or fails",
    example: "The next run follows, whatever becomes of this one.",
    correct: "The next run follows even if this one fails.",
  },
  {
    pattern: /\bc(?:o|a)mes? back\b/i,
    instead: "is returned",
    example: "The header comes back as it was sent.",
    correct: "The header is returned as it was sent.",
  },
  {
    pattern: /\bbearable\b/i,
    instead: "acceptable, and why",
    example: "The delay is bearable.",
    correct: "The delay is at most one second.",
  },
  {
    pattern:
      /(?<!\b(?:nor|what|than|as|whether|only) )\b(?:is|are|was|were) (?:not |still |already |no longer )?there\b(?! (?:a|an|any|no|one|more|is|are|was|were)\b)/i,
    instead: "exists, is present; does not exist, is absent",
    example: "The bucket is not there.",
    correct: "The bucket does not exist, nor is there another of its name.",
  },
];

const CODE = {
  ...import.meta.glob(
    ["../../src/**/*.ts", "../../{scripts,cli,bench}/**/*.{ts,cjs}", "../../console/src/**/*.{ts,tsx}", "../../*.ts"],
    {
      query: "?raw",
      import: "default",
      eager: true,
    },
  ),
};
const TESTS = import.meta.glob(["../**/*.ts", "!../unit/english.test.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const PAGES = import.meta.glob(["../../*.md", "../../docs/**/*.md"], { query: "?raw", import: "default", eager: true });
const SETTINGS = import.meta.glob(["../../*.toml", "../../.ci/*"], {
  query: "?raw",
  import: "default",
  eager: true,
});

const COMMENT = String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`;
const STRING = String.raw`"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\`(?:\\.|[^\`\\])*\``;
const COMMENT_OR_STRING = new RegExp(`${COMMENT}|${STRING}`, "g");
/** The first argument of \`it\`, \`test\`, \`describe\`, and of what \`.each(…)\` and \`.skipIf(…)\` return. */
const COMMENT_OR_NAME = new RegExp(
  `${COMMENT}|(?:\\b(?:it|test|describe)(?:\\.\\w+)*|\\])\\)?\\(\\s*(?:${STRING})|${STRING}`,
  "g",
);

/** Comments, and strings of more than one word. */
function proseOfCode(text: string): string[] {
  return [...text.matchAll(COMMENT_OR_STRING)]
    .map(([token]) => token)
    .filter((token) => /^\/|\s/.test(token))
    .map(flat);
}

/** Comments and the names of tests; other strings of tests are data. */
function proseOfTests(text: string): string[] {
  return [...text.matchAll(COMMENT_OR_NAME)]
    .map(([token]) => token)
    .filter((token) => !/^["'`]/.test(token))
    .map(flat);
}

/** Without code, which quotes names. */
function proseOfPage(text: string): string[] {
  return [
    text
      .replaceAll(/^```[\s\S]*?^```/gm, "")
      .replaceAll(/`[^`]*`/g, "``")
      .replaceAll(/\s+/g, " "),
  ];
}

function proseOfSettings(text: string): string[] {
  return [...text.matchAll(/^\s*#(?!!).*(?:\n\s*#.*)*/gm)].map(([token]) => token.replaceAll(/\s*\n?\s*#\s*/g, " "));
}

/** One line, without the marks of a comment, and without code in backticks. */
function flat(token: string): string {
  return token
    .replaceAll(/^\/\*+|\*\/$|\n\s*\*?|^\/\//g, " ")
    .replaceAll(/(?<!^)`[^`\n]*`(?!$)/g, "``")
    .replaceAll(/\s+/g, " ");
}

type Files = Record<string, unknown>;

function findWords(files: Files, proseOf: (text: string) => string[]): string[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const file = path.replace(/^\.\.\/\.\.\//, "").replace(/^\.\.?\//, (up) => (up === "../" ? "test/" : "test/unit/"));
    return proseOf(String(text)).flatMap((prose) =>
      RULES.flatMap(({ pattern, instead }) => {
        const match = pattern.exec(prose);
        if (match === null) return [];
        const around = prose.slice(Math.max(0, match.index - 40), match.index + match[0].length + 30).trim();
        return [`${file}: "${match[0]}" (better: ${instead}) in "${around}"`];
      }),
    );
  });
}

describe("plain English", () => {
  it("is in the comments and messages of the code", () => {
    expect(findWords(CODE, proseOfCode)).toEqual([]);
  });

  it("is in the comments and names of the tests", () => {
    expect(findWords(TESTS, proseOfTests)).toEqual([]);
  });

  it("is in the documents", () => {
    expect(findWords(PAGES, proseOfPage)).toEqual([]);
  });

  it("is in the comments of the settings", () => {
    expect(findWords(SETTINGS, proseOfSettings)).toEqual([]);
  });

  it.each(RULES)("$pattern finds its example, and not the correct sentence", (rule) => {
    expect(rule.pattern.test(rule.example)).toBe(true);
    expect(RULES.filter(({ pattern }) => pattern.test(rule.correct))).toEqual([]);
  });
});

describe("the reader of prose", () => {
  const words = "The rule stands in D1.";

  it.each([
    [`/** ${words} */`],
    [`/**\n * The rule\n * stands in D1.\n */`],
    [`const a = 1; // ${words}`],
    [`throw new Error("${words}");`],
    [`throw new Error(\`${words} \${name}\`);`],
  ])("reads code: %s", (text) => {
    expect(findWords({ "../../src/a.ts": text }, proseOfCode)).toHaveLength(1);
  });

  it.each([[`it("${words}", () => {});`], [`it.each([\n[1],\n])("${words}", () => {});`], [`// ${words}`]])(
    "reads comments and names of tests: %s",
    (text) => {
      expect(findWords({ "./a.test.ts": text }, proseOfTests)).toHaveLength(1);
    },
  );

  it.each([['const kind = "nobody";'], ["/** The route `told` of the API. */"]])(
    "leaves out names in code: %s",
    (text) => {
      expect(findWords({ "../../src/a.ts": text }, proseOfCode)).toEqual([]);
    },
  );

  it("leaves out the data of tests", () => {
    expect(findWords({ "./a.test.ts": `expect(text).toBe("${words}");` }, proseOfTests)).toEqual([]);
  });

  it("leaves out the code of pages", () => {
    expect(findWords({ "../../README.md": `\`\`\`sh\n# ${words}\n\`\`\`\nThe \`told\` field.` }, proseOfPage)).toEqual(
      [],
    );
    expect(findWords({ "../../README.md": "The rule\nstands in D1." }, proseOfPage)).toHaveLength(1);
  });

  it("reads the comments of settings", () => {
    expect(
      findWords({ "../../settings.toml": `# The rule\n# stands in D1.\nname = "told"` }, proseOfSettings),
    ).toHaveLength(1);
  });

  it("reads every file", () => {
    expect(Object.keys(CODE).length).toBeGreaterThan(300);
    expect(Object.keys(TESTS).length).toBeGreaterThan(250);
    expect(Object.keys(PAGES).length).toBeGreaterThan(10);
    expect(Object.keys(SETTINGS).length).toBeGreaterThanOrEqual(2);
  });
});
