/**
 * Policies as a form: statements with their usual elements. Elements that the form has no field for (conditions, NotAction, …) stay as
 * JSON in a field of their own, so that nothing is lost.
 */
import { type Field, itemsIn, linesOf, type Model, textIn } from "./fields.ts";

export type PolicyKind = "bucket" | "topic" | "user";

const EFFECTS = [
  { value: "Allow", label: "Allow" },
  { value: "Deny", label: "Deny" },
];

/** @param kind policies of users have no principal: the user is it */
export function policyFields(kind: PolicyKind): readonly Field[] {
  const principal: Field = {
    kind: "lines",
    id: "principal",
    path: ["Principal"],
    label: "Who, one a line",
    hint: "* is everyone; else account ids or ARNs of users.",
  };
  return [
    {
      kind: "list",
      id: "statements",
      path: ["Statement"],
      label: "Statements",
      itemLabel: "statement",
      isRequired: true,
      initial: { effect: "Allow", ...(kind === "user" ? {} : { principal: "" }) },
      fields: [
        { kind: "text", id: "sid", path: ["Sid"], label: "Name" },
        { kind: "choice", id: "effect", path: ["Effect"], label: "Effect", options: EFFECTS, isRequired: true },
        ...(kind === "user" ? [] : [principal]),
        {
          kind: "lines",
          id: "actions",
          path: ["Action"],
          label: "Actions, one a line",
          hint: "As s3:GetObject or s3:*.",
        },
        {
          kind: "lines",
          id: "resources",
          path: ["Resource"],
          label: "Resources, one a line",
          hint: "arn:aws:s3:::BUCKET is the bucket, arn:aws:s3:::BUCKET/* its objects.",
        },
        {
          kind: "lines",
          id: "rest",
          path: [],
          label: "Other elements, as JSON",
          hint: 'As {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}',
        },
      ],
    },
  ];
}

type JsonObject = Readonly<Record<string, unknown>>;

/** What a form says of the policy; undefined for JSON that is no policy of objects. @throws SyntaxError for text that is no JSON */
export function readPolicy(text: string): Model | undefined {
  const document: unknown = JSON.parse(text);
  if (!isObject(document)) return undefined;
  const { Version, Statement, ...others } = document;
  const statements = Array.isArray(Statement) ? Statement : [Statement];
  if (Object.keys(others).some((name) => name !== "Id") || !statements.every(isObject)) return undefined;
  return {
    version: typeof Version === "string" ? Version : "",
    id: typeof others.Id === "string" ? others.Id : "",
    statements: statements.map(readStatement),
  };
}

function readStatement(statement: JsonObject): Model {
  const { Sid, Effect, Principal, Action, Resource, ...rest } = statement;
  const others: Record<string, unknown> = { ...rest };
  const lines = (name: string, value: unknown): string => {
    const texts = textsOf(value);
    if (texts === undefined && value !== undefined) others[name] = value;
    return texts?.join("\n") ?? "";
  };
  const principal = isObject(Principal) && Object.keys(Principal).join() === "AWS" ? Principal.AWS : Principal;
  // `{"AWS": "*"}` and `"*"` are the same principal.
  const who = lines(
    "Principal",
    typeof principal === "string" && principal !== "*" && principal === Principal ? [Principal] : principal,
  );
  return {
    sid: lines("Sid", Sid),
    effect: lines("Effect", Effect),
    principal: who,
    actions: lines("Action", Action),
    resources: lines("Resource", Resource),
    rest: Object.keys(others).length === 0 ? "" : JSON.stringify(others, undefined, 2),
  };
}

/** A text or a list of texts. */
function textsOf(value: unknown): string[] | undefined {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.every((each): each is string => typeof each === "string" && !each.includes("\n")) ? list : undefined;
}

/** @throws SyntaxError if the other elements of a statement are not a JSON object */
export function writePolicy(model: Model): string {
  const document = {
    Version: textIn(model, "version") || "2012-10-17",
    ...(textIn(model, "id") !== "" && { Id: textIn(model, "id") }),
    Statement: itemsIn(model, "statements").map(writeStatement),
  };
  return JSON.stringify(document, undefined, 2);
}

function writeStatement(statement: Model): JsonObject {
  const sid = textIn(statement, "sid");
  const principal = linesOf(textIn(statement, "principal"));
  const actions = linesOf(textIn(statement, "actions"));
  const resources = linesOf(textIn(statement, "resources"));
  return {
    ...(sid !== "" && { Sid: sid }),
    Effect: textIn(statement, "effect"),
    ...(principal.length > 0 && { Principal: principal.join() === "*" ? "*" : { AWS: oneOrMore(principal) } }),
    ...(actions.length > 0 && { Action: oneOrMore(actions) }),
    ...(resources.length > 0 && { Resource: oneOrMore(resources) }),
    ...restOf(statement),
  };
}

function oneOrMore(values: readonly string[]): string | readonly string[] {
  const [first] = values;
  return values.length === 1 && first !== undefined ? first : values;
}

function restOf(statement: Model): JsonObject {
  const text = textIn(statement, "rest").trim();
  if (text === "") return {};
  const rest: unknown = JSON.parse(text);
  if (!isObject(rest)) throw new SyntaxError("The other elements must be a JSON object.");
  return rest;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface Template {
  readonly label: string;
  readonly statement: Model;
}

export function bucketTemplates(bucket: string): readonly Template[] {
  const objects = `arn:aws:s3:::${bucket}/*`;
  return [
    {
      label: "Everyone reads objects",
      statement: { sid: "PublicRead", effect: "Allow", principal: "*", actions: "s3:GetObject", resources: objects },
    },
    {
      label: "An account reads",
      statement: {
        sid: "AccountRead",
        effect: "Allow",
        principal: "123456789012",
        actions: "s3:GetObject\ns3:ListBucket",
        resources: `arn:aws:s3:::${bucket}\n${objects}`,
      },
    },
    {
      label: "Refuse plain HTTP",
      statement: {
        sid: "OnlyTls",
        effect: "Deny",
        principal: "*",
        actions: "s3:*",
        resources: `arn:aws:s3:::${bucket}\n${objects}`,
        rest: JSON.stringify({ Condition: { Bool: { "aws:SecureTransport": "false" } } }, undefined, 2),
      },
    },
  ];
}
