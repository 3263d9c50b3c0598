/** What an answer that is not the Worker's says about what is between the client and the Worker. */
import { printable } from "../output.ts";
import type { Answer, NoAnswer } from "./http.ts";

/** What was seen, and what to change if that follows from it. */
export interface Blame {
  readonly what: string;
  readonly remedy?: string;
}

interface Sign {
  readonly pattern: RegExp;
  readonly what: string;
  readonly remedy: string;
}

const SKIP = 'Or Security > Security rules: a custom rule for this host name with the action "Skip".';

/** Texts of Cloudflare's own pages. */
const PAGES: readonly Sign[] = [
  {
    pattern: /error code: 1010|banned your access based on your browser/i,
    what: "Cloudflare's page 1010, of the Browser Integrity Check",
    remedy: 'Cloudflare\'s dashboard, Security > Settings: turn "Browser Integrity Check" off for this host.',
  },
  {
    pattern: /error code: 1015|you are being rate limited/i,
    what: "Cloudflare's page 1015, of a rate limiting rule",
    remedy: "Cloudflare's dashboard, Security > Security rules: leave this host out of the rate limiting rule.",
  },
  {
    pattern: /error code: 10(?:06|07|08|09|12|20)\b/i,
    what: "Cloudflare's page of a rule that blocks this client",
    remedy: `Cloudflare's dashboard, Security > Security rules: leave this host out of the rule. ${SKIP}`,
  },
  {
    pattern: /error code: 1102|exceeded resource limits/i,
    what: "Cloudflare's page 1102: the Worker exceeded its CPU time",
    remedy: "Workers Free allows 10 ms of CPU time, which does not suffice to hash uploads: change to Workers Paid.",
  },
  {
    pattern: /error code: 1027/i,
    what: "Cloudflare's page 1027: the requests of Workers Free for this day are used up",
    remedy: "Change to Workers Paid, or wait until 00:00 UTC.",
  },
  {
    pattern: /error code: 1101|worker threw exception/i,
    what: "Cloudflare's page 1101: the Worker threw an exception",
    remedy: "Read its log: `npx wrangler tail`. If the code is not this release's, run `npm run deploy`.",
  },
  {
    pattern: /error code: (?:1000|1001|1014|1016|1042|523|530)|error 1016/i,
    what: "Cloudflare's page about the DNS record of this host",
    remedy: "No route or domain of the Worker covers this host: `npm run deploy -- --domain …`, docs/deploy.md.",
  },
  {
    pattern: /sorry, you have been blocked|attention required! \| cloudflare/i,
    what: "Cloudflare's page of the WAF",
    remedy: `Cloudflare's dashboard, Security > Analytics > Events names the rule: turn it off for this host. ${SKIP}`,
  },
];

const CHALLENGE: Blame = {
  what: "a challenge page of Cloudflare, which only browsers can answer",
  remedy:
    'Cloudflare\'s dashboard, Security > Settings: turn "Bot fight mode" (it cannot be skipped by a rule) and "Under Attack mode" off ' +
    "for this zone; Security > Analytics > Events names what challenged the request.",
};

const ACCESS: Blame = {
  what: "the login page of Cloudflare Access",
  remedy: "Cloudflare One, Access > Applications: remove this host, since S3 clients sign their requests instead.",
};

/** Of an answer that the caller does not expect. */
export function explain(answer: Answer): Blame {
  const { status, headers, body } = answer;
  const text = body.subarray(0, 20_000).toString("utf8");
  if (
    headers["cf-mitigated"] === "challenge" ||
    /<title>just a moment|_cf_chl_opt|challenge-platform\/h\//i.test(text)
  ) {
    return CHALLENGE;
  }
  const location = headers.location ?? "";
  if (/cloudflareaccess\.com/.test(location)) return ACCESS;
  if (status >= 300 && status < 400 && location !== "") {
    return { what: `${status}, a redirect to ${printable(location.replace(/\?.*/s, "").slice(0, 100))}` };
  }
  const error = errorOf(answer);
  if (error !== undefined) return { what: `${status} ${error.code}: ${error.message}` };
  const page = PAGES.find(({ pattern }) => pattern.test(text));
  if (page !== undefined) return { what: `${status}, ${page.what}`, remedy: page.remedy };
  if (status === 413) return { what: "413, the request is too large" };
  if (status >= 520 && status <= 530) return { what: `${status}, Cloudflare cannot reach the Worker's origin` };
  const isHtml = /html/.test(headers["content-type"] ?? "") || /^\s*<(!doctype|html)/i.test(text);
  const title = /<title>([^<]{1,80})/i.exec(text)?.[1];
  if (isHtml)
    return { what: `${status} with an HTML page${title === undefined ? "" : ` ("${printable(title.trim())}")`}` };
  return { what: body.byteLength === 0 ? `${status} without a body` : `${status} with ${body.byteLength} bytes` };
}

