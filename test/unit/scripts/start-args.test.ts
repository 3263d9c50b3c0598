import { describe, expect, it } from "vitest";
import { parseStartArgs } from "../../../scripts/start-args.ts";

describe("parseStartArgs", () => {
  it("listens on 127.0.0.1:8787 only and keeps data where wrangler does", () => {
    expect(parseStartArgs([])).toEqual({
      ip: "127.0.0.1",
      port: 8787,
      endpoint: "http://127.0.0.1:8787",
      stateFolder: ".wrangler/state",
      configPath: "wrangler.toml",
      environment: undefined,
      envFiles: [],
      variables: {},
      log: undefined,
      inspectorPort: undefined,
    });
  });

  it("takes each flag, and settings with colons or an empty value", () => {
    const argv = ["--port=9000", "--persist-to", "data", "--var", "PUBLIC_ORIGIN:https://a:1", "--var=S3_DOMAINS:"];
    expect(parseStartArgs(argv)).toMatchObject({
      port: 9000,
      stateFolder: "data",
      variables: { PUBLIC_ORIGIN: "https://a:1", S3_DOMAINS: "" },
    });
  });

  it("takes wrangler's flags for files, sections and debuggers, and --log", () => {
    const argv = ["-c", "other.toml", "-e", "staging", "--env-file", "a", "--env-file=b", "--inspector-port", "9229"];
    expect(parseStartArgs([...argv, "--log", "-"])).toMatchObject({
      configPath: "other.toml",
      environment: "staging",
      envFiles: ["a", "b"],
      inspectorPort: 9229,
      log: "-",
    });
  });

  it.each([
    [["--ip", "0.0.0.0"], "http://127.0.0.1:8787"],
    [["--host", "::"], "http://[::1]:8787"],
    [["--ip", "::1"], "http://[::1]:8787"],
    [["--ip", "192.0.2.7"], "http://192.0.2.7:8787"],
  ])("names an endpoint clients can reach: %j", (argv, endpoint) => {
    expect(parseStartArgs(argv)).toMatchObject({ endpoint });
  });

  it.each([
    [["--port", "x"], "--port takes a number from 1 to 65535."],
    [["--port", "70000"], "--port takes a number from 1 to 65535."],
    [["--inspector-port", "0"], "--inspector-port takes a number from 1 to 65535."],
    [
      ["--remote"],
      "Unknown option '--remote'; `npm start -- --help` lists the options, and `npm run dev` takes those of wrangler.",
    ],
    [["--log"], "Option '--log <value>' argument missing"],
    [["--var", "REGION"], "--var takes NAME:VALUE."],
    [
      ["--nonsense"],
      "Unknown option '--nonsense'; `npm start -- --help` lists the options, and `npm run dev` takes those of wrangler.",
    ],
    [["data"], "Unexpected argument 'data'"],
  ])("refuses %j with one sentence", (argv, message) => {
    expect(() => parseStartArgs(argv)).toThrow(RangeError);
    expect(() => parseStartArgs(argv)).toThrow(message);
    expect(() => parseStartArgs(argv)).not.toThrow(/\n/);
  });
});
