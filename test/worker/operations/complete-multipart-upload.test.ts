import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import {
  complete,
  completionDocument,
  concat,
  createUpload,
  digestGet,
  INVALID_PART,
  MIB,
  md5,
  multipartETag,
  newTarget,
  noise,
  type Part,
  putPart,
  sendCompletion,
  started,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, putObject, STYLES, send, urlOf } from "../../support/request.ts";
import { all, documentOf, fields } from "../../support/xml.ts";

function md5Base64(text: string): string {
  return createHash("md5").update(text).digest("base64");
}

describeRefusals("CompleteMultipartUpload", {
  method: "POST",
  key: "k",
  query: "uploadId=none",
  body: completionDocument([{ partNumber: 1, etag: md5("content") }]),
  // The upload does not exist, which only an authorized caller learns.
  success: 404,
});

describe("CompleteMultipartUpload", () => {
  it.each(STYLES)("CompleteMultipartUpload answers with the object and its URL, %s style", async (style) => {
    const target = { ...(await newTarget("a b/ä?#")), style };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const response = await sendCompletion(target, uploadId, [part]);
    const root = await documentOf(response, "CompleteMultipartUploadResult");
    expect(fields(root)).toEqual({
      Location: urlOf(target),
      Bucket: target.bucket,
      Key: target.key,
      ETag: `"${multipartETag(["content"])}"`,
    });
    expect(await (await send(target)).text()).toBe("content");
  });

  it("CompleteMultipartUpload joins parts of any size, uploaded in any order and concurrently", async () => {
    const target = await newTarget();
    const bodies = [6 * MIB, 5 * MIB, 9 * MIB, 123].map((sizeBytes, index) => noise(sizeBytes, index + 1));
    const uploadId = await createUpload(target);
    const numbers = [2, 5, 7, 9999];
    const parts = await Promise.all(
      [3, 1, 0, 2].map((index) => putPart(target, uploadId, numbers[index] ?? 0, bodies[index] ?? "")),
    );
    const inOrder = parts.toSorted((a, b) => a.partNumber - b.partNumber);
    expect(await complete(target, uploadId, inOrder)).toBe(multipartETag(bodies));

    const whole = concat(bodies);
    expect(await digestGet(target)).toEqual({ status: 200, sizeBytes: whole.byteLength, md5: md5(whole) });
    const head = await send({ ...target, method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(whole.byteLength));
    expect(head.headers.get("etag")).toBe(`"${multipartETag(bodies)}"`);
    const listed = all(await documentOf(await send({ bucket: target.bucket }), "ListBucketResult"), "Contents");
    expect(listed.map(fields)).toMatchObject([
      { Key: "k", Size: String(whole.byteLength), ETag: `"${multipartETag(bodies)}"` },
    ]);
    // Within a part, across one border, across two, up to the end, and the last bytes.
    const ranges = [
      [0, 0],
      [6 * MIB - 1, 6 * MIB],
      [5 * MIB, 12 * MIB],
      [11 * MIB, 20 * MIB - 1],
      [20 * MIB - 1, whole.byteLength - 1],
    ] as const;
    for (const [first, last] of ranges) {
      const slice = whole.subarray(first, last + 1);
      const read = await digestGet({ ...target, headers: { range: `bytes=${first}-${last}` } });
      expect(read, `${first}-${last}`).toEqual({ status: 206, sizeBytes: slice.byteLength, md5: md5(slice) });
    }
    const tail = await digestGet({ ...target, headers: { range: "bytes=-124" } });
    expect(tail).toEqual({ status: 206, sizeBytes: 124, md5: md5(whole.subarray(-124)) });
  });

  it("CompleteMultipartUpload uses only the parts it names", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, "unused");
    const part = await putPart(target, uploadId, 2, "used");
    await putPart(target, uploadId, 3, "unused");
    expect(await complete(target, uploadId, [part])).toBe(multipartETag(["used"]));
    expect(await (await send(target)).text()).toBe("used");
  });

  it("CompleteMultipartUpload replaces the existing object as a whole", async () => {
    const { target, uploadId, part } = await started({ "x-amz-meta-new": "1" });
    await putObject(target.bucket, "k", "old", { headers: { "x-amz-meta-old": "1" } });
    await complete(target, uploadId, [part]);
    const read = await send(target);
    expect([await read.text(), read.headers.get("x-amz-meta-old"), read.headers.get("x-amz-meta-new")]).toEqual([
      "content",
      null,
      "1",
    ]);
  });

  it("CompleteMultipartUpload answers a repeated request in the same way and a different one with NoSuchUpload", async () => {
    const { target, uploadId, part } = await started();
    const first = await (await sendCompletion(target, uploadId, [part])).text();
    expect(await (await sendCompletion(target, uploadId, [part])).text()).toBe(first);
    await expectError(await sendCompletion(target, uploadId, [{ ...part, partNumber: 2 }]), 404, "NoSuchUpload", {
      message: /upload does not exist/,
      details: { UploadId: uploadId },
    });
  });

  it("CompleteMultipartUpload sent many times at once creates one object", async () => {
    const { target, uploadId, part } = await started();
    const answers = await Promise.all([1, 2, 3, 4].map(() => sendCompletion(target, uploadId, [part])));
    const bodies = new Set(await Promise.all(answers.map((answer) => answer.text())));
    expect([answers.map(({ status }) => status), bodies.size]).toEqual([[200, 200, 200, 200], 1]);
  });

  it("CompleteMultipartUpload refuses an unknown or foreign upload with NoSuchUpload", async () => {
    const { target, uploadId, part } = await started();
    for (const [place, id] of [
      [target, "abc1234def"],
      [{ ...target, key: "other" }, uploadId],
    ] as const) {
      await expectError(await sendCompletion(place, id, [part]), 404, "NoSuchUpload", {
        message: /upload does not exist/,
        details: { UploadId: id },
      });
    }
  });
});

