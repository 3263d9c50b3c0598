import { describe, expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import { fromR2Error, r2CalculatedDigest, toS3Error } from "../../../src/storage/platform-errors.ts";

describe("toS3Error", () => {
  // Messages seen on D1 and in workerd.
  it.each([
    ["D1_ERROR: no such table: accounts: SQLITE_ERROR", "ServiceUnavailable", 503],
    ["D1_ERROR: no such column: k.user_id at offset 9: SQLITE_ERROR", "ServiceUnavailable", 503],
    ["D1 DB is overloaded. Requests queued for too long.", "SlowDown", 503],
    ["Durable Object is overloaded. Too many requests queued.", "SlowDown", 503],
    ["Network connection lost.", "ServiceUnavailable", 503],
    // A Durable Object whose code is older than the Worker's.
    ['The RPC receiver does not implement the method "later".', "ServiceUnavailable", 503],
    ["D1 DB storage operation exceeded timeout which caused object to be reset.", "ServiceUnavailable", 503],
    // The lists of the pages "Debug D1", "Troubleshooting" of Durable Objects, and "Limits" of Queues.
    ["D1_ERROR: D1 DB reset because its code was updated.", "ServiceUnavailable", 503],
    ["Internal error while starting up D1 DB storage caused object to be reset.", "ServiceUnavailable", 503],
    ["Internal error in D1 DB storage caused object to be reset.", "ServiceUnavailable", 503],
    ["Cannot resolve D1 DB due to transient issue on remote node.", "ServiceUnavailable", 503],
    ["D1 DB's isolate exceeded its memory limit and was reset.", "ServiceUnavailable", 503],
    ["D1 DB exceeded its CPU time limit and was reset.", "ServiceUnavailable", 503],
    ["Can't read from request stream because client disconnected.", "ServiceUnavailable", 503],
    ["Durable Object reset because its code was updated.", "ServiceUnavailable", 503],
    [
      "The Durable Object's code has been updated, this version can no longer access storage.",
      "ServiceUnavailable",
      503,
    ],
    ["Connection closed: this Durable Object instance is no longer active.", "ServiceUnavailable", 503],
    ["Internal error in Durable Object storage write caused object to be reset.", "ServiceUnavailable", 503],
    ["Durable Object is overloaded. Too much data queued.", "SlowDown", 503],
    [
      "Your account is generating too much load on Durable Objects. Please back off and try again later.",
      "SlowDown",
      503,
    ],
    [
      "Your account is doing too many concurrent storage operations. Please back off and try again later.",
      "SlowDown",
      503,
    ],
    ["Queue sendBatch failed: Too Many Requests", "SlowDown", 503],
    ["Storage Limit Exceeded", "SlowDown", 503],
    ["Cannot read properties of undefined", "InternalError", 500],
  ])("answers %j with %s", (message, code, status) => {
    const cause = new Error(message);
    expect(toS3Error(cause)).toMatchObject({ code, status, cause });
  });

  it.each([
    ["retryable", "ServiceUnavailable"],
    ["overloaded", "SlowDown"],
  ])("believes the platform's own mark: %s", (mark, code) => {
    expect(toS3Error(Object.assign(new Error("a new message"), { [mark]: true }))).toMatchObject({ code });
    expect(toS3Error(Object.assign(new Error("a new message"), { [mark]: false }))).toMatchObject({
      code: "InternalError",
    });
  });

  it("never shows the client the message of the platform", () => {
    for (const message of ["no such table: secret_table", "overloaded at 10.0.0.1", "boom at /srv/x.ts"]) {
      expect(toS3Error(new Error(message)).message).not.toMatch(/secret_table|10\.0\.0\.1|srv/);
    }
  });

  it("accepts anything that can be thrown", () => {
    for (const thrown of [undefined, null, "text", 7, {}]) expect(toS3Error(thrown).code).toBe("InternalError");
  });
});

describe("fromR2Error", () => {
  // "Error codes" of the R2 documentation.
  it.each([
    ["put: Your metadata headers exceed the maximum allowed metadata size. (10012)", "MetadataTooLarge"],
    ["put: You did not provide the number of bytes. (10013)", "IncompleteBody"],
    ["put: The specified object name is not valid. (10020)", "KeyTooLongError"],
    ["get: Service unavailable (10043)", "ServiceUnavailable"],
    ["put: Client disconnected (10054)", "RequestTimeout"],
    ["put: Reduce your concurrent request rate for the same object. (10058)", "SlowDown"],
    ["put: too large (100100)", "EntityTooLarge"],
    ["get: We encountered an internal error. Please try again. (10001)", "InternalError"],
    ["something without a code", "InternalError"],
    ["Network connection lost.", "ServiceUnavailable"],
  ])("answers %j with %s", (message, code) => {
    expect(fromR2Error(new Error(message))).toMatchObject({ code, cause: new Error(message) });
  });

  it("returns an S3 error as it is", () => {
    const error = new S3Error("NoSuchKey");
    expect(fromR2Error(error)).toBe(error);
  });
});

describe("r2CalculatedDigest", () => {
  it("reads the digest that R2 calculated", () => {
    const message =
      "put: The MD5 checksum you specified did not match what we received.\nYou provided a MD5 checksum with value: 00000000000000000000000000000000\nActual MD5 was: 098f6bcd4621d373cade4e832627b4f6 (10037)";
    expect(r2CalculatedDigest(new Error(message))).toEqual(
      Uint8Array.of(0x09, 0x8f, 0x6b, 0xcd, 0x46, 0x21, 0xd3, 0x73, 0xca, 0xde, 0x4e, 0x83, 0x26, 0x27, 0xb4, 0xf6),
    );
  });

  it("is undefined if R2 does not say it", () => {
    for (const thrown of [new Error("put: bad digest (10037)"), new Error("Actual MD5 was: 098 (10037)"), undefined]) {
      expect(r2CalculatedDigest(thrown)).toBeUndefined();
    }
  });
});
