/**
 * The order of test files. Vitest starts large files first, but the longest ones are not large: they wait, start programs, or repeat
 * much with a few lines. One of them at the end of a run leaves the other workers idle.
 *
 * The project that starts programs comes first: while those wait, workers that have become free load the Worker for the next project.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const PROJECTS = ["clients", "worker", "unit"];

/** Below `test`, the longest first. Others follow in Vitest's order. */
const LONGEST = [
  "clients/notifications.test.ts",
  "clients/boto3.test.ts",
  "worker/delivery/isolation.test.ts",
  "worker/model/histories.test.ts",
  "worker/security/attack-matrix.test.ts",
  "worker/replication/own-buckets.test.ts",
  "worker/replication/failures.test.ts",
  "worker/events/version-crashes.test.ts",
  "worker/storage/upload-versions.test.ts",
  "worker/billed-units.test.ts",
  "worker/usage/quotas.test.ts",
  "worker/operations/bucket-notification-configuration.test.ts",
  "worker/operations/update-object-encryption.test.ts",
  "worker/inventory/runs.test.ts",
  "unit/access/second-authorizer.test.ts",
  "e2e/docs.test.ts",
  "deploy/removal.test.ts",
  "deploy/first-and-update.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rankOfProject(a) - rankOfProject(b) || rankOfFile(a) - rankOfFile(b));
  }
}

function rankOfProject({ project }: TestSpecification): number {
  return PROJECTS.indexOf(project.name);
}

function rankOfFile({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((file) => moduleId.endsWith(`/test/${file}`));
  return rank < 0 ? LONGEST.length : rank;
}
