/**
 * What a policy allows, read from its text, without a request. It reads one policy and no ACL, no other policy and no setting, and
 * does not evaluate conditions: where they decide, the answer says so.
 */

export interface StatementSummary {
  readonly name: string;
  readonly effect: "Allow" | "Deny";
  readonly who: string;
  readonly actions: string;
  readonly resources: string;
  readonly isConditional: boolean;
  /** Whether it names everyone. */
  readonly isForEveryone: boolean;
}

export interface PolicySummary {
  readonly statements: readonly StatementSummary[];
  /** Statements beyond the first hundred, which are not read. */
  readonly unread: number;
  readonly access: "public" | "public-under-conditions" | "not-public";
}

export interface Question {
  /** `*` is an anonymous caller. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
}

export type Decision =
  | { readonly outcome: "allowed" | "denied" | "depends"; readonly by: string }
  | { readonly outcome: "not-mentioned" };

/** S3's limit for bucket policies. */
export const MAX_POLICY_LENGTH = 20 * 1024;
const MAX_STATEMENTS = 100;

type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined for a text that is no policy, or is longer than S3 accepts. */
export function summarize(text: string): PolicySummary | undefined {
  const all = statementsOf(text);
  if (all === undefined) return undefined;
  const statements = all.slice(0, MAX_STATEMENTS).map(summarizeStatement);
  const grants = statements.filter(({ effect, isForEveryone }) => effect === "Allow" && isForEveryone);
  const access =
    grants.length === 0
      ? "not-public"
      : grants.every(({ isConditional }) => isConditional)
        ? "public-under-conditions"
        : "public";
  return { statements, unread: all.length - statements.length, access };
}

/** An explicit Deny wins; what no statement allows is refused, unless something else allows it. */
export function decide(text: string, question: Question): Decision | undefined {
  const statements = statementsOf(text)?.slice(0, MAX_STATEMENTS);
  if (statements === undefined) return undefined;
  const matching = statements.flatMap((statement, index) =>
    matches(statement, question)
      ? [{ effect: statement.Effect, isSure: !isConditional(statement), name: nameOf(statement, index) }]
      : [],
  );
  const find = (effect: "Allow" | "Deny", isSure: boolean) =>
    matching.find((each) => each.effect === effect && each.isSure === isSure)?.name;
  const denied = find("Deny", true);
  if (denied !== undefined) return { outcome: "denied", by: denied };
  const allowed = find("Allow", true);
  // A condition of a Deny changes the answer only if something is allowed.
  const depends = allowed === undefined ? find("Allow", false) : find("Deny", false);
  if (depends !== undefined) return { outcome: "depends", by: depends };
  return allowed === undefined ? { outcome: "not-mentioned" } : { outcome: "allowed", by: allowed };
}

function statementsOf(text: string): readonly JsonObject[] | undefined {
  if (text.length > MAX_POLICY_LENGTH) return undefined;
  try {
    const document: unknown = JSON.parse(text);
    if (!isObject(document)) return undefined;
    const { Statement } = document;
    const statements: unknown[] = Array.isArray(Statement) ? Statement : [Statement];
    return statements.every(isObject) ? statements : undefined;
  } catch {
    return undefined;
  }
}

function summarizeStatement(statement: JsonObject, index: number): StatementSummary {
  const { Principal, NotPrincipal, Action, NotAction, Resource, NotResource } = statement;
  const except = (value: unknown, negated: unknown, everything: string) =>
    negated === undefined ? texts(value).join(", ") : `${everything} except ${texts(negated).join(", ")}`;
  const principals = NotPrincipal === undefined ? principalsOf(Principal) : principalsOf(NotPrincipal);
  const isForEveryone = NotPrincipal !== undefined || principals.includes("*");
  const named = principals.includes("*") ? "everyone" : principals.join(", ");
  return {
    name: nameOf(statement, index),
    effect: statement.Effect === "Deny" ? "Deny" : "Allow",
    who: NotPrincipal === undefined ? named : `everyone except ${principals.join(", ")}`,
    actions: except(Action, NotAction, "all actions"),
    resources: except(Resource, NotResource, "everything"),
    isConditional: isConditional(statement),
    isForEveryone,
  };
}

const VARIABLE = /\$\{[^}]*\}/g;

/** Whether a request that matches may still be one that the statement is not about: by conditions, or by variables. */
function isConditional({ Condition, Resource, NotResource }: JsonObject): boolean {
  return (
    Condition !== undefined || [...texts(Resource), ...texts(NotResource)].some((each) => each.search(VARIABLE) >= 0)
  );
}

function nameOf({ Sid }: JsonObject, index: number): string {
  return typeof Sid === "string" && Sid !== "" ? Sid : `statement ${index + 1}`;
}

function matches(statement: JsonObject, { principal, action, resource }: Question): boolean {
  const { Principal, NotPrincipal, Action, NotAction, Resource, NotResource } = statement;
  const isNamed = (value: unknown) => principalsOf(value).some((each) => matchesPrincipal(each, principal));
  const isIn = (value: unknown, text: string) =>
    texts(value).some((each) => matchesPattern(each.replace(VARIABLE, "*"), text));
  // Names of actions are compared without regard to case, resources are not.
  const lower = (value: unknown) => texts(value).map((each) => each.toLowerCase());
  return (
    (NotPrincipal === undefined ? isNamed(Principal) : !isNamed(NotPrincipal)) &&
    (NotAction === undefined
      ? isIn(lower(Action), action.toLowerCase())
      : !isIn(lower(NotAction), action.toLowerCase())) &&
    (NotResource === undefined ? isIn(Resource, resource) : !isIn(NotResource, resource))
  );
}

/** Accounts by id or by the ARN of their root; `*` names everyone, also anonymous callers. */
function matchesPrincipal(named: string, asked: string): boolean {
  if (named === "*" || named === asked) return true;
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/;
  const [, one] = account.exec(named) ?? [];
  const [, other] = account.exec(asked) ?? [];
  return one !== undefined && one === other;
}

/** `*` is any text, `?` any character. Compares without going back more than to the last `*`. */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let index = 0;
  while (index < text.length) {
    const wanted = pattern[at];
    if (wanted === "*") {
      star = at++;
      resume = index;
    } else if (wanted === "?" || (wanted !== undefined && wanted === text[index])) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/** Of all types: an account, a service or a federated user. */
function principalsOf(value: unknown): string[] {
  return isObject(value) ? Object.values(value).flatMap(texts) : texts(value);
}

function texts(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((each) => typeof each === "string");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
