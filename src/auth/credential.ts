/** Whether a key may be used, and the caller it belongs to, for all ways of signing: header, query and POST form. */
import { S3Error } from "../errors.ts";
import type { AccountCaller, Credential } from "../model/caller.ts";

export interface NamedKey {
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
}

/**
 * Compares id and token again, because the store's comparison might be less strict than the signature. Must be called
 * after the signature has been computed, so that unknown keys take the same time as known ones.
 *
 * @throws S3Error `InvalidToken` for a token that was altered or truncated, belongs to another key, or whose creator no
 *   longer exists; `InvalidAccessKeyId` for an unknown or inactive key and for a temporary key without its token;
 *   `ExpiredToken`
 */
export function requireUsable(credential: Credential | undefined, named: NamedKey, now: Date): Credential {
  const { accessKeyId, sessionToken } = named;
  const isKnown = credential?.accessKeyId === accessKeyId && credential.session?.token === sessionToken;
  if (!isKnown && sessionToken !== undefined) {
    throw new S3Error("InvalidToken", {
      message: "The provided token is malformed or otherwise invalid.",
      details: { "Token-0": sessionToken },
    });
  }
  if (!isKnown || !credential.active) {
    throw new S3Error("InvalidAccessKeyId", {
      message: "The AWS Access Key Id you provided does not exist in our records.",
      details: { AWSAccessKeyId: accessKeyId },
    });
  }
  if (credential.session !== undefined && now.getTime() >= credential.session.expiresAt.getTime()) {
    throw new S3Error("ExpiredToken", { details: { "Token-0": credential.session.token } });
  }
  return credential;
}

/** Omits the secret and the token. */
export function callerOf({ account, accessKeyId, user, session }: Credential): AccountCaller {
  return {
    kind: "account",
    account,
    accessKeyId,
    ...(user !== undefined && { user }),
    ...(session !== undefined && {
      session: {
        expiresAt: session.expiresAt,
        issuedAt: session.issuedAt,
        makerAccessKeyId: session.makerAccessKeyId,
        ...(session.policy !== undefined && { policy: session.policy }),
        ...(session.name !== undefined && { name: session.name }),
      },
    }),
  };
}
