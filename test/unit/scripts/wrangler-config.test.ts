import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readWranglerConfig } from "../../../scripts/deploy/wrangler-config.ts";

describe("readWranglerConfig", () => {
  let folder: string;
  let path: string;
  let kept: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "wrangler-config-"));
    path = join(folder, "wrangler.toml");
    kept = join(folder, "kept");
    writeFileSync(path, 'name = "first"\n[env.other]\nname = "second"\nvars = { REGION = "here" }\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (environment?: string) => readWranglerConfig(path, environment, kept);

  it("asks wrangler again only if the file has changed", () => {
    const first = read();
    expect([first.name, first.r2_buckets, first.vars]).toEqual(["first", [], {}]);
    const [file = ""] = readdirSync(kept);
    const text = readFileSync(join(kept, file), "utf8");
    writeFileSync(join(kept, file), text.replace('"name":"first"', '"name":"kept"'));
    expect(read()).toMatchObject({ name: "kept" });
    writeFileSync(path, 'name = "third"\n');
    expect(read()).toMatchObject({ name: "third" });
    writeFileSync(join(kept, file), "half of a fi");
    expect(read()).toMatchObject({ name: "third" });
  });

  it("keeps environments apart", () => {
    for (const _ of [1, 2]) {
      expect(read("other")).toMatchObject({ name: "second", vars: { REGION: "here" } });
      expect(read()).toMatchObject({ name: "first", vars: {} });
    }
  });

  it("keeps no error", () => {
    writeFileSync(path, "name = 1\n");
    expect(() => read()).toThrow('Expected "name" to be of type string');
    expect(() => read()).toThrow('Expected "name" to be of type string');
    rmSync(path);
    expect(() => read()).toThrow("wrangler.toml");
  });
});
