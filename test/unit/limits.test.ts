/** The limits that docs/compatibility.md states are those of the code. */
import { expect, it } from "vitest";
import compatibility from "../../docs/compatibility.md?raw";
import { MAX_POLICY_BYTES } from "../../src/access/policy/document.ts";
import { MAX_STEPS } from "../../src/access/policy/effort.ts";
import { MAX_BODY_BYTES } from "../../src/auth/payload/declared-content.ts";
import { MAX_EXPIRES_SECONDS } from "../../src/auth/sigv4/presigned-url.ts";
import { MAX_NAMES } from "../../src/cors/rules.ts";
import { ROOT_MAX_SESSION_SECONDS, SESSION_SECONDS } from "../../src/iam/parameters.ts";
import { MAX_ANNOTATION_BYTES, MAX_ANNOTATION_NAME_BYTES, MAX_ANNOTATIONS } from "../../src/model/annotation.ts";
import { MAX_STORED_LENGTH as MAX_LIFECYCLE_LENGTH } from "../../src/operations/bucket/bucket-lifecycle.ts";
import { MAX_STORED_LENGTH } from "../../src/operations/bucket/bucket-replication.ts";
import { MAX_COPY_BYTES } from "../../src/operations/object/source-object.ts";
import { MAX_GRANTS } from "../../src/protocol/acl-headers.ts";
import { MAX_KEY_BYTES } from "../../src/protocol/addressing.ts";
import { MAX_CONTEXT_LENGTH } from "../../src/protocol/encryption-headers.ts";
import { MAX_USER_METADATA_BYTES } from "../../src/protocol/metadata.ts";
import { MAX_FIELD_BYTES } from "../../src/protocol/post-form/post-form.ts";
import { MAX_PAGE_SIZE, MAX_PARTS } from "../../src/protocol/query-parameters.ts";
import { MAX_TAGS } from "../../src/protocol/tags.ts";
import * as cors from "../../src/protocol/xml/cors-configuration.ts";
import { MAX_DELETE_OBJECTS } from "../../src/protocol/xml/delete-objects.ts";
import * as inventory from "../../src/protocol/xml/inventory-configuration.ts";
import * as lifecycle from "../../src/protocol/xml/lifecycle-configuration.ts";
import * as notification from "../../src/protocol/xml/notification-configuration.ts";
import { MAX_DEFAULT_RETENTION } from "../../src/protocol/xml/object-lock.ts";
import * as replication from "../../src/protocol/xml/replication-configuration.ts";
import { MAX_ROUTING_RULES, MAX_WEBSITE_BYTES } from "../../src/protocol/xml/website-configuration.ts";
import { MAX_KEYS_PER_OWNER } from "../../src/storage/d1/access-keys.ts";
import { MAX_BUCKETS_PER_ACCOUNT } from "../../src/storage/d1/buckets.ts";
import { MAX_INVENTORIES } from "../../src/storage/d1/inventories.ts";
import { MAX_SUBSCRIPTIONS_PER_TOPIC } from "../../src/storage/d1/subscriptions.ts";
import { MAX_TOPICS_PER_ACCOUNT } from "../../src/storage/d1/topics.ts";
import { MAX_POLICY_CHARACTERS_PER_USER, MAX_USERS_PER_ACCOUNT } from "../../src/storage/d1/users.ts";
import { MAX_CALLS } from "../../src/storage/r2/listing.ts";
import { MIN_PART_BYTES } from "../../src/storage/uploads/plan-completion.ts";

const UNITS = ["bytes", "KB", "MB", "GB"];

/** `20 KB`; with `binary`, `5 GiB`. */
function size(bytes: number, isBinary = false): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && value % 1024 === 0) {
    value /= 1024;
    unit++;
  }
  const name = UNITS[unit] ?? "";
  return `${value} ${isBinary ? name.replace("B", "iB") : name}`;
}

const count = (value: number) => value.toLocaleString("en-US");
const days = (seconds: number) => `${seconds / 86_400} days`;
const hours = (seconds: number) => `${seconds / 3_600} hour${seconds === 3_600 ? "" : "s"}`;
const minutes = (seconds: number) => `${seconds / 60} minutes`;

