/** Whether bodies arrive as they are stored. */
import { type Check, fail, ok } from "../check.ts";
import { inGroups } from "../groups.ts";
import type { Received } from "../world.ts";

const PAGE = `<!DOCTYPE html>
<html>
  <head>
    <title>doctor</title>
    <!-- a comment that a minifier removes -->
    <link rel="stylesheet" href="http://s3-doctor.example/style.css">
    <script src="http://s3-doctor.example/app.js"></script>
    <script>  window.answer = 42;  </script>
  </head>
  <body>
    <p>Write to someone@s3-doctor.example or <a href="mailto:other@s3-doctor.example">here</a>.</p>
    <img src="http://s3-doctor.example/a.png" width="400" height="300">
    <p>two  spaces</p>

    <!--email_off-->fixed@s3-doctor.example<!--/email_off-->
  </body>
</html>
`;

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAHXRFWHRDb21tZW50AGtlcHQgYnkgYSBzdG9yZSBvZiBieXRlc0CLn3cAAAANSURBVHjaY2BgYPgPAAEEAQBwIGULAAAAAElFTkSuQmCC",
  "base64",
);

interface Row {
  readonly key: string;
  readonly type: string;
  readonly content: string | Buffer;
}

const ROWS: readonly Row[] = [
  { key: "bodies/page.html", type: "text/html; charset=utf-8", content: PAGE },
  { key: "bodies/page.xhtml", type: "application/xhtml+xml", content: PAGE },
  { key: "bodies/script.js", type: "text/javascript", content: "// a comment\nconst   x = 1 ;\n\n\nexport { x };\n" },
  { key: "bodies/style.css", type: "text/css", content: "/* a comment */\nbody   {  color : #ff0000 ; }\n\n" },
  { key: "bodies/data.json", type: "application/json", content: '{ "mail" : "someone@s3-doctor.example" }\n' },
  {
    key: "bodies/picture.svg",
    type: "image/svg+xml",
    content: '<svg xmlns="http://www.w3.org/2000/svg">  <!-- c --></svg>\n',
  },
  { key: "bodies/picture.png", type: "image/png", content: PNG },
  { key: "bodies/lines.txt", type: "text/plain", content: "\uFEFFone\r\ntwo\rthree\n\u0000four\n" },
];

/** What changes bodies, by what it leaves. */
const CHANGES: readonly (readonly [pattern: RegExp, what: string, remedy: string])[] = [
  [
    /__cf_email__|\/cdn-cgi\/l\/email-protection/,
    "e-mail addresses are encoded",
    'Security > Settings: turn "Email Address Obfuscation" off',
  ],
  [
    /rocket-loader|type="[0-9a-f]{20,}-text\/javascript"/,
    "scripts are deferred",
    'Speed > Settings > Content Optimization: turn "Rocket Loader" off',
  ],
  [
    /static\.cloudflareinsights\.com/,
    "a script of Web Analytics is added",
    "Analytics & Logs > Web Analytics: turn the automatic setup off",
  ],
  [
    /challenge-platform/,
    "a script of bot detection is added",
    'Security > Settings: turn "Bot fight mode" and its "JavaScript Detections" off',
  ],
  [
    /https:\/\/s3-doctor\.example/,
    "http:// is replaced by https://",
    'SSL/TLS > Edge Certificates: turn "Automatic HTTPS Rewrites" off',
  ],
  [/mirage/, "images are deferred", 'Speed > Settings > Image Optimization: turn "Mirage" off'],
];

const RULE = "Or Rules > Configuration Rules: one rule for this host that turns all of them off.";

const bodies: Check = {
  name: "bodies",
  sends:
    "GETs of stored HTML (with e-mail addresses, scripts and http:// links), XHTML, JavaScript, CSS, JSON, SVG, PNG and text, as a browser asks for them",
  expects: "the stored bytes",
  remedy: "A proxy changes bodies: turn off what rewrites, minifies or optimizes answers of this host.",
  needs: ["bucket"],
  async run(world) {
    const changed = new Map<Row, Received>();
    await inGroups(ROWS, async (row) => {
      await world.put(row.key, row.content, { "content-type": row.type });
      const answer = await world.get(row.key, {
        userAgent:
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        unsignedHeaders: {
          accept: "text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8",
          "accept-language": "en",
        },
      });
      if (!answer.body.equals(Buffer.from(row.content))) changed.set(row, answer);
    });
    if (changed.size === 0) return ok(`${ROWS.length} types`);
    const text = [...changed.values()].map(({ body }) => body.toString()).join("\n");
    const causes = CHANGES.filter(([pattern]) => pattern.test(text));
    const lines = [...changed].map(
      ([{ type, content }, { body }]) => `${type}: ${describeChange(Buffer.from(content), body)}`,
    );
    const detail = ["bodies are changed", ...lines.sort(), ...causes.map(([, what]) => what)].join("\n");
    if (causes.length === 0) return fail(detail);
    return fail(detail, `Cloudflare's dashboard: ${causes.map(([, , remedy]) => remedy).join("; ")}. ${RULE}`);
  },
};

function describeChange(stored: Buffer, received: Buffer): string {
  const first = stored.findIndex((byte, index) => received[index] !== byte);
  const at = first === -1 ? stored.byteLength : first;
  return `${stored.byteLength} bytes are ${received.byteLength}, and differ from byte ${at} on`;
}

export const BODIES: readonly Check[] = [bodies];
