/**
 * Two attempts to bypass a permission: a copy source in a presigned URL's query, and an ETag guessed by conditional
 * writes.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { TestAccount } from "../../support/accounts.ts";
import { describeAnswer, hand, must, newAccount, newBucket, newUser, outcome } from "../../support/attack-client.ts";
import { presignUrl } from "../../support/attack-signer.ts";
import { HOST } from "../../support/request.ts";

let owner: TestAccount;
let bucket = "";

beforeAll(async () => {
  owner = await newAccount();
  bucket = await newBucket(owner);
  await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
});

describe("a copy source in the query of a presigned URL", () => {
  const presign = (as: TestAccount, source: string) => {
    const url = `http://${HOST}/${bucket}/copy?x-amz-copy-source=${encodeURIComponent(source)}`;
    return new Request(presignUrl(as, { method: "PUT", url }), { method: "PUT" });
  };

  it("makes the request a copy, not an empty object", async () => {
    const answer = await hand(presign(owner, `/${bucket}/k`));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining("<CopyObjectResult")]);
    expect((await must({ path: `/${bucket}/copy`, as: owner })).text).toBe("content");
  });

  it("is authorized as a copy", async () => {
    const stranger = await newAccount();
    const hidden = await newBucket(stranger);
    await must({ method: "PUT", path: `/${hidden}/k`, as: stranger, body: "hidden" });
    expect(describeAnswer(await hand(presign(owner, `/${hidden}/k`)))).toBe("403 AccessDenied");
  });
});

describe("If-Match on a write", () => {
  it("is refused to callers that may write but not read, for any ETag and any object", async () => {
    const user = await newUser(owner, [
      { Effect: "Allow", Action: "s3:PutObject", Resource: `arn:aws:s3:::${bucket}/*` },
    ]);
    for (const etag of ["9a0364b9e99bb480dd25e1f0284c8555", "0".repeat(32)]) {
      for (const key of ["k", "absent"]) {
        const headers = { "if-match": `"${etag}"` };
        const request = { method: "PUT", path: `/${bucket}/${key}`, headers, body: "x", as: user };
        expect(await outcome(request), `${key} ${etag}`).toBe("403 AccessDenied");
      }
    }
    expect(await outcome({ method: "PUT", path: `/${bucket}/new`, body: "x", as: user })).toBe("200");
  });
});
