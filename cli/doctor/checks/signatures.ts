/** Whether requests arrive as they were signed, in each way in which clients sign. */
import { crc32 } from "node:zlib";
import { errorOf, seenHeaders, seenPath } from "../blame.ts";
import { type Check, fail, ok, warn } from "../check.ts";
import { encodeQuery, SIGNED_CHUNKS, signChunks, trailChecksum, UNSIGNED_CHUNKS } from "../sign.ts";
import { codeOf, type Facts, type Received, unexpected, type World } from "../world.ts";

const HOST_REMEDY =
  "A proxy must forward `Host` as the client sent it, with its port: docs/clients.md#reverse-proxies.";

const signature: Check = {
  name: "signature",
  sends: "a signed `GET /`",
  expects: "the list of buckets",
  remedy: "The answer names the reason: docs/operations.md#when-something-fails.",
  needs: ["health"],
  async run(world) {
    const answer = await world.send({ bucket: null, query: "max-buckets=1" });
    if (answer.status === 200) return ok("ROOT_ACCESS_KEY_ID signs");
    return explainRefusal(answer, world) ?? unexpected(answer, "a signed GET");
  },
};

function explainRefusal(answer: Received, world: World) {
  switch (codeOf(answer)) {
    case "InvalidAccessKeyId":
      return fail(
        "the deployment does not know ROOT_ACCESS_KEY_ID",
        "Set ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY to the keys that the deploy printed. .dev.vars has those of local servers.",
      );
    case "RequestTimeTooSkewed":
      return fail("this machine's clock differs by more than 15 minutes", "Set this machine's clock by NTP.");
    case "AuthorizationHeaderMalformed":
      return fail(
        "the deployment takes signatures for its own region only",
        "Set REGION in the environment to the REGION of wrangler.toml.",
      );
    case "AccessDenied":
      return fail("the signature did not arrive", "A proxy removes `Authorization`: let it pass.");
    case "SignatureDoesNotMatch": {
      const host = seenHeaders(answer)?.get("host");
      const { host: sent } = world.options.endpoint;
      if (host !== undefined && host !== sent) return fail(`Host is "${sent}" and arrives as "${host}"`, HOST_REMEDY);
      const path = seenPath(answer);
      if (path !== undefined && path !== "/")
        return fail(`the path / arrives as ${path}`, "Let proxies pass the path unchanged.");
      return fail(
        "SignatureDoesNotMatch, for a request that arrived unchanged",
        "ROOT_SECRET_ACCESS_KEY is not the one of the deployment: `npx wrangler secret put ROOT_SECRET_ACCESS_KEY` sets a new one.",
      );
    }
    default:
      return undefined;
  }
}

const admin: Check = {
  name: "admin-api",
  sends: "`GET /-/admin/deployment`, signed",
  expects: "settings of the deployment, on which later checks depend",
  remedy: "`npm run deploy` updates the deployment.",
  needs: ["signature"],
  async run(world) {
    const answer = await world.admin("GET", "/deployment");
    if (answer.status === 404 && errorOf(answer)?.code === "NotFound") {
      return warn("the deployment is older than this command: hosts, queues and schedules are not checked");
    }
    if (answer.status !== 200) return unexpected(answer, "the admin API");
    world.facts = JSON.parse(answer.body.toString()) as Facts;
    return ok(`region ${world.facts.region}`);
  },
};

const bucket: Check = {
  name: "bucket",
  sends: "CreateBucket with a random name, then a PUT, GET, HEAD and DELETE of an object",
  expects: "what S3 answers",
  remedy: "The answer names the reason: docs/operations.md#when-something-fails.",
  needs: ["signature"],
  async run(world) {
    // Before the answer, which may be lost.
    world.isBucketCreated = true;
    const created = await world.send({ method: "PUT", headers: {} });
    if (created.status !== 200) {
      world.isBucketCreated = false;
      return unexpected(created, "CreateBucket");
    }
    await world.put("first", "content");
    const { body } = await world.get("first");
    if (body.toString() !== "content") return fail("a GET answers other bytes than were put");
    await world.expect({ method: "DELETE", key: "first" }, 204, "DELETE");
    return ok(world.bucket);
  },
};

