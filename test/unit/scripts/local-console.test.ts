import { describe, expect, it } from "vitest";
import { localConsole } from "../../../scripts/local-console.ts";

const TOML = {
  S3_DOMAINS: "s3.localhost",
  WEBSITE_DOMAINS: "website.localhost",
  CONSOLE_DOMAIN: "console.example.com",
};
const ENDPOINT = "http://127.0.0.1:9000";

describe("localConsole", () => {
  it("is console.localhost on the port of the server, whatever domain a deployment has", () => {
    expect(localConsole(ENDPOINT, { toml: TOML, given: {} })).toEqual({
      variables: { CONSOLE_DOMAIN: "console.localhost", LOCAL_ENDPOINT: ENDPOINT },
      origin: "http://console.localhost:9000",
    });
  });

  it("is off where the command line says so", () => {
    expect(localConsole(ENDPOINT, { toml: TOML, given: { CONSOLE_DOMAIN: "" } }).origin).toBeUndefined();
  });

  it("has the domain that the command line names", () => {
    const { origin } = localConsole(ENDPOINT, { toml: TOML, given: { CONSOLE_DOMAIN: "c.test" } });
    expect(origin).toBe("http://c.test:9000");
  });

  it.each([{ S3_DOMAINS: "localhost" }, { WEBSITE_DOMAINS: "localhost" }])(
    "is off, and the server starts, where buckets have its host: %j",
    (given) => {
      const { variables, origin } = localConsole(ENDPOINT, { toml: TOML, given });
      expect([variables.CONSOLE_DOMAIN, origin]).toEqual(["", undefined]);
    },
  );
});
