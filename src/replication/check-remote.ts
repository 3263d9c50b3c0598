/** `npm run admin -- remote check`: tries on a remote what replication does, with an object of its own. */
import { newWriteId } from "../model/random-ids.ts";
import { formatETag, parseETag } from "../protocol/header-values.ts";
import { type RemoteClient, RemoteFailure } from "./remote-client.ts";
import { replicaStateHeaders } from "./remote-headers.ts";

export interface CheckStep {
  readonly step:
    | "find the bucket"
    | "write an object"
    | "refuse a second write"
    | "refuse to replace another state"
    | "refuse to delete another state"
    | "delete it";
  /** `ok`, or the problem. */
  readonly outcome: string;
}

const CONTENT = "workers-s3 checks whether it may replicate here. This object may be deleted.";

const REMOVED = Number.MAX_SAFE_INTEGER;
const WRONG_STATE = ifMatch("0".repeat(32));
const IT_WAS_DELETED = "it was deleted";

export async function checkRemote(client: RemoteClient, bucket: string, now: Date): Promise<CheckStep[]> {
  const key = `workers-s3-check-${newWriteId()}`;
  const isPeer = client.remote.kind === "peer";
  const state = { lastModified: now.getTime(), revision: now.getTime(), etag: "" };
  const condition = isPeer ? replicaStateHeaders(state) : { "if-none-match": "*" };
  const write = (headers = condition) => client.call(bucket, { method: "PUT", key, headers, body: CONTENT });
  const remove = (headers: Record<string, string>) => client.call(bucket, { method: "DELETE", key, headers });
  /** A condition that no stored state meets: an endpoint that accepts it ignores conditions. */
  const wrong = (revision: number) =>
    isPeer ? replicaStateHeaders({ ...state, lastModified: state.lastModified - 1, revision }) : WRONG_STATE;
  let etag = "";
  const steps: [CheckStep["step"], () => Promise<unknown>][] = [
    ["find the bucket", () => client.call(bucket, { method: "HEAD" })],
    [
      "write an object",
      async () => {
        etag = parseETag((await write()).headers.get("etag") ?? "");
      },
    ],
    // An endpoint that does not refuse these can lose a write that arrives during a replication or a removal.
    ["refuse a second write", () => refused(write(), "it was taken")],
    ["refuse to replace another state", () => refused(write(wrong(state.revision)), "it was replaced")],
    ["refuse to delete another state", () => refused(remove(wrong(REMOVED)), IT_WAS_DELETED)],
    ["delete it", () => remove(isPeer ? replicaStateHeaders({ ...state, revision: REMOVED }) : ifMatch(etag))],
  ];
  const outcomes: CheckStep[] = [];
  for (const [step, run] of steps) {
    try {
      await run();
      outcomes.push({ step, outcome: "ok" });
    } catch (error) {
      if (!(error instanceof RemoteFailure)) throw error;
      outcomes.push({ step, outcome: error.message });
      if (step === "write an object" || error.message === IT_WAS_DELETED) break;
    }
  }
  return outcomes;
}

/** @throws RemoteFailure with the message `otherwise` if the call succeeds; whatever else the call throws */
async function refused(call: Promise<unknown>, otherwise: string): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RemoteFailure && error.status === 412) return;
    throw error;
  }
  throw new RemoteFailure(otherwise);
}

function ifMatch(etag: string): Record<string, string> {
  return { "if-match": formatETag(etag) };
}
