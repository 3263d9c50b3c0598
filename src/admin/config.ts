/**
 * Export and restore of the configuration, over JSON. No answer contains a secret in clear: pages are sealed under a key that the
 * operator's program derives from a passphrase.
 */
import { invalidRequest } from "../errors.ts";
import type { RowPlace } from "../storage/d1/config-pages.ts";
import { type AdminCall, failure } from "./call.ts";
import { readField, readText, requireWrappingKey } from "./fields.ts";

/** A page of an export, sealed and in base64, is shorter. */
export const MAX_PAGE_BYTES = 8 * 1024 * 1024;

type Parameters = Record<string, string>;

export async function beginExport({ services, grant, now }: AdminCall): Promise<Response> {
  return Response.json({ exportId: await services.configExports.begin(grant, now) }, { status: 201 });
}

/** `{ wrappingKey, page, after? }`: `after` is that of the page before. */
export async function exportPage(
  { services, grant, body }: AdminCall,
  { exportId = "" }: Parameters,
): Promise<Response> {
  const page = await services.configExports.page(grant, {
    exportId,
    page: requirePage(body),
    after: readPlace(body),
    wrappingKey: requireWrappingKey(body),
  });
  if (page === undefined) return failure(404, "NoSuchExport", "There is no such export; begin a new one.");
  return Response.json({ ...page, after: page.after ?? null });
}

export async function endExport({ services, grant }: AdminCall, { exportId = "" }: Parameters): Promise<Response> {
  await services.configExports.end(grant, exportId);
  return new Response(null, { status: 204 });
}

/** `{ wrappingKey, page, sealed }` */
export async function receivePage(
  { services, grant, now, body }: AdminCall,
  { exportId = "" }: Parameters,
): Promise<Response> {
  const sealed = readText(body, "sealed") ?? "";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(sealed)) throw invalidRequest("sealed must be a page of an export.");
  const page = { exportId, page: requirePage(body), sealed, wrappingKey: requireWrappingKey(body) };
  const received = await services.configRestores.receive(grant, page, now);
  switch (received.outcome) {
    case "received":
      return Response.json({ page: page.page });
    case "restored-before":
      return Response.json({ page: page.page, isRestored: true });
    case "not-empty":
      return notEmpty(received.tables);
    case "wrong-key":
      return failure(400, "WrongPassphrase", "The passphrase is not that of the export, or the export was changed.");
    case "other-schema":
      return failure(
        409,
        "OtherSchema",
        `The export has the schema ${received.schema}, which this release does not restore. Deploy the release that made it.`,
      );
  }
}

export async function applyRestore({ services, grant }: AdminCall, { exportId = "" }: Parameters): Promise<Response> {
  const applied = await services.configRestores.apply(grant, exportId);
  switch (applied.outcome) {
    case "restored":
      return Response.json({ restored: applied.rows });
    case "restored-before":
      return Response.json({ isRestored: true });
    case "not-empty":
      return notEmpty(applied.tables);
    case "incomplete":
      return failure(409, "IncompleteRestore", "Not all pages of the export have been received.");
  }
}

function notEmpty(tables: readonly string[]): Response {
  const names = tables.map((table) => table.replace("_", " ")).join(", ");
  return failure(
    409,
    "DeploymentNotEmpty",
    `The deployment has ${names} already. A configuration is restored only into an empty one.`,
  );
}

function requirePage(body: unknown): number {
  const page = readField(body, "page");
  if (typeof page === "number" && Number.isSafeInteger(page) && page >= 0) return page;
  throw invalidRequest("page must be the number of a page.");
}

function readPlace(body: unknown): RowPlace | undefined {
  const after = readField(body, "after");
  if (after === undefined || after === null) return undefined;
  const [source, number, piece] = [readText(after, "source"), readField(after, "number"), readField(after, "piece")];
  if (source !== undefined && typeof number === "number" && typeof piece === "number") return { source, number, piece };
  throw invalidRequest("after must be that of the page before.");
}
