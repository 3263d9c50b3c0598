/** A service of the query APIs: its actions by name, how it refuses all others, and the form of its documents. */
import type { IdentityQuestion } from "../access/identity.ts";
import type { S3Error } from "../errors.ts";
import type { AccountCaller } from "../model/caller.ts";
import { formatDocument, type XmlNode, xmlElement, xmlText } from "../protocol/xml/writer.ts";
import type { QueryServices } from "../services.ts";
import type { QueryError } from "./errors.ts";

export interface QueryAction<Call> {
  /**
   * All parameters that the action accepts. Others are refused, because ignoring a tag or a permissions boundary would
   * mislead the caller.
   */
  readonly parameters: readonly string[];
  /** @throws QueryError, S3Error */
  run(call: Call): Promise<Result>;
}

/** An authenticated request for one action of a service. */
export interface QueryCall {
  readonly action: string;
  readonly form: ReadonlyMap<string, string>;
  readonly caller: AccountCaller;
  readonly facts: IdentityQuestion["facts"];
  readonly now: Date;
  /** Scheme and host by which the caller reached the deployment. */
  readonly endpoint: string;
  readonly services: QueryServices;
  /** For the audit: ids of what the action has created, never secrets. */
  noteCreated(ids: Readonly<Record<string, string>>): void;
}

export interface QueryService {
  readonly api: Api;
  readonly maxBodyBytes: number;
  /** For errors that `toCommonError` has no code for. */
  toError(failure: S3Error): QueryError;
  /** @throws QueryError for an action that is not offered, or a parameter that it does not accept */
  find(action: string, parameterNames: Iterable<string>): (call: QueryCall) => Promise<Result>;
}

interface Definition<Call> extends Pick<QueryService, "api" | "maxBodyBytes" | "toError"> {
  readonly actions: ReadonlyMap<string, QueryAction<Call>>;
  /** Extends a call with what the actions of this service need. */
  open(call: QueryCall): Call;
  notOffered(action: string): QueryError;
  unsupported(parameter: string, action: string): QueryError;
}

/** Parameters of every request. */
const COMMON_PARAMETERS: ReadonlySet<string> = new Set(["Action", "Version"]);
/** `Tags.member.1.Key`, `Attributes.entry.2.value`: members of lists and maps. */
const MEMBER = /\.(member|entry)\..*$/s;

export function queryService<Call>(definition: Definition<Call>): QueryService {
  const { api, maxBodyBytes, toError, actions, open, notOffered, unsupported } = definition;
  return {
    api,
    maxBodyBytes,
    toError,
    find(name, parameterNames) {
      const action = actions.get(name);
      if (action === undefined) throw notOffered(name);
      for (const parameter of parameterNames) {
        if (COMMON_PARAMETERS.has(parameter) || action.parameters.includes(parameter.replace(MEMBER, ""))) continue;
        throw unsupported(parameter.slice(0, 128), name);
      }
      return (call) => action.run(open(call));
    },
  };
}

export interface Api {
  /** Service name in signatures and actions. */
  readonly service: "iam" | "sts" | "sns";
  readonly version: string;
  readonly namespace: string;
}

/** The elements of a result; undefined for actions that have none. */
export type Result = readonly (XmlNode | undefined)[] | undefined;

export function formatResponse(
  api: Api,
  result: Result,
  { action, requestId }: { readonly action: string; readonly requestId: string },
): string {
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

export function formatQueryError(api: Api, error: QueryError, requestId: string): string {
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

/** A time without fractions of a second, as IAM writes it. */
export function xmlTime(name: string, time: Date): XmlNode {
  return xmlText(name, `${time.toISOString().slice(0, 19)}Z`);
}
