/** The documents that S3 keeps for a bucket, and the fields of their forms. */
import type { Field } from "./fields.ts";
import { RULE_SETTINGS } from "./rule-settings.ts";
import { options, type XmlSetting } from "./xml-setting.ts";

const BUCKET_NAME = { regex: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, message: "This cannot be the name of a bucket." };

const SETTINGS: Readonly<Record<string, Omit<XmlSetting, "id" | "query">>> = {
  versioning: {
    label: "Versioning",
    about:
      "With versioning, overwritten and deleted objects are kept as versions. It can be suspended, and never be switched off again.",
    root: "VersioningConfiguration",
    fields: [
      {
        kind: "choice",
        id: "status",
        path: ["Status"],
        label: "Versioning",
        options: options(["", "Never enabled"], "Enabled", "Suspended"),
      },
    ],
    isDeletable: false,
  },
  ...RULE_SETTINGS,
  logging: {
    label: "Access logs",
    about: "Writes a line for each request to this bucket into objects of another one.",
    root: "BucketLoggingStatus",
    fields: [
      {
        kind: "text",
        id: "bucket",
        path: ["LoggingEnabled", "TargetBucket"],
        label: "Bucket for the logs",
        hint: "Empty: no logs.",
        pattern: BUCKET_NAME,
      },
      {
        kind: "text",
        id: "prefix",
        path: ["LoggingEnabled", "TargetPrefix"],
        label: "Prefix of their keys",
        isKept: true,
        onlyWith: "bucket",
      },
    ],
    isDeletable: false,
  },
  encryption: {
    label: "Encryption",
    about: "How objects are encrypted whose upload names no encryption.",
    root: "ServerSideEncryptionConfiguration",
    absent: "ServerSideEncryptionConfigurationNotFoundError",
    fields: [
      {
        kind: "choice",
        id: "algorithm",
        path: ["Rule", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"],
        label: "Encryption",
        options: options(
          ["AES256", "AES256, with keys of the platform"],
          ["aws:kms", "aws:kms, with a key of the deployment"],
        ),
        isRequired: true,
      },
      {
        kind: "text",
        id: "key",
        path: ["Rule", "ApplyServerSideEncryptionByDefault", "KMSMasterKeyID"],
        label: "Id or ARN of the key",
        hint: "For aws:kms. Empty: the account's default key.",
      },
      {
        kind: "flag",
        id: "bucketKey",
        path: ["Rule", "BucketKeyEnabled"],
        label: "Bucket key",
        on: "true",
        off: "false",
      },
    ],
    isDeletable: true,
  },
  publicAccessBlock: {
    label: "Public access block",
    about: "Keeps the bucket private, whatever its policy and ACLs say.",
    root: "PublicAccessBlockConfiguration",
    absent: "NoSuchPublicAccessBlockConfiguration",
    fields: (
      [
        ["BlockPublicAcls", "Refuse new public ACLs"],
        ["IgnorePublicAcls", "Ignore public ACLs"],
        ["BlockPublicPolicy", "Refuse a public policy"],
        ["RestrictPublicBuckets", "Let only the account use a bucket with a public policy"],
      ] as const
    ).map(([name, label]): Field => ({ kind: "flag", id: name, path: [name], label, on: "true", off: "false" })),
    isDeletable: true,
  },
  ownershipControls: {
    label: "Object ownership",
    about: "Who owns objects that other accounts upload, and whether ACLs count.",
    root: "OwnershipControls",
    absent: "OwnershipControlsNotFoundError",
    fields: [
      {
        kind: "choice",
        id: "ownership",
        path: ["Rule", "ObjectOwnership"],
        label: "Object ownership",
        options: options(
          ["BucketOwnerEnforced", "BucketOwnerEnforced: ACLs are off"],
          ["BucketOwnerPreferred", "BucketOwnerPreferred: with the ACL bucket-owner-full-control"],
          ["ObjectWriter", "ObjectWriter: the account that uploads"],
        ),
        isRequired: true,
      },
    ],
    isDeletable: true,
  },
  "object-lock": {
    label: "Object lock",
    about: "The retention of new versions, in a bucket that was created with object lock.",
    root: "ObjectLockConfiguration",
    absent: "ObjectLockConfigurationNotFoundError",
    fields: [
      {
        kind: "choice",
        id: "enabled",
        path: ["ObjectLockEnabled"],
        label: "Object lock",
        options: options(["Enabled", "Enabled, for ever"]),
        isRequired: true,
      },
      {
        kind: "choice",
        id: "mode",
        path: ["Rule", "DefaultRetention", "Mode"],
        label: "Default retention",
        options: options(["", "none"], "GOVERNANCE", "COMPLIANCE"),
      },
      {
        kind: "number",
        id: "days",
        path: ["Rule", "DefaultRetention", "Days"],
        label: "for days",
        least: 1,
        onlyWith: "mode",
      },
      {
        kind: "number",
        id: "years",
        path: ["Rule", "DefaultRetention", "Years"],
        label: "or for years",
        least: 1,
        onlyWith: "mode",
      },
    ],
    isDeletable: false,
  },
  tagging: {
    label: "Tags",
    about: "Names and values of your own for the bucket.",
    root: "Tagging",
    absent: "NoSuchTagSet",
    fields: [
      {
        kind: "list",
        id: "tags",
        path: ["TagSet", "Tag"],
        label: "Tags",
        itemLabel: "tag",
        isRequired: true,
        fields: [
          { kind: "text", id: "key", path: ["Key"], label: "Key", isRequired: true },
          { kind: "text", id: "value", path: ["Value"], label: "Value", isKept: true },
        ],
      },
    ],
    isDeletable: true,
  },
};

export const XML_SETTINGS: readonly XmlSetting[] = Object.entries(SETTINGS).map(([id, setting]) => ({
  ...setting,
  id,
  query: id,
}));
