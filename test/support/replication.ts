/** Replication configurations for tests. */
import { contentMd5 } from "./cors.ts";
import { type SendOptions, send } from "./request.ts";

export interface RuleOptions {
  readonly id?: string;
  /** ARN. */
  readonly destination: string;
  readonly priority?: number;
  /** Elements inside Filter. */
  readonly filter?: string;
  readonly deletes?: "Enabled" | "Disabled";
  readonly status?: "Enabled" | "Disabled";
  readonly existing?: "Enabled" | "Disabled";
  /** Elements after Bucket. */
  readonly inDestination?: string;
}

export const arn = (bucket: string) => `arn:aws:s3:::${bucket}`;

/** A rule of schema V2. */
export function replicationRule(options: RuleOptions): string {
  const { id, destination, priority = 1, filter = "", deletes = "Disabled", status = "Enabled", existing } = options;
  return [
    "<Rule>",
    id === undefined ? "" : `<ID>${id}</ID>`,
    `<Priority>${priority}</Priority><Filter>${filter}</Filter><Status>${status}</Status>`,
    existing === undefined ? "" : `<ExistingObjectReplication><Status>${existing}</Status></ExistingObjectReplication>`,
    `<Destination><Bucket>${destination}</Bucket>${options.inDestination ?? ""}</Destination>`,
    `<DeleteMarkerReplication><Status>${deletes}</Status></DeleteMarkerReplication></Rule>`,
  ].join("");
}

export function replicationDocument(...rules: string[]): string {
  return `<ReplicationConfiguration>${rules.join("")}</ReplicationConfiguration>`;
}

export async function putReplication(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  return send({ method: "PUT", bucket, query: "replication", body, headers: contentMd5(body), ...options });
}

/** Puts a configuration that must be accepted. */
export async function configureReplication(bucket: string, ...rules: RuleOptions[]): Promise<void> {
  const response = await putReplication(bucket, replicationDocument(...rules.map(replicationRule)));
  if (response.status !== 200) throw new Error(`PutBucketReplication: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}