/** The error document of S3, or of the admin API. */
export function errorOf({ body }: Answer): { readonly code: string; readonly message: string } | undefined {
  const text = body.subarray(0, 100_000).toString("utf8");
  const code = elementOf(text, "Code");
  if (/^\s*<\?xml|^\s*<Error>/.test(text) && code !== undefined) {
    return { code: printable(code).slice(0, 100), message: printable(elementOf(text, "Message") ?? "").slice(0, 200) };
  }
  const json = /^\{"error":\{"code":"(\w+)","message":"((?:[^"\\]|\\.)*)"/.exec(text);
  if (json === null) return undefined;
  return { code: json[1] ?? "", message: printable(json[2]).slice(0, 200) };
}

/** The path that the Worker saw, of an answer SignatureDoesNotMatch. */
export function seenPath({ body }: Answer): string | undefined {
  const canonical = elementOf(body.toString("utf8"), "CanonicalRequest");
  const path = canonical?.split("\n")[1];
  return path === undefined ? undefined : printable(path);
}

/** The names of the signed headers that have reached the Worker, of an answer SignatureDoesNotMatch. */
export function seenHeaders({ body }: Answer): ReadonlyMap<string, string> | undefined {
  const canonical = elementOf(body.toString("utf8"), "CanonicalRequest");
  if (canonical === undefined) return undefined;
  const lines = canonical.split("\n").slice(3);
  const end = lines.indexOf("");
  return new Map(
    lines.slice(0, end).map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}

/** The first element of that name, without nested ones. */
export function elementOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found === undefined ? undefined : unescapeXml(found);
}

export function elementsOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text = ""]) => unescapeXml(text));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (/^#x/i.test(entity)) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return String.fromCodePoint(Number(entity.slice(1)));
    return ENTITIES[entity] ?? whole;
  });
}

/** Of a request without an answer. */
export function explainSilence({ code, message }: NoAnswer, host: string): Blame {
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { what: `${host} does not resolve`, remedy: `Add a proxied DNS record for ${host}, docs/deploy.md.` };
    case "ECONNREFUSED":
      return { what: `nothing listens at ${host}`, remedy: "Check the address and the port." };
    case "timeout":
      return {
        what: message,
        remedy:
          "Something between this machine and the Worker holds the request or its answer: a proxy, or a firewall.",
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        what: `the certificate does not cover ${host}`,
        remedy:
          "Universal SSL covers one label below the zone: order a certificate for this name in Cloudflare's dashboard, " +
          "SSL/TLS > Edge Certificates (Advanced Certificate Manager), or use a shorter name.",
      };
    case "CERT_HAS_EXPIRED":
      return {
        what: "the certificate has expired",
        remedy: "Renew it: Cloudflare's dashboard, SSL/TLS > Edge Certificates.",
      };
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return {
        what: `no trusted authority has issued the certificate (${code})`,
        remedy: "Use a public certificate, or set NODE_EXTRA_CA_CERTS to the authority's file.",
      };
    case "EPROTO":
    case "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return {
        what: `the TLS handshake failed (${code})`,
        remedy: `No certificate covers ${host} yet, or the port does not speak TLS: Cloudflare's dashboard, SSL/TLS > Edge Certificates.`,
      };
    default:
      return { what: `the connection ended without an answer (${code})` };
  }
}
