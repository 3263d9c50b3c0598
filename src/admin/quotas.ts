/** Quotas of buckets and accounts, over JSON. docs/usage.md describes the answers. */
import { invalidRequest } from "../errors.ts";
import type { QuotaLimits } from "../model/quota.ts";
import type { QuotaSubject } from "../storage/d1/quotas.ts";
import { type AdminCall, failure } from "./call.ts";
import { readField } from "./fields.ts";

type Parameters = Record<string, string>;

/** `{ bytes?, objects? }`: what is absent is not limited. */
export async function setQuota({ services, grant, now, body }: AdminCall, parameters: Parameters): Promise<Response> {
  const subject = subjectOf(parameters);
  const limits: QuotaLimits = { ...readLimit(body, "bytes"), ...readLimit(body, "objects") };
  if (Object.keys(limits).length === 0) throw invalidRequest("bytes or objects is missing.");
  const isSet = await services.stores.quotas.rows.set(grant, subject, { limits, now });
  return isSet ? Response.json({ ...describeSubject(subject), ...limits }) : noSuch(subject);
}

export async function showQuota({ services, grant }: AdminCall, parameters: Parameters): Promise<Response> {
  const subject = subjectOf(parameters);
  const quota = await services.stores.quotas.rows.show(grant, subject);
  if (quota === undefined) return noSuch(subject);
  const { limits, used } = quota;
  return Response.json({
    ...describeSubject(subject),
    bytes: limits.bytes ?? null,
    objects: limits.objects ?? null,
    usedBytes: used.bytes,
    usedObjects: used.objects,
  });
}

export async function deleteQuota({ services, grant }: AdminCall, parameters: Parameters): Promise<Response> {
  const subject = subjectOf(parameters);
  const isDeleted = await services.stores.quotas.rows.delete(grant, subject);
  return isDeleted ? new Response(null, { status: 204 }) : failure(404, "NoSuchQuota", "There is no such quota.");
}

function subjectOf({ bucket, accountId = "" }: Parameters): QuotaSubject {
  return bucket === undefined ? { accountId } : { bucketName: bucket };
}

function readLimit(body: unknown, name: keyof QuotaLimits): QuotaLimits {
  const value = readField(body, name);
  if (value === undefined) return {};
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return { [name]: value };
  throw invalidRequest(`${name} must be a whole number from 0 to 2^53 - 1.`);
}

function describeSubject(subject: QuotaSubject) {
  return "bucketName" in subject ? { bucket: subject.bucketName } : subject;
}

function noSuch(subject: QuotaSubject): Response {
  return "bucketName" in subject
    ? failure(404, "NoSuchBucket", "There is no such bucket.")
    : failure(404, "NoSuchAccount", "There is no such account.");
}
