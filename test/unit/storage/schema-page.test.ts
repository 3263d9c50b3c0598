/** The numbers that docs/storage-schema.md states are those of the code. */
import { expect, it } from "vitest";
import page from "../../../docs/storage-schema.md?raw";
import {
  DEAD_LETTER_LIFETIME_MS,
  MAX_DEAD_LETTERS,
  MAX_DEAD_LETTERS_PER_ACCOUNT,
} from "../../../src/storage/d1/dead-letters.ts";
import { MAX_BUCKET_TTL_MS } from "../../../src/storage/d1/directory.ts";
import { MAX_REPLICA_AGE_MS } from "../../../src/storage/d1/replica-reads.ts";
import { FAILED_TASK_LIFETIME_MS } from "../../../src/storage/d1/replication-tasks.ts";
import { DELETION_MARK_MS } from "../../../src/storage/d1/rows.ts";
import { MAX_EMBEDDED_LENGTH } from "../../../src/storage/r2/blobs.ts";
import { MAX_SORTED_KEYS } from "../../../src/storage/r2/cluster-listing.ts";
import { DIRECT_BYTES } from "../../../src/storage/r2/entry-place.ts";
import { MAX_METADATA_BYTES } from "../../../src/storage/r2/entry-record.ts";
import { MAX_CALLS } from "../../../src/storage/r2/listing.ts";
import { MAX_SINGLE_READS } from "../../../src/storage/r2/marked-entries.ts";
import { MAX_REWRITE_ATTEMPTS, PAUSE_MS, SETTLED_AGE_MS } from "../../../src/storage/r2/unchanged.ts";
import { PIECE_LENGTH } from "../../../src/storage/uploads/blob-set-records.ts";
import { MAX_RECORD_PAGES } from "../../../src/storage/uploads/naming-versions.ts";
import { MAX_EMPTINESS_CALLS } from "../../../src/storage/versions/emptiness.ts";
import { FORGET_BUCKET_AFTER_MS } from "../../../src/sweeps/abandoned.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const MINUTE_MS = 60_000;
const text = page.replaceAll(/\s+/g, " ");
const number = (value: number) => value.toLocaleString("en-US");

it.each([
  ["keys that are used as they are", `Keys of up to ${number(DIRECT_BYTES)} bytes follow the prefix`],
  ["the record", `at most R2's ${number(MAX_METADATA_BYTES)} bytes`],
  ["the embedded list of blobs", `if they fit in ${number(MAX_EMBEDDED_LENGTH)} characters`],
  ["calls of a listing", `at most ${MAX_CALLS} R2 calls`],
  [
    "marked entries that are read one by one",
    `Up to ${["seven", "eight", "nine"][MAX_SINGLE_READS - 7]} of them on a page`,
  ],
  ["long keys with one head", `if more than ${number(MAX_SORTED_KEYS)} share one`],
  ["tombstones in an empty bucket", MAX_EMPTINESS_CALLS === 1000 ? "up to a million tombstones" : "another number"],
  ["pages of records", `more than ${MAX_RECORD_PAGES} pages of records`],
  ["pieces of a completion", `in pieces of ${number(PIECE_LENGTH)} characters`],
  ["attempts at a rewrite", `up to ${MAX_REWRITE_ATTEMPTS} times`],
  ["the second read of a young entry", `read again after ${PAUSE_MS} ms`],
  ["the age of a young entry", SETTLED_AGE_MS === MINUTE_MS ? "younger than a minute" : "another age"],
  ["dead letters of an account", `the newest ${number(MAX_DEAD_LETTERS_PER_ACCOUNT)} of its account`],
  ["dead letters", `beyond ${number(MAX_DEAD_LETTERS)} in all`],
  ["the lifetime of dead letters", `after ${DEAD_LETTER_LIFETIME_MS / DAY_MS} days`],
  ["the lifetime of failed tasks", `${FAILED_TASK_LIFETIME_MS / DAY_MS} days after it was given up`],
  ["the row of a deleted bucket", `${FORGET_BUCKET_AFTER_MS / DAY_MS} days after its deletion, once it is empty`],
  ["the longest time in a cache", `at most ${MAX_BUCKET_TTL_MS / 1000} seconds`],
  ["the age of what a replica shows", `at most ${MAX_REPLICA_AGE_MS / 1000} seconds old`],
  ["the mark of a deletion", DELETION_MARK_MS === MINUTE_MS ? "older than a minute" : "another age"],
])("the page states %s", (_name, statement) => {
  expect(text).toContain(statement);
});
