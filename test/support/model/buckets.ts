/** Operations on buckets in the model. */
import { isAllowed } from "./access.ts";
import { type Answer, document, type Found, failure, findBucket } from "./answers.ts";
import type {
  BucketCall,
  CreateBucket,
  PutBucketAcl,
  PutLockConfiguration,
  PutPolicy,
  PutVersioning,
} from "./commands.ts";
import { POLICIES } from "./policies.ts";
import { type Bucket, newBucket, type World } from "./state.ts";
import { aclDocument } from "./subresources.ts";

export function createBucket(world: World, { by, bucket: number, hasLock, acl }: CreateBucket): Answer {
  if (by === "anonymous") return failure("AccessDenied");
  const name = world.nameOf(number);
  const present = world.buckets.get(name);
  if (present !== undefined) {
    if (present.owner !== by) return failure("BucketAlreadyExists");
    // "In us-east-1 … 200 OK"; AWS also resets the ACL then (docs/compatibility.md).
    return (acl ?? "private") === "private" && !hasLock ? { status: 200 } : failure("BucketAlreadyOwnedByYou");
  }
  const bucket = newBucket(name, by, hasLock);
  bucket.acl = acl ?? "private";
  world.buckets.set(name, bucket);
  return { status: 200 };
}

function resolveBucket(world: World, { by, bucket }: Pick<BucketCall, "by" | "bucket">, action: string): Found<Bucket> {
  const found = findBucket(world, world.nameOf(bucket));
  if ("answer" in found || isAllowed(found.value, { caller: by, action })) return found;
  return { answer: failure("AccessDenied") };
}

export function bucketCall(world: World, command: BucketCall): Answer {
  switch (command.op) {
    case "ListBuckets":
      return listBuckets(world, command);
    case "HeadBucket": {
      const found = resolveBucket(world, command, "s3:ListBucket");
      return "answer" in found ? found.answer : { status: 200 };
    }
    case "GetBucketVersioning": {
      const found = resolveBucket(world, command, "s3:GetBucketVersioning");
      if ("answer" in found) return found.answer;
      const { versioning } = found.value;
      return document(versioning === "never" ? "" : { Status: versioning });
    }
    case "GetBucketAcl": {
      const found = resolveBucket(world, command, "s3:GetBucketAcl");
      return "answer" in found ? found.answer : document(aclDocument(found.value, found.value.owner));
    }
    case "DeleteBucketPolicy": {
      const found = resolveBucket(world, command, "s3:DeleteBucketPolicy");
      if ("answer" in found) return found.answer;
      found.value.policy = undefined;
      return { status: 204 };
    }
    case "DeleteBucket": {
      const found = resolveBucket(world, command, "s3:DeleteBucket");
      if ("answer" in found) return found.answer;
      if (found.value.versions.size > 0) return failure("BucketNotEmpty");
      world.buckets.delete(found.value.name);
      return { status: 204 };
    }
    default:
      return command.op satisfies never;
  }
}

/** Only buckets of this history are asked for. */
function listBuckets(world: World, { by }: BucketCall): Answer {
  if (by === "anonymous") return failure("AccessDenied");
  const names = [...world.buckets.values()].filter(({ owner }) => owner === by).map(({ name }) => name);
  return document({
    Owner: by,
    Buckets: { Bucket: names.sort().map((name) => ({ Name: name })) },
    Prefix: world.prefix,
  });
}

export function putVersioning(world: World, command: PutVersioning): Answer {
  const found = resolveBucket(world, command, "s3:PutBucketVersioning");
  if ("answer" in found) return found.answer;
  // "You cannot suspend the versioning of a bucket with Object Lock".
  if (found.value.hasLock && command.status === "Suspended") return failure("InvalidBucketState");
  found.value.versioning = command.status;
  return { status: 200 };
}

export function putBucketAcl(world: World, command: PutBucketAcl): Answer {
  const found = resolveBucket(world, command, "s3:PutBucketAcl");
  if ("answer" in found) return found.answer;
  found.value.acl = command.acl;
  return { status: 200 };
}

export function putPolicy(world: World, command: PutPolicy): Answer {
  const found = resolveBucket(world, command, "s3:PutBucketPolicy");
  if ("answer" in found) return found.answer;
  found.value.policy = POLICIES[command.policy % POLICIES.length];
  return { status: 204 };
}

/** "You can enable Object Lock on an existing bucket" if its versioning is enabled. */
export function putLockConfiguration(world: World, command: PutLockConfiguration): Answer {
  const found = resolveBucket(world, command, "s3:PutBucketObjectLockConfiguration");
  if ("answer" in found) return found.answer;
  if (found.value.versioning !== "Enabled") return failure("InvalidBucketState");
  found.value.hasLock = true;
  found.value.defaultRetention = command.mode;
  return { status: 200 };
}
