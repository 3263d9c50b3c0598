/** R2 buckets of the deployer that are served as buckets, over JSON. Nothing here writes to R2. */
import { invalidRequest } from "../errors.ts";
import { isAdoptBinding } from "../model/adopted.ts";
import { isValidBucketName } from "../protocol/addressing.ts";
import { type AdminCall, failure } from "./call.ts";
import { readField, readText } from "./fields.ts";

type Parameters = Record<string, string>;

/** `{ name, binding, accountId? }`; without an account the bucket is the root account's. */
export async function adoptBucket({ services, grant, now, body }: AdminCall): Promise<Response> {
  const name = readText(body, "name") ?? "";
  const binding = readText(body, "binding") ?? "";
  const accountId = readText(body, "accountId");
  if (!isValidBucketName(name)) throw invalidRequest("name must be a valid name of a bucket.");
  if (/^STORE(?:_|$)/.test(binding)) return isRegionStore(binding);
  if (!isAdoptBinding(binding)) {
    throw invalidRequest(
      "binding must be the name of an R2 binding: ADOPT_, then capital letters, digits, underscores.",
    );
  }
  if (accountId === undefined && readField(body, "accountId") !== undefined) {
    throw invalidRequest("accountId must be the id of an account.");
  }
  const { region, newBuckets: settings } = services.deployment;
  const adoption = { name, binding, accountId, location: { region }, settings, now };
  const result = await services.adoption.adopt(grant, adoption);
  switch (result.outcome) {
    case "adopted":
      return Response.json({ name, binding }, { status: 201 });
    case "no-such-binding":
      return failure(
        404,
        "NoSuchBinding",
        `The Worker has no R2 binding ${binding}. Add it to wrangler.toml and deploy.`,
      );
    case "no-such-account":
      return failure(404, "NoSuchAccount", `There is no account ${accountId}.`);
    case "is-region-store":
      return isRegionStore(binding);
    case "adopted-before":
      return failure(409, "AlreadyAdopted", `The R2 bucket behind ${binding} is the bucket ${result.bucket} already.`);
    case "name-taken":
      return failure(409, "BucketAlreadyExists", `There is a bucket ${name} already.`);
    case "too-many":
      return failure(400, "TooManyBuckets", "The account has as many buckets as it may have.");
    case "unclear":
      return failure(
        409,
        "CannotCompare",
        `The R2 buckets of ${binding} and of ${result.binding} are both empty, so they may be the same one. Put an object into one of them first: creating a bucket puts one into the store of its region.`,
      );
    default:
      return result satisfies never;
  }
}

export async function listAdopted({ services, grant }: AdminCall): Promise<Response> {
  return Response.json({ buckets: await services.adoption.list(grant) });
}

/** The bucket and its settings are forgotten; its objects stay. */
export async function releaseBucket({ services, grant }: AdminCall, { name = "" }: Parameters): Promise<Response> {
  if (await services.adoption.release(grant, name)) return new Response(null, { status: 204 });
  return failure(404, "NoSuchBucket", `There is no adopted bucket ${name}.`);
}

function isRegionStore(binding: string): Response {
  return failure(
    409,
    "RegionStore",
    `The R2 bucket behind ${binding} is the store of a region. It holds the objects of all buckets there and cannot be adopted.`,
  );
}
