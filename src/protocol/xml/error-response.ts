/** The error document ("REST error responses"): no namespace, details between message and resource. */
import type { S3Error } from "../../errors.ts";
import { formatDocument, xmlElement, xmlText } from "./writer.ts";

export interface ErrorContext {
  /** Path of the request as sent: bucket and key the error is about. */
  readonly resource: string;
  readonly requestId: string;
  readonly hostId: string;
}

export function formatErrorResponse(error: S3Error, context: ErrorContext): string {
  return formatDocument(
    xmlElement("Error", [
      xmlText("Code", error.code),
      xmlText("Message", error.message),
      ...Object.entries(error.details).map(([name, value]) => xmlText(name, value)),
      xmlText("Resource", context.resource),
      xmlText("RequestId", context.requestId),
      xmlText("HostId", context.hostId),
    ]),
  );
}
