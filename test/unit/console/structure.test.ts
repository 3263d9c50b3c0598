/** What no file of the console may contain: its pages hold keys in memory, and show names that others chose. */
import { describe, expect, it } from "vitest";
import { PAGES } from "../../../console/src/pages/all-pages.ts";

const FILES: Record<string, string> = import.meta.glob(["../../../console/**/*.{ts,tsx,css,html}"], {
  query: "?raw",
  import: "default",
  eager: true,
});

interface Rule {
  readonly name: string;
  readonly breaks: (path: string, text: string) => boolean;
  readonly example: readonly [path: string, text: string];
}

const RULES: readonly Rule[] = [
  {
    name: "nothing is stored in the browser",
    breaks: (_path, text) => /localStorage|sessionStorage|indexedDB|document\.cookie|\bcaches\./.test(text),
    example: ["src/a.ts", 'sessionStorage.setItem("secret", secret);'],
  },
  {
    name: "no text becomes markup or code",
    breaks: (_path, text) =>
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|parseFromString\([^)]*html/i.test(
        text,
      ),
    example: ["src/a.ts", "element.innerHTML = key;"],
  },
  {
    name: "no script or style inside of the page, and nothing of another origin",
    breaks: (path, text) =>
      path.endsWith(".html") && /<script>|<style|style=|\son\w+=|(?:src|href)="(?!%[A-Z]+%")/.test(text),
    example: ["index.html", '<script src="https://example.com/a.js"></script>'],
  },
  {
    name: "styles load nothing",
    breaks: (path, text) => path.endsWith(".css") && /url\(|@import "(?!\.\/)/.test(text),
    example: ["styles/a.css", 'body { background: url("https://example.com/a.png"); }'],
  },
  {
    name: "requests are made only by src/api and src/config.ts",
    breaks: (path, text) =>
      !/src\/(api\/|config\.ts)/.test(path) && /(?<![.\w])fetch\(|XMLHttpRequest|sendBeacon|WebSocket/.test(text),
    example: ["src/pages/a.tsx", 'await fetch("https://example.com");'],
  },
  {
    name: "no `any`, and no suppressed error",
    breaks: (_path, text) => /(?::|<|\bas|=)\s*any\b(?!\s*[:(])|@ts-|biome-ignore/.test(text),
    example: ["src/a.ts", "export function f(value: any) {}"],
  },
  {
    name: "at most 400 lines",
    breaks: (_path, text) => text.split("\n").length > 401,
    example: ["src/a.ts", "\n".repeat(401)],
  },
  {
    name: "file names in kebab-case",
    breaks: (path) => !/^[a-z0-9/.-]+$/.test(path),
    example: ["src/fooBar.ts", ""],
  },
];

describe("the console's files", () => {
  const files = Object.entries(FILES).map(([path, text]) => [path.replace("../../../console/", ""), text] as const);

  it("are read", () => {
    expect(files.length).toBeGreaterThan(30);
  });

  it.each(RULES)("$name", ({ breaks, example: [path, text] }) => {
    expect(files.filter(([file, content]) => breaks(file, content)).map(([file]) => file)).toEqual([]);
    expect(breaks(path, text)).toBe(true);
  });
});

describe("pages", () => {
  it("have a path each, and tabs of buckets name the bucket in it", () => {
    const paths = PAGES.map(({ path }) => path.replace(/:\w+/g, ":"));
    expect(new Set(paths).size).toBe(paths.length);
    for (const { path, bucketTab } of PAGES) if (bucketTab) expect(path).toMatch(/^\/buckets\/:bucket(\/[a-z-]+)*$/);
  });
});
