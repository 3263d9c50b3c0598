/** Completions whose Durable Object dies on the way, and the versions of a key as R2 has them. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { GrantedBucket } from "../../src/access/authorize.ts";
import type { WriteCondition } from "../../src/model/object.ts";
import type { CompletionRequest } from "../../src/model/upload.ts";
import type { Versioning, VersionToken } from "../../src/model/version.ts";
import { describeEntry, tokenOf } from "../../src/storage/r2/entry.ts";
import { entryKey } from "../../src/storage/r2/entry-place.ts";
import { BlobSet } from "../../src/storage/uploads/blob-set.ts";
import type { Answer, CommittedObject } from "../../src/storage/uploads/messages.ts";
import { blobSetOfUpload } from "../../src/storage/uploads/upload-id.ts";
import { recordsOfKey } from "../../src/storage/versions/record-key.ts";
import { newTicket } from "./storage.ts";
import { blobSets } from "./uploads.ts";

/** What fails, at which of its calls, and whether that call still takes effect. */
export interface Cut {
  readonly of: "r2" | "sql";
  readonly at: number;
  readonly when: "before" | "after";
  /** Counts them. */
  calls?: number;
}

/** The first call at or after the cut fails, and so does every later one. */
function cutting<Target extends object>(target: Target, isCut: (name: string) => boolean, cut: Cut): Target {
  let calls = 0;
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== "function") return value;
      if (!isCut(String(name))) return value.bind(object);
      return (...parameters: unknown[]) => {
        calls++;
        cut.calls = calls;
        const call = () => Reflect.apply(value, object, parameters) as unknown;
        if (calls < cut.at) return call();
        if (calls > cut.at || cut.when === "before") throw new Error("cut");
        const result = call();
        if (result instanceof Promise) {
          return result.then(() => {
            throw new Error("cut");
          });
        }
        throw new Error("cut");
      };
    },
  });
}

export interface CutCommand {
  readonly uploadId: string;
  readonly request: CompletionRequest;
  readonly condition?: WriteCondition;
  readonly versioning?: Versioning;
}

/** Completes with the upload's own code, in its own Durable Object, which dies on the way. */
export function completeCut({ uploadId, ...rest }: CutCommand, cut: Cut): Promise<Answer<CommittedObject>> {
  return runInDurableObject(blobSets.of(blobSetOfUpload(uploadId)), async (_instance, state) => {
    const store = cut.of === "r2" ? cutting(env.STORE, () => true, cut) : env.STORE;
    const sql = cutting(state.storage.sql, (name) => name === "exec", cut);
    const storage = cut.of === "r2" ? state.storage : withSql(state.storage, sql);
    try {
      const set = new BlobSet(storage, new Map([["us-east-1", store]]));
      return await set.complete({ ...rest, ticket: newTicket() });
    } catch (error) {
      return { ok: false, code: "InternalError", message: String(error) };
    }
  });
}

function withSql(storage: DurableObjectStorage, sql: SqlStorage): DurableObjectStorage {
  return new Proxy(storage, {
    get(target, name) {
      if (name === "sql") return sql;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export interface VersionInR2 {
  readonly token: VersionToken;
  readonly etag: string;
  readonly blobSetId: string | undefined;
}

/** Newest first: the entry, and the records of other versions. */
export async function versionsInR2(bucket: Pick<GrantedBucket, "id">, key: string): Promise<VersionInR2[]> {
  const current = await env.STORE.head(entryKey(bucket.id, key));
  const kept: R2Object[] = [];
  for (let cursor: string | undefined, isTruncated = true; isTruncated; ) {
    const page = await env.STORE.list({
      prefix: recordsOfKey(bucket.id, key),
      include: ["customMetadata"],
      ...(cursor !== undefined && { cursor }),
    });
    kept.push(...page.objects);
    isTruncated = page.truncated;
    cursor = page.truncated ? page.cursor : undefined;
  }
  const all = [...(current === null ? [] : [current]), ...kept].map((found) => {
    const { record, etag, isTombstone } = describeEntry(found);
    return { token: tokenOf(found, record), etag, blobSetId: record.f?.b, isTombstone };
  });
  const seen = new Set<VersionToken>();
  return all.flatMap(({ isTombstone, ...version }) => {
    if (isTombstone || seen.has(version.token)) return [];
    seen.add(version.token);
    return [version];
  });
}
