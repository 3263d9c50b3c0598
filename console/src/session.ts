/** Who is signed in. Everything here is lost when the page is left or loaded again, which is the purpose. */
import { callAdmin } from "./api/admin.ts";
import { ApiClient, type Credentials } from "./api/client.ts";
import { ApiError, describeError } from "./api/errors.ts";
import { callQuery, type Identity } from "./api/query.ts";
import { textOf } from "./api/xml.ts";
import type { Config } from "./config.ts";
import { createStore } from "./lib/store.ts";

export interface Session {
  readonly client: ApiClient;
  readonly identity: Identity;
  /** The root account of the deployment may use the admin API. */
  readonly isDeploymentRoot: boolean;
}

export const session = createStore<Session | undefined>(undefined);
/** Why the last session ended, for the sign-in page. */
export const endReason = createStore<string | undefined>(undefined);

type CleanUp = (reason?: string) => void;

const cleanUps = new Set<CleanUp>();

/**
 * Runs when the session ends: stops uploads, forgets what was listed.
 * @param cleanUp gets the reason if the user has not signed out
 */
export function onSignOut(cleanUp: CleanUp): void {
  cleanUps.add(cleanUp);
}

/** @throws ApiError if the keys are not accepted; NetworkError */
export async function signIn(config: Config, credentials: Credentials): Promise<void> {
  const client = new ApiClient(config, credentials, (error) => {
    if (session.get()?.client === client) signOut(describeError(error));
  });
  const result = await callQuery(client, { service: "sts", action: "GetCallerIdentity" });
  const identity = {
    accountId: textOf(result, "Account"),
    arn: textOf(result, "Arn"),
    userId: textOf(result, "UserId"),
  };
  const isDeploymentRoot = await mayAdminister(client, identity);
  endReason.set(undefined);
  session.set({ client, identity, isDeploymentRoot });
}

export function signOut(reason?: string): void {
  for (const cleanUp of cleanUps) cleanUp(reason);
  endReason.set(reason);
  session.set(undefined);
}

/** Only keys of an account's root are tried, so that no refused request is recorded for anyone else. */
async function mayAdminister(client: ApiClient, { arn }: Identity): Promise<boolean> {
  if (!arn.endsWith(":root") || client.isTemporary) return false;
  try {
    await callAdmin(client, { path: "/remotes" });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return false;
    throw error;
  }
}

const IDLE_MINUTES = 60;
const EVENTS = ["pointerdown", "keydown", "scroll"] as const;

/** Forgets the keys of a page that no one uses; a running upload is use. Call it once. */
export function watchIdleTime(isBusy: () => boolean): void {
  let lastUse = Date.now();
  const note = () => {
    lastUse = Date.now();
  };
  for (const event of EVENTS) addEventListener(event, note, { passive: true, capture: true });
  session.subscribe(note);
  setInterval(() => {
    if (isBusy()) note();
    if (session.get() === undefined || Date.now() - lastUse < IDLE_MINUTES * 60_000) return;
    signOut(`You were signed out after ${IDLE_MINUTES} minutes without use.`);
  }, 30_000);
}
