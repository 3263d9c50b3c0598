/**
 * What R2 holds about a bucket besides its objects, so that it is found again when D1 is lost: what never changes, and what
 * reaching its versions depends on. All other settings are only in D1.
 */
import type { BucketLocation } from "./bucket.ts";
import type { Versioning } from "./version.ts";

export interface BucketMarker {
  readonly name: string;
  /** The bucket's own id, which is not in the marker's text but in its place. */
  readonly id: string;
  readonly region: string;
  readonly createdAt: Date;
  readonly owner: MarkerOwner;
  /** Absent: never versioned. */
  readonly versioning?: Versioning | undefined;
  readonly hasObjectLock: boolean;
  /** As clients see it, if that is not the region. */
  readonly location?: BucketLocation | undefined;
}

export interface MarkerOwner {
  readonly accountId: string;
  readonly canonicalId: string;
  readonly displayName: string;
  /** Whether it was the root account, whose ids are new in every database. */
  readonly isRoot: boolean;
}

/** JSON in ASCII. */
export function formatMarker({ name, createdAt, owner, versioning, hasObjectLock, location }: BucketMarker): string {
  const text = JSON.stringify({
    v: 1,
    name,
    createdAt: createdAt.getTime(),
    owner: {
      accountId: owner.accountId,
      canonicalId: owner.canonicalId,
      displayName: owner.displayName,
      isRoot: owner.isRoot,
    },
    versioning,
    hasObjectLock,
    location: location && { region: location.region, constraint: location.constraint },
  });
  return text.replace(/[^ -~]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Undefined for what is no marker. */
export function parseMarker(text: string, place: { readonly id: string; readonly region: string }) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isStored(value) ? toMarker(value, place) : undefined;
}

interface StoredMarker {
  readonly v: 1;
  readonly name: string;
  readonly createdAt: number;
  readonly owner: MarkerOwner;
  readonly versioning?: Versioning;
  readonly hasObjectLock: boolean;
  readonly location?: BucketLocation;
}

function toMarker(
  { name, createdAt, owner, versioning, hasObjectLock, location }: StoredMarker,
  { id, region }: { readonly id: string; readonly region: string },
): BucketMarker {
  return { name, id, region, createdAt: new Date(createdAt), owner, versioning, hasObjectLock, location };
}

function isStored(value: unknown): value is StoredMarker {
  const { v, name, createdAt, owner, versioning, hasObjectLock, location } = fieldsOf(value);
  const { accountId, canonicalId, displayName, isRoot } = fieldsOf(owner);
  const { region, constraint } = fieldsOf(location);
  return (
    v === 1 &&
    isText(name, /^.{1,255}$/) &&
    Number.isSafeInteger(createdAt) &&
    isText(accountId, /^\d{12}$/) &&
    isText(canonicalId, /^[0-9a-f]{64}$/) &&
    isText(displayName, /^.{1,128}$/u) &&
    typeof isRoot === "boolean" &&
    (versioning === undefined || versioning === "Enabled" || versioning === "Suspended") &&
    typeof hasObjectLock === "boolean" &&
    (location === undefined || isText(region, /^[a-z0-9-]{1,64}$/)) &&
    (constraint === undefined || isText(constraint, /^[A-Za-z0-9-]{1,64}$/))
  );
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
