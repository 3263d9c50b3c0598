/**
 * One key of a bucket as a sequential object: its versions, each with content, tags and ACL. What the documents state as
 * exceptions is part of it:
 *
 * - A conditional write may be answered `ConditionalRequestConflict`, and has then changed nothing.
 * - An answer of 500 or more says nothing about whether the request took effect.
 * - A copy reads its source before it writes. Only where nothing is kept must a copy of an object onto itself fail or be repeated if
 *   another write comes between ("Conditions of a rewrite" in docs/storage-schema.md). Where versions are kept, the copy of an
 *   earlier version may follow that write, so clients make no such copies there.
 * - Versioning is not switched on while a history runs: a write that began before may replace a version (docs/versioning.md).
 */
import { createHash } from "node:crypto";
import type { Operation, SequentialModel } from "./checker.ts";

export type Versioning = "never" | "Enabled" | "Suspended";

export interface KeyVersion {
  /** `null` or an id; empty if the write had no answer, and no answer since has named it. */
  readonly id: string;
  readonly isMarker: boolean;
  /** What the write put into the metadata, another text for every write. */
  readonly write: string;
  readonly body: string;
  readonly etag: string;
  readonly tags: string;
  readonly acl: string;
}

export interface KeyState {
  readonly versioning: Versioning;
  /** Newest first. */
  readonly versions: readonly KeyVersion[];
}

export type KeyInput =
  | {
      readonly kind: "put";
      readonly write: string;
      readonly body: string;
      readonly etag: string;
      readonly condition: Condition;
      /** Of a write without an answer, if it is known from other answers. */
      readonly foundId?: string;
    }
  /** The content of the current version with other metadata; its tags stay. */
  | { readonly kind: "copy-onto-itself"; readonly write: string }
  | { readonly kind: "delete"; readonly ifMatch?: string }
  | { readonly kind: "delete-version"; readonly versionId: string }
  | { readonly kind: "put-tags"; readonly tags: string; readonly versionId?: string }
  | { readonly kind: "put-acl"; readonly acl: string; readonly versionId?: string }
  | { readonly kind: "get"; readonly versionId?: string }
  | { readonly kind: "get-tags" }
  | { readonly kind: "get-acl" }
  | { readonly kind: "list" };

export type Condition = { readonly ifMatch?: string; readonly ifNoneMatch?: "*" };

export interface Row {
  readonly id: string;
  readonly isMarker: boolean;
  readonly etag: string;
}

export interface KeyOutput {
  readonly status: number;
  /** x-amz-version-id; empty if absent. */
  readonly versionId: string;
  readonly isMarker: boolean;
  /** Of a successful read. */
  readonly read?: { readonly write: string; readonly body: string; readonly etag: string; readonly tagCount: number };
  readonly tags?: string;
  readonly acl?: string;
  readonly rows?: readonly Row[];
}

export const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

export function keyModel(initial: KeyState): SequentialModel<KeyState, KeyInput, KeyOutput> {
  return { initial, step, keyOf: ({ versions }) => JSON.stringify(versions) };
}

function step(state: KeyState, input: KeyInput, output: KeyOutput | undefined): KeyState | undefined {
  switch (input.kind) {
    case "put": {
      const outcome = decide(input.condition, currentOf(state));
      if (output === undefined) return outcome === 200 ? write(state, { ...input, tags: "" }, undefined) : state;
      if (output.status === 409) return Object.keys(input.condition).length > 0 ? state : undefined;
      if (output.status !== outcome) return undefined;
      return outcome === 200 ? write(state, { ...input, tags: "" }, output) : state;
    }
    case "copy-onto-itself": {
      const current = currentOf(state);
      if (output?.status === 409) return state;
      if (output !== undefined && (output.status === 200) !== (current !== undefined)) return undefined;
      if (current === undefined) return state;
      return write(state, { ...current, write: input.write }, output);
    }
    case "delete":
      return remove(state, input.ifMatch, output);
    case "delete-version":
      if (output !== undefined && output.status !== 204) return undefined;
      return { ...state, versions: state.versions.filter(({ id }) => id !== input.versionId) };
    case "put-tags":
      return change(state, { versionId: input.versionId, to: { tags: input.tags } }, output);
    case "put-acl":
      return change(state, { versionId: input.versionId, to: { acl: input.acl } }, output);
    case "get":
      return read(state, input.versionId, output);
    case "get-tags":
      return show(state, output, (version) => version.tags === output?.tags);
    case "get-acl":
      return show(state, output, (version) => version.acl === output?.acl);
    case "list":
      return output === undefined ? state : list(state, output.rows ?? []);
    default:
      return input satisfies never;
  }
}

