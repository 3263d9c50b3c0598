/** Documents that are lists of rules, and the fields of their forms. */
import type { Field, Model } from "./fields.ts";
import { options, type XmlSetting } from "./xml-setting.ts";

const STATUS = options("Enabled", "Disabled");
const ARN = { regex: /^arn:[\w-]+:[\w-]+:[^\s]+$/, message: "An ARN begins with arn: and has six parts." };
const STORAGE_CLASSES = options(["", "as the source"], "STANDARD", "STANDARD_IA");

const EVENTS = options(
  "s3:ObjectCreated:*",
  "s3:ObjectRemoved:*",
  "s3:ObjectTagging:*",
  "s3:ObjectAcl:Put",
  "s3:LifecycleExpiration:*",
  "s3:LifecycleTransition",
  "s3:Replication:*",
);

const NOTIFICATION_FIELDS: readonly Field[] = [
  { kind: "text", id: "name", path: ["Id"], label: "Name", hint: "Empty: the endpoint makes one." },
  { kind: "choices", id: "events", path: ["Event"], label: "Events", options: EVENTS, isRequired: true },
  {
    kind: "list",
    id: "filters",
    path: ["Filter", "S3Key", "FilterRule"],
    label: "Keys",
    hint: "Without a condition, all keys.",
    itemLabel: "condition",
    initial: { name: "prefix", value: "" },
    fields: [
      { kind: "choice", id: "name", path: ["Name"], label: "The key's", options: options("prefix", "suffix") },
      { kind: "text", id: "value", path: ["Value"], label: "is", isKept: true },
    ],
  },
];

const receiver = (element: "Topic" | "Queue", hint: string): Field => ({
  kind: "list",
  id: element.toLowerCase(),
  path: [`${element}Configuration`],
  label: `To ${element.toLowerCase()}s`,
  itemLabel: element.toLowerCase(),
  initial: { events: "s3:ObjectCreated:*" },
  fields: [
    {
      kind: "text",
      id: "arn",
      path: [element],
      label: `ARN of the ${element.toLowerCase()}`,
      hint,
      isRequired: true,
      pattern: ARN,
    },
    ...NOTIFICATION_FIELDS,
  ],
});

const LIFECYCLE_RULE: Model = { status: "Enabled" };
const REPLICATION_RULE: Model = { status: "Enabled", priority: "1", deletes: "Disabled" };
const CORS_RULE: Model = { methods: "GET\nHEAD", headers: "*" };

