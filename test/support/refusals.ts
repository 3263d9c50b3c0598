/** The refusals that every operation on a bucket or an object owes, in both addressing styles. */
import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "./accounts.ts";
import { expectError, expectHeadError } from "./errors.ts";
import { putObject, type SendOptions, STYLES, send } from "./request.ts";
import { createBucket } from "./s3.ts";

export interface RefusedRequest extends Omit<SendOptions, "bucket" | "as" | "style" | "env"> {
  /** Status of the same request when nothing is wrong with it. */
  readonly success: number;
}

/** @param key of the request, if any, is put into the bucket first. */
export function describeRefusals(operation: string, { success, ...request }: RefusedRequest): void {
  const isHead = request.method === "HEAD";
  const refuse = async (options: SendOptions, status: number, code: string, extra: object = {}) => {
    const response = await send({ ...request, ...options });
    if (isHead) await expectHeadError(response, status);
    else await expectError(response, status, code, extra);
  };
  const prepared = async () => {
    const bucket = await createBucket();
    if (request.key !== undefined) await putObject(bucket, request.key);
    return bucket;
  };

  describe.each(STYLES)(`${operation}, %s style`, (style) => {
    it(`${operation} refuses an anonymous caller with AccessDenied`, async () => {
      await refuse({ bucket: await prepared(), style, as: null }, 403, "AccessDenied");
    });

    it(`${operation} refuses another account's key with AccessDenied`, async () => {
      const [bucket, as] = await Promise.all([prepared(), createAccount()]);
      await refuse({ bucket, style, as }, 403, "AccessDenied");
    });

    it(`${operation} refuses a bucket that does not exist with NoSuchBucket`, async () => {
      const bucket = "no-bucket-of-this-name";
      await refuse({ bucket, style }, 404, "NoSuchBucket", { details: { BucketName: bucket } });
    });

    it(`${operation} refuses a name no bucket can have with InvalidBucketName`, async () => {
      const bucket = "not_a_name";
      await refuse({ bucket, style }, 400, "InvalidBucketName", { details: { BucketName: bucket } });
    });

    it(`${operation} refuses another expected bucket owner with AccessDenied`, async () => {
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": "000000000000" };
      await refuse({ bucket: await prepared(), style, headers }, 403, "AccessDenied");
    });

    it(`${operation} refuses an expected bucket owner that is no account id`, async () => {
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": "root" };
      const message = "The value of the expected bucket owner parameter must be an AWS Account ID... [root]";
      const expected = { bucket: await prepared(), style, headers };
      await refuse(expected, 400, "InvalidBucketOwnerAWSAccountID", { message });
    });

    it(`${operation} accepts the bucket's owner as expected bucket owner`, async () => {
      const { accountId } = await rootAccount();
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": accountId };
      const response = await send({ ...request, bucket: await prepared(), style, headers });
      expect([response.status, response.status === success ? "" : await response.text()]).toEqual([success, ""]);
      await response.body?.cancel();
    });
  });
}
