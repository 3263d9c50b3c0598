/** Commands as requests to the admin API under `/-/admin`. */
import type { Command } from "./arguments.ts";

export interface AdminRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

export function toRequest(command: Command): AdminRequest {
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
    case "dead-letters retry":
      return { method: "POST", path: `/-/admin/dead-letters/${encodeURIComponent(command.id)}/retry` };
    case "dead-letters delete":
      return { method: "DELETE", path: `/-/admin/dead-letters/${encodeURIComponent(command.id)}` };
    default:
      return command satisfies never;
  }
}

function keyPath(accessKeyId: string): string {
  return `/-/admin/keys/${encodeURIComponent(accessKeyId)}`;
}
