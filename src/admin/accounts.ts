/**
 * Accounts, access keys, and users that policies name, over JSON. A secret appears only in the answer that creates it.
 */
import { S3Error } from "../errors.ts";
import type { AccessKey } from "../storage/d1/accounts.ts";
import { type AdminCall, failure } from "./call.ts";

const MAX_DISPLAY_NAME = 128;

type Parameters = Record<string, string>;

export async function createAccount({ services, grant, now, body, log }: AdminCall): Promise<Response> {
  const displayName = readField(body, "displayName");
  if (displayName === undefined || displayName.length > MAX_DISPLAY_NAME || /^\s*$|\p{Cc}/u.test(displayName)) {
    throw new S3Error("InvalidRequest", {
      message: `displayName must be 1 to ${MAX_DISPLAY_NAME} printable characters.`,
    });
  }
  const { account, key } = await services.accounts.create(grant, displayName, now);
  const { id: accountId, canonicalId } = account;
  const { accessKeyId, secretAccessKey } = key;
  log.created = { accountId, accessKeyId };
  return Response.json({ accountId, canonicalId, displayName, accessKeyId, secretAccessKey }, { status: 201 });
}

export async function listAccounts({ services, grant }: AdminCall): Promise<Response> {
  const accounts = await services.accounts.list(grant);
  return Response.json({
    accounts: accounts.map(({ id, canonicalId, displayName, createdAt }) => ({
      accountId: id,
      canonicalId,
      displayName,
      createdAt,
    })),
  });
}

export async function createKey({ services, grant, now, log }: AdminCall, parameters: Parameters): Promise<Response> {
  const key = await services.accounts.createKey(grant, parameters.accountId ?? "", now);
  if (key === undefined) return failure(404, "NoSuchAccount", "There is no such account.");
  log.created = { accessKeyId: key.accessKeyId };
  return Response.json({ ...describe(key), secretAccessKey: key.secretAccessKey }, { status: 201 });
}

export async function listKeys({ services, grant }: AdminCall, parameters: Parameters): Promise<Response> {
  const keys = await services.accounts.listKeys(grant, parameters.accountId);
  return Response.json({ keys: keys.map(describe) });
}

export async function setKeyStatus({ services, grant, body }: AdminCall, parameters: Parameters): Promise<Response> {
  const status = readField(body, "status");
  if (status !== "Active" && status !== "Inactive") {
    throw new S3Error("InvalidRequest", { message: 'status must be "Active" or "Inactive".' });
  }
  const accessKeyId = parameters.accessKeyId ?? "";
  const found = await services.accounts.setKeyStatus(grant, accessKeyId, status);
  return found ? Response.json({ accessKeyId, status }) : noSuchKey();
}

export async function deleteKey({ services, grant }: AdminCall, parameters: Parameters): Promise<Response> {
  const found = await services.accounts.deleteKey(grant, parameters.accessKeyId ?? "");
  return found ? new Response(null, { status: 204 }) : noSuchKey();
}

function noSuchKey(): Response {
  return failure(404, "NoSuchKey", "There is no such access key. The root key is one of the Worker's secrets.");
}

function describe({ accessKeyId, accountId, status, createdAt, userName }: AccessKey) {
  return { accessKeyId, accountId, status, createdAt, ...(userName !== undefined && { userName }) };
}

function readField(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" ? value : undefined;
}

/** Users in policies that do not exist: deleted since, or not found when policies of older versions were migrated. */
export async function listNobody({ services, grant }: AdminCall): Promise<Response> {
  return Response.json({ principals: await services.stores.principals.listNobody(grant) });
}
