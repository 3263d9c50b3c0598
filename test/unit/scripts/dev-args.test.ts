import { describe, expect, it } from "vitest";
import { parseDevArgs } from "../../../scripts/dev-args.ts";

describe("parseDevArgs", () => {
  it("listens on 127.0.0.1:8787 and takes any free inspector port", () => {
    const args = parseDevArgs([]);
    expect(args).toMatchObject({
      ip: "127.0.0.1",
      port: 8787,
      endpoint: "http://127.0.0.1:8787",
      stateFolder: ".wrangler/state",
    });
    expect(args.devArgs.join(" ")).toBe(
      "--ip 127.0.0.1 --port 8787 --live-reload=false --var ONE_ISOLATE:true --var CUSTOMER_KEYS_OVER_HTTP:true --inspector-port 0",
    );
  });

  it.each([[["--port", "9000", "--persist-to", "/tmp/x"]], [["--port=9000", "--persist-to=/tmp/x"]]])(
    "passes the storage folder to wrangler and to the preparation: %j",
    (argv) => {
      const args = parseDevArgs(argv);
      expect(args.port).toBe(9000);
      expect(args.stateFolder).toBe("/tmp/x");
      expect(args.devArgs.filter((argument) => argument.startsWith("--port"))).toEqual(["--port"]);
      expect(args.devArgs.join(" ")).toMatch(/--persist-to[ =]\/tmp\/x$/);
    },
  );

  it("passes every other flag on and lets it replace a default", () => {
    const { devArgs } = parseDevArgs(["--var", "REGION:eu-west-1", "--inspector-port=9230"]);
    expect(devArgs.slice(-3)).toEqual(["--var", "REGION:eu-west-1", "--inspector-port=9230"]);
    expect(devArgs).not.toContain("--inspector-port");
  });

  it.each([
    [["--ip", "0.0.0.0"], "http://127.0.0.1:8787"],
    [["--ip", "::1"], "http://[::1]:8787"],
    [["--ip", "192.0.2.7", "--local-protocol=https"], "https://192.0.2.7:8787"],
  ])("names an endpoint clients can reach: %j", (argv, endpoint) => {
    expect(parseDevArgs(argv).endpoint).toBe(endpoint);
  });

  it.each(["x", "0", "70000", "80.5"])("refuses the port %s", (port) => {
    expect(() => parseDevArgs(["--port", port])).toThrow(RangeError);
  });
});
