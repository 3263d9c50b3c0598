/** A service of the query APIs: its actions by name, and how it refuses what is none of them. */
import type { IdentityQuestion } from "../access/identity.ts";
import type { S3Error } from "../errors.ts";
import type { AccountCaller } from "../model/caller.ts";
import type { Services } from "../services.ts";
import type { Api, Result } from "./api.ts";
import type { QueryError } from "./errors.ts";

export interface QueryAction<Call> {
  /** All that it takes. Others are refused rather than overlooked: a tag or boundary that has no effect is none. */
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
  readonly services: Services;
}

export interface QueryService {
  readonly api: Api;
  readonly maxBodyBytes: number;
  /** For what `toCommonError` has no name. */
  toError(failure: S3Error): QueryError;
  /** @throws QueryError for an action that is not offered or a parameter that it does not take */
  find(action: string, parameterNames: Iterable<string>): (call: QueryCall) => Promise<Result>;
}

interface Definition<Call> extends Pick<QueryService, "api" | "maxBodyBytes" | "toError"> {
  readonly actions: ReadonlyMap<string, QueryAction<Call>>;
  /** Adds what its actions want to be handed. */
  open(call: QueryCall): Call;
  notOffered(action: string): QueryError;
  unsupported(parameter: string, action: string): QueryError;
}

/** Of every request, beside the action's own. */
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
