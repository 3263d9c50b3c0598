/** Names and texts of the objects of a report ("Locating your inventory list"). Pure. */
import { digestHex } from "../checksum/hasher.ts";
import { type InventoryConfiguration, inventoryColumns } from "../model/inventory.ts";
import type { InventoryReport } from "../model/inventory-report.ts";

/** An object of a report that is text. */
export interface ReportText {
  readonly key: string;
  readonly text: string;
  readonly contentType: string;
}

/** What the report is about, and where it goes. */
interface ReportScope {
  readonly sourceBucket: string;
  readonly configuration: InventoryConfiguration;
}

export function dataFileKey(scope: ReportScope, name: string): string {
  return `${folderOf(scope)}/data/${name}.csv.gz`;
}

/** In the order in which they are written: the checksum is last, and an event about it says that the report is complete. */
export function manifestsOf(scope: ReportScope, { startedAt, files }: InventoryReport): readonly ReportText[] {
  const { sourceBucket, configuration } = scope;
  const { bucket, partition } = configuration.destination;
  const folder = folderOf(scope);
  const [day = "", time = ""] = new Date(startedAt).toISOString().split("T");
  const minute = time.slice(0, 5).replace(":", "-");
  const manifest = JSON.stringify(
    {
      sourceBucket,
      destinationBucket: `arn:${partition}:s3:::${bucket}`,
      version: "2016-11-30",
      creationTimestamp: String(startedAt),
      fileFormat: "CSV",
      fileSchema: inventoryColumns(configuration).join(", "),
      files: files.map(([name, size, MD5checksum]) => ({ key: dataFileKey(scope, name), size, MD5checksum })),
    },
    null,
    2,
  );
  const links = files.map(([name]) => `s3://${bucket}/${dataFileKey(scope, name)}`);
  const report = `${folder}/${day}T${minute}Z`;
  return [
    { key: `${folder}/hive/dt=${day}-${minute}/symlink.txt`, text: links.join("\n"), contentType: "text/plain" },
    { key: `${report}/manifest.json`, text: manifest, contentType: "application/json" },
    {
      key: `${report}/manifest.checksum`,
      text: digestHex("md5", new TextEncoder().encode(manifest)),
      contentType: "text/plain",
    },
  ];
}

function folderOf({ sourceBucket, configuration: { id, destination } }: ReportScope): string {
  const { prefix } = destination;
  return `${prefix === undefined ? "" : `${prefix}/`}${sourceBucket}/${id}`;
}
