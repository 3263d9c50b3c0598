import { spawn } from "node:child_process";
import { expect, it } from "vitest";
import { childrenNamed, descendants, isAlive } from "../../../scripts/processes.ts";

it("finds children and theirs, without ps on the path, and knows when they have ended", async () => {
  const path = process.env.PATH;
  const child = spawn("sh", ["-c", "sleep 60 & wait"], { stdio: "ignore" });
  try {
    process.env.PATH = "";
    await expect.poll(() => descendants(child.pid ?? 0).length).toBe(1);
    expect(descendants(process.pid)).toContain(child.pid);
    expect(childrenNamed("sh")).toContain(child.pid);
    const [grandchild = 0] = descendants(child.pid ?? 0);
    expect(isAlive(grandchild)).toBe(true);
    process.kill(grandchild, "SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(isAlive(child.pid ?? 0)).toBe(false);
  } finally {
    process.env.PATH = path;
    child.kill("SIGKILL");
  }
});
