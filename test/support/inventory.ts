/** Inventory configurations for tests, runs at a time of the test's choice, and reports as a client reads them. */
import { env } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";
import { putObject, type SendOptions, send } from "./request.ts";
import { createBucket } from "./s3.ts";
import { takeInventories, testEnv } from "./worker.ts";

export interface InventoryOptions {
  readonly id?: string;
  readonly destination: string;
  /** Elements in place of the ordinary ones. */
  readonly isEnabled?: string;
  readonly versions?: string;
  readonly frequency?: string;
  readonly format?: string;
  readonly arn?: string;
  readonly fields?: readonly string[];
  /** Further elements. */
  readonly filter?: string;
  readonly ofDestination?: string;
}

export function inventoryDocument(options: InventoryOptions): string {
  const { id = "all", destination, arn = `arn:aws:s3:::${destination}`, fields = [] } = options;
  const { isEnabled = "true", versions = "Current", frequency = "Daily", format = "CSV", filter = "" } = options;
  const optional = fields.map((field) => `<Field>${field}</Field>`).join("");
  return `<InventoryConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Destination><S3BucketDestination><Bucket>${arn}</Bucket><Format>${format}</Format>${options.ofDestination ?? ""}</S3BucketDestination></Destination><IsEnabled>${isEnabled}</IsEnabled>${filter}<Id>${id}</Id><IncludedObjectVersions>${versions}</IncludedObjectVersions>${fields.length === 0 ? "" : `<OptionalFields>${optional}</OptionalFields>`}<Schedule><Frequency>${frequency}</Frequency></Schedule></InventoryConfiguration>`;
}

export function putInventory(bucket: string, options: InventoryOptions, how: SendOptions = {}): Promise<Response> {
  const query = `inventory&id=${options.id ?? "all"}`;
  return send({ method: "PUT", bucket, query, body: inventoryDocument(options), ...how });
}

/** PutBucketInventoryConfiguration, which must succeed. */
export async function configureInventory(bucket: string, options: InventoryOptions): Promise<void> {
  const response = await putInventory(bucket, options);
  if (response.status !== 204) throw new Error(`PutBucketInventory: ${response.status} ${await response.text()}`);
}

/** "Creating a destination bucket policy", from AWS's guide. */
export function destinationPolicy(source: string, destination: string, accountId: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "InventoryExamplePolicy",
        Effect: "Allow",
        Principal: { Service: "s3.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: [`arn:aws:s3:::${destination}/*`],
        Condition: {
          ArnLike: { "aws:SourceArn": `arn:aws:s3:::${source}` },
          StringEquals: { "aws:SourceAccount": accountId, "s3:x-amz-acl": "bucket-owner-full-control" },
        },
      },
    ],
  });
}

export async function putPolicy(bucket: string, policy: string): Promise<void> {
  const response = await send({ method: "PUT", bucket, query: "policy", body: policy });
  if (response.status !== 204) throw new Error(`PutBucketPolicy: ${response.status} ${await response.text()}`);
}

export async function ownerOf(bucket: string): Promise<string> {
  const id = await env.DB.prepare("SELECT account_id FROM buckets WHERE name = ?1").bind(bucket).first("account_id");
  return String(id);
}

/** A bucket that accepts reports about the source. */
export async function createDestination(source: string): Promise<string> {
  const destination = await createBucket();
  await putPolicy(destination, destinationPolicy(source, destination, await ownerOf(source)));
  return destination;
}

interface InventoryRow {
  readonly report: string | null;
  readonly due_at: number;
}

export async function inventoryRow(bucket: string, id = "all"): Promise<InventoryRow | undefined> {
  const row = await env.DB.prepare(
    "SELECT report, due_at FROM inventories WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1) AND id = ?2",
  )
    .bind(bucket, id)
    .first<InventoryRow>();
  return row ?? undefined;
}

/** Runs inventories until nothing is due at the time. Returns in how many runs. */
export async function takeAll(now: Date, options: { readonly env?: Env } = {}): Promise<number> {
  for (let runs = 1; runs <= 100; runs++) {
    await takeInventories(options.env ?? testEnv, now);
    const due = await env.DB.prepare("SELECT count(*) AS n FROM inventories WHERE is_enabled = 1 AND due_at <= ?1")
      .bind(now.getTime())
      .first<number>("n");
    if (due === 0) return runs;
  }
  throw new Error("the reports do not end");
}

export async function keysOf(bucket: string): Promise<string[]> {
  const text = await (await send({ bucket, query: "list-type=2" })).text();
  return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key);
}

export async function textOf(bucket: string, key: string): Promise<string> {
  const response = await send({ bucket, key });
  if (response.status !== 200) throw new Error(`GET ${key}: ${response.status}`);
  return response.text();
}

export interface Manifest {
  readonly sourceBucket: string;
  readonly destinationBucket: string;
  readonly version: string;
  readonly creationTimestamp: string;
  readonly fileFormat: string;
  readonly fileSchema: string;
  readonly files: readonly { readonly key: string; readonly size: number; readonly MD5checksum: string }[];
}

/** The reports that are complete: those with a checksum. */
export async function manifestsIn(bucket: string): Promise<{ readonly key: string; readonly manifest: Manifest }[]> {
  const keys = (await keysOf(bucket)).filter((key) => key.endsWith("/manifest.checksum"));
  return Promise.all(
    keys.map(async (checksum) => {
      const key = checksum.replace(/checksum$/, "json");
      return { key, manifest: JSON.parse(await textOf(bucket, key)) as Manifest };
    }),
  );
}

/** The rows of the files of a manifest, by column. */
export async function rowsOf(bucket: string, { files, fileSchema }: Manifest): Promise<Record<string, string>[]> {
  const columns = fileSchema.split(", ");
  const rows: Record<string, string>[] = [];
  for (const { key, size } of files) {
    const response = await send({ bucket, key });
    const bytes = await response.bytes();
    if (bytes.byteLength !== size) throw new Error(`${key} has ${bytes.byteLength} bytes, not ${size}`);
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    for (const line of text.split("\n").slice(0, -1)) {
      const values = [...line.matchAll(/"([^"]*)"(?:,|$)/g)].map(([, value = ""]) => value);
      rows.push(Object.fromEntries(columns.map((column, index) => [column, values[index] ?? "absent"])));
    }
  }
  return rows;
}

/** The only report in the bucket. */
export async function onlyReport(bucket: string) {
  const [only, ...others] = await manifestsIn(bucket);
  if (only === undefined || others.length > 0) throw new Error(`${others.length + (only ? 1 : 0)} reports`);
  return { ...only, rows: await rowsOf(bucket, only.manifest) };
}

/** A source with objects of these keys, and its destination. */
export async function sourceWith(keys: readonly string[]): Promise<{ source: string; destination: string }> {
  const source = await createBucket();
  for (const key of keys) await putObject(source, key, key);
  return { source, destination: await createDestination(source) };
}
