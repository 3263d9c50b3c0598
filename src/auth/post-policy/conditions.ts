/** The conditions of a POST policy (sigv4-HTTPPOSTConstructPolicy, "Condition Matching"). */
import { S3Error } from "../../errors.ts";
import { isCustomerKeyName } from "../../protocol/customer-key-headers.ts";

/** Allowed size of a form's file in bytes, inclusive. */
export interface FileSizeRange {
  readonly minBytes: number;
  readonly maxBytes: number;
}

interface FieldCondition {
  readonly operator: "eq" | "starts-with";
  /** In lower case; undefined if it was written without `$` and so does not name a field. */
  readonly field: string | undefined;
  readonly operand: string;
}

interface SizeCondition {
  readonly operator: "content-length-range";
  /** Undefined if one of the numbers is invalid text: such a condition never holds (seen on AWS). */
  readonly range: FileSizeRange | undefined;
}

export type PolicyCondition = (FieldCondition | SizeCondition) & {
  /** As it appears in AWS's errors. */
  readonly written: string;
};

/** @throws S3Error `InvalidPolicyDocument` */
export function parseCondition(value: unknown): PolicyCondition {
  if (Array.isArray(value)) return parseList(value);
  if (typeof value === "object" && value !== null) return parseObject(value);
  throw invalidPolicy("Invalid condition test: must be a List or Object.");
}

/** @param value the form's value; an absent field fulfils no condition */
export function fulfils({ operator, field, operand }: FieldCondition, value: string | undefined): boolean {
  if (field === undefined || value === undefined) return false;
  if (operator === "eq") return value === operand;
  // "Content-Types values for a starts-with condition that include commas are interpreted as lists. Each value in the
  // list must meet the condition for the whole condition to pass."
  const values = field === "content-type" ? value.split(",").map((item) => item.trim()) : [value];
  return values.every((item) => item.startsWith(operand));
}

export function invalidPolicy(reason: string): S3Error {
  return new S3Error("InvalidPolicyDocument", { message: `Invalid Policy: ${reason}` });
}

/** `{"acl": "public-read"}`: short for `["eq", "$acl", "public-read"]`, also in errors. */
function parseObject(value: object): PolicyCondition {
  const [property, ...others] = Object.entries(value);
  if (property === undefined || others.length > 0) {
    throw invalidPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.");
  }
  const [name, operand]: [string, unknown] = property;
  if (typeof operand !== "string") throw invalidPolicy("Invalid Simple-Condition: value must be a string.");
  return fieldCondition({ operator: "eq", reference: `$${name}`, operand }, ["eq", `$${name}`, operand]);
}

function parseList(list: readonly unknown[]): PolicyCondition {
  const [name, first, second] = list;
  if (name === undefined) throw invalidPolicy("Invalid Condition: missing operation identifier.");
  const operator = typeof name === "string" ? name.toLowerCase() : undefined;
  switch (operator) {
    case "eq":
    case "starts-with":
      requireOperands(list, operator);
      if (typeof first !== "string" || typeof second !== "string") throw invalidPolicy("Invalid JSON.");
      return fieldCondition({ operator, reference: first, operand: second }, list);
    case "content-length-range":
      requireOperands(list, operator);
      return { operator, range: toRange(parseSize(first), parseSize(second)), written: write(list) };
    default:
      throw invalidPolicy(`Invalid Condition: unknown operation '${typeof name === "object" ? "" : String(name)}'.`);
  }
}

function fieldCondition(
  { operator, reference, operand }: Pick<FieldCondition, "operator" | "operand"> & { readonly reference: string },
  list: readonly unknown[],
): PolicyCondition {
  const field = reference.startsWith("$") ? reference.slice(1).toLowerCase() : undefined;
  // Errors do not show a customer's key.
  const shown = field !== undefined && isCustomerKeyName(field) ? [...list.slice(0, 2), "***"] : list;
  return { operator, field, operand, written: write(shown) };
}

function requireOperands(list: readonly unknown[], operator: string): void {
  if (list.length !== 3) throw invalidPolicy(`Invalid ${operator}: wrong number of arguments.`);
}

/** A number, or its digits as text, which some generators of policies write. */
function parseSize(value: unknown): number | undefined {
  if (typeof value === "string") return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidPolicy("Invalid JSON.");
}

function toRange(minBytes: number | undefined, maxBytes: number | undefined): FileSizeRange | undefined {
  return minBytes === undefined || maxBytes === undefined ? undefined : { minBytes, maxBytes };
}

function write(list: readonly unknown[]): string {
  return `[${list.map((item) => JSON.stringify(item)).join(", ")}]`;
}
