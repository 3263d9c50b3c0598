/** `Credential` of a signature: `<access key id>/<YYYYMMDD>/<region>/<service>/aws4_request`. */
import { S3Error } from "../../errors.ts";
import type { AmzDate } from "../request-time.ts";

export interface ClaimedCredential {
  readonly accessKeyId: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly terminal: string;
}

export interface ScopeRules {
  /** `"any"`, or the one region that is accepted. */
  readonly regions: "any" | (string & {});
  readonly services: readonly string[];
}

export interface ScopeFault {
  /** Continues "The authorization header is malformed; " or the query form's sentence. */
  readonly reason: string;
  readonly details: Readonly<Record<string, string>>;
}

export const MALFORMED_CREDENTIAL =
  'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".';

/** The region may be empty, as some clients leave it: R2 treats it as `auto`, and every name is accepted here too. */
export function parseCredential(text: string): ClaimedCredential | undefined {
  const [accessKeyId, day, region, service, terminal, ...more] = text.split("/");
  if (!accessKeyId || !day || region === undefined || !service || !terminal || more.length > 0) return undefined;
  return { accessKeyId, day, region, service, terminal };
}

/** `<YYYYMMDD>/<region>/<service>/aws4_request`, as in the string to sign. */
export function formatScope(credential: ClaimedCredential): string {
  return `${credential.day}/${credential.region}/${credential.service}/${credential.terminal}`;
}

/**
 * The error in the scope, in S3's words; undefined if it is correct. `findDateFault` compares the date.
 * @throws S3Error `NotImplemented` for directory buckets, whose operations look like ordinary ones but do more
 */
export function findScopeFault(credential: ClaimedCredential, rules: ScopeRules): ScopeFault | undefined {
  const { day, region, service, terminal } = credential;
  if (!/^\d{8}$/.test(day)) {
    return {
      reason: `incorrect date format "${day}". This date in the credential must be in the format "yyyyMMdd".`,
      details: {},
    };
  }
  if (rules.regions !== "any" && region !== rules.regions) {
    return {
      reason: `the region '${region}' is wrong; expecting '${rules.regions}'`,
      details: { Region: rules.regions },
    };
  }
  if (service === "s3express" && rules.services.includes("s3")) {
    throw new S3Error("NotImplemented", { message: "Directory buckets are not implemented." });
  }
  if (!rules.services.includes(service)) {
    return {
      reason: `incorrect service "${service}". This endpoint belongs to "${rules.services[0] ?? ""}".`,
      details: {},
    };
  }
  if (terminal !== "aws4_request") {
    return { reason: `incorrect terminal "${terminal}". This endpoint uses "aws4_request".`, details: {} };
  }
  return undefined;
}

/** The credential's day must be the day of the request's own date. */
export function findDateFault(credential: ClaimedCredential, date: AmzDate): string | undefined {
  if (credential.day === date.day) return undefined;
  return `Invalid credential date "${credential.day}". This date is not the same as X-Amz-Date: "${date.day}".`;
}
