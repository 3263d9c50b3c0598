import { render } from "preact";
import { App } from "./app.tsx";
import { loadConfig } from "./config.ts";
import { watchIdleTime } from "./session.ts";
import { ErrorBox } from "./ui/basics.tsx";
import { isUploading } from "./uploads/uploads.ts";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app.");
// Else what is in <noscript> stays.
root.replaceChildren();

watchIdleTime(isUploading);
try {
  render(<App config={await loadConfig()} />, root);
} catch (error) {
  render(<ErrorBox error={error} />, root);
}
