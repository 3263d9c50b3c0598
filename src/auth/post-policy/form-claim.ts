/** The claim of a form about the signer of its policy (sigv4-authentication-HTTPPOST), before anything is verified. */
import { invalidArgument, S3Error } from "../../errors.ts";
import { missingField } from "../../protocol/post-form/post-form.ts";
import { type AmzDate, parseAmzDate } from "../request-time.ts";
import { ALGORITHM, signatureV2Refused, signatureV4aRefused } from "../sigv4/authorization-header.ts";
import {
  type ClaimedCredential,
  findDateFault,
  findScopeFault,
  MALFORMED_CREDENTIAL,
  parseCredential,
  type ScopeRules,
} from "../sigv4/credential-scope.ts";

export interface FormClaim {
  readonly version: 4;
  readonly credential: ClaimedCredential;
  /** The base64 text, which is the string to sign. */
  readonly policy: string;
  readonly signature: string;
  /** `x-amz-security-token` of temporary credentials, which the policy must cover. */
  readonly sessionToken: string | undefined;
}

/** The claim of Signature Version 2 ("HTTPPOSTForms"). */
export interface FormClaimV2 extends Pick<FormClaim, "policy" | "sessionToken"> {
  readonly version: 2;
  readonly accessKeyId: string;
  /** Base64. */
  readonly signature: string;
}

export interface FormRules extends ScopeRules {
  /** Whether Signature Version 2 is accepted. */
  readonly signatureV2: boolean;
}

type Fields = ReadonlyMap<string, string>;

/** In the order and the spelling in which S3 reports them missing. */
const REQUIRED = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "policy"] as const;
const REQUIRED_V2 = ["AWSAccessKeyId", "Signature", "policy"] as const;
const CREDENTIAL = "X-Amz-Credential";
const DATE = "X-Amz-Date";

/**
 * Undefined if the form has no signature and so is anonymous.
 * @throws S3Error `InvalidArgument` for missing, malformed and contradictory fields; `AccessDenied` for an unsigned
 *   policy; `InvalidRequest` for Signature Version 2 if it is off, `NotImplemented` for Version 4A
 */
export function readFormClaim(fields: Fields, rules: FormRules): FormClaim | FormClaimV2 | undefined {
  const sessionToken = fields.get("x-amz-security-token");
  if (!REQUIRED.slice(0, 4).some((name) => fields.has(name.toLowerCase()))) {
    if (fields.has("awsaccesskeyid") || fields.has("signature")) {
      if (!rules.signatureV2) throw signatureV2Refused();
      const [accessKeyId = "", signature = "", policy = ""] = REQUIRED_V2.map((name) => requireField(fields, name));
      return { version: 2, accessKeyId, signature, policy, sessionToken };
    }
    // If the form were treated as anonymous, its conditions would not apply.
    if (fields.has("policy")) throw new S3Error("AccessDenied");
    return undefined;
  }
  const [algorithm, credentialText, date, signature, policy] = REQUIRED.map((name) => requireField(fields, name));
  requireAlgorithm(algorithm ?? "");
  const instant = parseDate(date ?? "");
  const credential = parseScope(credentialText ?? "", rules);
  const fault = findDateFault(credential, instant);
  if (fault !== undefined) throw invalidArgument(fault, CREDENTIAL, credentialText);
  return { version: 4, credential, policy: policy ?? "", signature: signature ?? "", sessionToken };
}

/** The access key id that the form names, for loading its key early: neither verified nor necessarily well-formed. */
export function claimedFormAccessKeyId(fields: Fields): string | undefined {
  const credential = fields.get("x-amz-credential");
  if (credential === undefined) return fields.get("awsaccesskeyid");
  const end = credential.indexOf("/");
  return end > 0 ? credential.slice(0, end) : undefined;
}

/** The session token of the form, also a hint. */
export function claimedFormSessionToken(fields: Fields): string | undefined {
  return fields.get("x-amz-security-token");
}

function requireField(fields: Fields, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined) throw missingField(name);
  return value;
}

function requireAlgorithm(algorithm: string): void {
  if (algorithm === "AWS4-ECDSA-P256-SHA256") throw signatureV4aRefused();
  if (algorithm !== ALGORITHM) throw invalidArgument(`Only ${ALGORITHM} is supported`, "X-Amz-Algorithm", algorithm);
}

function parseScope(text: string, rules: ScopeRules): ClaimedCredential {
  const credential = parseCredential(text);
  if (credential === undefined) throw invalidArgument(MALFORMED_CREDENTIAL, CREDENTIAL, text);
  const fault = findScopeFault(credential, rules);
  if (fault === undefined) return credential;
  throw new S3Error("InvalidArgument", {
    message: fault.reason,
    details: { ArgumentName: CREDENTIAL, ArgumentValue: text, ...fault.details },
  });
}

/** The policy's expiration limits the age of a form, so the date is not compared with the current time. */
function parseDate(text: string): AmzDate {
  const date = parseAmzDate(text);
  if (date === undefined) throw invalidArgument("X-Amz-Date must be formated via ISO8601 Long format", DATE, text);
  return date;
}
