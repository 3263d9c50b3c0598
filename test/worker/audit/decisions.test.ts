/** Every operation that changes something is in these lists, with what the audit does about it. */
import { describe, expect, it } from "vitest";
import { ADMIN_ROUTES } from "../../../src/admin/router.ts";
import {
  type AuditDecision,
  DECIDED_ROUTES,
  decideAction,
  decideRoute,
  decideS3,
} from "../../../src/audit/decisions.ts";
import { IAM_ACTIONS, STS_ACTIONS } from "../../../src/iam/actions/index.ts";
import { OPERATION_NAMES } from "../../../src/protocol/operation-name.ts";
import { SNS_ACTIONS } from "../../../src/sns/actions/index.ts";

type Decisions = Readonly<Partial<Record<AuditDecision, string>>>;

const S3: Decisions = {
  granting: "PutObject PostObject CopyObject CreateMultipartUpload",
  bypassing: "DeleteObject DeleteObjects",
  none: `RenameObject RestoreObject SelectObjectContent AbortMultipartUpload CompleteMultipartUpload UploadPart UploadPartCopy
    DeleteObjectAnnotation DeleteObjectTagging PutObjectAnnotation PutObjectTagging OptionsPreflight`,
  change: `CreateBucket CreateSession DeleteBucket UpdateObjectEncryption PutObjectAcl PutObjectLegalHold PutObjectRetention
    DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption DeleteBucketIntelligentTieringConfiguration
    DeleteBucketInventoryConfiguration DeleteBucketLifecycle DeleteBucketMetricsConfiguration DeleteBucketOwnershipControls
    DeleteBucketPolicy DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite DeletePublicAccessBlock PutBucketAbac
    PutBucketAccelerateConfiguration PutBucketAcl PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption
    PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketLifecycleConfiguration PutBucketLogging
    PutBucketMetricsConfiguration PutBucketNotificationConfiguration PutBucketOwnershipControls PutBucketPolicy
    PutBucketReplication PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutObjectLockConfiguration
    PutPublicAccessBlock CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration
    DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration TagResource UntagResource`,
};

const ACTIONS: Decisions = {
  none: "sts:GetCallerIdentity sns:Publish",
  change: `iam:CreateUser iam:UpdateUser iam:DeleteUser iam:CreateAccessKey iam:UpdateAccessKey iam:DeleteAccessKey
    iam:PutUserPolicy iam:DeleteUserPolicy iam:DeleteLoginProfile sts:GetSessionToken sts:GetFederationToken sns:CreateTopic
    sns:DeleteTopic sns:SetTopicAttributes sns:AddPermission sns:RemovePermission sns:Subscribe sns:ConfirmSubscription
    sns:Unsubscribe sns:SetSubscriptionAttributes`,
};

/** Each route that is no GET; `src/audit/decisions.ts` has the same. */
const ROUTES_WITHOUT_LINES = [
  "POST /-/admin/rebuild/markers",
  "DELETE /-/admin/config/exports/:exportId",
  "POST /-/admin/probes",
  "DELETE /-/admin/probes/:id",
];

const words = (text = "") => text.split(/\s+/).filter((word) => word !== "");
const isRead = (name: string) => /^(?:Get|Head|List)/.test(name);

function expectDecided(decisions: Decisions, decide: (name: string) => AuditDecision): void {
  for (const [decision, names] of Object.entries(decisions)) {
    for (const name of words(names)) expect([name, decide(name)]).toEqual([name, decision]);
  }
}

describe("the audit has a decision about", () => {
  it("every operation of S3 and S3 Control that is no read", () => {
    const decided = Object.values(S3).flatMap(words);
    expect(OPERATION_NAMES.filter((name) => !isRead(name) && !decided.includes(name))).toEqual([]);
    expectDecided(S3, decideS3);
    for (const method of ["GET", "HEAD", "OPTIONS"]) expect(decideS3(method)).toBe("none");
    expect(OPERATION_NAMES.filter(isRead).filter((name) => decideS3(name) !== "none")).toEqual([]);
  });

  it("every action of IAM, STS and SNS that is no read", () => {
    const offered = Object.entries({ iam: IAM_ACTIONS, sts: STS_ACTIONS, sns: SNS_ACTIONS }).flatMap(
      ([service, actions]) => [...actions.keys()].map((name) => `${service}:${name}`),
    );
    const decided = Object.values(ACTIONS).flatMap(words);
    const isPlainRead = (name: string) => /^(?:iam|sns):(?:Get|List)/.test(name);
    expect(offered.filter((name) => !isPlainRead(name) && !decided.includes(name))).toEqual([]);
    expect(decided.filter((name) => !offered.includes(name))).toEqual([]);
    expectDecided(ACTIONS, decideAction);
    expect(offered.filter(isPlainRead).filter((name) => decideAction(name) !== "none")).toEqual([]);
  });

  it("every route of the admin API that is no GET", () => {
    const changing = ADMIN_ROUTES.filter((name) => !/^(?:GET|ALL) /.test(name));
    expect(changing.length).toBeGreaterThan(20);
    expect(changing.filter((name) => !DECIDED_ROUTES.includes(name))).toEqual([]);
    expect(DECIDED_ROUTES.filter((name) => !ADMIN_ROUTES.includes(name))).toEqual([]);
    expect(changing.filter((name) => decideRoute(name).decision === "none").sort()).toEqual(
      [...ROUTES_WITHOUT_LINES].sort(),
    );
  });

  it("what has no decision yet: it is a change, and shows no field of its body", () => {
    expect(decideS3("PutBucketNovelty")).toBe("change");
    expect(decideAction("iam:CreateNovelty")).toBe("change");
    expect(decideRoute("POST /-/admin/novelties")).toEqual({
      operation: "POST /-/admin/novelties",
      decision: "change",
      fields: [],
    });
  });
});