export const RULE_SETTINGS = {
  cors: {
    label: "CORS",
    about: "Which pages of other origins a browser lets use this bucket. The console's own origin needs no rule.",
    root: "CORSConfiguration",
    absent: "NoSuchCORSConfiguration",
    fields: [
      {
        kind: "list",
        id: "rules",
        path: ["CORSRule"],
        label: "Rules",
        itemLabel: "rule",
        isRequired: true,
        initial: CORS_RULE,
        fields: [
          { kind: "text", id: "name", path: ["ID"], label: "Name" },
          {
            kind: "lines",
            id: "origins",
            path: ["AllowedOrigin"],
            label: "Origins, one a line",
            hint: "As https://app.example.com, with one * at most.",
            isRequired: true,
          },
          {
            kind: "choices",
            id: "methods",
            path: ["AllowedMethod"],
            label: "Methods",
            options: options("GET", "HEAD", "PUT", "POST", "DELETE"),
            isRequired: true,
          },
          { kind: "lines", id: "headers", path: ["AllowedHeader"], label: "Request headers, one a line" },
          {
            kind: "lines",
            id: "exposed",
            path: ["ExposeHeader"],
            label: "Answer headers that pages may read, one a line",
          },
          { kind: "number", id: "maxAge", path: ["MaxAgeSeconds"], label: "Seconds that a preflight counts" },
        ],
      },
    ],
    isDeletable: true,
  },
  lifecycle: {
    label: "Lifecycle",
    about: "Deletes or moves objects when they reach an age. What a rule deletes in a bucket without versions is gone.",
    root: "LifecycleConfiguration",
    absent: "NoSuchLifecycleConfiguration",
    fields: [
      {
        kind: "list",
        id: "rules",
        path: ["Rule"],
        label: "Rules",
        itemLabel: "rule",
        isRequired: true,
        initial: LIFECYCLE_RULE,
        fields: [
          { kind: "text", id: "name", path: ["ID"], label: "Name" },
          {
            kind: "text",
            id: "prefix",
            path: ["Filter", "Prefix"],
            label: "Keys that begin with",
            hint: "Empty: all keys.",
            isKept: true,
          },
          { kind: "choice", id: "status", path: ["Status"], label: "Status", options: STATUS },
          { kind: "number", id: "days", path: ["Expiration", "Days"], label: "Expire after days", least: 1 },
          {
            kind: "flag",
            id: "markers",
            path: ["Expiration", "ExpiredObjectDeleteMarker"],
            label: "Remove delete markers without versions",
            on: "true",
          },
          {
            kind: "list",
            id: "transitions",
            path: ["Transition"],
            label: "Transitions",
            itemLabel: "transition",
            initial: { days: "30", storageClass: "STANDARD_IA" },
            fields: [
              { kind: "number", id: "days", path: ["Days"], label: "After days", isRequired: true },
              {
                kind: "choice",
                id: "storageClass",
                path: ["StorageClass"],
                label: "To",
                options: options("STANDARD_IA"),
              },
            ],
          },
          {
            kind: "number",
            id: "noncurrentDays",
            path: ["NoncurrentVersionExpiration", "NoncurrentDays"],
            label: "Delete noncurrent versions after days",
            least: 1,
          },
          {
            kind: "number",
            id: "newer",
            path: ["NoncurrentVersionExpiration", "NewerNoncurrentVersions"],
            label: "and keep this many of them",
            least: 1,
            onlyWith: "noncurrentDays",
          },
          {
            kind: "number",
            id: "abort",
            path: ["AbortIncompleteMultipartUpload", "DaysAfterInitiation"],
            label: "Abort unfinished uploads after days",
            least: 1,
          },
        ],
      },
    ],
    isDeletable: true,
  },
  website: {
    label: "Website",
    about: "Serves the bucket's objects as pages on its website host. Visitors see only what everyone may read.",
    root: "WebsiteConfiguration",
    absent: "NoSuchWebsiteConfiguration",
    fields: [
      {
        kind: "text",
        id: "index",
        path: ["IndexDocument", "Suffix"],
        label: "Index document",
        hint: "As index.html. Needed unless all requests are redirected.",
        pattern: { regex: /^[^/]+$/, message: "It must not contain a slash." },
      },
      { kind: "text", id: "error", path: ["ErrorDocument", "Key"], label: "Error document" },
      {
        kind: "text",
        id: "host",
        path: ["RedirectAllRequestsTo", "HostName"],
        label: "Redirect all requests to the host",
      },
      {
        kind: "choice",
        id: "protocol",
        path: ["RedirectAllRequestsTo", "Protocol"],
        label: "with the protocol",
        options: options(["", "of the request"], "https", "http"),
        onlyWith: "host",
      },
      {
        kind: "list",
        id: "rules",
        path: ["RoutingRules", "RoutingRule"],
        label: "Routing rules",
        itemLabel: "rule",
        fields: [
          { kind: "text", id: "prefix", path: ["Condition", "KeyPrefixEquals"], label: "For keys that begin with" },
          {
            kind: "number",
            id: "code",
            path: ["Condition", "HttpErrorCodeReturnedEquals"],
            label: "and answers with the status",
          },
          { kind: "text", id: "host", path: ["Redirect", "HostName"], label: "Redirect to the host" },
          { kind: "text", id: "protocol", path: ["Redirect", "Protocol"], label: "with the protocol" },
          {
            kind: "text",
            id: "newPrefix",
            path: ["Redirect", "ReplaceKeyPrefixWith"],
            label: "with this prefix instead",
          },
          { kind: "text", id: "newKey", path: ["Redirect", "ReplaceKeyWith"], label: "or with this key" },
          { kind: "number", id: "redirectCode", path: ["Redirect", "HttpRedirectCode"], label: "and the status" },
        ],
      },
    ],
    isDeletable: true,
  },
  notification: {
    label: "Notifications",
    about: "Sends a message for each change of an object.",
    root: "NotificationConfiguration",
    fields: [
      receiver("Topic", "A topic of this deployment: see Topics."),
      receiver("Queue", "A queue that is bound to the Worker."),
    ],
    isDeletable: false,
  },
  replication: {
    label: "Replication",
    about: "Copies new and changed objects to other buckets.",
    root: "ReplicationConfiguration",
    absent: "ReplicationConfigurationNotFoundError",
    fields: [
      {
        kind: "text",
        id: "role",
        path: ["Role"],
        label: "Role",
        hint: "AWS's clients send one; it has no effect here.",
      },
      {
        kind: "list",
        id: "rules",
        path: ["Rule"],
        label: "Rules",
        itemLabel: "rule",
        isRequired: true,
        initial: REPLICATION_RULE,
        fields: [
          { kind: "text", id: "name", path: ["ID"], label: "Name" },
          {
            kind: "number",
            id: "priority",
            path: ["Priority"],
            label: "Priority",
            hint: "Another number for each rule.",
            isRequired: true,
          },
          { kind: "text", id: "prefix", path: ["Filter", "Prefix"], label: "Keys that begin with", isKept: true },
          { kind: "choice", id: "status", path: ["Status"], label: "Status", options: STATUS },
          {
            kind: "choice",
            id: "existing",
            path: ["ExistingObjectReplication", "Status"],
            label: "Objects that exist already",
            options: options(["", "may be replicated on request"], "Enabled", "Disabled"),
          },
          {
            kind: "text",
            id: "destination",
            path: ["Destination", "Bucket"],
            label: "ARN of the destination",
            hint: "arn:aws:s3:::BUCKET, or arn:workers-s3:remote:::REMOTE/BUCKET",
            isRequired: true,
            pattern: ARN,
          },
          {
            kind: "choice",
            id: "storageClass",
            path: ["Destination", "StorageClass"],
            label: "Storage class",
            options: STORAGE_CLASSES,
          },
          {
            kind: "choice",
            id: "deletes",
            path: ["DeleteMarkerReplication", "Status"],
            label: "Deletions",
            options: STATUS,
          },
        ],
      },
    ],
    isDeletable: true,
  },
} satisfies Record<string, Omit<XmlSetting, "id" | "query">>;
