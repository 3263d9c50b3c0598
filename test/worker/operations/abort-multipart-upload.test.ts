import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import {
  createUpload,
  NO_SUCH_UPLOAD,
  newTarget,
  putPart,
  sendCompletion,
  started,
  type UploadTarget,
} from "../../support/multipart.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { encode, putObject, STYLES, send } from "../../support/request.ts";
import { all, documentOf } from "../../support/xml.ts";

describeRefusals("AbortMultipartUpload", {
  method: "DELETE",
  key: "k",
  query: "uploadId=none",
  // The upload does not exist, which only an authorized caller learns.
  success: 404,
});

function abort(target: UploadTarget, uploadId: string): Promise<Response> {
  return send({ ...target, method: "DELETE", query: `uploadId=${encode(uploadId)}` });
}

async function openUploads({ bucket }: UploadTarget): Promise<number> {
  const root = await documentOf(await send({ bucket, query: "uploads" }), "ListMultipartUploadsResult");
  return all(root, "Upload").length;
}

describe("AbortMultipartUpload", () => {
  it.each(STYLES)("AbortMultipartUpload ends the upload with 204, %s style", async (style) => {
    const { target, uploadId, part } = await started();
    expect(await openUploads(target)).toBe(1);
    const response = await abort({ ...target, style }, uploadId);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(await openUploads(target)).toBe(0);
    expect((await sendCompletion(target, uploadId, [part])).status).toBe(404);
    expect((await send({ ...target, method: "HEAD" })).status).toBe(404);
  });

  it("AbortMultipartUpload does not change the object or other uploads of the key", async () => {
    const { target, uploadId } = await started();
    await putObject(target.bucket, "k", "object");
    const other = await createUpload(target);
    const part = await putPart(target, other, 1, "other");
    await abort(target, uploadId);
    expect(await (await send(target)).text()).toBe("object");
    expect((await sendCompletion(target, other, [part])).status).toBe(200);
  });

  it("AbortMultipartUpload refuses an upload that is finished, unknown or of another key with NoSuchUpload", async () => {
    const { target, uploadId, part } = await started();
    const open = await createUpload(target);
    expect((await abort(target, uploadId)).status).toBe(204);
    const completed = await started();
    await (await sendCompletion(completed.target, completed.uploadId, [part])).body?.cancel();
    for (const [place, id] of [
      [target, uploadId],
      [target, "56788"],
      [{ ...target, key: "other" }, open],
      [completed.target, completed.uploadId],
    ] as const) {
      await expectError(await abort(place, id), 404, "NoSuchUpload", {
        message: NO_SUCH_UPLOAD,
        details: { UploadId: id },
      });
    }
  });

  it("DeleteBucket succeeds with uploads that were never completed, and deletes them", async () => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, "content");
    expect((await send({ bucket: target.bucket, method: "DELETE" })).status).toBe(204);
    expect((await send({ bucket: target.bucket, method: "PUT" })).status).toBe(200);
    expect(await openUploads(target)).toBe(0);
    expect((await abort(target, uploadId)).status).toBe(404);
  });
});
