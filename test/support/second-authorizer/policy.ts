/** The effect of one policy document on one request ("IAM JSON policy element reference"). */
import { type ConditionBlock, conditionsHold } from "./conditions.ts";
import type { Deviations } from "./deviations.ts";
import { matcherOf, type Values } from "./text.ts";

type OneOrMore = string | readonly string[];

interface StatementJson {
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: PrincipalJson;
  readonly NotPrincipal?: PrincipalJson;
  readonly Action?: OneOrMore;
  readonly NotAction?: OneOrMore;
  readonly Resource?: OneOrMore;
  readonly NotResource?: OneOrMore;
  readonly Condition?: ConditionBlock;
}

type PrincipalJson = "*" | Readonly<Record<string, OneOrMore>>;

interface PolicyJson {
  readonly Version?: string;
  readonly Statement: StatementJson | readonly StatementJson[];
}

/** The names by which a policy can mean the sender of a request. */
export interface Identity {
  /** Undefined for anonymous callers. */
  readonly accountId?: string;
  readonly canonicalId?: string;
  /** Undefined for the root of an account. */
  readonly userId?: string;
  readonly service?: string;
}

export interface PolicyQuery {
  readonly identity: Identity;
  /** The unique ids of users by the ARNs that the policy uses, as they were when it was put. */
  readonly userIds: Readonly<Record<string, string>>;
  readonly action: string;
  readonly resource: string;
  readonly values: Values;
  /** The keys that another action of the same request has. */
  readonly valuesFor: (action: string) => Values;
  readonly deviations: Deviations;
}

/**
 * `toUser`: an Allow that names the user itself, or of a policy of the user. `toAccount`: an Allow that names only the account, which
 * "delegates authority to the account".
 */
export interface Effects {
  readonly denies: boolean;
  readonly toUser: boolean;
  readonly toEveryone: boolean;
  readonly toAccount: boolean;
}

export const NO_EFFECTS: Effects = { denies: false, toUser: false, toEveryone: false, toAccount: false };

export function together(all: readonly Effects[]): Effects {
  return {
    denies: all.some(({ denies }) => denies),
    toUser: all.some(({ toUser }) => toUser),
    toEveryone: all.some(({ toEveryone }) => toEveryone),
    toAccount: all.some(({ toAccount }) => toAccount),
  };
}

export function effectsOf(text: string, query: PolicyQuery): Effects {
  const { Version = "2008-10-17", Statement } = JSON.parse(text) as PolicyJson;
  const variables = Version === "2012-10-17";
  return together([Statement].flat().map((statement) => effectsOfStatement(statement, variables, query)));
}

/** A statement that has been read, for those who look at policies as a whole. */
export function statementsOf(text: string): {
  readonly variables: boolean;
  readonly statements: readonly StatementJson[];
} {
  const { Version, Statement } = JSON.parse(text) as PolicyJson;
  return { variables: Version === "2012-10-17", statements: [Statement].flat() };
}

function effectsOfStatement(statement: StatementJson, variables: boolean, query: PolicyQuery): Effects {
  const { Effect, Condition = {} } = statement;
  const { values, deviations } = query;
  const named = howNamed(statement, query);
  const applies =
    named !== undefined &&
    concernsAction(statement, query.action) &&
    concernsResource(statement, variables, query) &&
    conditionsHold(Condition, { values, variables, effect: Effect, deviations });
  if (!applies) return NO_EFFECTS;
  if (Effect === "Deny") return { ...NO_EFFECTS, denies: true };
  return { ...NO_EFFECTS, [named]: true };
}

/** Action names are not case-sensitive ("IAM JSON policy elements: Action"). */
function concernsAction({ Action, NotAction }: StatementJson, action: string): boolean {
  const isListed = [Action ?? NotAction ?? []]
    .flat()
    .some((name) =>
      matcherOf(name, { variables: false, wildcards: true, ignoreCase: true }, () => undefined)?.test(action),
    );
  return isListed === (Action !== undefined);
}

/** "The resource that includes a policy variable with no value will not match any resource." */
function concernsResource(
  { Effect, Resource, NotResource }: StatementJson,
  variables: boolean,
  query: PolicyQuery,
): boolean {
  const { resource, values, deviations } = query;
  const matchers = [Resource ?? NotResource ?? []]
    .flat()
    .map((pattern) => matcherOf(pattern, { variables, wildcards: true }, values));
  const isListed = matchers.some((matcher) => matcher?.test(resource));
  if (Resource !== undefined || isListed) return isListed === (Resource !== undefined);
  const isUnsure = matchers.includes(undefined) && Effect === "Allow" && deviations.has("unresolved variables");
  return !isUnsure;
}

type Naming = "toUser" | "toEveryone" | "toAccount" | undefined;

function howNamed(statement: StatementJson, query: PolicyQuery): Naming {
  const { Principal, NotPrincipal } = statement;
  if (NotPrincipal !== undefined) return isExcepted(NotPrincipal, query) ? undefined : "toEveryone";
  // A policy of a user or a session has no principal.
  return Principal === undefined ? "toUser" : naming(Principal, query);
}

const ROOT_ARN = /^arn:aws:iam::(\d{12}):root$/;

function naming(principal: PrincipalJson, { identity, userIds }: PolicyQuery): Naming {
  const { everyone, aws, canonical, services } = listed(principal);
  const { accountId, canonicalId, userId, service } = identity;
  if (service !== undefined && services.includes(service)) return "toUser";
  if (userId !== undefined && aws.some((name) => userIds[name] === userId)) return "toUser";
  if (everyone) return "toEveryone";
  const isAccount =
    (accountId !== undefined && aws.some((name) => (ROOT_ARN.exec(name)?.[1] ?? name) === accountId)) ||
    (canonicalId !== undefined && canonical.includes(canonicalId));
  if (!isAccount) return undefined;
  return "toAccount";
}

/**
 * "All principals except the ones specified": the ARN of an account specifies, here, the account and not its users, so that "you
 * must also specify the account ARN of the not-denied principal" and the user.
 */
function isExcepted(principal: PrincipalJson, query: PolicyQuery): boolean {
  const { everyone, aws, services } = listed(principal);
  const { userId, service } = query.identity;
  if (everyone) return true;
  if (service !== undefined) return services.includes(service);
  if (userId !== undefined) return aws.some((name) => query.userIds[name] === userId);
  return naming(principal, query) !== undefined;
}

function listed(principal: PrincipalJson) {
  const { AWS = [], CanonicalUser = [], Service = [] } = principal === "*" ? { AWS: "*" } : principal;
  const aws = [AWS].flat();
  return { everyone: aws.includes("*"), aws, canonical: [CanonicalUser].flat(), services: [Service].flat() };
}
