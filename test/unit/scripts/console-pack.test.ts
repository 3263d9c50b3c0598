import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildConsolePack, packFolder } from "../../../scripts/console-pack.ts";
import { readPack } from "../../../src/console/pack.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "console-pack-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("packFolder", () => {
  it("packs every file with its type, and knows which names contain a hash", () => {
    mkdirSync(join(folder, "assets"));
    writeFileSync(join(folder, "index.html"), "<!doctype html>");
    writeFileSync(join(folder, "assets/main-AB12CD34.js"), "code\n");
    writeFileSync(join(folder, "assets/main-AB12CD34.js.map"), "{}");
    const files = readPack(packFolder(folder).buffer);
    expect([...files.keys()]).toEqual(["/assets/main-AB12CD34.js", "/index.html"]);
    const script = files.get("/assets/main-AB12CD34.js");
    expect(script).toMatchObject({ contentType: "text/javascript; charset=utf-8", isImmutable: true });
    expect(gunzipSync(script?.gzipped ?? new Uint8Array()).toString()).toBe("code\n");
    expect(files.get("/index.html")).toMatchObject({ contentType: "text/html; charset=utf-8", isImmutable: false });
  });

  it("gives another content another entity tag, and the same content the same pack", () => {
    const packWith = (text: string) => {
      writeFileSync(join(folder, "index.html"), text);
      return packFolder(folder);
    };
    const hashIn = (pack: Uint8Array<ArrayBuffer>) => readPack(pack.buffer).get("/index.html")?.hash;
    expect(hashIn(packWith("b"))).not.toBe(hashIn(packWith("a")));
    expect(packWith("a")).toEqual(packWith("a"));
  });

  it("refuses a file that browsers would have to guess the type of", () => {
    writeFileSync(join(folder, "x.bin"), "");
    expect(() => packFolder(folder)).toThrow("x.bin has no content type");
  });
});

describe("buildConsolePack", () => {
  it("packs a page whose scripts and styles are files of the pack, none of it inline", async () => {
    const files = readPack((await buildConsolePack()).buffer);
    const page = gunzipSync(files.get("/index.html")?.gzipped ?? new Uint8Array()).toString();
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
    expect(named.length).toBeGreaterThan(1);
    for (const path of named) expect(files.get(path)?.isImmutable, path).toBe(true);
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/i);
  });
});
