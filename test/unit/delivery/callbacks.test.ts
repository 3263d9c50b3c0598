import { describe, expect, it } from "vitest";
import { callbackStringToSign } from "../../../src/delivery/callbacks.ts";

describe("callbackStringToSign", () => {
  it("joins method, MD5, content type, date, the sorted x-jdcloud- headers, and the path with its query", () => {
    const headers = {
      "x-jdcloud-version": "2015-06-06",
      "x-jdcloud-message-type": "Notification",
      "x-jdcloud-signing-cert-url": "aHR0cDovL2EuZXhhbXBsZS9jLnBlbQ==",
      "x-jdcloud-request-id": "id",
      date: "Tue, 03 Feb 2032 04:05:06 GMT",
      "content-type": "Application/JSON;charset=utf-8",
      "content-md5": "ZA==",
      accept: "nothing",
    };
    expect(callbackStringToSign("POST", headers, "/cb?a=1")).toBe(
      "POST\n" +
        "ZA==\n" +
        "application/json;charset=utf-8\n" +
        "Tue, 03 Feb 2032 04:05:06 GMT\n" +
        "x-jdcloud-message-type:Notification\n" +
        "x-jdcloud-request-id:id\n" +
        "x-jdcloud-signing-cert-url:aHR0cDovL2EuZXhhbXBsZS9jLnBlbQ==\n" +
        "x-jdcloud-version:2015-06-06\n" +
        "/cb?a=1",
    );
  });

  it("leaves the lines of absent headers empty, and has no line for absent x-jdcloud- headers", () => {
    expect(callbackStringToSign("POST", { date: "now" }, "/")).toBe("POST\n\n\nnow\n/");
  });
});
