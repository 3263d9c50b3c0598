/** Headers beyond ASCII: the same bytes are returned, for every operation that writes or reads an object's headers. */
import { describe, expect, it } from "vitest";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { handDirectly, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { sha256, sign } from "../../support/signer.ts";
import { readXml, textIn } from "../../support/xml.ts";

const HEADERS = {
  "cache-control": 'private, x="é—"',
  "content-disposition": 'attachment; filename="test_—_é_👑.pdf"',
  "content-language": "ÄMÄZÕÑ",
  "content-type": "text/é—",
  expires: "mañana — später",
};

async function ask(method: string, target: { bucket: string; key: string; query?: string }, more: object = {}) {
  const { headers = {}, body = "" } = more as { headers?: Record<string, string>; body?: string };
  const url = urlOf(target);
  const signed = sign({ method, url, headers, payloadHash: sha256(body) });
  const init = { method, headers: signed.headers, ...(method !== "GET" && method !== "HEAD" && { body }) };
  return handDirectly(new Request(url, init), testEnv);
}

async function expectHeaders(target: { bucket: string; key: string }, expected: Record<string, string> = HEADERS) {
  for (const method of ["GET", "HEAD"]) {
    const response = await ask(method, target);
    const found = Object.keys(expected).map((name) => [name, response.headers.get(name)]);
    expect(Object.fromEntries(found), method).toEqual(expected);
    await response.arrayBuffer();
  }
}

describe("text beyond ASCII in headers of an object", () => {
  it("PutObject and CopyObject store it", async () => {
    const bucket = await createBucket();
    expect((await ask("PUT", { bucket, key: "k" }, { headers: HEADERS, body: "x" })).status).toBe(200);
    await expectHeaders({ bucket, key: "k" });
    const source = { "x-amz-copy-source": `${bucket}/k` };
    expect((await ask("PUT", { bucket, key: "kept" }, { headers: source })).status).toBe(200);
    await expectHeaders({ bucket, key: "kept" });
    const other = { ...HEADERS, "content-disposition": "inline; filename=—" };
    const headers = { ...source, ...other, "x-amz-metadata-directive": "REPLACE" };
    expect((await ask("PUT", { bucket, key: "replaced" }, { headers })).status).toBe(200);
    await expectHeaders({ bucket, key: "replaced" }, other);
  });

  it("CreateMultipartUpload stores it", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k" };
    const created = await ask("POST", { ...target, query: "uploads=" }, { headers: HEADERS });
    const uploadId = textIn(readXml(await created.text()), "UploadId") ?? "";
    const part = await ask("PUT", { ...target, query: `partNumber=1&uploadId=${uploadId}` }, { body: "x" });
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.get("etag")}</ETag></Part></CompleteMultipartUpload>`;
    const completed = await ask("POST", { ...target, query: `uploadId=${uploadId}` }, { body });
    expect([completed.status, await completed.text()]).toEqual([200, expect.stringContaining("<ETag>")]);
    await expectHeaders(target);
  });

  // LocalStack's recordings of AWS: a character outside Latin-1 becomes a space.
  it("PostObject stores Latin-1 in headers, and any text in metadata", async () => {
    const bucket = await createBucket();
    const fields = {
      key: "k",
      "Cache-Control": "non-ascii-%E2%80%94_—_é_",
      "Content-Disposition": 'filename="test_—_file%E2%80%94_é_2-.pdf"',
      "x-amz-meta-bytes": "\u0000\u0001\u0002\u0003\u0004",
      "x-amz-meta-nonascii": "ÄMÄZÕÑ S3",
      "x-amz-meta-nonascii-2": "test_—_file%E2%80%94_é_2👑.pdf",
      "x-amz-meta-q-encoded": "=?UTF-8?Q?actually-ascii?=",
      "x-amz-meta-split": "a\r\nx-amz-evil: b",
    };
    const conditions = [{ bucket }, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))];
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [...conditions, ...signing],
    });
    const signed = signPolicy({ key: ROOT, document });
    const body = encodeForm([...Object.entries({ ...fields, ...signed }), ["file", { content: "x" }]]);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const posted = await handDirectly(new Request(urlOf({ bucket }), { method: "POST", headers, body }), testEnv);
    expect([posted.status, await posted.text()]).toEqual([204, ""]);
    await expectHeaders(
      { bucket, key: "k" },
      {
        "cache-control": "non-ascii-%E2%80%94_ _é_",
        "content-disposition": 'filename="test_ _file%E2%80%94_é_2-.pdf"',
        "x-amz-meta-bytes": "=?UTF-8?B?AAECAwQ=?=",
        "x-amz-meta-nonascii": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        "x-amz-meta-nonascii-2": "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=F0=9F=91=91.pdf?=",
        "x-amz-meta-q-encoded": "=?UTF-8?Q?actually-ascii?=",
        "x-amz-meta-split": "=?UTF-8?Q?a=0D=0Ax-amz-evil:_b?=",
      },
    );
  });

  it("GetObject refuses response-* with characters outside Latin-1 with InvalidArgument", async () => {
    const bucket = await createBucket();
    await ask("PUT", { bucket, key: "k" }, { body: "x" });
    const latin1 = await ask("GET", { bucket, key: "k", query: "response-content-disposition=%C3%A9" });
    expect([latin1.status, latin1.headers.get("content-disposition")]).toEqual([200, "é"]);
    await latin1.arrayBuffer();
    const beyond = await ask("GET", { bucket, key: "k", query: "response-cache-control=a_%E2%80%94_%C3%A9" });
    const document = readXml(await beyond.text());
    expect([beyond.status, textIn(document, "Code"), textIn(document, "ArgumentName")]).toEqual([
      400,
      "InvalidArgument",
      "response-cache-control",
    ]);
    expect(textIn(document, "Message")).toBe("Header value cannot be represented using ISO-8859-1.");
    expect(textIn(document, "ArgumentValue")).toBe("a_—_é");
  });
});
