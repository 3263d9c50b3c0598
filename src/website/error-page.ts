/** AWS's error pages of website endpoints, field for field, and the headers with the same content for programs. */
import type { S3Error } from "../errors.ts";
import { encodeWritten } from "./redirects.ts";

const TITLES: Readonly<Record<number, string>> = {
  302: "Found",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  412: "Precondition Failed",
  416: "Requested Range Not Satisfiable",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

export interface ErrorPage {
  readonly failure: PageFailure;
  readonly requestId: string;
  readonly hostId: string;
  /** The error that occurred while the error document was read. */
  readonly errorDocument?: PageFailure;
}

/** The fields of an S3 error that a page shows. */
export type PageFailure = Pick<S3Error, "status" | "code" | "message" | "details"> | typeof FOUND;

/** A folder requested without its slash: the only redirect with a page. */
export const FOUND = { status: 302, code: "Found", message: "Resource Found", details: {} } as const;

export function formatErrorPage({ failure, requestId, hostId, errorDocument }: ErrorPage): string {
  const title = escapeHtml(`${failure.status} ${TITLES[failure.status] ?? "Error"}`);
  return [
    "<html>",
    `<head><title>${title}</title></head>`,
    "<body>",
    `<h1>${title}</h1>`,
    ...formatList([...fieldsOf(failure), ["RequestId", requestId], ["HostId", hostId]]),
    ...(errorDocument === undefined
      ? []
      : [
          "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>",
          ...formatList(fieldsOf(errorDocument)),
        ]),
    "<hr/>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** `x-amz-error-code`, `-message` and `-detail-…`, also on answers with the error document. */
export function errorHeaders({ code, message, details }: PageFailure): Record<string, string> {
  const entries = Object.entries(details).map(([name, value]) => [
    `x-amz-error-detail-${name.toLowerCase()}`,
    // Keys come from the request: characters that no header can carry are percent-encoded, except blanks.
    value.split(" ").map(encodeWritten).join(" ").trim(),
  ]);
  return { "x-amz-error-code": code, "x-amz-error-message": message, ...Object.fromEntries(entries) };
}

type Field = readonly [name: string, value: string];

function fieldsOf({ code, message, details }: PageFailure): Field[] {
  return [["Code", code], ["Message", message], ...Object.entries(details)];
}

function formatList(fields: readonly Field[]): string[] {
  return ["<ul>", ...fields.map(([name, value]) => `<li>${escapeHtml(name)}: ${escapeHtml(value)}</li>`), "</ul>"];
}

const ESCAPES = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (character) => ESCAPES.get(character) ?? "");
}
