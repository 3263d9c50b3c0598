/** Whether the deployment can be reached, and whether it is ready. */
import { explain } from "../blame.ts";
import { type Check, fail, ok, skipped, warn } from "../check.ts";
import { NoAnswer } from "../http.ts";
import { silent, unexpected, type World } from "../world.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const MIN_CERTIFICATE_DAYS = 14;
/** Beyond it the SDKs correct their clock by the Date of an answer. */
const MAX_SKEW_MS = 5 * 60 * 1000;
const NOTED_SKEW_MS = 60 * 1000;

function health(world: World) {
  return world.send({ bucket: null, path: "/-/health", by: "anonymous" });
}

const reachable: Check = {
  name: "reachable",
  sends: "`GET /-/health` without a signature",
  expects: "an answer of the Worker: JSON with `status`",
  remedy: "Check the address. It is that of the Worker, without a path: docs/deploy.md.",
  async run(world) {
    const { host } = world.options.endpoint;
    let answer: Awaited<ReturnType<typeof health>>;
    try {
      answer = await health(world);
    } catch (error) {
      if (error instanceof NoAnswer) return silent(error, host);
      throw error;
    }
    if (/^\s*\{"status":/.test(answer.body.toString()))
      return ok(`${answer.status} in ${Math.round(answer.milliseconds)} ms`);
    const { location = "" } = answer.headers;
    if (!world.destination.isTls && location.startsWith(`https://${world.destination.host}`)) {
      return fail("the endpoint redirects to https", "Use the address that begins with https://.");
    }
    const { what, remedy } = explain(answer);
    return fail(`no answer of workers-s3: ${what}`, remedy);
  },
};

const tls: Check = {
  name: "tls",
  sends: "the same over https",
  expects: "a certificate that Node trusts, for this host, valid for 14 more days; TLS 1.2 or 1.3",
  remedy: "Cloudflare's dashboard, SSL/TLS > Edge Certificates.",
  needs: ["reachable"],
  async run(world) {
    if (!world.destination.isTls) {
      if (world.isLocal) return skipped("the endpoint is http on this machine");
      return warn("the endpoint is http: objects travel in the clear", "Use https.");
    }
    const { tls: facts } = await health(world);
    const days = Math.floor(((facts?.expiresAt?.getTime() ?? 0) - Date.now()) / DAY_MS);
    const detail = `${facts?.protocol ?? "TLS"}, certificate of ${facts?.issuer || "an unnamed authority"} for ${days} more days`;
    if (!/^TLSv1\.[23]$/.test(facts?.protocol ?? "")) {
      return warn(detail, 'Cloudflare\'s dashboard, SSL/TLS > Edge Certificates: set "Minimum TLS Version" to 1.2.');
    }
    return days < MIN_CERTIFICATE_DAYS
      ? warn(detail, "Cloudflare renews its certificates by itself; renew others.")
      : ok(detail);
  },
};

const httpsOnly: Check = {
  name: "https-only",
  sends: "`GET /-/health` over http, at port 80",
  expects: "a redirect to https, or no answer",
  remedy: 'Cloudflare\'s dashboard, SSL/TLS > Edge Certificates: turn "Always Use HTTPS" on.',
  needs: ["reachable"],
  async run(world) {
    const { isTls, host, port } = world.destination;
    if (!isTls) return skipped("the endpoint is http");
    if (port !== 443) return skipped("the endpoint has a port of its own");
    try {
      const answer = await world.send({
        ...{ bucket: null, path: "/-/health", by: "anonymous", host },
        destination: { isTls: false, host, port: 80 },
      });
      const isRedirect = answer.status >= 300 && answer.status < 400;
      if (isRedirect && /^https:/.test(answer.headers.location ?? "")) return ok("http is redirected to https");
      return answer.status === 200 ? warn("requests over http are served") : ok(`http answers ${answer.status}`);
    } catch (error) {
      if (error instanceof NoAnswer) return ok("http gets no answer");
      throw error;
    }
  },
};

const clock: Check = {
  name: "clock",
  sends: "the same",
  expects: "a `Date` header that differs from this machine's clock by less than a minute",
  remedy:
    "Set this machine's clock by NTP. If it is right, a proxy sends a `Date` of its own: let it pass the Worker's.",
  needs: ["reachable"],
  async run(world) {
    const before = Date.now();
    // The Worker's clock is in every answer of S3; other answers have the edge's.
    const { headers } = await world.send({ bucket: null, path: "/", by: "anonymous" });
    const shown = Date.parse(headers.date ?? "");
    if (Number.isNaN(shown)) return warn("answers have no Date header", "A proxy removes `Date`: let it pass.");
    // The header has whole seconds, and the answer took some time.
    const ahead = shown - Date.now();
    const behind = before - 1000 - shown;
    const skew = Math.max(ahead, behind, 0);
    const direction = ahead > 0 ? "ahead of" : "behind";
    const detail =
      skew < 1000
        ? "less than a second apart"
        : `Date is ${Math.round(skew / 1000)} s ${direction} this machine's clock`;
    if (skew > MAX_SKEW_MS) return fail(`${detail}: SDKs that correct their clock by it are refused`);
    return skew > NOTED_SKEW_MS ? warn(detail) : ok(detail);
  },
};

const ready: Check = {
  name: "health",
  sends: "`GET /-/health`",
  expects: '200 `{"status":"ok"}`: secrets, settings, bindings and the newest schema are in place',
  remedy: "`npm run deploy`, which sets what is missing.",
  needs: ["reachable"],
  async run(world) {
    const answer = await health(world);
    if (answer.status === 200) return ok("secrets, settings and schema are in place");
    const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(answer.body.toString())?.[1];
    return message === undefined ? unexpected(answer, "GET /-/health") : fail(message);
  },
};

export const CONNECTION: readonly Check[] = [reachable, tls, httpsOnly, clock, ready];
