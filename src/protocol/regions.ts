/** Names of AWS's regions ("Amazon S3 endpoints and quotas"), and what CreateBucket makes of them. */
import { S3Error } from "../errors.ts";
import type { BucketLocation } from "../model/bucket.ts";

const NAMES: readonly string[] = [
  ...["af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"],
  ...["ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"],
  ...["ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1"],
  ...["eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3"],
  ...["eusc-de-east-1", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1"],
  ...["us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"],
];
const REGIONS: ReadonlySet<string> = new Set(NAMES);

/** The region without a name of its own: its location constraint is none. */
export const US_EAST_1 = "us-east-1";
/** The constraint of old for eu-west-1. */
const EU = "EU";
const EU_WEST_1 = "eu-west-1";
/** What a region of no AWS account may be called. */
const OTHER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

export function isAwsRegion(name: string): boolean {
  return REGIONS.has(name);
}

export interface CreationRegions {
  /** What the request is signed for; undefined where the signature names none (Version 2). */
  readonly signedRegion: string | undefined;
  /** The deployment's own. */
  readonly region: string;
  /** Those that have storage of their own, `region` among them. */
  readonly regions: readonly string[];
  /** Whether signatures may name any region, which then is as good as the deployment's own. */
  readonly isAnyRegion: boolean;
}

/**
 * Where a bucket is to be, by CreateBucket's constraint and the region its endpoint stands for, which is the one that is
 * signed for (recorded by LocalStack in 2026). us-east-1 takes constraints of all regions, as do the deployment's own region
 * and names that AWS has no region of (`auto`).
 *
 * @throws S3Error `InvalidLocationConstraint`, `IllegalLocationConstraintException`
 */
export function chooseLocation(constraint: string | undefined, context: CreationRegions): BucketLocation {
  const { signedRegion = US_EAST_1, region, regions, isAnyRegion } = context;
  const isRegional = isAwsRegion(signedRegion) && signedRegion !== US_EAST_1 && signedRegion !== region;
  if (!constraint) {
    if (isRegional) throw illegalConstraint("unspecified");
    return { region };
  }
  if (
    constraint === EU &&
    (!isRegional || signedRegion === EU_WEST_1) &&
    (isAnyRegion || regions.includes(EU_WEST_1))
  ) {
    return { region: EU_WEST_1, constraint: EU };
  }
  if (isRegional && constraint !== signedRegion) throw illegalConstraint(constraint);
  const isKnown = regions.includes(constraint) || (isAnyRegion && isAwsRegion(constraint));
  const isSigned = isAnyRegion && constraint === signedRegion && OTHER_NAME.test(constraint);
  if (constraint === US_EAST_1 || !(isKnown || isSigned)) {
    throw new S3Error("InvalidLocationConstraint", { details: { LocationConstraint: constraint } });
  }
  return { region: constraint };
}

function illegalConstraint(constraint: string): S3Error {
  return new S3Error("IllegalLocationConstraintException", {
    message: `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`,
  });
}