const presigned: Check = {
  name: "presigned",
  sends: "a PUT and a GET by presigned URLs, with spaces, `+`, `/` and `&` in the query",
  expects: "200, and the `response-content-disposition` of the query in the answer",
  remedy: "A proxy changes the query. Let it pass unchanged, `+`, `%20` and `%2F` included.",
  needs: ["bucket"],
  async run(world) {
    const key = "presigned";
    const put = await world.send({ method: "PUT", key, body: "by a link", by: "query" });
    if (put.status !== 200) return unexpected(put, "a presigned PUT");
    const disposition = 'attachment; filename="a+b & c/d.txt"';
    const query = `response-content-disposition=${encodeQuery(disposition)}`;
    const got = await world.send({ key, query, by: "query" });
    if (got.status !== 200) return unexpected(got, "a presigned GET");
    const { "content-disposition": received } = got.headers;
    if (received !== disposition) return fail(`the answer's Content-Disposition is ${received ?? "absent"}`);
    return ok("PUT and GET");
  },
};

const query: Check = {
  name: "query",
  sends: "listings whose `prefix` has a space, `+`, `%`, `&`, `=` and non-ASCII letters",
  expects: "the key with this prefix, and the prefix as it was sent",
  remedy: "A proxy changes the query. Let it pass unchanged, `+`, `%20` and `%2F` included.",
  needs: ["bucket"],
  async run(world) {
    const key = "query/ü +%41&=%20/end";
    await world.put(key, "x");
    for (const prefix of [key.slice(0, -3), "query/ü +", "query/ü +%41&=%20"]) {
      const answer = await world.send({ query: `list-type=2&prefix=${encodeQuery(prefix)}&encoding-type=url` });
      if (codeOf(answer) === "SignatureDoesNotMatch")
        return fail(`prefix=${encodeQuery(prefix)} is changed on its way`);
      if (answer.status !== 200) return unexpected(answer, "a listing");
      if (!answer.body.toString().includes("<KeyCount>1</KeyCount>"))
        return fail(`prefix=${encodeQuery(prefix)} finds no key`);
    }
    return ok("prefixes arrive unchanged");
  },
};

const chunks: Check = {
  name: "streaming",
  sends: "a PUT in signed chunks (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`), with its length",
  expects: "200, and a GET answers the bytes without the chunks' frames",
  remedy: "A proxy changes the body, `Content-Encoding: aws-chunked` or `x-amz-decoded-content-length`: let them pass.",
  needs: ["bucket"],
  async run(world) {
    const key = "streaming/signed";
    const content = Buffer.alloc(150_000, "0123456789");
    const request = {
      ...{ method: "PUT", key, payloadHash: SIGNED_CHUNKS },
      headers: { "content-encoding": "aws-chunked", "x-amz-decoded-content-length": String(content.byteLength) },
    };
    const seed = world.sign(request, `/${world.bucket}/${key}`);
    const body = signChunks(content, seed, world.options.keys);
    const put = await world.send({ ...request, by: "anonymous", headers: seed.headers, body });
    if (put.status !== 200) return unexpected(put, "a PUT in signed chunks");
    return (await world.get(key)).body.equals(content) ? ok("150,000 bytes") : fail("the stored bytes differ");
  },
};

const trailer: Check = {
  name: "unknown-length",
  sends:
    "PUTs with `Transfer-Encoding: chunked`: with a trailing CRC-32, as SDKs send streams over https, and plain ones",
  expects:
    "200 for the one that states its decoded length; for a plain one 200, `NotImplemented` or `MissingContentLength`",
  remedy:
    "A proxy buffers or refuses bodies of unknown length: nginx needs `proxy_request_buffering off; proxy_http_version 1.1`.",
  needs: ["bucket"],
  async run(world) {
    const key = "streaming/trailer";
    const content = Buffer.alloc(50_000, "abcdefghij");
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(content));
    const put = await world.send({
      ...{ method: "PUT", key, payloadHash: UNSIGNED_CHUNKS, isChunked: true },
      headers: {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": String(content.byteLength),
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: trailChecksum(content, `x-amz-checksum-crc32:${sum.toString("base64")}`),
    });
    if (put.status !== 200) return unexpected(put, "a PUT with a trailing checksum");
    if (!(await world.get(key)).body.equals(content)) return fail("the stored bytes differ");
    const plain = await world.send({ method: "PUT", key: "streaming/plain", isChunked: true, body: content });
    if (plain.status === 200) return ok("with and without the decoded length");
    const code = codeOf(plain);
    if (code === "NotImplemented" || code === "MissingContentLength")
      return ok(`with the decoded length; without any, ${code}`);
    return unexpected(plain, "a PUT without a length");
  },
};

export const SIGNATURES: readonly Check[] = [signature, admin, bucket, presigned, query, chunks, trailer];
