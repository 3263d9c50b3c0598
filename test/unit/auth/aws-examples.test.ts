/**
 * AWS's worked examples, each checked at canonical request, string to sign and signature.
 * S3 API: "sig-v4-header-based-auth", "sigv4-query-string-auth", "sigv4-streaming", "sigv4-streaming-trailers".
 */
import { describe, expect, test } from "vitest";
import { authenticate } from "../../../src/auth/authenticate.ts";
import { openObjectBody } from "../../../src/auth/payload/request-body.ts";
import { readClaim } from "../../../src/auth/request-claim.ts";
import { canonicalReadings } from "../../../src/auth/sigv4/canonical-request.ts";
import { formatScope } from "../../../src/auth/sigv4/credential-scope.ts";
import { deriveSigningKey, sign } from "../../../src/auth/sigv4/signing-key.ts";
import { requestStringToSign } from "../../../src/auth/sigv4/string-to-sign.ts";
import { collect, toPieces } from "../../../src/model/pieces.ts";
import type { S3Request } from "../../../src/protocol/s3-request.ts";
import { ACCESS_KEY_ID, bytesOf, EMPTY_SHA256, HOST, keyring, NOW, received, SECRET, streamOf } from "./support.ts";

const CREDENTIAL = `Credential=${ACCESS_KEY_ID}/20130524/us-east-1/s3/aws4_request`;
const OPTIONS = { regions: "us-east-1", service: "s3" } as const;

async function threePoints(request: S3Request) {
  const claim = readClaim(request, { regions: "us-east-1", services: ["s3"], signatureV2: false });
  if (claim?.version !== 4) throw new Error("nothing claimed");
  const [reading] = canonicalReadings(request, claim.signedHeaders, claim.payloadHashes);
  if (reading === undefined) throw new Error("no reading");
  const context = { timestamp: claim.date.timestamp, scope: formatScope(claim.credential) };
  const stringToSign = await requestStringToSign(context, reading.canonicalRequest);
  const key = await deriveSigningKey(SECRET, claim.credential);
  return {
    canonicalRequest: reading.canonicalRequest.split("\n"),
    stringToSign: stringToSign.split("\n"),
    signature: await sign(key, stringToSign),
  };
}

function stringToSign(hash: string): string[] {
  return ["AWS4-HMAC-SHA256", "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", hash];
}

interface Example {
  readonly name: string;
  readonly request: S3Request;
  readonly canonicalRequest: string[];
  readonly hash: string;
  readonly signature: string;
}

const WELCOME_SHA256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";

