/** The queue of uploads, with an endpoint that the tests control. */
import { describe, expect, it } from "vitest";
import { ApiError, NetworkError } from "../../../console/src/api/errors.ts";
import { planParts, SINGLE_MAX_BYTES } from "../../../console/src/uploads/plan.ts";
import { MAX_REQUESTS, type Source, UploadQueue } from "../../../console/src/uploads/queue.ts";
import {
  formatCompletion,
  type SentPart,
  type Target,
  type Transport,
} from "../../../console/src/uploads/transport.ts";

const MIB = 1024 ** 2;

/** A file without its bytes. */
interface Sized extends Source<Sized> {}

function fileOf(size: number): Sized {
  return { size, slice: (start, end) => fileOf(end - start) };
}

const target = (key: string, keepsExisting = false): Target => ({
  bucket: "b",
  key,
  contentType: "text/plain",
  keepsExisting,
});

type Call = {
  readonly name: string;
  readonly signal?: AbortSignal;
  readonly settle: (error?: unknown) => Promise<void>;
};

/** An endpoint whose requests wait until the test settles them, or answer at once. */
function endpoint({ isManual = false, failures = new Map<string, unknown[]>() } = {}) {
  const calls: Call[] = [];
  const names: string[] = [];
  const completed: { key: string; parts: readonly SentPart[] }[] = [];
  let most = 0;
  let running = 0;
  const call = async (name: string, signal?: AbortSignal) => {
    names.push(name);
    most = Math.max(most, ++running);
    try {
      const failure = failures.get(name)?.shift();
      if (failure !== undefined) throw failure;
      if (!isManual) return await Promise.resolve();
      await new Promise<void>((resolve, reject) => {
        const settle = async (error?: unknown) => {
          if (error === undefined) resolve();
          else reject(error);
          await settled();
        };
        calls.push(signal === undefined ? { name, settle } : { name, signal, settle });
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    } finally {
      running--;
    }
  };
  const transport: Transport<Sized> = {
    put: ({ key }, { size }, { signal, onSent }) => {
      onSent(size / 2);
      return call(`put ${key}`, signal);
    },
    async create({ key }) {
      await call(`create ${key}`);
      return `id of ${key}`;
    },
    async putPart({ key }, { number, body }, { signal, onSent }) {
      onSent(body.size / 2);
      await call(`part ${key} ${number}`, signal);
      return `"${number}"`;
    },
    async complete({ key }, { parts }) {
      await call(`complete ${key}`);
      completed.push({ key, parts });
    },
    abort: ({ key }) => call(`abort ${key}`),
  };
  return { transport, calls, names, completed, mostAtOnce: () => most };
}

/** Lets everything happen that waits for nothing. */
async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) await new Promise((resolve) => setTimeout(resolve, 0));
}

function queueWith(options: Parameters<typeof endpoint>[0] = {}) {
  const server = endpoint(options);
  const queue = new UploadQueue<Sized>(server.transport, () => undefined);
  const add = (...files: readonly (readonly [key: string, size: number])[]) =>
    queue.add(files.map(([key, size]) => ({ target: target(key), file: fileOf(size) })));
  return { queue, add, ...server };
}

const error = (code: string, status = 400) => new ApiError({ status, code, message: "m" });

describe("the plan of a file", () => {
  it("small files are one request, large ones have parts of equal size", () => {
    expect(planParts(0)).toBeUndefined();
    expect(planParts(SINGLE_MAX_BYTES)).toBeUndefined();
    expect(planParts(20 * MIB)).toEqual([
      { number: 1, start: 0, end: 8 * MIB },
      { number: 2, start: 8 * MIB, end: 16 * MIB },
      { number: 3, start: 16 * MIB, end: 20 * MIB },
    ]);
  });

  it.each([1024 ** 3, 80_000 * MIB, 5 * 1024 ** 4])("%i bytes have at most 10,000 parts, without a gap", (size) => {
    const parts = planParts(size) ?? [];
    expect(parts.length).toBeLessThanOrEqual(10_000);
    expect(parts.at(-1)?.end).toBe(size);
    expect(parts.every(({ start }, index) => start === (parts[index - 1]?.end ?? 0))).toBe(true);
  });
});

