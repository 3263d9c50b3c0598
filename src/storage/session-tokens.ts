/**
 * Temporary credentials without a row in the database: everything about a session is sealed in its token (AES-GCM under a
 * key of its own purpose), bound to its access key id. The token holds no secret: the session's is derived from its id and
 * its maker's secret, so that replacing or deleting the maker's key ends the session too.
 */
import type { Credential, Session } from "../model/caller.ts";
import type { MacKey } from "../model/mac-key.ts";
import { newTemporaryAccessKeyId } from "../model/random-ids.ts";
import type { Sealer } from "./sealing.ts";

/** The contents of a token. */
export interface SessionClaims {
  readonly accountId: string;
  readonly userId: string | undefined;
  readonly makerAccessKeyId: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly policy: string | undefined;
  readonly name: string | undefined;
}

export interface TemporaryCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** The sealed form; short names, since presigned URLs carry it. */
interface SealedClaims {
  /** Version of this form. */
  readonly v: 1;
  readonly a: string;
  readonly u?: string;
  readonly m: string;
  /** Milliseconds since 1970. */
  readonly e: number;
  /** When it was issued, as `e`; absent in tokens of versions before this field. */
  readonly i?: number;
  readonly p?: string;
  readonly n?: string;
}

const SECRET_CHARACTERS = 40;
/** "DurationSeconds: … 129,600 seconds (36 hours)" (API_GetFederationToken). */
const LONGEST_SESSION_MS = 129_600_000;
const encoder = new TextEncoder();

export class SessionTokens {
  readonly #sealer: Sealer;
  readonly #secretKey: MacKey;

  /**
   * @param sealer of the purpose `session-tokens`
   * @param secretKey secrets of sessions derive from it
   */
  constructor(sealer: Sealer, secretKey: MacKey) {
    this.#sealer = sealer;
    this.#secretKey = secretKey;
  }

  /** @param makerSecret of the key that `claims` names as maker */
  async mint(claims: SessionClaims, makerSecret: string): Promise<TemporaryCredentials> {
    const accessKeyId = newTemporaryAccessKeyId();
    const sealed: SealedClaims = {
      v: 1,
      a: claims.accountId,
      ...(claims.userId !== undefined && { u: claims.userId }),
      m: claims.makerAccessKeyId,
      e: claims.expiresAt.getTime(),
      i: claims.issuedAt.getTime(),
      ...(claims.policy !== undefined && { p: claims.policy }),
      ...(claims.name !== undefined && { n: claims.name }),
    };
    const base64 = await this.#sealer.seal(JSON.stringify(sealed), accessKeyId);
    return {
      accessKeyId,
      secretAccessKey: await this.#secretOf(accessKeyId, makerSecret),
      sessionToken: base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
      expiresAt: claims.expiresAt,
    };
  }

  /** Undefined for a token that this deployment did not issue for this key. The caller checks the expiry. */
  async open(accessKeyId: string, token: string): Promise<SessionClaims | undefined> {
    // Base64url only: `atob` would ignore white space.
    if (!/^[\w-]+$/.test(token)) return undefined;
    let text: string;
    try {
      text = await this.#sealer.unseal(token.replaceAll("-", "+").replaceAll("_", "/"), accessKeyId);
    } catch {
      return undefined;
    }
    // What unseals was written by `mint`.
    const sealed = JSON.parse(text) as SealedClaims;
    return {
      accountId: sealed.a,
      userId: sealed.u,
      makerAccessKeyId: sealed.m,
      // A token that does not say it was issued at the earliest time at which it can have been.
      issuedAt: new Date(sealed.i ?? sealed.e - LONGEST_SESSION_MS),
      expiresAt: new Date(sealed.e),
      policy: sealed.p,
      name: sealed.n,
    };
  }

  /**
   * The credential of a session, from its maker's present one. Undefined if the key now belongs to another account or user
   * than the token says.
   */
  async credentialOf(
    named: { readonly accessKeyId: string; readonly token: string },
    claims: SessionClaims,
    maker: Credential,
  ): Promise<Credential | undefined> {
    if (maker.accessKeyId !== claims.makerAccessKeyId || maker.session !== undefined) return undefined;
    if (maker.account.id !== claims.accountId || maker.user?.id !== claims.userId) return undefined;
    const session: Session = {
      issuedAt: claims.issuedAt,
      expiresAt: claims.expiresAt,
      makerAccessKeyId: claims.makerAccessKeyId,
      ...(claims.policy !== undefined && { policy: claims.policy }),
      ...(claims.name !== undefined && { name: claims.name }),
    };
    return {
      accessKeyId: named.accessKeyId,
      secretAccessKey: await this.#secretOf(named.accessKeyId, maker.secretAccessKey),
      account: maker.account,
      active: maker.active,
      ...(maker.user !== undefined && { user: maker.user }),
      session: { ...session, token: named.token },
    };
  }

  async #secretOf(accessKeyId: string, makerSecret: string): Promise<string> {
    const mac = await this.#secretKey.sign(encoder.encode(`${accessKeyId}/${makerSecret}`));
    return btoa(String.fromCharCode(...mac)).slice(0, SECRET_CHARACTERS);
  }
}
