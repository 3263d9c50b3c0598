/** CopyObject over HTTP. */
import type { UploadTarget } from "./multipart.ts";
import { send } from "./request.ts";
import { documentOf, fields } from "./xml.ts";

export const LAST_MODIFIED = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export function copy(target: UploadTarget, source: string, headers: Record<string, string> = {}): Promise<Response> {
  return send({ ...target, method: "PUT", headers: { "x-amz-copy-source": source, ...headers } });
}

/** The fields of the answer to a copy that must be accepted. */
export async function copied(...parameters: Parameters<typeof copy>): Promise<Record<string, string>> {
  return fields(await documentOf(await copy(...parameters), "CopyObjectResult"));
}

export async function headOf(target: UploadTarget): Promise<Record<string, string>> {
  return Object.fromEntries((await send({ ...target, method: "HEAD" })).headers);
}