describe("UploadQueue", () => {
  it("sends 2,000 files, a few at a time, each once", async () => {
    const { queue, add, names, mostAtOnce } = queueWith();
    add(...Array.from({ length: 2_000 }, (_none, index) => [`f${index}`, 10] as const));
    for (let round = 0; round < 100 && queue.view().isBusy; round++) await settled();
    expect(queue.view()).toMatchObject({ count: 2_000, finished: 2_000, sentBytes: 20_000, isBusy: false });
    expect(new Set(names).size).toBe(2_000);
    expect(names).toHaveLength(2_000);
    expect(mostAtOnce()).toBe(MAX_REQUESTS);
  });

  it("sends the parts of a large file at the same time, and completes it once, in their order", async () => {
    const { queue, add, calls, names, completed } = queueWith({ isManual: true });
    add(["big", 50 * MIB]);
    await settled();
    await calls[0]?.settle();
    expect(calls.slice(1).map(({ name }) => name)).toEqual([1, 2, 3, 4, 5].map((number) => `part big ${number}`));
    expect(queue.view().sentBytes).toBe(20 * MIB);
    for (const index of [5, 4, 3, 2, 1, 6, 7]) await calls[index]?.settle();
    expect(queue.view().isBusy).toBe(true);
    await calls[8]?.settle();
    expect(completed.map(({ parts }) => parts.map(({ number }) => number))).toEqual([[1, 2, 3, 4, 5, 6, 7]]);
    expect(names.filter((name) => name.startsWith("complete"))).toHaveLength(1);
    expect(queue.view()).toMatchObject({ finished: 1, sentBytes: 50 * MIB, isBusy: false });
  });

  it("a pause ends what runs, and a resume sends only what is not stored", async () => {
    const { queue, add, calls, completed } = queueWith({ isManual: true });
    add(["big", 24 * MIB], ["small", 5]);
    await settled();
    await calls.find(({ name }) => name === "create big")?.settle();
    await calls.find(({ name }) => name === "part big 2")?.settle();
    queue.pause();
    await settled();
    const before = calls.length;
    expect(queue.view()).toMatchObject({ isPaused: true, isBusy: true, sending: [], sentBytes: 8 * MIB });
    await settled();
    expect(calls).toHaveLength(before);

    queue.resume();
    await settled();
    expect(
      calls
        .slice(before)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["part big 1", "part big 3", "put small"]);
    for (const call of calls.slice(before)) await call.settle();
    await calls.at(-1)?.settle();
    expect(completed.map(({ key }) => key)).toEqual(["big"]);
    expect(queue.view()).toMatchObject({ finished: 2, isBusy: false });
  });

  it("a pause while an upload is begun, and a resume before that is answered, begins it once", async () => {
    const { queue, add, calls, names } = queueWith({ isManual: true });
    add(["big", 17 * MIB]);
    queue.pause();
    queue.resume();
    await settled();
    await calls[0]?.settle();
    expect(names.filter((name) => name === "create big")).toHaveLength(1);
    expect(names.filter((name) => name.startsWith("part")).sort()).toEqual(["part big 1", "part big 2", "part big 3"]);
  });

  it("a failure is of its file only, and a retry goes on with the parts that are left", async () => {
    const failures = new Map([["part big 2", [error("AccessDenied", 403)]]]);
    const { queue, add, names } = queueWith({ failures });
    add(["big", 17 * MIB], ["small", 5]);
    await settled();
    expect(queue.view()).toMatchObject({ finished: 1, failed: 1, isBusy: false });
    expect(queue.view().failures.map(({ target, error }) => [target.key, error])).toEqual([
      ["big", error("AccessDenied", 403)],
    ]);
    const before = names.length;
    queue.retry();
    await settled();
    expect(names.slice(before)).not.toContain("create big");
    expect(names.slice(before)).toContain("part big 2");
    expect(names.at(-1)).toBe("complete big");
    expect(queue.view()).toMatchObject({ finished: 2, failed: 0 });
  });

  it("a lost connection pauses all of them, instead of failing one after another", async () => {
    const failures = new Map([["put f2", [new NetworkError(undefined)]]]);
    const { queue, add, names } = queueWith({ failures });
    add(...Array.from({ length: 50 }, (_none, index) => [`f${index}`, 1] as const));
    await settled();
    const { isPaused, failed, pauseReason } = queue.view();
    expect([isPaused, failed, pauseReason]).toEqual([true, 0, expect.any(NetworkError)]);
    expect(names.length).toBeLessThan(50);
    queue.resume();
    for (let round = 0; round < 10 && queue.view().isBusy; round++) await settled();
    expect(queue.view()).toMatchObject({ finished: 50, failed: 0, isPaused: false, pauseReason: undefined });
  });

  it.each(["part big 1", "complete big"])(
    "an upload that no longer exists at %s starts from its beginning when it is tried again",
    async (call) => {
      const failures = new Map([[call, [error("NoSuchUpload", 404)]]]);
      const { queue, add, names, completed } = queueWith({ failures });
      add(["big", 17 * MIB]);
      await settled();
      queue.retry();
      await settled();
      expect(names.filter((name) => name === "create big")).toHaveLength(2);
      expect(completed).toMatchObject([{ parts: [{ number: 1 }, { number: 2 }, { number: 3 }] }]);
    },
  );

  it("objects that exist are kept if asked to, and an upload that is of no use is aborted", async () => {
    const exists = () => [error("PreconditionFailed", 412)];
    const failures = new Map([
      ["put small", exists()],
      ["complete big", exists()],
    ]);
    const { queue, names } = queueWith({ failures });
    queue.add([
      { target: target("small", true), file: fileOf(5) },
      { target: target("big", true), file: fileOf(17 * MIB) },
    ]);
    await settled();
    expect(queue.view()).toMatchObject({ finished: 2, kept: 2, failed: 0, isBusy: false });
    expect(names.at(-1)).toBe("abort big");
  });

  it("a cancellation ends all requests, aborts what was begun, and sends nothing more", async () => {
    const { queue, add, calls, names } = queueWith({ isManual: true });
    add(["big", 24 * MIB], ...Array.from({ length: 10 }, (_none, index) => [`f${index}`, 1] as const));
    await settled();
    await calls.find(({ name }) => name === "create big")?.settle();
    queue.cancel();
    await settled();
    expect(queue.view()).toMatchObject({ count: 0, isBusy: false });
    expect(names.filter((name) => name.startsWith("abort"))).toEqual(["abort big"]);
    expect(calls.filter(({ name, signal }) => /^p/.test(name) && !signal?.aborted)).toEqual([]);
  });

  it("an upload that is cancelled while it is begun is aborted when its id is known", async () => {
    const { queue, add, calls, names } = queueWith({ isManual: true });
    add(["big", 24 * MIB]);
    await settled();
    queue.cancel();
    await calls[0]?.settle();
    expect(names).toEqual(["create big", "abort big"]);
  });

  it("what is finished is forgotten with the next files, what failed is not", async () => {
    const failures = new Map([["put bad", [error("AccessDenied", 403)]]]);
    const { queue, add } = queueWith({ failures });
    add(["good", 1], ["bad", 1]);
    await settled();
    add(["next", 1]);
    await settled();
    expect(queue.view()).toMatchObject({ count: 2, finished: 1, failed: 1 });
    queue.clear();
    expect(queue.view().count).toBe(0);
  });

  it("what is stored of an upload that failed is deleted when its failure is closed", async () => {
    const failures = new Map([["part big 2", [error("AccessDenied", 403)]]]);
    const { queue, add, names } = queueWith({ failures });
    add(["big", 17 * MIB]);
    await settled();
    queue.clear();
    expect([names.at(-1), queue.view().count]).toEqual(["abort big", 0]);
  });
});

it("CompleteMultipartUpload names numbers and entity tags", () => {
  expect(formatCompletion([{ number: 1, etag: '"a"' }])).toBe(
    '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><PartNumber>1</PartNumber>' +
      "<ETag>&quot;a&quot;</ETag></Part></CompleteMultipartUpload>",
  );
});
