/** What a batch sends holds few of an invocation's six connections, so that no short call waits for minutes. */
import { expect, it } from "vitest";
import { MIB, noise, putMultipart } from "../../support/multipart.ts";
import { interceptEnv } from "../../support/platform/intercept.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

it("a batch of replications sends the blobs of large objects with at most four calls at a time", async () => {
  let sending = 0;
  let most = 0;
  const base = interceptEnv(testEnv, async (call, make) => {
    if (call.binding !== "STORE_EU_WEST_1" || call.method !== "put") return make();
    most = Math.max(most, ++sending);
    await scheduler.wait(30);
    sending--;
    throw new Error("put: Service unavailable (10043)");
  });
  const world = replicator(base);
  const { env } = world;
  const [source, target] = [await createBucket(), `target-${Date.now()}`];
  const body =
    "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
  expect((await send({ method: "PUT", bucket: target, body })).status).toBe(200);
  await putMultipart({ bucket: source, key: "0" }, [noise(5 * MIB), noise(4 * MIB)]);
  await configureReplication(source, { destination: arn(target) });
  for (const key of ["1", "2", "3"]) {
    const headers = { "x-amz-copy-source": `/${source}/0` };
    expect((await send({ method: "PUT", bucket: source, key, headers, env })).status).toBe(200);
  }
  await world.spread();
  expect(world.wakes).toHaveLength(3);
  await world.replicate();
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
});
