/** Clients and platforms that spell one request differently. */
import { describe, expect, test } from "vitest";
import { authenticate } from "../../../src/auth/authenticate.ts";
import { MAX_READINGS } from "../../../src/auth/readings.ts";
import { canonicalReadings } from "../../../src/auth/sigv4/canonical-request.ts";
import { EMPTY_SHA256, failureOf, HOST, keyring, received, type Sent, type Signed, signedRequest } from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;

async function verified(sent: Sent, signed: Partial<Signed>) {
  return authenticate(await signedRequest(sent, signed), keyring(), ANY);
}

function headers(more: Readonly<Record<string, string>>): [string, string][] {
  const all = { host: HOST, "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": "20130524T000000Z", ...more };
  return Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("paths", () => {
  test.each([
    ["/a b", "/a%20b", "/a%20b"],
    ["plus, which is a space", "/a+b", "/a%20b"],
    ["an encoded plus", "/a%2Bb", "/a%2Bb"],
    ["plus, signed as sent", "/a+b", "/a+b"],
    ["lower-case escapes", "/%c3%bc", "/%C3%BC"],
    ["lower-case escapes, signed as sent", "/%c3%bc", "/%c3%bc"],
    ["escapes nobody needs", "/%41%7e", "/A~"],
    ["double slashes", "//a//b//", "//a//b//"],
    ["an encoded slash", "/a%2Fb", "/a/b"],
    ["an encoded slash, signed as sent", "/a%2Fb", "/a%2Fb"],
    ["dots", "/./a/../b", "/./a/../b"],
    ["an encoded percent", "/%2520", "/%2520"],
    ["unicode", "/%E2%82%AC/%F0%9F%98%80", "/%E2%82%AC/%F0%9F%98%80"],
    ["characters browsers leave alone", "/!'()*;:@=&,$", "/%21%27%28%29%2A%3B%3A%40%3D%26%2C%24"],
    ["the same, signed as sent", "/!'()*;:@=&,$", "/!'()*;:@=&,$"],
  ])("%s", async (_name, sent, path) => {
    expect((await verified({ url: `https://${HOST}${sent}` }, { path })).caller.kind).toBe("account");
  });
});

test("a plus sign that was signed as one must be sent as %2B", async () => {
  const error = await failureOf(() => verified({ url: `https://${HOST}/a+b` }, { path: "/a%2Bb" }));
  expect(error.code).toBe("SignatureDoesNotMatch");
});

describe("queries", () => {
  test.each([
    ["sorted by name, then by value", "b=2&a=2&a=1&B=0", "B=0&a=1&a=2&b=2"],
    ["a name that is another's beginning", "a-=1&a=2", "a=2&a-=1"],
    ["no value", "uploads", "uploads="],
    ["empty parts", "&&a=1&", "a=1"],
    ["lower-case escapes", "prefix=%c3%bc", "prefix=%C3%BC"],
    ["equals signs in a value", "a=b=c", "a=b%3Dc"],
    ["reserved characters", "prefix=a/b!*'()", "prefix=a%2Fb%21%2A%27%28%29"],
  ])("%s", async (_name, sent, query) => {
    expect((await verified({ url: `https://${HOST}/?${sent}` }, { query })).caller.kind).toBe("account");
  });

  test("a plus sign has the signer's meaning", async () => {
    const url = `https://${HOST}/?prefix=a+b`;
    expect((await verified({ url }, { query: "prefix=a%20b" })).query.get("prefix")).toBe("a b");
    expect((await verified({ url }, { query: "prefix=a%2Bb" })).query.get("prefix")).toBe("a+b");
  });
});

describe("headers", () => {
  test.each([
    ["inner spaces collapsed", "a   b", "a b"],
    ["inner spaces kept", "a   b", "a   b"],
    ["a tab kept, as Go's signers do", "a\tb", "a\tb"],
    ["a tab made a space, as botocore does", "a\tb", "a b"],
    ["tabs and spaces made one space", "a \t b", "a b"],
    ["spaces collapsed beside a tab", "a  b\tc", "a b\tc"],
    ["repeated with tabs, signed with a bare comma", "a\tb, c", "a b,c"],
    ["repeated, signed with a bare comma", "a, b", "a,b"],
    ["one value with a comma", "a, b", "a, b"],
    ["spaces and comma kept apart", "a,  b", "a, b"],
  ])("%s", async (_name, sent, value) => {
    const signed = { headers: headers({ "x-amz-meta-a": value }) };
    expect((await verified({ headers: { "x-amz-meta-a": sent } }, signed)).caller.kind).toBe("account");
  });

  test("a date next to a repeated header keeps its comma", async () => {
    const date = "Fri, 24 May 2013 00:00:00 GMT";
    const signed = { headers: headers({ "x-amz-meta-a": "a,b", date }) };
    expect((await verified({ headers: { "x-amz-meta-a": "a, b", date } }, signed)).caller.kind).toBe("account");
  });

  test.each([
    ["https://h.example", "h.example:443"],
    ["http://h.example", "h.example:80"],
    ["https://h.example:443", "h.example"],
    ["http://h.example:80", "h.example"],
    ["http://h.example:8787", "h.example:8787"],
    ["http://h.example", "h.example:443"],
  ])("host of %s signed as %s", async (origin, host) => {
    const signed = { headers: headers({ host }) };
    expect((await verified({ url: `${origin}/test.txt` }, signed)).caller.kind).toBe("account");
  });

  test("another port is another host", async () => {
    const request = await signedRequest({ url: "http://h.example:8787/" }, { headers: headers({ host: "h.example" }) });
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });

  test.each([
    ["what the platform says the client sent", "zstd;q=1", "zstd;q=1"],
    ["identity, unknown to the platform", undefined, "identity"],
    ["gzip", "", "gzip"],
    ["nothing", undefined, ""],
    ["what arrived", "", "br, gzip"],
    ["identity on a host that lost its port", "identity", "identity"],
  ])("a replaced Accept-Encoding: %s", async (_name, client, value) => {
    const sent: Sent = {
      headers: { "accept-encoding": "br, gzip" },
      ...(client === undefined ? {} : { clientAcceptEncoding: client }),
    };
    expect((await verified(sent, { headers: headers({ "accept-encoding": value }) })).caller.kind).toBe("account");
  });

  test.each([
    ["te", "trailers"],
    ["te", "deflate,gzip;q=0.3"],
    ["keep-alive", "timeout=5"],
    ["keep-alive", "300"],
    ["connection", "keep-alive"],
    ["connection", "Keep-Alive"],
    ["connection", "close"],
    ["proxy-connection", "keep-alive"],
    ["expect", "100-continue"],
    ["upgrade", "h2c"],
    ["transfer-encoding", "chunked"],
    ["te", ""],
  ])("%s: %s, which the platform has removed", async (name, value) => {
    expect((await verified({}, { headers: headers({ [name]: value }) })).caller.kind).toBe("account");
  });

  test("a connection header that the platform has replaced", async () => {
    const sent = { headers: { connection: "Keep-Alive" } };
    expect((await verified(sent, { headers: headers({ connection: "close" }) })).caller.kind).toBe("account");
  });

  test("two headers that were removed, and a host that lost its port", async () => {
    const signed = headers({ te: "trailers", connection: "close", host: `${HOST}:443` });
    expect((await verified({}, { headers: signed })).caller.kind).toBe("account");
  });

  test("a removed trailer header has the value of x-amz-trailer", async () => {
    const sent = { headers: { "x-amz-trailer": "x-amz-checksum-crc32" } };
    const signed = headers({ "x-amz-trailer": "x-amz-checksum-crc32", trailer: "x-amz-checksum-crc32" });
    expect((await verified(sent, { headers: signed })).caller.kind).toBe("account");
  });

  test("a connection header that arrived counts as received", async () => {
    const request = await signedRequest({ headers: { te: "gzip" } }, { headers: headers({ te: "trailers" }) });
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });

  test.each(["GET", "HEAD", "DELETE", "POST"])("a length of 0 that a %s without a body lost", async (method) => {
    expect((await verified({ method }, { method, headers: headers({ "content-length": "0" }) })).caller.kind).toBe(
      "account",
    );
  });

  test.each([
    ["a length other than 0", { "content-length": "5" }, {}],
    ["a length of 0 of a body", { "content-length": "0" }, { body: new Blob(["x"]).stream() }],
    ["a range that was not sent", { range: "bytes=0-4" }, {}],
    ["a storage class that was not sent", { "x-amz-storage-class": "STANDARD" }, {}],
  ])("%s is not invented", async (_name, more, sent) => {
    const request = await signedRequest(sent, { headers: headers(more) });
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });

  test("content-length, content-type and user-agent verify as received", async () => {
    const sent = { "content-length": "3", "content-type": "text/plain; charset=utf-8", "user-agent": "a/1 (b; c)" };
    expect((await verified({ headers: sent }, { headers: headers(sent) })).caller.kind).toBe("account");
  });
});

describe("cost", () => {
  test("the first reading is the ordinary one", () => {
    const request = received({ url: `https://${HOST}/a%20b?x=1+2` });
    const [reading] = canonicalReadings(request, ["host"], ["UNSIGNED-PAYLOAD"]);
    expect(reading?.canonicalRequest).toBe(`GET\n/a%20b\nx=1%202\nhost:${HOST}\n\nhost\nUNSIGNED-PAYLOAD`);
  });

  test("no request has more than 32 readings, all of them distinct", () => {
    const request = received({
      url: "https://h.example/a+b?x=1+2",
      headers: { "accept-encoding": "br, gzip", "x-amz-meta-a": "a,  b" },
      clientAcceptEncoding: "x",
    });
    const signedHeaders = ["accept-encoding", "host", "x-amz-meta-a"];
    const readings = [...canonicalReadings(request, signedHeaders, ["UNSIGNED-PAYLOAD", EMPTY_SHA256])];
    expect(readings).toHaveLength(MAX_READINGS);
    expect(new Set(readings.map(({ canonicalRequest }) => canonicalRequest)).size).toBe(MAX_READINGS);
  });

  test("the other readings are not prepared if the first one matches", () => {
    let reads = 0;
    const request = received({});
    const counting = new Proxy(request.headers, {
      get(target, property) {
        if (property === "get") reads++;
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const readings = canonicalReadings({ ...request, headers: counting }, ["host", "x-amz-date"], ["UNSIGNED-PAYLOAD"]);
    readings.next();
    const first = reads;
    readings.next();
    expect(first).toBe(2);
    expect(reads).toBeGreaterThan(first);
  });

  test("a plain request has three: the host with and without its default port", () => {
    expect([...canonicalReadings(received({}), ["host"], ["UNSIGNED-PAYLOAD"])]).toHaveLength(3);
  });
});