const LIMITS: readonly (readonly [subject: string, limit: string])[] = [
  ["Key", `1 to ${count(MAX_KEY_BYTES)} bytes of UTF-8`],
  ["Object in one request", `${size(MAX_BODY_BYTES, true)}, or the plan's request size if that is less`],
  [
    "Multipart upload",
    `${count(MAX_PARTS)} parts of up to ${size(MAX_BODY_BYTES, true)}; all except the last at least ${size(MIN_PART_BYTES, true)}`,
  ],
  ["CopyObject, UploadPartCopy", `sources of up to ${size(MAX_COPY_BYTES, true)} in one call`],
  [
    "UpdateObjectEncryption",
    `objects without a data key of up to ${size(MAX_COPY_BYTES, true)}; under SSE-KMS of any size`,
  ],
  ["User metadata", size(MAX_USER_METADATA_BYTES)],
  ["Encryption context", `${count(MAX_CONTEXT_LENGTH)} characters of base64`],
  ["Tags", `${MAX_TAGS.object} for an object, ${MAX_TAGS.bucket} for a bucket`],
  [
    "Annotations",
    `${count(MAX_ANNOTATIONS)} for a version, of 1 byte to ${size(MAX_ANNOTATION_BYTES, true)} of UTF-8; names of ${MAX_ANNOTATION_NAME_BYTES} bytes`,
  ],
  ["ACL", `${MAX_GRANTS} grants`],
  ["Bucket policy", size(MAX_POLICY_BYTES)],
  [
    "Evaluation of policies for one request",
    `${MAX_STEPS / 1e6} million characters compared, about 200 ms; beyond that \`SlowDown\`, in DeleteObjects for the remaining keys`,
  ],
  ["User policies", `${count(MAX_POLICY_CHARACTERS_PER_USER)} characters for a user, white space not counted`],
  ["CORS", `${cors.MAX_RULES} rules, ${size(cors.MAX_CORS_BYTES)}; requests that name up to ${MAX_NAMES} headers`],
  [
    "Replication",
    `${count(replication.MAX_RULES)} rules, ${replication.MAX_DESTINATIONS} destinations, ${size(MAX_STORED_LENGTH)} of values; ` +
      `prefixes of ${count(replication.MAX_PREFIX_LENGTH)} characters, IDs of ${replication.MAX_ID_LENGTH}`,
  ],
  [
    "Lifecycle",
    `${count(lifecycle.MAX_LIFECYCLE_RULES)} rules, ${size(MAX_LIFECYCLE_LENGTH)} of values; IDs of ${lifecycle.MAX_ID_LENGTH}`,
  ],
  [
    "Inventory configurations of a bucket",
    `${count(MAX_INVENTORIES)}; ids of ${inventory.MAX_ID_LENGTH} characters, prefixes of ${count(inventory.MAX_PREFIX_LENGTH)} bytes, of destinations ${inventory.MAX_DESTINATION_PREFIX_LENGTH}`,
  ],
  ["Default retention", `${count(MAX_DEFAULT_RETENTION.Days)} days or ${MAX_DEFAULT_RETENTION.Years} years`],
  [
    "Notifications",
    `${notification.MAX_RULES} rules, ${size(notification.MAX_NOTIFICATION_BYTES)}; ${notification.MAX_CALLBACK_URLS} URLs for an \`NS:\` topic; ` +
      `prefixes and suffixes of ${count(notification.MAX_FILTER_BYTES)} bytes`,
  ],
  ["Website", `${MAX_ROUTING_RULES} routing rules, ${size(MAX_WEBSITE_BYTES)}`],
  ["POST form", `${size(MAX_FIELD_BYTES)} of fields before the file`],
  [
    "List page, DeleteObjects",
    `${count(MAX_PAGE_SIZE)} keys; a page that would need more than ${MAX_CALLS} R2 calls ends early`,
  ],
  ["Presigned URL", `1 second to ${days(MAX_EXPIRES_SECONDS)}`],
  ["Buckets, users of an account", `${count(MAX_BUCKETS_PER_ACCOUNT)}, ${count(MAX_USERS_PER_ACCOUNT)}`],
  ["Access keys of a user", String(MAX_KEYS_PER_OWNER)],
  [
    "Topics of an account, subscriptions of a topic",
    `${count(MAX_TOPICS_PER_ACCOUNT)}, ${count(MAX_SUBSCRIPTIONS_PER_TOPIC)}`,
  ],
  [
    "Temporary credentials",
    `${minutes(SESSION_SECONDS.min)} to ${hours(SESSION_SECONDS.max)}; at most ${hours(ROOT_MAX_SESSION_SECONDS)} when created with root keys`,
  ],
];

it("docs/compatibility.md states the limits of the code", () => {
  const [, section = ""] = compatibility.split("\n## Limits\n");
  const rows = section.split("\n").filter((line) => /^\| \w/.test(line));
  expect(rows).toEqual(LIMITS.map(([subject, limit]) => `| ${subject} | ${limit} |`));
});

it("a page of a list and DeleteObjects have the same limit", () => {
  expect(MAX_DELETE_OBJECTS).toBe(MAX_PAGE_SIZE);
});
