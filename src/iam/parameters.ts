/** Typed readers of request parameters, with the constraints the IAM and STS API references give. */
import { parsePolicy } from "../access/policy/document.ts";
import { S3Error } from "../errors.ts";
import { FormParameters } from "../query-api/form.ts";
import { IamError } from "./errors.ts";

interface Constraint {
  readonly pattern: RegExp;
  readonly description: string;
  readonly minLength?: number;
  readonly maxLength: number;
}

const NAME_PATTERN = /^[\w+=,.@-]+$/;
const NAME_DESCRIPTION = "It must contain only alphanumeric characters and/or the following: +=,.@_-";

const NEW_USER_NAME = { pattern: NAME_PATTERN, description: NAME_DESCRIPTION, maxLength: 64 };
const NAME = { pattern: NAME_PATTERN, description: NAME_DESCRIPTION, maxLength: 128 };
const FEDERATED_NAME = { pattern: NAME_PATTERN, description: NAME_DESCRIPTION, minLength: 2, maxLength: 32 };
const PATH = {
  pattern: /^(\/|\/[!-~]+\/)$/,
  description: "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
  maxLength: 512,
};
const PATH_PREFIX = {
  pattern: /^\/[!-\u007f]*$/,
  description: "It must begin with / and contain only alphanumeric characters and/or / characters.",
  maxLength: 512,
};
const ACCESS_KEY_ID = {
  pattern: /^\w+$/,
  description: "It must contain only alphanumeric characters.",
  minLength: 16,
  maxLength: 128,
};
const DOCUMENT_PATTERN = /^[\u0009\u000a\u000d\u0020-\u00ff]+$/;

/** Duration of temporary credentials. */
export const SESSION_SECONDS = { min: 900, max: 129_600 };
/** Longer sessions of the root of an account are reduced to this (API_GetSessionToken). */
export const ROOT_MAX_SESSION_SECONDS = 3_600;

const MAX_MARKER_LENGTH = 2_048;
const DEFAULT_MAX_ITEMS = 100;
const LARGEST_MAX_ITEMS = 1_000;

/** The parameters of one action. Every reader throws `IamError` ValidationError. */
export class Parameters extends FormParameters {
  require(name: string): string {
    const value = this.find(name);
    if (value !== undefined) return value;
    throw violation("null", name, "Member must not be null");
  }

  requireUserName = (): string => check("UserName", this.require("UserName"), NAME);
  findUserName = (): string | undefined => this.#find("UserName", NAME);
  requireNewUserName = (): string => check("UserName", this.require("UserName"), NEW_USER_NAME);
  findNewUserName = (): string | undefined => this.#find("NewUserName", NEW_USER_NAME);
  findPath = (name: "Path" | "NewPath"): string | undefined => this.#find(name, PATH);
  findPathPrefix = (): string | undefined => this.#find("PathPrefix", PATH_PREFIX);
  requirePolicyName = (): string => check("PolicyName", this.require("PolicyName"), NAME);
  requireAccessKeyId = (): string => check("AccessKeyId", this.require("AccessKeyId"), ACCESS_KEY_ID);
  requireFederatedName = (): string => check("Name", this.require("Name"), FEDERATED_NAME);

  requireStatus(): "Active" | "Inactive" {
    const value = this.require("Status");
    if (value === "Active" || value === "Inactive") return value;
    throw violation(`'${value}'`, "Status", "Member must satisfy enum value set: [Active, Inactive]");
  }

  requirePolicyDocument(): string {
    const value = this.require("PolicyDocument");
    if (DOCUMENT_PATTERN.test(value)) return value;
    throw violation("of the policy document", "PolicyDocument", "Member must contain only characters of Latin-1");
  }

  /** Session policies: at most 2,048 characters. */
  findSessionPolicy(): string | undefined {
    const value = this.find("Policy");
    if (value === undefined || (DOCUMENT_PATTERN.test(value) && value.length <= 2_048)) return value;
    throw violation("of the policy", "Policy", "Member must have 1 to 2048 characters, all of them of Latin-1");
  }

  findInteger(name: string, limits: { min: number; max: number }): number | undefined {
    const text = this.find(name);
    if (text === undefined) return undefined;
    if (!/^-?\d{1,9}$/.test(text)) throw violation(`'${text.slice(0, 64)}'`, name, "Member must be an integer");
    const value = Number(text);
    if (value < limits.min) {
      throw violation(`'${text}'`, name, `Member must have value greater than or equal to ${limits.min}`);
    }
    if (value > limits.max) {
      throw violation(`'${text}'`, name, `Member must have value less than or equal to ${limits.max}`);
    }
    return value;
  }

  readMaxItems = (): number => this.findInteger("MaxItems", { min: 1, max: LARGEST_MAX_ITEMS }) ?? DEFAULT_MAX_ITEMS;

  findMarker(): string | undefined {
    const value = this.find("Marker");
    if (value === undefined || (value !== "" && value.length <= MAX_MARKER_LENGTH)) return value;
    throw invalidMarker();
  }

  #find(name: string, constraint: Constraint): string | undefined {
    const value = this.find(name);
    return value === undefined ? undefined : check(name, value, constraint);
  }
}

export function invalidMarker(): IamError {
  return new IamError("ValidationError", "Invalid Marker.");
}

function check(name: string, value: string, { pattern, description, minLength = 1, maxLength }: Constraint): string {
  if (value.length < minLength || value.length > maxLength) {
    const bound =
      value.length > maxLength ? `less than or equal to ${maxLength}` : `greater than or equal to ${minLength}`;
    throw violation(`'${value.slice(0, 64)}'`, name, `Member must have length ${bound}`);
  }
  if (pattern.test(value)) return value;
  throw new IamError("ValidationError", `The specified value for ${lowerFirst(name)} is invalid. ${description}`);
}

function violation(shown: string, name: string, rule: string): IamError {
  const at = `1 validation error detected: Value ${shown} at '${lowerFirst(name)}' failed to satisfy constraint`;
  return new IamError("ValidationError", `${at}: ${rule}`);
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/**
 * Checks a policy of a user or session with the engine that will evaluate it.
 * @throws IamError `MalformedPolicyDocument`
 */
export function requireWellFormedPolicy(document: string): void {
  try {
    parsePolicy(document, { kind: "user" });
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    throw new IamError("MalformedPolicyDocument", error.message);
  }
}

/** "IAM doesn't count white space when calculating the size of a policy against these quotas" (IAM and STS quotas). */
export function policyQuotaSize(document: string): number {
  return document.replaceAll(/\s/g, "").length;
}
