import { describe, expect, it } from "vitest";
import { invalidArgument } from "../../../src/errors.ts";
import {
  readCustomerKeyHeaders,
  requireSecureKeys,
  withoutCustomerKeys,
} from "../../../src/protocol/customer-key-headers.ts";
import { failure } from "./failure.ts";

const TARGET = "x-amz-server-side-encryption-customer-";
const SOURCE = "x-amz-copy-source-server-side-encryption-customer-";

describe("the headers of a customer's key", () => {
  it("are read if any of them is sent", () => {
    expect(readCustomerKeyHeaders(new Headers({ "x-amz-server-side-encryption": "AES256" }), "target")).toBeUndefined();
    const headers = new Headers({ [`${SOURCE}key`]: "k" });
    expect(readCustomerKeyHeaders(headers, "target")).toBeUndefined();
    expect(readCustomerKeyHeaders(headers, "source")).toEqual({ algorithm: null, key: "k", keyMd5: null });
  });

  it("need TLS, each of them", () => {
    for (const prefix of [TARGET, SOURCE]) {
      for (const name of ["algorithm", "key", "key-md5"]) {
        const headers = new Headers({ [prefix + name]: "x" });
        expect(failure(() => requireSecureKeys(headers, false)).code).toBe("InvalidRequest");
        expect(() => requireSecureKeys(headers, true)).not.toThrow();
      }
    }
    expect(() => requireSecureKeys(new Headers({ range: "bytes=0-1" }), false)).not.toThrow();
  });
});

describe("a customer's key", () => {
  it("is left out of canonical requests, strings to sign and queries", () => {
    const text = [`a:1`, `${TARGET}algorithm:AES256`, `${TARGET}key:c2VjcmV0`, `${TARGET}key-md5:bWQ1`, `b:2`].join(
      "\n",
    );
    expect(withoutCustomerKeys(text)).toBe(
      [`a:1`, `${TARGET}algorithm:AES256`, `${TARGET}key:***`, `${TARGET}key-md5:***`, `b:2`].join("\n"),
    );
    expect(withoutCustomerKeys(`GET\n/b/k\n${SOURCE}key=c2Vj%3D&x-id=1\nhost:h`)).toBe(
      `GET\n/b/k\n${SOURCE}key=***&x-id=1\nhost:h`,
    );
  });

  it("is no value of an InvalidArgument", () => {
    for (const name of [`${TARGET}key`, `${SOURCE}key`.toUpperCase()]) {
      expect(invalidArgument("m", name, "c2VjcmV0").details).toEqual({ ArgumentName: name, ArgumentValue: "" });
    }
  });
});
