/** Error answers, read whole. */
import { expect } from "vitest";
import { fields, readXml } from "./xml.ts";

/** Messages as AWS sends them. */
const MESSAGES: Readonly<Record<string, string>> = {
  AccessDenied: "Access Denied",
  InvalidBucketName: "The specified bucket is not valid.",
  InvalidRange: "The requested range is not satisfiable",
  MalformedXML: "The XML you provided was not well-formed or did not validate against our published schema",
  NoSuchBucket: "The specified bucket does not exist",
  NoSuchKey: "The specified key does not exist.",
  NoSuchVersion: "The specified version does not exist.",
  PreconditionFailed: "At least one of the pre-conditions you specified did not hold",
};

export interface ExpectedError {
  readonly message?: string | RegExp;
  /** Elements between Message and RequestId, all of them. */
  readonly details?: Readonly<Record<string, string>>;
}

/** Checks status, headers and every element of an error document, in S3's order. */
export async function expectError(
  response: Response,
  status: number,
  code: string,
  { message = MESSAGES[code], details = {} }: ExpectedError = {},
): Promise<void> {
  const text = await response.text();
  expect(text, `status ${response.status}`).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error>/);
  const root = readXml(text);
  const requestId = response.headers.get("x-amz-request-id") ?? "";
  expect(requestId).toMatch(/^[0-9A-F]{16}$/);
  if (message === undefined) throw new Error(`no message is known for ${code}`);
  expect({ ...fields(root), status: response.status }).toEqual({
    status,
    Code: code,
    Message: typeof message === "string" ? message : expect.stringMatching(message),
    ...details,
    RequestId: requestId,
    HostId: response.headers.get("x-amz-id-2"),
  });
  expect(root.children.map((child) => child.name)).toEqual([
    "Code",
    "Message",
    ...Object.keys(details),
    "RequestId",
    "HostId",
  ]);
  expect(response.headers.get("content-type")).toBe("application/xml");
}

/** HEAD has no document: status, ids and the type of what GET would have said. */
export async function expectHeadError(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status);
  expect(await response.text()).toBe("");
  expect(response.headers.get("x-amz-request-id")).toMatch(/^[0-9A-F]{16}$/);
  expect(response.headers.get("content-type")).toBe("application/xml");
}
