/**
 * The condition keys of what S3 does for a bucket: tell a topic of its events ("AWS global condition context keys",
 * "Properties of the resource"). What hangs on a caller or a connection is absent, as for services of AWS.
 */
import { ConditionKeys } from "./condition-keys.ts";
import type { PolicyPrincipal } from "./principal.ts";

/** For which bucket S3 acts: without these a topic that lets S3 publish would be open to everybody's buckets. */
export interface SourceBucket {
  readonly name: string;
  readonly accountId: string;
}

export const S3_SERVICE = { kind: "service", name: "s3.amazonaws.com" } as const satisfies PolicyPrincipal;

/**
 * aws:SourceOwner is not among them: the default policy of topics asks for it, and lets no bucket in on AWS.
 * @param resourceAccountId owner of the topic
 */
export function serviceKeys(source: SourceBucket, resourceAccountId: string, now: Date): ConditionKeys {
  return new ConditionKeys([
    ["aws:SourceArn", [`arn:aws:s3:::${source.name}`]],
    ["aws:SourceAccount", [source.accountId]],
    ["aws:ResourceAccount", [resourceAccountId]],
    ["aws:PrincipalIsAWSService", ["true"]],
    ["aws:PrincipalServiceName", [S3_SERVICE.name]],
    ["aws:ViaAWSService", ["false"]],
    // Nothing of it leaves the platform.
    ["aws:SecureTransport", ["true"]],
    ["aws:CurrentTime", [now.toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now.getTime() / 1000))]],
  ]);
}
