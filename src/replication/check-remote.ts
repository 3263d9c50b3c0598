/** Whether a remote takes what replication does: for the administrator, before anybody relies on it. */
import { newWriteId } from "../model/random-ids.ts";
import { formatETag, parseETag } from "../protocol/etag.ts";
import { type RemoteClient, RemoteFailure } from "./remote-client.ts";
import { replicaHeader } from "./remote-headers.ts";

export interface CheckStep {
  readonly step: "find the bucket" | "write an object" | "refuse a second write" | "delete it";
  /** `ok`, or what went wrong. */
  readonly outcome: string;
}

const CONTENT = "workers-s3 checks whether it may replicate here. This object may be deleted.";

export async function checkRemote(client: RemoteClient, bucket: string, now: Date): Promise<CheckStep[]> {
  const key = `workers-s3-check-${newWriteId()}`;
  const isPeer = client.remote.kind === "peer";
  const version = { lastModified: now.getTime(), revision: now.getTime(), etag: "" };
  const condition = isPeer ? replicaHeader(version) : { "if-none-match": "*" };
  const write = () => client.call(bucket, { method: "PUT", key, headers: condition, body: CONTENT });
  let etag = "";
  const steps: [CheckStep["step"], () => Promise<unknown>][] = [
    ["find the bucket", () => client.call(bucket, { method: "HEAD" })],
    [
      "write an object",
      async () => {
        etag = parseETag((await write()).headers.get("etag") ?? "");
      },
    ],
    // What takes a second write pays no heed to conditions, and an older object could take a newer one's place.
    ["refuse a second write", () => write().then(() => Promise.reject(new RemoteFailure("it was taken")), expect412)],
    [
      "delete it",
      () => {
        const removal = { ...version, revision: Number.MAX_SAFE_INTEGER };
        const headers = isPeer ? replicaHeader(removal) : { "if-match": formatETag(etag) };
        return client.call(bucket, { method: "DELETE", key, headers });
      },
    ],
  ];
  const outcomes: CheckStep[] = [];
  for (const [step, run] of steps) {
    try {
      await run();
      outcomes.push({ step, outcome: "ok" });
    } catch (error) {
      if (!(error instanceof RemoteFailure)) throw error;
      outcomes.push({ step, outcome: error.message });
      if (step === "write an object") break;
    }
  }
  return outcomes;
}

function expect412(error: unknown): void {
  if (!(error instanceof RemoteFailure && error.status === 412)) throw error;
}
