import { describe, expect, it } from "vitest";
import { newWriteId } from "../../../../src/model/random-ids.ts";
import { issueTicket } from "../../../../src/storage/journal/ticket.ts";
import { BlobSets } from "../../../../src/storage/uploads/blob-sets.ts";
import {
  FIRST_MESSAGE_VERSION,
  MESSAGE_VERSION,
  VERSIONED_MESSAGE_VERSION,
} from "../../../../src/storage/uploads/messages.ts";

/** The versions that calls to Durable Objects state. */
function stating() {
  const versions: unknown[] = [];
  const stub = new Proxy(
    {},
    {
      get:
        () =>
        async (...parameters: unknown[]) => {
          versions.push(parameters.at(-1));
          return { ok: true, value: undefined };
        },
    },
  );
  const namespace = { getByName: () => stub } as unknown as ConstructorParameters<typeof BlobSets>[0];
  return { blobSets: new BlobSets(namespace), versions };
}

const completion = { request: { parts: [] }, ticket: issueTicket({ writeId: newWriteId() }) };

describe("a call to an object whose code is from before versions", () => {
  it.each(["Enabled", "Suspended"] as const)(
    "is refused if it completes an upload where versions are kept (%s), so that none is overwritten",
    async (versioning) => {
      const { blobSets, versions } = stating();
      await blobSets.complete("set", { ...completion, versioning });
      expect(versions).toEqual([VERSIONED_MESSAGE_VERSION]);
      expect(VERSIONED_MESSAGE_VERSION).toBeGreaterThan(FIRST_MESSAGE_VERSION);
    },
  );

  it("is refused if it sweeps, so that the blobs of noncurrent versions stay", async () => {
    const { blobSets, versions } = stating();
    await blobSets.sweep({ blobSetId: "set", region: "us-east-1", now: 0, graceMs: 0 });
    expect(versions).toEqual([VERSIONED_MESSAGE_VERSION]);
  });

  it("is understood otherwise", async () => {
    const { blobSets, versions } = stating();
    await blobSets.complete("set", completion);
    await blobSets.listParts("set", { after: 0, limit: 1 });
    await blobSets.addReference("set", { region: "us-east-1", entry: "entry" });
    await blobSets.abort("set");
    expect(versions).toEqual(Array.from({ length: 4 }, () => FIRST_MESSAGE_VERSION));
  });
});

describe("a call to an object whose code is from before encryption", () => {
  it.each([undefined, "Enabled"] as const)(
    "is refused if it completes an encrypted upload, whose entry names the key (versioning %s)",
    async (versioning) => {
      const { blobSets, versions } = stating();
      await blobSets.complete("set", { ...completion, ...(versioning && { versioning }), isEncrypted: true });
      expect(versions).toEqual([MESSAGE_VERSION]);
      expect(MESSAGE_VERSION).toBeGreaterThan(VERSIONED_MESSAGE_VERSION);
    },
  );
});
