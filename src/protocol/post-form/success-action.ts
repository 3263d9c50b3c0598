/** What the form wants to be answered: `success_action_redirect`, its old name `redirect`, `success_action_status`. */
import { uriEncode } from "../percent-encoding.ts";

export type SuccessAction =
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "status"; readonly status: 200 | 201 | 204 };

/** "If Amazon S3 cannot interpret the URL, it acts as if the field is not present"; so with a status it does not know. */
export function parseSuccessAction(fields: ReadonlyMap<string, string>): SuccessAction {
  const url = fields.get("success_action_redirect") ?? fields.get("redirect");
  if (url !== undefined && isRedirectable(url)) return { kind: "redirect", url };
  const status = fields.get("success_action_status");
  if (status === "200") return { kind: "status", status: 200 };
  if (status === "201") return { kind: "status", status: 201 };
  return { kind: "status", status: 204 };
}

/** The URL to redirect to, which tells what was uploaded. @param etag with quotes */
export function formatRedirect(
  url: string,
  { bucket, key, etag }: { bucket: string; key: string; etag: string },
): string {
  const [base = "", ...fragment] = url.split(/(?=#)/);
  const separator = base.includes("?") ? "&" : "?";
  const query = `bucket=${uriEncode(bucket)}&key=${uriEncode(key)}&etag=${uriEncode(etag)}`;
  return `${base}${separator}${query}${fragment.join("")}`;
}

function isRedirectable(url: string): boolean {
  return /^https?:\/\/[\x21-\x7e]+$/i.test(url) && URL.canParse(url);
}