const EXAMPLES: Example[] = [
  {
    name: "GET Object",
    request: received({
      headers: {
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
        range: "bytes=0-9",
        "x-amz-content-sha256": EMPTY_SHA256,
        "x-amz-date": "20130524T000000Z",
      },
    }),
    canonicalRequest: [
      "GET",
      "/test.txt",
      "",
      `host:${HOST}`,
      "range:bytes=0-9",
      `x-amz-content-sha256:${EMPTY_SHA256}`,
      "x-amz-date:20130524T000000Z",
      "",
      "host;range;x-amz-content-sha256;x-amz-date",
      EMPTY_SHA256,
    ],
    hash: "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    name: "PUT Object",
    request: received({
      method: "PUT",
      url: `https://${HOST}/test$file.text`,
      headers: {
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd`,
        date: "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-content-sha256": WELCOME_SHA256,
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
      },
    }),
    canonicalRequest: [
      "PUT",
      "/test%24file.text",
      "",
      "date:Fri, 24 May 2013 00:00:00 GMT",
      `host:${HOST}`,
      `x-amz-content-sha256:${WELCOME_SHA256}`,
      "x-amz-date:20130524T000000Z",
      "x-amz-storage-class:REDUCED_REDUNDANCY",
      "",
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      WELCOME_SHA256,
    ],
    hash: "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
  {
    name: "GET Bucket Lifecycle",
    request: received({
      url: `https://${HOST}/?lifecycle`,
      headers: {
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543`,
        "x-amz-content-sha256": EMPTY_SHA256,
        "x-amz-date": "20130524T000000Z",
      },
    }),
    canonicalRequest: [
      "GET",
      "/",
      "lifecycle=",
      `host:${HOST}`,
      `x-amz-content-sha256:${EMPTY_SHA256}`,
      "x-amz-date:20130524T000000Z",
      "",
      "host;x-amz-content-sha256;x-amz-date",
      EMPTY_SHA256,
    ],
    hash: "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  {
    name: "List Objects",
    request: received({
      url: `https://${HOST}/?max-keys=2&prefix=J`,
      headers: {
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7`,
        "x-amz-content-sha256": EMPTY_SHA256,
        "x-amz-date": "20130524T000000Z",
      },
    }),
    canonicalRequest: [
      "GET",
      "/",
      "max-keys=2&prefix=J",
      `host:${HOST}`,
      `x-amz-content-sha256:${EMPTY_SHA256}`,
      "x-amz-date:20130524T000000Z",
      "",
      "host;x-amz-content-sha256;x-amz-date",
      EMPTY_SHA256,
    ],
    hash: "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
  {
    name: "presigned GET",
    request: received({
      url: `https://${HOST}/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
      now: new Date("2013-05-24T23:59:59Z"),
    }),
    canonicalRequest: [
      "GET",
      "/test.txt",
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host",
      `host:${HOST}`,
      "",
      "host",
      "UNSIGNED-PAYLOAD",
    ],
    hash: "3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04",
    signature: "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  },
];

describe("AWS example", () => {
  test.each(EXAMPLES)("$name", async ({ request, canonicalRequest, hash, signature }) => {
    expect(await threePoints(request)).toEqual({ canonicalRequest, stringToSign: stringToSign(hash), signature });
    const authentication = await authenticate(request, keyring(), OPTIONS);
    expect(authentication.caller).toMatchObject({ kind: "account", accessKeyId: ACCESS_KEY_ID });
  });
});

const CHUNKED_HEADERS = {
  "content-encoding": "aws-chunked",
  "content-length": "66824",
  "x-amz-date": "20130524T000000Z",
  "x-amz-decoded-content-length": "66560",
  "x-amz-storage-class": "REDUCED_REDUNDANCY",
};

function chunkedBody(signatures: readonly [string, string, string], end: string): Uint8Array {
  return bytesOf(
    `10000;chunk-signature=${signatures[0]}\r\n${"a".repeat(65536)}\r\n` +
      `400;chunk-signature=${signatures[1]}\r\n${"a".repeat(1024)}\r\n` +
      `0;chunk-signature=${signatures[2]}\r\n${end}`,
  );
}

describe("AWS example of a chunked upload", () => {
  const body = chunkedBody(
    [
      "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ],
    "\r\n",
  );
  const request = () =>
    received({
      method: "PUT",
      url: "https://s3.amazonaws.com/examplebucket/chunkObject.txt",
      headers: {
        ...CHUNKED_HEADERS,
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9`,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      },
      body: streamOf(body, 1000),
      now: NOW,
    });

  test("seed signature", async () => {
    expect(await threePoints(request())).toEqual({
      canonicalRequest: [
        "PUT",
        "/examplebucket/chunkObject.txt",
        "",
        "content-encoding:aws-chunked",
        "content-length:66824",
        "host:s3.amazonaws.com",
        "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date:20130524T000000Z",
        "x-amz-decoded-content-length:66560",
        "x-amz-storage-class:REDUCED_REDUNDANCY",
        "",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      ],
      stringToSign: stringToSign("cee3fed04b70f867d036f722359b0b1f2f0e5dc0efadbc082b76c4c60e316455"),
      signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    });
  });

  test("chunk signatures and decoded data", async () => {
    expect(body.length).toBe(66824);
    const put = request();
    const opened = openObjectBody(put, await authenticate(put, keyring(), OPTIONS));
    expect(opened.sizeBytes).toBe(66560);
    expect(new TextDecoder().decode(await collect(toPieces(opened.content), 66560))).toBe("a".repeat(66560));
    expect(opened.failure()).toBeUndefined();
  });
});

describe("AWS example of trailing headers", () => {
  const request = () =>
    received({
      method: "PUT",
      url: "https://s3.amazonaws.com/examplebucket/chunkObject.txt",
      headers: {
        ...CHUNKED_HEADERS,
        authorization: `AWS4-HMAC-SHA256 ${CREDENTIAL},SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e`,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-crc32c",
      },
      body: streamOf(
        chunkedBody(
          [
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
          ],
          "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
        ),
        777,
      ),
      now: NOW,
    });

  test("seed signature", async () => {
    expect(await threePoints(request())).toEqual({
      canonicalRequest: [
        "PUT",
        "/examplebucket/chunkObject.txt",
        "",
        "content-encoding:aws-chunked",
        "host:s3.amazonaws.com",
        "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-date:20130524T000000Z",
        "x-amz-decoded-content-length:66560",
        "x-amz-storage-class:REDUCED_REDUNDANCY",
        "x-amz-trailer:x-amz-checksum-crc32c",
        "",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      ],
      stringToSign: stringToSign("44d48b8c2f70eae815a0198cc73d7a546a73a93359c070abbaa5e6c7de112559"),
      signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    });
  });

  test("chunk signatures, trailer signature and checksum", async () => {
    const put = request();
    const opened = openObjectBody(put, await authenticate(put, keyring(), OPTIONS));
    expect(new TextDecoder().decode(await collect(toPieces(opened.content), 66560))).toBe("a".repeat(66560));
    if (opened.checksum.when !== "after") throw new Error("the checksum stands in the trailer");
    expect(opened.checksum.value()).toEqual({ algorithm: "CRC32C", value: "sOO8/Q==", type: "FULL_OBJECT" });
  });
});
