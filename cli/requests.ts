/** Commands as requests to the admin API under `/-/admin`. */
import { type Command, UsageError } from "./arguments.ts";

export interface AdminRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

/** Keys of a remote: never on the command line, where every user of the machine can read them. */
export interface RemoteKeys {
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
}

const NO_KEYS: RemoteKeys = { accessKeyId: undefined, secretAccessKey: undefined };

/** @throws UsageError if a command needs keys of a remote that are not there */
export function toRequest(command: Command, remoteKeys = NO_KEYS): AdminRequest {
  switch (command.name) {
    case "account create":
      return { method: "POST", path: "/-/admin/accounts", body: { displayName: command.displayName } };
    case "account list":
      return { method: "GET", path: "/-/admin/accounts" };
    case "key create":
      return { method: "POST", path: `/-/admin/accounts/${encodeURIComponent(command.accountId)}/keys` };
    case "key list":
      return {
        method: "GET",
        path:
          command.accountId === undefined
            ? "/-/admin/keys"
            : `/-/admin/accounts/${encodeURIComponent(command.accountId)}/keys`,
      };
    case "key disable":
    case "key enable":
      return {
        method: "PATCH",
        path: keyPath(command.accessKeyId),
        body: { status: command.name === "key enable" ? "Active" : "Inactive" },
      };
    case "key delete":
      return { method: "DELETE", path: keyPath(command.accessKeyId) };
    case "deliveries":
      return { method: "GET", path: "/-/admin/receivers" };
    case "dead-letters list":
      return { method: "GET", path: "/-/admin/dead-letters" };
    case "policy check":
      return { method: "GET", path: "/-/admin/policies/nobody" };
    case "dead-letters retry":
      return { method: "POST", path: `/-/admin/dead-letters/${encodeURIComponent(command.id)}/retry` };
    case "dead-letters delete":
      return { method: "DELETE", path: `/-/admin/dead-letters/${encodeURIComponent(command.id)}` };
    case "remote add": {
      const { accessKeyId, secretAccessKey } = remoteKeys;
      if (!accessKeyId || !secretAccessKey) {
        throw new UsageError("REMOTE_ACCESS_KEY_ID and REMOTE_SECRET_ACCESS_KEY must be set.");
      }
      const body = { ...command.remote, accessKeyId, secretAccessKey };
      return { method: "POST", path: "/-/admin/remotes", body };
    }
    case "remote list":
      return { method: "GET", path: "/-/admin/remotes" };
    case "remote remove":
      return { method: "DELETE", path: remotePath(command.remoteName) };
    case "remote check":
      return { method: "POST", path: `${remotePath(command.remoteName)}/check`, body: { bucket: command.bucket } };
    case "replication status":
      return { method: "GET", path: replicationPath(command.bucket) };
    case "replication retry":
      return { method: "POST", path: `${replicationPath(command.bucket)}/retry` };
    case "replication existing":
      return { method: "POST", path: `${replicationPath(command.bucket)}/existing` };
    default:
      return command satisfies never;
  }
}

function keyPath(accessKeyId: string): string {
  return `/-/admin/keys/${encodeURIComponent(accessKeyId)}`;
}

function remotePath(name: string): string {
  return `/-/admin/remotes/${encodeURIComponent(name)}`;
}

function replicationPath(bucket: string): string {
  return `/-/admin/buckets/${encodeURIComponent(bucket)}/replication`;
}
