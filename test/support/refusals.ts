/** The refusals that every operation on a bucket or an object must give. */
import { beforeAll, describe, expect, it } from "vitest";
import { createAccount, rootAccount, type TestAccount } from "./accounts.ts";
import { expectError, expectHeadError } from "./errors.ts";
import { putObject, type SendOptions, send } from "./request.ts";
import { createBucket } from "./s3.ts";

export interface RefusedRequest extends Omit<SendOptions, "bucket" | "as" | "style" | "env"> {
  /** Status of the same request without an error. */
  readonly success: number;
}

/**
 * The tests share a bucket, since a refused request changes nothing. Requests are in path style with one row in
 * virtual-host style: addressing is one function for all operations, and test/unit/protocol tests it.
 *
 * @param request its key, if any, is put into the bucket first
 */
export function describeRefusals(operation: string, { success, ...request }: RefusedRequest): void {
  const isHead = request.method === "HEAD";
  const refuse = async (options: SendOptions, status: number, code: string, extra: object = {}) => {
    const response = await send({ ...request, ...options });
    if (isHead) await expectHeadError(response, status);
    else await expectError(response, status, code, extra);
  };

  describe(operation, () => {
    let bucket: string;
    let other: TestAccount;

    beforeAll(async () => {
      [bucket, other] = await Promise.all([createBucket(), createAccount()]);
      if (request.key !== undefined) await putObject(bucket, request.key);
    });

    it(`${operation} refuses an anonymous caller with AccessDenied`, async () => {
      await refuse({ bucket, as: null }, 403, "AccessDenied");
    });

    it(`${operation} refuses another account's key with AccessDenied`, async () => {
      await refuse({ bucket, as: other }, 403, "AccessDenied");
    });

    it(`${operation} refuses another account's key with AccessDenied in virtual-host style`, async () => {
      await refuse({ bucket, style: "virtual-host", as: other }, 403, "AccessDenied");
    });

    it(`${operation} refuses a bucket that does not exist with NoSuchBucket`, async () => {
      const absent = "no-bucket-of-this-name";
      await refuse({ bucket: absent }, 404, "NoSuchBucket", { details: { BucketName: absent } });
    });

    it(`${operation} refuses an invalid bucket name with InvalidBucketName`, async () => {
      const invalid = "not_a_name";
      await refuse({ bucket: invalid }, 400, "InvalidBucketName", { details: { BucketName: invalid } });
    });

    it(`${operation} refuses another expected bucket owner with AccessDenied`, async () => {
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": "000000000000" };
      await refuse({ bucket, headers }, 403, "AccessDenied");
    });

    it(`${operation} refuses an expected bucket owner that is not an account id`, async () => {
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": "root" };
      const message = "The value of the expected bucket owner parameter must be an AWS Account ID... [root]";
      await refuse({ bucket, headers }, 400, "InvalidBucketOwnerAWSAccountID", { message });
    });

    it(`${operation} accepts the bucket's owner as expected bucket owner`, async () => {
      const { accountId } = await rootAccount();
      const headers = { ...request.headers, "x-amz-expected-bucket-owner": accountId };
      const response = await send({ ...request, bucket, headers });
      expect([response.status, response.status === success ? "" : await response.text()]).toEqual([success, ""]);
      await response.body?.cancel();
    });
  });
}
