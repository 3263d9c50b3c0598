/** Other hosts of the deployment, and pages of other origins. */
import { type Check, fail, ok, skipped, type Verdict } from "../check.ts";
import { NoAnswer } from "../http.ts";
import { codeOf, type S3Request, silent, unexpected, type World } from "../world.ts";

const MAX_DOMAINS = 5;

const virtualHosts: Check = {
  name: "virtual-hosts",
  sends: "a signed GET to `BUCKET.DOMAIN` for each domain of `S3_DOMAINS`",
  expects: "the name resolves, the certificate covers it, and the answer is the object",
  remedy:
    "docs/deploy.md#your-own-domain: a proxied wildcard DNS record `*.DOMAIN`, a route `*.DOMAIN/*` of the Worker, and a certificate for `*.DOMAIN`.",
  needs: ["bucket"],
  async run(world) {
    const key = "virtual-host";
    await world.put(key, "by its host");
    return eachDomain(world, world.facts?.s3Domains, async (host, request) => {
      const answer = await world.send({ ...request, key });
      if (answer.status !== 200) return unexpected(answer, host);
      return answer.body.toString() === "by its host" ? undefined : fail(`${host} answers another object`);
    });
  },
};

const websiteHosts: Check = {
  name: "website-hosts",
  sends: "an anonymous GET to `BUCKET.DOMAIN` for each domain of `WEBSITE_DOMAINS`",
  expects: "404 `NoSuchWebsiteConfiguration` as an HTML page of the Worker, since the bucket has no website",
  remedy:
    "docs/website.md: a proxied wildcard DNS record `*.DOMAIN`, a route `*.DOMAIN/*` of the Worker, and a certificate for `*.DOMAIN`.",
  needs: ["bucket"],
  run: (world) =>
    eachDomain(world, world.facts?.websiteDomains, async (host, request) => {
      const answer = await world.send({ ...request, path: "/", by: "anonymous" });
      const isOwn = answer.status === 404 && answer.body.includes("NoSuchWebsiteConfiguration");
      return isOwn ? undefined : unexpected(answer, host);
    }),
};

async function eachDomain(
  world: World,
  domains: readonly string[] | undefined,
  work: (host: string, request: S3Request) => Promise<Verdict | undefined>,
): Promise<Verdict> {
  if (domains === undefined) return skipped("the admin API did not answer");
  const used = domains.filter((domain) => world.isLocal || !domain.endsWith(".localhost")).slice(0, MAX_DOMAINS);
  if (used.length === 0) return skipped("no domain is configured but that of local servers");
  const { isTls, port } = world.destination;
  for (const domain of used) {
    const name = `${world.bucket}.${domain}`;
    const host = port === (isTls ? 443 : 80) ? name : `${name}:${port}`;
    // Names below localhost do not resolve everywhere.
    const destination = domain.endsWith("localhost") ? world.destination : { isTls, host: name, port };
    try {
      const verdict = await work(host, { host, destination });
      if (verdict !== undefined) return verdict;
    } catch (error) {
      if (error instanceof NoAnswer) return silent(error, name);
      throw error;
    }
  }
  return ok(used.join(", "));
}

const ORIGIN = "https://app.s3-doctor.example";
/** PutBucketCors takes effect in all isolates after CONFIG_TTL_SECONDS. */
const ATTEMPTS = 12;

const cors: Check = {
  name: "cors",
  sends: "PutBucketCors, a preflight (`OPTIONS`) and a GET with `Origin`",
  expects: "`Access-Control-Allow-Origin` and `-Methods` as configured",
  remedy: "A proxy answers OPTIONS by itself, or removes `Origin` or the `Access-Control-…` headers: let them pass.",
  needs: ["bucket"],
  async run(world) {
    const rule = `<AllowedOrigin>${ORIGIN}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader>`;
    const xml = `<CORSConfiguration><CORSRule>${rule}</CORSRule></CORSConfiguration>`;
    await world.expect(world.document("PUT", "cors", xml), 200, "PutBucketCors");
    const unsignedHeaders = {
      origin: ORIGIN,
      "access-control-request-method": "PUT",
      "access-control-request-headers": "content-type",
    };
    const preflight = () => world.send({ method: "OPTIONS", key: "cors", by: "anonymous", unsignedHeaders });
    let answer = await preflight();
    for (let attempt = 1; attempt < ATTEMPTS && codeOf(answer) === "AccessForbidden"; attempt++) {
      await world.pause(1000);
      answer = await preflight();
    }
    if (answer.status !== 200) return unexpected(answer, "the preflight");
    if (answer.headers["access-control-allow-origin"] !== ORIGIN)
      return fail("the preflight has no Access-Control-Allow-Origin");
    if (!answer.headers["access-control-allow-methods"]?.includes("PUT"))
      return fail("the preflight does not allow PUT");
    await world.put("cors", "x");
    const got = await world.get("cors", { unsignedHeaders: { origin: ORIGIN } });
    return got.headers["access-control-allow-origin"] === ORIGIN
      ? ok("preflight and GET")
      : fail("a GET has no Access-Control-Allow-Origin");
  },
};

export const HOSTS: readonly Check[] = [virtualHosts, websiteHosts, cors];
