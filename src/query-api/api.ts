/** The form of a query API's documents. */
import { formatDocument, type XmlNode, xmlElement, xmlText } from "../protocol/xml/writer.ts";
import type { QueryError } from "./errors.ts";

export interface Api {
  /** Service name in signatures and actions. */
  readonly service: "iam" | "sts" | "sns";
  readonly version: string;
  readonly namespace: string;
}

/** The elements of an answer's result; undefined for actions that have none. */
export type Result = readonly (XmlNode | undefined)[] | undefined;

export function formatResponse(api: Api, action: string, result: Result, requestId: string): string {
  return formatDocument(
    xmlElement(
      `${action}Response`,
      [
        result && xmlElement(`${action}Result`, result),
        xmlElement("ResponseMetadata", [xmlText("RequestId", requestId)]),
      ],
      { xmlns: api.namespace },
    ),
  );
}

export function formatErrorResponse(api: Api, error: QueryError, requestId: string): string {
  return formatDocument(
    xmlElement(
      "ErrorResponse",
      [
        xmlElement("Error", [
          xmlText("Type", error.type),
          xmlText("Code", error.code),
          xmlText("Message", error.message),
        ]),
        xmlText("RequestId", requestId),
      ],
      { xmlns: api.namespace },
    ),
  );
}

/** `<Users><member>…</member></Users>` */
export function xmlMembers(name: string, members: readonly (readonly (XmlNode | undefined)[])[]): XmlNode {
  return xmlElement(
    name,
    members.map((member) => xmlElement("member", member)),
  );
}

/** Times without fractions of a second, as IAM gives them. */
export function xmlTime(name: string, time: Date): XmlNode {
  return xmlText(name, `${time.toISOString().slice(0, 19)}Z`);
}
