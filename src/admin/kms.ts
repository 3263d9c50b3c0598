/**
 * Keys of SSE-KMS, over JSON. No answer contains a key in clear: an export is sealed under a key that the operator's program
 * derives from a passphrase.
 */
import { invalidRequest } from "../errors.ts";
import { isKmsAlias, isKmsKeyId, type KmsKey, kmsKeyArn } from "../model/kms-key.ts";
import type { ExportedKey } from "../storage/d1/kms-keys.ts";
import { type AdminCall, failure } from "./call.ts";
import { readField, readText, requireWrappingKey } from "./fields.ts";

const MAX_IMPORTED = 100;

/** `{ alias, accountId? }`; without an account it is a key of the root account. */
export async function createKey({ services, grant, now, body }: AdminCall): Promise<Response> {
  const alias = requireAlias(body);
  // "The alias name cannot begin with aws/" (API_CreateAlias of KMS).
  if (alias.startsWith("aws/")) throw invalidRequest("Names that begin with aws/ are for default keys.");
  const accountId = readText(body, "accountId");
  const created = await services.kmsKeys.create(grant, { accountId, alias }, now);
  if (created === "no-such-account") return failure(404, "NoSuchAccount", "There is no such account.");
  if (created === "exists") return failure(409, "KmsKeyAlreadyExists", "The account has a key of this name.");
  return Response.json(describe(created), { status: 201 });
}

export async function listKeys({ services, grant }: AdminCall): Promise<Response> {
  return Response.json({ keys: (await services.kmsKeys.list(grant)).map(describe) });
}

/** `{ key, status, accountId? }`: `key` is an id, or an alias of the account. */
export async function setKeyStatus({ services, grant, body }: AdminCall): Promise<Response> {
  const status = readText(body, "status");
  if (status !== "Enabled" && status !== "Disabled") throw invalidRequest('status must be "Enabled" or "Disabled".');
  const name = { accountId: readText(body, "accountId"), name: readText(body, "key") ?? "" };
  const key = await services.kmsKeys.setStatus(grant, name, status);
  return key === undefined ? failure(404, "NoSuchKmsKey", "There is no such key.") : Response.json(describe(key));
}

/** `{ wrappingKey }`, 32 bytes in base64. */
export async function exportKeys({ services, grant, body }: AdminCall): Promise<Response> {
  return Response.json(await services.kmsKeys.export(grant, requireWrappingKey(body)));
}

/** `{ wrappingKey, keys }`, keys as `exportKeys` gave them, 100 at most. */
export async function importKeys({ services, grant, body }: AdminCall): Promise<Response> {
  const outcome = await services.kmsKeys.import(grant, requireWrappingKey(body), requireExported(body));
  if (outcome !== undefined) return Response.json(outcome);
  return failure(400, "WrongPassphrase", "The passphrase is not that of the export, or the export was changed.");
}

function requireAlias(body: unknown): string {
  const text = readText(body, "alias") ?? "";
  const alias = text.startsWith("alias/") ? text.slice("alias/".length) : text;
  // A key is named by its id or its alias.
  if (!isKmsAlias(alias) || isKmsKeyId(alias))
    throw invalidRequest("alias must be 1 to 250 letters, digits, hyphens, underscores and slashes, and not an id.");
  return alias;
}

function requireExported(body: unknown): ExportedKey[] {
  const list = readField(body, "keys");
  if (!Array.isArray(list) || list.length > MAX_IMPORTED)
    throw invalidRequest(`keys must list ${MAX_IMPORTED} keys at most.`);
  return list.map(toExported);
}

function toExported(value: unknown): ExportedKey {
  const text = (name: string) => readText(value, name) ?? "";
  const status = text("status");
  const createdAt = readField(value, "createdAt");
  const isKey =
    isKmsKeyId(text("id")) &&
    /^\d{12}$/.test(text("accountId")) &&
    /^[a-z0-9-]{1,64}$/.test(text("region")) &&
    isKmsAlias(text("alias")) &&
    /^[A-Za-z0-9+/=]{1,200}$/.test(text("sealed"));
  const hasState = (status === "Enabled" || status === "Disabled") && Number.isSafeInteger(createdAt);
  if (!isKey || !hasState || typeof createdAt !== "number")
    throw invalidRequest("keys contains what is no exported key.");
  return {
    id: text("id"),
    accountId: text("accountId"),
    region: text("region"),
    alias: text("alias"),
    sealed: text("sealed"),
    status,
    createdAt,
  };
}

function describe({ alias, status, accountId, createdAt, ...key }: KmsKey) {
  return { arn: kmsKeyArn({ accountId, ...key }), alias, status, accountId, createdAt };
}
