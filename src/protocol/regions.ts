/** The names of AWS's regions ("Amazon S3 endpoints and quotas"), and the location that CreateBucket chooses. */
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

/** Buckets in this region have no location constraint. */
export const US_EAST_1 = "us-east-1";
/** The former constraint for eu-west-1. */
const EU = "EU";
const EU_WEST_1 = "eu-west-1";
/** The form of a region name that AWS does not have. */
const OTHER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

export function isAwsRegion(name: string): boolean {
  return REGIONS.has(name);
}

export interface CreationRegions {
  /** The region that the request is signed for; undefined where the signature names none (Version 2). */
  readonly signedRegion: string | undefined;
  /** The deployment's region. */
  readonly region: string;
  /** The regions with a store of their own, including `region`. */
  readonly regions: readonly string[];
  /** Whether signatures may name any region; it then means the deployment's region. */
  readonly isAnyRegion: boolean;
}

/**
 * The location of a new bucket, from CreateBucket's constraint and the region of the endpoint, which is the region that
 * the request is signed for (recorded by LocalStack in 2026). us-east-1 accepts the constraints of all regions, and so
 * do the deployment's region and names of no AWS region (`auto`).
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
