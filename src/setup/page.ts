/** The pages of the set-up. They need no script and nothing from elsewhere. */
import { escapeXml } from "../protocol/xml/writer.ts";
import type { Secrets } from "../secret-shapes.ts";

export const SETUP_PATH = "/-/setup";

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}
label,input,button{display:block;font:inherit}input{width:100%;box-sizing:border-box;margin:.25rem 0 1rem;padding:.5rem}
button{padding:.5rem 1rem}dt{font-weight:600}dd{margin:0 0 1rem}code{overflow-wrap:anywhere}[role=alert]{font-weight:600}`;

/** @param problem why the form is shown again */
export function formPage(nonce: string, problem?: string): string {
  const alert = problem === undefined ? "" : `<p role="alert">${escapeXml(problem)}</p>`;
  return page(
    nonce,
    `<p>This deployment has no keys yet. Enter the SETUP_CODE that was chosen for it. The keys are made then, and shown on the
next page, once.</p>${alert}
<form method="post" action="${SETUP_PATH}">
<label for="code">SETUP_CODE</label>
<input id="code" name="code" type="password" required minlength="16" maxlength="256" autocomplete="off" autofocus>
<button>Set up</button>
</form>`,
  );
}

export function textPage(nonce: string, text: string): string {
  return page(nonce, `<p role="alert">${escapeXml(text)}</p>`);
}

/** @param endpoint the origin of the request */
export function keysPage(nonce: string, secrets: Secrets, endpoint: string): string {
  const rows = [
    ["Endpoint", endpoint],
    ["Access key id", secrets.ROOT_ACCESS_KEY_ID],
    ["Secret access key", secrets.ROOT_SECRET_ACCESS_KEY],
    ["Seal key", secrets.SEAL_KEY],
  ].map(([name = "", value = ""]) => `<dt>${name}</dt><dd><code>${escapeXml(value)}</code></dd>`);
  return page(
    nonce,
    `<p><strong>These keys are not shown again. Keep them in a safe place before you leave this page.</strong></p>
<dl>${rows.join("\n")}</dl>
<p>Clients sign with the access key id and the secret access key; they belong to the root account. The seal key is needed if
SETUP_CODE is lost or changed: then set the three keys as secrets of the Worker, under the names ROOT_ACCESS_KEY_ID,
ROOT_SECRET_ACCESS_KEY and SEAL_KEY. Until then keep SETUP_CODE, and do not remove it from the Worker.</p>
<p>The endpoint answers clients within a few seconds: <a href="/-/health">/-/health</a> says when it is ready.</p>`,
  );
}

function page(nonce: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set up workers-s3</title><style nonce="${nonce}">${STYLE}</style></head>
<body><main><h1>Set up workers-s3</h1>
${content}
</main></body></html>
`;
}
