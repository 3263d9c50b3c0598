/** What Cloudflare's button reads: wrangler.toml, package.json and the example of the secrets agree. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { isSetupCode } from "../../../src/secret-shapes.ts";

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../..", name), "utf8");

interface Named {
  readonly binding?: string;
  readonly name?: string;
}

const config = parse(read("wrangler.toml")) as unknown as {
  readonly vars: Readonly<Record<string, string>>;
  readonly r2_buckets: readonly Named[];
  readonly d1_databases: readonly Named[];
  readonly durable_objects: { readonly bindings: readonly Named[] };
  readonly queues: { readonly producers: readonly Named[] };
} & Readonly<Record<string, unknown>>;
const { scripts, cloudflare } = JSON.parse(read("package.json")) as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly cloudflare: { readonly bindings: Readonly<Record<string, { readonly description: string }>> };
};
const secrets = parseEnv(read(".dev.vars.example"));
const descriptions = Object.entries(cloudflare.bindings);

const bindings = [
  ...config.r2_buckets,
  ...config.d1_databases,
  ...config.durable_objects.bindings,
  ...config.queues.producers,
].map(({ binding, name }) => binding ?? name ?? "");

/** Sections that bind nothing. */
const OTHERS = [
  ...["name", "main", "compatibility_date", "minify", "keep_names", "upload_source_maps", "build", "exports"],
  ...["triggers", "observability"],
];

describe("the form of the button", () => {
  it("has a description for every setting, resource and secret, and for nothing else", () => {
    const named = [...Object.keys(config.vars), ...bindings, ...Object.keys(secrets)];
    expect(descriptions.map(([name]) => name).sort()).toEqual(named.sort());
  });

  it("knows every section of wrangler.toml that binds something", () => {
    const known = ["vars", "r2_buckets", "d1_databases", "durable_objects", "queues", ...OTHERS];
    expect(Object.keys(config).filter((section) => !known.includes(section))).toEqual([]);
  });

  it.each(descriptions)(
    "describes %s in one or more sentences, with the markup that it shows",
    (_name, { description }) => {
      expect(description).toMatch(/^(?:\*\*)?[A-Z`][^<>\n]{20,400}[.]$/);
    },
  );

  it("asks for one secret and suggests no value that would be everyone's", () => {
    expect(Object.keys(secrets)).toEqual(["SETUP_CODE"]);
    expect(secrets.SETUP_CODE).toBe("");
    expect(isSetupCode(secrets.SETUP_CODE ?? "")).toBe(false);
  });

  it("suggests the deploy command, which applies the schema, and no build command", () => {
    expect(scripts.deploy).toBe("node -r ./scripts/require-node.cjs scripts/deploy.ts");
    expect(scripts.build).toBeUndefined();
  });
});

it("README and docs/deploy.md say that the button's address is a placeholder", () => {
  const link = "https://deploy.workers.cloudflare.com/?url=https://github.com/YOUR-ACCOUNT/workers-s3";
  for (const page of ["README.md", "docs/deploy.md"]) expect(read(page)).toContain(link);
  expect(read("README.md")).toContain("**The address above is a placeholder.**");
});
