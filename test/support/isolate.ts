/** What an isolate of its own caches of keys and buckets, on any database. */
import { waitUntil } from "cloudflare:workers";
import { Directory } from "../../src/storage/d1/directory.ts";
import { openMacKey, openSealer } from "../../src/storage/sealing.ts";
import { SessionTokens } from "../../src/storage/session-tokens.ts";
import { ROOT } from "./s3.ts";

/** The `SEAL_KEY` of the Worker under test. */
const SEAL_KEY = Uint8Array.from({ length: 32 }, (_, index) => index);

type Options = Pick<ConstructorParameters<typeof Directory>[0], "db" | "ttlMs" | "mayReadReplicas">;

export function openDirectory(options: Options): Directory {
  const sessionTokens = new SessionTokens(
    openSealer(SEAL_KEY, "session-tokens"),
    openMacKey(SEAL_KEY, "session-secrets"),
  );
  const sealer = openSealer(SEAL_KEY, "access-key-secrets");
  return new Directory({ ...options, sealer, sessionTokens, root: ROOT, waitUntil });
}
