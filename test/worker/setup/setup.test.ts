/** The set-up of a deployment that has only a SETUP_CODE: who may do it, how often, and what is seen of its keys. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { ATTEMPTS_WINDOW_MS, MAX_ATTEMPTS, MAX_ATTEMPTS_OF_CLIENT } from "../../../src/storage/d1/setup-secrets.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { send } from "../../support/request.ts";
import { errorOf } from "../../support/s3.ts";
import { emptySecondDb, secondDb } from "../../support/second-deployment.ts";
import { CODE, codeEnv, keysOn, SETUP_URL, setUp, submit, visit } from "../../support/setup.ts";
import { handleQueue, resumeEvents, runSweeps } from "../../support/worker.ts";

const PENDING = "This deployment has no keys yet. Open /-/setup on it in a browser, and enter its SETUP_CODE.";
const HEALTH = SETUP_URL.replace("setup", "health");

async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  return (await secondDb.prepare(`SELECT * FROM ${table}`).all()).results;
}

beforeEach(emptySecondDb);

describe("before the set-up", () => {
  it("every other answer says that the deployment has no keys", async () => {
    await expectError(await send({ bucket: "bucket", key: "k", env: codeEnv() }), 503, "ServiceUnavailable", {
      message: PENDING,
    });
    for (const path of ["health", "admin/accounts", "setup/", "setup.html"]) {
      const response = await visit({ url: SETUP_URL.replace("setup", path) });
      expect([response.status, await response.json()]).toEqual([503, { status: "unconfigured", message: PENDING }]);
    }
  });

  it("no queue and no schedule does anything", async () => {
    await expect(resumeEvents(codeEnv(), new Date())).rejects.toThrow(PENDING);
    const batch = { queue: "workers-s3-events", messages: [] } as unknown as MessageBatch;
    await expect(handleQueue(batch, codeEnv())).rejects.toThrow(PENDING);
  });

  it("the page is a form that needs no script, and HEAD has its headers", async () => {
    const response = await visit();
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(page).toContain('<form method="post" action="/-/setup">');
    expect(page).not.toMatch(/<script|https?:|<link|<img|src=/);
    const head = await visit({ method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  it("other methods are 405", async () => {
    const response = await visit({ method: "PUT" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });
});

describe("the set-up", () => {
  it("makes keys that are in force in every isolate, and shows them", async () => {
    const env = codeEnv();
    const keys = await setUp({ env });
    for (const each of [env, codeEnv()]) {
      expect((await send({ as: keys, env: each })).status).toBe(200);
      expect((await visit({ env: each, url: HEALTH })).status).toBe(200);
    }
    expect(await errorOf(await send({ env }))).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
    await resumeEvents(codeEnv(), new Date());
    await runSweeps(codeEnv(), new Date());
  });

  it("takes and returns JSON", async () => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const response = await visit({ method: "POST", headers, body: JSON.stringify({ code: CODE }) });
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { endpoint, sealKey, ...keys } = (await response.json()) as Record<string, string>;
    expect(endpoint).toBe("http://s3.localhost:8787");
    expect(sealKey).toMatch(/^[0-9a-f]{64}$/);
    const as = { accessKeyId: keys.accessKeyId ?? "", secretAccessKey: keys.secretAccessKey ?? "" };
    expect((await send({ as, env: codeEnv() })).status).toBe(200);
  });

  it("ignores blanks around the code, which are copied easily", async () => {
    const env = codeEnv({ SETUP_CODE: `${CODE}\n` });
    expect((await submit(` ${CODE} `, { env })).status).toBe(200);
  });

  it("happens once: afterwards the page shows nothing to anyone", async () => {
    await setUp();
    const before = await rowsOf("setup_secrets");
    for (const response of [await submit(CODE), await submit("another code, not right"), await visit()]) {
      const page = await response.text();
      expect(response.status).toBe(409);
      expect(keysOn(page)).toBeUndefined();
      expect(page).not.toContain("<form");
    }
    expect(await rowsOf("setup_secrets")).toEqual(before);
  });

  it("of visitors at the same moment, one gets keys, and the others no keys", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => submit(CODE, { env: codeEnv(), from: `192.0.2.${index}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
    const shown = (await Promise.all(answers.map((each) => each.text())))
      .map(keysOn)
      .filter((each) => each !== undefined);
    expect(shown).toHaveLength(1);
    expect((await send({ as: shown[0] ?? null, env: codeEnv() })).status).toBe(200);
  });

  it("shows the keys if only the answer of the database was lost", async () => {
    const env = codeEnv();
    let batches = 0;
    const DB = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "batch") {
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        }
        return async (statements: D1PreparedStatement[]) => {
          const results = await target.batch(statements);
          if (++batches === 2) throw new Error("D1_ERROR: Network connection lost.");
          return results;
        };
      },
    });
    const keys = await setUp({ env: { ...env, DB } });
    expect((await send({ as: keys, env: codeEnv() })).status).toBe(200);
  });

  it("is refused on a database that was used with other keys", async () => {
    await secondDb
      .prepare(
        "INSERT INTO buckets (name, id, account_id, region, created_at) SELECT 'b', 'aaaaaaaaaaaa', id, 'r', 1 FROM accounts",
      )
      .run();
    const response = await submit(CODE);
    expect(response.status).toBe(409);
    expect(await response.text()).toContain("used by an earlier deployment");
    expect(await rowsOf("setup_secrets")).toEqual([]);
  });
});

describe("a visitor without the code", () => {
  it("learns the same from every wrong code, and changes nothing", async () => {
    const wrong = ["", "short", "a wrong code, but long enough", CODE.slice(0, -1), `${CODE}x`, CODE.toUpperCase()];
    const pages = new Set<string>();
    for (const [index, code] of wrong.entries()) {
      const response = await submit(code, { from: `192.0.2.${index}` });
      expect(response.status, code).toBe(403);
      pages.add((await response.text()).replace(/nonce="[^"]+"/, ""));
    }
    expect(pages.size).toBe(1);
    expect(await rowsOf("setup_secrets")).toEqual([]);
  });

  it.each([
    ["no body", {}],
    ["JSON that is damaged", { headers: { "content-type": "application/json" }, body: '{"code":' }],
    ["JSON without a code", { headers: { "content-type": "application/json" }, body: '["a"]' }],
    ["JSON with null", { headers: { "content-type": "application/json" }, body: "null" }],
    ["another form", { headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x--" }],
    ["a body that is too large", { body: `code=${encodeURIComponent(CODE)}&more=${"x".repeat(5000)}` }],
  ])("is refused with %s", async (_case, options) => {
    const response = await visit({ method: "POST", ...options });
    expect(response.status).toBe(403);
    expect(keysOn(await response.text())).toBeUndefined();
    expect(await rowsOf("setup_secrets")).toEqual([]);
  });

  it("has five attempts in ten minutes, and after them the right code is refused too", async () => {
    const from = "2001:db8:1:2::1";
    const wrong = await Promise.all(
      Array.from({ length: MAX_ATTEMPTS_OF_CLIENT + 3 }, () => submit("a wrong code, but long enough", { from })),
    );
    expect(wrong.map(({ status }) => status).sort()).toEqual([
      ...Array(MAX_ATTEMPTS_OF_CLIENT).fill(403),
      ...Array(3).fill(429),
    ]);
    const late = await submit(CODE, { from: "2001:db8:1:2:ffff::2" });
    expect([late.status, late.headers.get("retry-after")]).toEqual([429, "600"]);
    expect(await rowsOf("setup_secrets")).toEqual([]);
    await secondDb.prepare("UPDATE setup_attempts SET at = at - ?").bind(ATTEMPTS_WINDOW_MS).run();
    expect((await submit(CODE, { from })).status).toBe(200);
  });

  it("does not use up the attempts of other clients", async () => {
    for (let index = 0; index <= MAX_ATTEMPTS_OF_CLIENT; index++) {
      await submit("a wrong code, but long enough", { from: "192.0.2.1" });
    }
    expect((await submit(CODE, { from: "192.0.2.2" })).status).toBe(200);
    expect(await rowsOf("setup_attempts")).toEqual([]);
  });

  it("cannot make more attempts from many addresses, nor fill the database", async () => {
    await secondDb
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO setup_attempts (client, at) SELECT 'c' || i, ?2 FROM n`,
      )
      .bind(MAX_ATTEMPTS, Date.now())
      .run();
    expect((await submit("a wrong code, but long enough", { from: "192.0.2.3" })).status).toBe(429);
    expect(await rowsOf("setup_attempts")).toHaveLength(MAX_ATTEMPTS);
  });
});

describe("the keys", () => {
  it("are not in D1 and not in the log, and neither is the code", async () => {
    const logged: string[] = [];
    const methods = ["log", "error", "warn", "info", "debug"] as const;
    const originals = methods.map((name) => console[name]);
    for (const name of methods) console[name] = (...values) => logged.push(values.map(String).join(" "));
    try {
      await submit("a wrong code, but long enough");
      const keys = await setUp();
      await (await submit(CODE)).text();
      await (await send({ as: keys, env: codeEnv() })).text();
      const rows = JSON.stringify([await rowsOf("setup_secrets"), await rowsOf("setup_attempts")]);
      expect(logged.length).toBeGreaterThan(2);
      for (const secret of [keys.secretAccessKey, keys.sealKey, CODE, "a wrong code"]) {
        expect(rows).not.toContain(secret);
        expect(logged.join("\n")).not.toContain(secret);
      }
      expect(rows).not.toContain(keys.accessKeyId);
    } finally {
      for (const [index, name] of methods.entries()) console[name] = originals[index] ?? console[name];
    }
  });

  it("are on a page that is not kept, framed, or allowed to load or run anything", async () => {
    for (const response of [await visit(), await submit("wrong"), await submit(CODE), await submit(CODE)]) {
      const [nonce] = /(?<=<style nonce=")[^"]+/.exec(await response.text()) ?? [];
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "no-store",
        "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("are never made over plain HTTP on Cloudflare", async () => {
    const deployed = () => codeEnv({ ONE_ISOLATE: "false" });
    const page = await visit({ env: deployed() });
    expect([page.status, page.headers.get("location")]).toEqual([308, "https://s3.localhost:8787/-/setup"]);
    const sent = await submit(CODE, { env: deployed() });
    expect(sent.status).toBe(403);
    expect(await rowsOf("setup_secrets")).toEqual([]);
    const url = SETUP_URL.replace("http:", "https:");
    expect((await submit(CODE, { env: deployed(), url })).status).toBe(200);
  });
});

describe("secrets of the Worker", () => {
  const own = {
    ROOT_ACCESS_KEY_ID: "AKIAOWNOWNOWNOWNOWN0",
    ROOT_SECRET_ACCESS_KEY: "own-own-own-own-own",
    SEAL_KEY: "ab".repeat(32),
  };
  const ownKey = { accessKeyId: own.ROOT_ACCESS_KEY_ID, secretAccessKey: own.ROOT_SECRET_ACCESS_KEY };

  it("close the set-up, and nothing stored is read", async () => {
    const { env, counts } = countingEnv(codeEnv(own));
    expect((await visit({ env })).status).toBe(409);
    expect((await submit(CODE, { env })).status).toBe(409);
    expect(counts).toEqual({ r2: 0, d1: 0, durableObject: 0, queue: 0 });
    expect(await rowsOf("setup_secrets")).toEqual([]);
  });

  it("take precedence over stored ones, each for itself", async () => {
    const keys = await setUp();
    const { SEAL_KEY: _, ...root } = own;
    expect((await send({ as: ownKey, env: codeEnv(root) })).status).toBe(200);
    const refused = await errorOf(await send({ as: keys, env: codeEnv(root) }));
    expect(refused).toMatchObject({ status: 403, code: "InvalidAccessKeyId" });
  });

  it("that are incomplete close it too, and what is missing is named", async () => {
    const env = codeEnv({ SEAL_KEY: own.SEAL_KEY });
    const message = /^The secret ROOT_ACCESS_KEY_ID is not set\./;
    await expectError(await send({ env }), 503, "ServiceUnavailable", { message });
    expect((await submit(CODE, { env })).status).toBe(503);
    expect(await rowsOf("setup_secrets")).toEqual([]);
  });

  it("replace a lost SETUP_CODE with the keys that the set-up has shown", async () => {
    const keys = await setUp();
    const other = { SETUP_CODE: "another code than before" };
    const message = /^The keys of this deployment are sealed under another SETUP_CODE\./;
    await expectError(await send({ as: keys, env: codeEnv(other) }), 503, "ServiceUnavailable", { message });
    expect((await submit("another code than before", { env: codeEnv(other) })).status).toBe(503);
    const moved = {
      SETUP_CODE: "",
      ROOT_ACCESS_KEY_ID: keys.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: keys.secretAccessKey,
      SEAL_KEY: keys.sealKey,
    };
    expect((await send({ as: keys, env: codeEnv(moved) })).status).toBe(200);
  });
});

describe("a deployment that cannot be set up yet says why", () => {
  const cases: [string, () => Env, RegExp][] = [
    ["a short code", () => codeEnv({ SETUP_CODE: "tooshort" }), /^The secret SETUP_CODE must be 16 to 256 characters/],
    ["a code of one character", () => codeEnv({ SETUP_CODE: "a".repeat(40) }), /^The secret SETUP_CODE must be/],
    ["no code", () => codeEnv({ SETUP_CODE: "" }), /^The secret ROOT_ACCESS_KEY_ID is not set\. Run `npm run deploy`/],
    ["no bucket", () => ({ ...codeEnv(), STORE: undefined }) as unknown as Env, /^wrangler\.toml must bind STORE/],
  ];

  it.each(cases)("%s", async (_case, env, message) => {
    await expectError(await send({ env: env() }), 503, "ServiceUnavailable", { message });
    for (const response of [await visit({ env: env() }), await submit(CODE, { env: env() })]) {
      expect(response.status).toBe(503);
      expect(((await response.json()) as { message: string }).message).toMatch(message);
    }
  });

  it("a database without its schema", async () => {
    await secondDb.prepare("ALTER TABLE setup_secrets RENAME TO away").run();
    try {
      const response = await visit();
      expect([response.status, await response.json()]).toEqual([
        503,
        { status: "unconfigured", message: expect.stringMatching(/^The database schema is missing.*`npm run deploy`/) },
      ]);
    } finally {
      await secondDb.prepare("ALTER TABLE away RENAME TO setup_secrets").run();
    }
  });

  it("a database that does not answer", async () => {
    const fail = async () => {
      throw new Error("D1 DB is overloaded. Too many requests queued.");
    };
    const statement = { bind: () => statement, first: fail, all: fail, run: fail, raw: fail };
    const DB = { prepare: () => statement, batch: fail } as unknown as D1Database;
    expect((await visit({ env: { ...codeEnv(), DB } })).status).toBe(503);
  });
});

it("a new isolate makes one call more to D1, and its next request none", async () => {
  const keys = await setUp();
  const { env, counts, reset } = countingEnv(codeEnv());
  const calls = async (counted: typeof counts, bindings: Env) => {
    expect((await visit({ env: bindings, url: HEALTH })).status).toBe(200);
    return counted.d1;
  };
  const cold = await calls(counts, env);
  reset();
  const warm = await calls(counts, env);
  const moved = {
    ROOT_ACCESS_KEY_ID: keys.accessKeyId,
    ROOT_SECRET_ACCESS_KEY: keys.secretAccessKey,
    SEAL_KEY: keys.sealKey,
  };
  const own = countingEnv(codeEnv(moved));
  const expected = await calls(own.counts, own.env);
  expect({ cold, warm }).toEqual({ cold: expected + 1, warm: expected });
});
