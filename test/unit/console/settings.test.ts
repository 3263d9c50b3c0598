import { describe, expect, it } from "vitest";
import { type ConsoleVariables, readConsoleSettings } from "../../../src/console/settings.ts";

const DEPLOYED: ConsoleVariables = {
  domain: "console.example.com",
  localEndpoint: "",
  publicOrigin: undefined,
  s3Domains: ["s3.localhost", "s3.example.com"],
  websiteDomains: ["website.localhost", "sites.example.com"],
};

function settingsOf(variables: Partial<ConsoleVariables>) {
  const outcome = readConsoleSettings({ ...DEPLOYED, ...variables });
  return "problem" in outcome ? outcome.problem : outcome.settings;
}

describe("readConsoleSettings", () => {
  it("names the origin with TLS and the first public S3 domain", () => {
    expect(settingsOf({})).toEqual({
      domain: "console.example.com",
      origin: "https://console.example.com",
      s3Endpoint: "https://s3.example.com",
    });
  });

  it("prefers PUBLIC_ORIGIN to the S3 domains", () => {
    const publicOrigin = "https://workers-s3.example.workers.dev";
    expect(settingsOf({ publicOrigin })).toMatchObject({ s3Endpoint: publicOrigin });
  });

  it("reads the domain without regard to case and spaces", () => {
    expect(settingsOf({ domain: " Console.Example.com " })).toMatchObject({ domain: "console.example.com" });
  });

  it.each([
    ["http://127.0.0.1:8787", "http://console.localhost:8787"],
    ["http://[::1]:9000", "http://console.localhost:9000"],
    ["https://127.0.0.1:8787", "https://console.localhost:8787"],
    // As browsers write origins.
    ["http://127.0.0.1:80", "http://console.localhost"],
    ["https://127.0.0.1:443", "https://console.localhost"],
  ])("of a local server at %s have the origin %s", (localEndpoint, origin) => {
    const settings = settingsOf({ localEndpoint, domain: "console.localhost", publicOrigin: "https://s3.example.com" });
    expect(settings).toEqual({ domain: "console.localhost", origin, s3Endpoint: localEndpoint });
  });

  it.each(["", "  "])("are absent for the domain %j", (domain) => {
    expect(readConsoleSettings({ ...DEPLOYED, domain })).toEqual({ settings: undefined });
  });

  it.each([
    "https://console.example.com",
    "console.example.com:8443",
    "console.example.com/",
    "console",
    "*.example.com",
    "console..example.com",
    "-console.example.com",
    "127.0.0.1:1",
    "cönsole.example.com",
    `${"a".repeat(64)}.example.com`,
    "console.example.com, other.example.com",
  ])("refuse the domain %s", (domain) => {
    expect(settingsOf({ domain })).toContain("CONSOLE_DOMAIN must be a domain");
  });

  it.each([
    ["an S3 domain", { domain: "s3.example.com" }],
    ["a bucket's host", { domain: "console.s3.example.com" }],
    ["a website domain", { domain: "sites.example.com" }],
    ["a bucket's website", { domain: "console.sites.example.com" }],
    ["the parent of a domain of buckets", { domain: "example.com" }],
    ["an unlisted website domain of a local server", { domain: "console.website.localhost" }],
  ])("refuse %s: user content would share its origin or site", (_what, variables) => {
    expect(settingsOf(variables)).toContain("user content is served there");
  });

  it("refuse the host of the S3 endpoint", () => {
    const settings = settingsOf({ domain: "w.example.workers.dev", publicOrigin: "https://w.example.workers.dev" });
    expect(settings).toContain("must be different hosts");
  });

  it("need an S3 endpoint", () => {
    expect(settingsOf({ s3Domains: ["s3.localhost"] })).toContain("needs PUBLIC_ORIGIN");
  });
});