function currentOf({ versions: [newest] }: KeyState): KeyVersion | undefined {
  return newest?.isMarker === false ? newest : undefined;
}

function decide({ ifMatch, ifNoneMatch }: Condition, current: KeyVersion | undefined): 200 | 404 | 412 {
  if (ifMatch !== undefined) {
    if (current === undefined) return 404;
    return current.etag === ifMatch ? 200 : 412;
  }
  return ifNoneMatch !== undefined && current !== undefined ? 412 : 200;
}

function write(
  state: KeyState,
  {
    write: name,
    body,
    etag,
    tags,
    foundId,
  }: Pick<KeyVersion, "write" | "body" | "etag" | "tags"> & { readonly foundId?: string },
  output: KeyOutput | undefined,
): KeyState | undefined {
  return add(state, { isMarker: false, write: name, body, etag, tags, acl: "private" }, output, foundId);
}

/** A new version; where versions are not kept it replaces the null version. */
function add(
  state: KeyState,
  version: Omit<KeyVersion, "id">,
  output: KeyOutput | undefined,
  foundId = "",
): KeyState | undefined {
  const { versioning, versions } = state;
  if (versioning === "never") return { versioning, versions: [{ ...version, id: "null" }] };
  if (versioning === "Suspended") {
    return { versioning, versions: [{ ...version, id: "null" }, ...versions.filter(({ id }) => id !== "null")] };
  }
  const id = output?.versionId ?? foundId;
  // An id is new, and sorts before those of the versions at the key ("Tokens" in docs/storage-schema.md). Without this, orders
  // that only the listing at the end shows to be wrong would all be tried.
  const isNewest = versions.every((each) => each.id === "" || each.id === "null" || id < each.id);
  if ((output !== undefined || foundId !== "") && (id === "" || !isNewest)) return undefined;
  return { versioning, versions: [{ ...version, id }, ...versions] };
}

const MARKER = { isMarker: true, write: "", body: "", etag: "", tags: "", acl: "" };

function remove(state: KeyState, ifMatch: string | undefined, output: KeyOutput | undefined): KeyState | undefined {
  const outcome = ifMatch === undefined ? 200 : decide({ ifMatch }, currentOf(state));
  if (output?.status === 409) return ifMatch === undefined ? undefined : state;
  if (output !== undefined && output.status !== (outcome === 200 ? 204 : outcome)) return undefined;
  if (outcome !== 200) return state;
  if (state.versioning === "never") return { ...state, versions: [] };
  return add(state, MARKER, output);
}

function find(state: KeyState, versionId: string | undefined): KeyVersion | undefined {
  return versionId === undefined ? state.versions[0] : state.versions.find(({ id }) => id === versionId);
}

interface Change {
  readonly versionId: string | undefined;
  readonly to: Partial<Pick<KeyVersion, "tags" | "acl">>;
}

function change(state: KeyState, { versionId, to }: Change, output: KeyOutput | undefined): KeyState | undefined {
  const version = find(state, versionId);
  const isPossible = version?.isMarker === false;
  if (output?.status === 409) return state;
  if (output !== undefined && (output.status === 200) !== isPossible) return undefined;
  if (!isPossible) return state;
  const known = output === undefined ? state : named(state, version, output.versionId);
  const at = state.versions.indexOf(version);
  return (
    known && { ...known, versions: known.versions.map((each, index) => (index === at ? { ...each, ...to } : each)) }
  );
}

