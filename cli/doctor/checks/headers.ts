/** Whether headers of requests arrive. */
import { connect, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { seenHeaders } from "../blame.ts";
import { type Check, fail, ok, warn } from "../check.ts";
import { inGroups } from "../groups.ts";
import { md5Base64 } from "../sign.ts";
import { codeOf, type Received, USER_AGENT, unexpected, type World } from "../world.ts";

interface Row {
  readonly name: string;
  readonly value: string;
  /** The header of the answer to HEAD, if it is not the same one. */
  readonly answered?: readonly [name: string, value: string];
  /** Cloudflare documents that it may drop the header. */
  readonly isKnown?: true;
}

const BODY = "headers";

const ROWS: readonly Row[] = [
  { name: "x-amz-meta-color", value: "red, green" },
  { name: "x-amz-meta-under_score", value: "kept", isKnown: true },
  { name: "x-amz-meta-dotted.name", value: "kept", isKnown: true },
  { name: "x-amz-meta-utf8", value: "plain  spaces" },
  { name: "x-amz-tagging", value: "a=1", answered: ["x-amz-tagging-count", "1"] },
  { name: "x-amz-storage-class", value: "STANDARD", answered: ["etag", ""] },
  { name: "x-amz-website-redirect-location", value: "/elsewhere" },
  { name: "content-md5", value: md5Base64(Buffer.from(BODY)), answered: ["etag", ""] },
  { name: "content-type", value: "text/x-doctor; charset=utf-8" },
  { name: "content-disposition", value: 'attachment; filename="a.txt"' },
  { name: "content-language", value: "de" },
  { name: "cache-control", value: "max-age=60" },
  { name: "expires", value: "Wed, 01 Jan 2031 00:00:00 GMT" },
];

const requestHeaders: Check = {
  name: "request-headers",
  sends:
    "PUTs with one header each: metadata (also with a dot or an underscore in its name), tags, Content-MD5, Content-Disposition, …; then HEADs",
  expects: "HEAD answers with what was put",
  remedy:
    "Let these headers pass. Cloudflare's dashboard, Rules > Transform Rules: no rule may change headers of this host. " +
    "nginx drops names with underscores or dots unless `underscores_in_headers on; ignore_invalid_headers off`.",
  needs: ["bucket"],
  async run(world) {
    const lost = new Map<Row, string>();
    await inGroups(ROWS, async (row) => {
      const fault = await tryHeader(world, row);
      if (fault !== undefined) lost.set(row, fault);
    });
    if (lost.size === 0) return ok(`${ROWS.length} headers`);
    const lines = [...lost].map(([{ name }, fault]) => `${name}: ${fault}`).sort();
    const detail = [`${lost.size} of ${ROWS.length} headers do not arrive`, ...lines].join("\n");
    if ([...lost.keys()].some(({ isKnown }) => !isKnown)) return fail(detail);
    return warn(detail, "Cloudflare drops such names: use metadata names of letters, digits and hyphens.");
  },
};

async function tryHeader(world: World, { name, value, answered = [name, value] }: Row): Promise<string | undefined> {
  const key = `headers/${name}`;
  const put = await world.send({ method: "PUT", key, body: BODY, headers: { [name]: value } });
  const fault = refusedHeader(put, name, value);
  if (fault !== undefined) return fault;
  if (put.status !== 200) return unexpected(put, "PUT").detail;
  const { headers } = await world.expect({ method: "HEAD", key }, 200, "HEAD");
  const [back, expected] = answered;
  const got = headers[back];
  if (got === undefined) return back === name ? "is not in the answer to HEAD" : "has no effect";
  if (expected === "" || got === expected || (back === "cache-control" && got.startsWith(expected))) return undefined;
  return `is returned as "${got.slice(0, 60)}"`;
}

/** What has happened to a header that was signed. */
function refusedHeader(answer: Received, name: string, value: string): string | undefined {
  if (codeOf(answer) === "AccessDenied") return "is removed, and the signature names it";
  if (codeOf(answer) !== "SignatureDoesNotMatch") return undefined;
  const seen = seenHeaders(answer)?.get(name);
  if (seen === undefined || seen === "") return "is removed";
  return seen === value ? "is changed" : `arrives as "${seen.slice(0, 60)}"`;
}

const acceptEncoding: Check = {
  name: "accept-encoding",
  sends: "GETs that sign `Accept-Encoding: identity`, and `gzip`, as rclone, Terraform and the Go SDK do",
  expects: "200: the Worker takes the client's value from Cloudflare, which replaces the header",
  remedy: "A proxy changes `Accept-Encoding`: let it pass, or set these clients to not sign it.",
  needs: ["bucket"],
  async run(world) {
    const key = "accept-encoding";
    await world.put(key, "x");
    const refused: string[] = [];
    for (const coding of ["identity", "gzip"]) {
      const answer = await world.send({
        key,
        query: `x-id=GetObject-${coding}`,
        headers: { "accept-encoding": coding },
      });
      if (codeOf(answer) === "SignatureDoesNotMatch") refused.push(coding);
      else if (answer.status !== 200) return unexpected(answer, `a GET that signs Accept-Encoding: ${coding}`);
    }
    return refused.length === 0
      ? ok("identity and gzip")
      : fail(`SignatureDoesNotMatch for a signed ${refused.join(", ")}`);
  },
};

const CONTINUE_MS = 3_000;

const expectContinue: Check = {
  name: "expect-continue",
  sends: "a PUT of 200 KB with `Expect: 100-continue`, whose body waits 3 seconds for the 100",
  expects: "100, then 200",
  remedy:
    "A proxy does not answer `Expect: 100-continue`. Clients wait a second or more before each upload; some fail.",
  needs: ["bucket"],
  async run(world) {
    const body = Buffer.alloc(200_000, "expect");
    const answer = await world.send({ method: "PUT", key: "expect", body, awaitContinueMs: CONTINUE_MS });
    if (answer.status !== 200) return unexpected(answer, "a PUT with Expect: 100-continue");
    return answer.isContinued
      ? ok("100, then 200")
      : warn("no 100 within 3 seconds; the upload succeeded nevertheless");
  },
};

const noLength: Check = {
  name: "no-length",
  sends: "a PUT without any length, and one with `Content-Length: 0`",
  expects: "411 `MissingContentLength`; 200 and an empty object",
  remedy:
    "A proxy adds `Content-Length: 0` to requests without a length: an upload whose length is lost becomes an empty object.",
  needs: ["bucket"],
  async run(world) {
    await world.put("no-length/empty", "");
    const head = await world.expect({ method: "HEAD", key: "no-length/empty" }, 200, "HEAD of an empty object");
    if ((head.headers["content-length"] ?? "0") !== "0") return fail("an empty object is not empty");
    const status = await statusWithoutLength(world, "no-length/none");
    if (status === 411) return ok("411 without a length, 200 with 0");
    if (status === 0) return warn("the connection ends without an answer to a PUT without a length");
    return warn(`${status} for a PUT without a length`);
  },
};

/** Node's client always sends a length. @returns 0 if the connection ends without an answer */
async function statusWithoutLength(world: World, key: string): Promise<number> {
  const path = `/${world.bucket}/${key}`;
  const { headers } = world.sign({ method: "PUT" }, path);
  const lines = Object.entries({ ...headers, "user-agent": USER_AGENT, connection: "close" }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const { host, port, isTls } = world.destination;
  const { ca, timeoutMs, signal } = world.options;
  const socket = isTls
    ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...(ca !== undefined && { ca }) })
    : connect({ host, port });
  return new Promise((resolve) => {
    let text = "";
    const end = () => {
      socket.destroy();
      signal.removeEventListener("abort", end);
      resolve(Number(/^HTTP\/1\.\d (\d{3})/.exec(text)?.[1] ?? 0));
    };
    signal.addEventListener("abort", end);
    socket.setTimeout(timeoutMs, end);
    socket.on("error", end);
    socket.on("close", end);
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      if (text.includes("\r\n\r\n")) end();
    });
    socket.write(`PUT ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  });
}

export const HEADERS: readonly Check[] = [requestHeaders, acceptEncoding, expectContinue, noLength];