describe("CompleteMultipartUpload with parts", () => {
  it("CompleteMultipartUpload refuses a part that was not uploaded with InvalidPart", async () => {
    const { target, uploadId, part } = await started();
    await expectError(await sendCompletion(target, uploadId, [{ ...part, partNumber: 9999 }]), 400, "InvalidPart", {
      message: INVALID_PART,
      details: { UploadId: uploadId, PartNumber: "9999", ETag: part.etag },
    });
  });

  it("CompleteMultipartUpload refuses the ETag of a part that was uploaded again with InvalidPart", async () => {
    const { target, uploadId, part } = await started();
    const renewed = await putPart(target, uploadId, 1, "renewed");
    await expectError(await sendCompletion(target, uploadId, [part]), 400, "InvalidPart", {
      message: INVALID_PART,
      details: { UploadId: uploadId, PartNumber: "1", ETag: part.etag },
    });
    // The refusal has changed nothing.
    expect(await complete(target, uploadId, [renewed])).toBe(multipartETag(["renewed"]));
  });

  it("CompleteMultipartUpload accepts ETags without quotes", async () => {
    const { target, uploadId, part } = await started();
    const document = completionDocument([part]).replaceAll(`"${part.etag}"`, part.etag);
    expect((await sendCompletion(target, uploadId, document)).status).toBe(200);
  });

  it.each([
    ["descending", [2, 1]],
    ["repeated", [1, 1]],
  ])("CompleteMultipartUpload refuses %s parts with InvalidPartOrder", async (_name, numbers) => {
    const { target, uploadId } = await started();
    const parts = [await putPart(target, uploadId, 1, "content"), await putPart(target, uploadId, 2, "content")];
    const named = numbers.map((number) => parts[number - 1] ?? parts[0]) as Part[];
    await expectError(await sendCompletion(target, uploadId, named), 400, "InvalidPartOrder", {
      message: /^The list of parts was not in ascending order/,
      details: { UploadId: uploadId },
    });
  });

  it("CompleteMultipartUpload refuses a small part that is not the last with EntityTooSmall", async () => {
    const { target, uploadId, part } = await started();
    const last = await putPart(target, uploadId, 2, "last");
    await expectError(await sendCompletion(target, uploadId, [part, last]), 400, "EntityTooSmall", {
      message: /^Your proposed upload is smaller than the minimum allowed/,
      details: { ProposedSize: "7", MinSizeAllowed: "5242880", PartNumber: "1", ETag: part.etag },
    });
    expect((await send({ ...target, method: "HEAD" })).status).toBe(404);
  });

  it.each([
    ["another document", "<Delete/>"],
    ["text that is not XML", "hello"],
    [
      "a part without ETag",
      "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
    ],
    ["a part without number", "<CompleteMultipartUpload><Part><ETag>x</ETag></Part></CompleteMultipartUpload>"],
    [
      "an invalid number",
      "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
    ],
  ])("CompleteMultipartUpload refuses %s with MalformedXML", async (_name, document) => {
    const { target, uploadId } = await started();
    await expectError(await sendCompletion(target, uploadId, document), 400, "MalformedXML");
  });

  // Recorded on AWS by LocalStack: the upload is checked before the body.
  it.each([
    ["no body", ""],
    ["no part", "<CompleteMultipartUpload/>"],
  ])("CompleteMultipartUpload refuses %s with InvalidRequest", async (_name, document) => {
    const { target, uploadId } = await started();
    await expectError(await sendCompletion(target, uploadId, document), 400, "InvalidRequest", {
      message: "You must specify at least one part",
    });
  });

  it.each(["", "<CompleteMultipartUpload/>", "<Delete/>", "hello"])(
    "CompleteMultipartUpload refuses an unknown, an aborted and a completed upload with NoSuchUpload, whatever the body: %j",
    async (document) => {
      const { target, uploadId, part } = await started();
      await complete(target, uploadId, [part]);
      const aborted = await createUpload(target);
      await send({ ...target, method: "DELETE", query: `uploadId=${encode(aborted)}` });
      for (const id of ["0".repeat(uploadId.length), aborted, uploadId]) {
        await expectError(await sendCompletion(target, id, document), 404, "NoSuchUpload", {
          message: /upload does not exist/,
          details: { UploadId: id },
        });
      }
    },
  );

  it.each([0, -3])("CompleteMultipartUpload refuses part number %i with InvalidArgument", async (partNumber) => {
    const { target, uploadId, part } = await started();
    await expectError(await sendCompletion(target, uploadId, [{ ...part, partNumber }]), 400, "InvalidArgument", {
      message: "PartNumber must be >= 1",
      details: { ArgumentName: "PartNumber", ArgumentValue: String(partNumber) },
    });
  });

  it.each([10_001, 999_999_999])(
    "CompleteMultipartUpload refuses part number %i with InvalidPart",
    async (partNumber) => {
      const { target, uploadId, part } = await started();
      await expectError(await sendCompletion(target, uploadId, [{ ...part, partNumber }]), 400, "InvalidPart", {
        message: /^One or more of the specified parts could not be found\./,
        details: { UploadId: uploadId, PartNumber: String(partNumber), ETag: part.etag.replaceAll('"', "") },
      });
    },
  );

  it("CompleteMultipartUpload verifies the Content-MD5 of its document", async () => {
    const { target, uploadId, part } = await started();
    const headers = { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" };
    const response = await sendCompletion(target, uploadId, [part], { headers });
    expect([response.status, (await response.text()).includes("<Code>BadDigest</Code>")]).toEqual([400, true]);
  });
});

describe("CompleteMultipartUpload with conditions", () => {
  it("CompleteMultipartUpload with If-None-Match: * creates, and refuses to replace with PreconditionFailed", async () => {
    const { target, uploadId, part } = await started();
    await putObject(target.bucket, "k", "old");
    const headers = { "if-none-match": "*" };
    await expectError(await sendCompletion(target, uploadId, [part], { headers }), 412, "PreconditionFailed", {
      details: { Condition: "If-None-Match" },
    });
    expect(await (await send(target)).text()).toBe("old");
    await send({ ...target, method: "DELETE" });
    await complete(target, uploadId, [part], headers);
    expect(await (await send(target)).text()).toBe("content");
  });

  it("CompleteMultipartUpload with If-Match replaces the object with that ETag, also a manifest", async () => {
    const target = await newTarget();
    const etag = await putObject(target.bucket, "k", "old");
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const wrong = { headers: { "if-match": `"${md5("wrong")}"` } };
    await expectError(await sendCompletion(target, uploadId, [part], wrong), 412, "PreconditionFailed", {
      details: { Condition: "If-Match" },
    });
    const whole = await complete(target, uploadId, [part], { "if-match": `"${etag}"` });
    const next = await createUpload(target);
    const nextPart = await putPart(target, next, 1, "next");
    await complete(target, next, [nextPart], { "if-match": `"${whole}"` });
    expect(await (await send(target)).text()).toBe("next");
  });

  // Recorded on AWS (LocalStack's precondition tests): the upload must be created again, whether the condition holds or
  // not.
  it.each([
    ["If-Match", "overwritten", { body: "second" }],
    ["If-Match", "overwritten with the same bytes", { body: "first" }],
    ["If-None-Match", "deleted", { method: "DELETE" }],
  ] as const)(
    "CompleteMultipartUpload with %s refuses a key %s since its upload began with ConditionalRequestConflict",
    async (header, _what, change) => {
      const target = await newTarget();
      await putObject(target.bucket, "k", "first");
      const uploadId = await createUpload(target);
      const part = await putPart(target, uploadId, 1, "content");
      const response = await send({ method: "PUT", ...target, ...change });
      const etag = response.headers.get("etag") ?? "";
      await response.body?.cancel();
      const condition = header === "If-Match" ? { "if-match": etag } : { "if-none-match": "*" };
      await expectError(
        await sendCompletion(target, uploadId, [part], { headers: { ...condition } as Record<string, string> }),
        409,
        "ConditionalRequestConflict",
        {
          message: "The conditional request cannot succeed due to a conflicting operation against this resource.",
          details: { Condition: header, Key: "k" },
        },
      );
      const again = await createUpload(target);
      const renewed = await putPart(target, again, 1, "renewed");
      await complete(target, again, [renewed], { ...condition } as Record<string, string>);
      expect(await (await send(target)).text()).toBe("renewed");
    },
  );

  it.each([
    ["inline", "small", {}],
    ["manifest", new Uint8Array(MIB + 1), { "x-amz-storage-class": "STANDARD_IA" }],
  ] as const)(
    "CompleteMultipartUpload with If-Match succeeds after tags and ACL of the object changed: %s",
    async (_kind, body, headers) => {
      const target = await newTarget();
      const etag = await putObject(target.bucket, "k", body, { headers: { ...headers } as Record<string, string> });
      const uploadId = await createUpload(target);
      const part = await putPart(target, uploadId, 1, "content");
      const tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
      const headersOfTags = { "content-md5": md5Base64(tagging) };
      const tagged = await send({ method: "PUT", ...target, query: "tagging", body: tagging, headers: headersOfTags });
      expect(tagged.status).toBe(200);
      const acl = { "x-amz-acl": "public-read" };
      expect((await send({ method: "PUT", ...target, query: "acl", headers: acl })).status).toBe(200);
      await complete(target, uploadId, [part], { "if-match": `"${etag.replaceAll('"', "")}"` });
      expect(await (await send(target)).text()).toBe("content");
    },
  );

  it("CompleteMultipartUpload with If-Match succeeds after the class of the object changed, but not after its metadata changed", async () => {
    for (const [change, status] of [
      [{ "x-amz-storage-class": "STANDARD_IA" }, 200],
      [{ "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b" }, 409],
      [{ "x-amz-storage-class": "STANDARD_IA", "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b" }, 409],
    ] as const) {
      const target = await newTarget();
      const etag = await putObject(target.bucket, "k", "content");
      const uploadId = await createUpload(target);
      const part = await putPart(target, uploadId, 1, "newer");
      const headers = { ...change, "x-amz-copy-source": `/${target.bucket}/k` } as Record<string, string>;
      expect((await send({ method: "PUT", ...target, headers })).status).toBe(200);
      const tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
      const md5Header = { "content-md5": md5Base64(tagging) };
      await send({ method: "PUT", ...target, query: "tagging", body: tagging, headers: md5Header });
      const ifMatch = { headers: { "if-match": `"${etag.replaceAll('"', "")}"` } };
      const response = await sendCompletion(target, uploadId, [part], ifMatch);
      expect([change, response.status]).toEqual([change, status]);
      await response.body?.cancel();
    }
  });

  it("CompleteMultipartUpload repeated after success answers as before, without evaluating its condition again", async () => {
    const { target, uploadId, part } = await started();
    const headers = { "if-none-match": "*" };
    const first = await (await sendCompletion(target, uploadId, [part], { headers })).text();
    await putObject(target.bucket, "k", "newer");
    expect(await (await sendCompletion(target, uploadId, [part], { headers })).text()).toBe(first);
    expect(await (await send(target)).text()).toBe("newer");
  });

  it("CompleteMultipartUpload with If-Match refuses an absent key with NoSuchKey", async () => {
    const { target, uploadId, part } = await started();
    const headers = { "if-match": `"${md5("x")}"` };
    await expectError(await sendCompletion(target, uploadId, [part], { headers }), 404, "NoSuchKey", {
      details: { Key: "k" },
    });
  });

  it("CompleteMultipartUpload refuses If-None-Match with an ETag with NotImplemented", async () => {
    const { target, uploadId, part } = await started();
    const headers = { "if-none-match": '"etag"' };
    await expectError(await sendCompletion(target, uploadId, [part], { headers }), 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: {
        Header: "If-None-Match",
        additionalMessage: "We don't accept the provided value of If-None-Match header for this API",
      },
    });
  });

  it("CompleteMultipartUpload with If-None-Match: * succeeds for one of several uploads", async () => {
    const target = await newTarget();
    const uploads = await Promise.all(
      ["a", "b", "c"].map(async (body) => {
        const uploadId = await createUpload(target);
        return { uploadId, part: await putPart(target, uploadId, 1, body) };
      }),
    );
    const headers = { "if-none-match": "*" };
    const answers = await Promise.all(
      uploads.map(({ uploadId, part }) => sendCompletion(target, uploadId, [part], { headers })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 412, 412]);
    for (const answer of answers) await answer.body?.cancel();
  });

  it("CompleteMultipartUpload and AbortMultipartUpload at once: one of them succeeds", async () => {
    const { target, uploadId, part } = await started();
    const [completed, aborted] = await Promise.all([
      sendCompletion(target, uploadId, [part]),
      send({ ...target, method: "DELETE", query: `uploadId=${encode(uploadId)}` }),
    ]);
    await completed.body?.cancel();
    await aborted.body?.cancel();
    const exists = (await send({ ...target, method: "HEAD" })).status === 200;
    expect([completed.status, aborted.status]).toEqual(exists ? [200, 404] : [404, 204]);
  });
});
