/** The error document ("REST error responses"): no namespace, the details of the code between message and ids. */
import type { S3Error } from "../../errors.ts";
import { formatDocument, xmlElement, xmlText } from "./writer.ts";

export interface ErrorContext {
  readonly requestId: string;
  readonly hostId: string;
}

export function formatErrorResponse(error: S3Error, context: ErrorContext): string {
  return formatDocument(
    xmlElement("Error", [
      xmlText("Code", error.code),
      xmlText("Message", error.message),
      ...Object.entries(error.details).map(([name, value]) => xmlText(name, value)),
      xmlText("RequestId", context.requestId),
      xmlText("HostId", context.hostId),
    ]),
  );
}