function read(state: KeyState, versionId: string | undefined, output: KeyOutput | undefined): KeyState | undefined {
  if (output === undefined) return state;
  const version = find(state, versionId);
  const { read: found } = output;
  if (found === undefined) {
    if (version?.isMarker === false) return undefined;
    if (output.isMarker !== (version?.isMarker === true)) return undefined;
    return version === undefined ? state : named(state, version, output.versionId);
  }
  if (version?.isMarker !== false) return undefined;
  const isSame =
    version.write === found.write &&
    version.body === found.body &&
    version.etag === found.etag &&
    tagCount(version.tags) === found.tagCount;
  return isSame ? named(state, version, output.versionId) : undefined;
}

/** Tags are `name=value&…`. */
export function tagCount(tags: string): number {
  return tags === "" ? 0 : tags.split("&").length;
}

function show(
  state: KeyState,
  output: KeyOutput | undefined,
  isSame: (version: KeyVersion) => boolean,
): KeyState | undefined {
  if (output === undefined) return state;
  const [version] = state.versions;
  const isShown = output.status === 200;
  if (isShown !== (version?.isMarker === false)) return undefined;
  if (version === undefined || !isShown) return state;
  return isSame(version) ? named(state, version, output.versionId) : undefined;
}

/** The id of a version whose write had no answer becomes known by the first answer that names it. */
function named(state: KeyState, version: KeyVersion, id: string): KeyState | undefined {
  if (state.versioning === "never") return state;
  if (version.id !== "") return version.id === id ? state : undefined;
  if (id === "" || state.versions.some((each) => each.id === id)) return undefined;
  return { ...state, versions: state.versions.map((each) => (each === version ? { ...each, id } : each)) };
}

/** Made when no other request runs: all versions. */
function list(state: KeyState, rows: readonly Row[]): KeyState | undefined {
  if (rows.length !== state.versions.length) return undefined;
  let next: KeyState | undefined = state;
  for (const [index, { id, isMarker, etag }] of rows.entries()) {
    const version: KeyVersion | undefined = next?.versions[index];
    if (next === undefined || version === undefined) return undefined;
    if (version.isMarker !== isMarker || version.etag !== etag) return undefined;
    next = named(next, version, id);
  }
  return next;
}

type KeyOperation = Operation<KeyInput, KeyOutput>;

/**
 * The same history with less to try: writes without an answer that no answer shows are left out, since they may never have taken
 * effect, and others have their version id if the answers leave no choice. What is linearizable so is linearizable.
 */
export function withFoundIds(operations: readonly KeyOperation[]): readonly KeyOperation[] {
  const answered = new Set(
    operations.flatMap(({ input, output }) => (isWrite(input) && output ? [output.versionId] : [])),
  );
  const shown = new Map<string, string>();
  const rows: Row[] = [];
  for (const { output } of operations) {
    if (output?.read !== undefined) shown.set(output.read.write, output.versionId);
    for (const row of output?.rows ?? []) if (!answered.has(row.id) && !row.isMarker) rows.push(row);
  }
  return operations.flatMap((operation) => {
    const { input, output } = operation;
    if (output !== undefined || input.kind !== "put") return [operation];
    const alike = rows.filter(({ etag }) => etag === input.etag);
    const id = shown.get(input.write) ?? (alike.length === 1 ? alike[0]?.id : undefined);
    const rivals = operations.filter(
      (each) => each.output === undefined && each.input.kind === "put" && each.input.etag === input.etag,
    );
    if (id === undefined && alike.length === 0) return [];
    if (id === undefined || id === "" || id === "null" || (rivals.length > 1 && !shown.has(input.write)))
      return [operation];
    return [{ ...operation, input: { ...input, foundId: id } }];
  });
}

function isWrite({ kind }: KeyInput): boolean {
  return kind === "put" || kind === "delete" || kind === "copy-onto-itself";
}
