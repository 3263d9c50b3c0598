/** What the figures of requests should reach. A target that is missed fails nothing: it is reported. */
import type { Target } from "./results.ts";

export interface CaseTargets {
  /** Requests a second as a ratio to those of the floor. */
  readonly floor?: Target;
  /** CPU time of a request above that of the floor, in ms. */
  readonly cpuAboveMs?: Target;
  readonly dev?: Target;
  readonly moto?: Target;
  readonly s3rver?: Target;
}

const ahead = { atLeast: 1 };

export const CASE_TARGETS: Readonly<Record<string, CaseTargets>> = {
  "GET 1 KiB": {
    floor: { atLeast: 0.9 },
    cpuAboveMs: { atMost: 0.2 },
    dev: { atLeast: 3 },
    moto: ahead,
    s3rver: { atLeast: 0.65 },
  },
  "HEAD 1 KiB": {
    floor: { atLeast: 0.9 },
    cpuAboveMs: { atMost: 0.15 },
    dev: { atLeast: 3 },
    moto: ahead,
    s3rver: { atLeast: 0.75 },
  },
  "PUT 1 KiB": { floor: { atLeast: 0.85 }, cpuAboveMs: { atMost: 0.5 }, dev: { atLeast: 2.5 }, moto: ahead },
  DELETE: { floor: { atLeast: 0.85 }, cpuAboveMs: { atMost: 0.2 }, dev: { atLeast: 3 }, moto: ahead },
  "list of 1,000 keys": {
    floor: { atLeast: 0.9 },
    cpuAboveMs: { atMost: 3 },
    dev: { atLeast: 1.8 },
    moto: ahead,
    s3rver: ahead,
  },
  "GET 8 MiB": { floor: { atLeast: 0.95 }, moto: ahead, s3rver: ahead },
  "range of 1 MiB": { floor: { atLeast: 0.95 }, moto: ahead },
  "PUT 8 MiB, unsigned": { floor: { atLeast: 0.97 } },
  "PUT 8 MiB, CRC32 trailer": { floor: { atLeast: 0.9 } },
  "PUT 8 MiB, CRC64NVME trailer": { floor: { atLeast: 0.9 } },
};

/** The cases with a target for `npm start` against `npm run dev`. */
export const DEV_CASES: readonly string[] = Object.entries(CASE_TARGETS)
  .filter(([, { dev }]) => dev !== undefined)
  .map(([name]) => name);

/**
 * What profiles say about a request or a section, by its name. It is on the page while a target of that name is missed.
 * Profiles come from workerd's inspector, under the load of the case.
 */
export const NOTES: Readonly<Record<string, string>> = {
  "GET 1 KiB":
    "All but about 20 µs of what is above the floor is the JavaScript between the socket and R2's binding and back: a third of it verifies the signature, a sixth is garbage collection, an eighth makes the response. In a loop of one isolate the same code takes a third of the time; here the simulator of R2 runs in between, and the processor's caches are cold.",
  "HEAD 1 KiB":
    "As GET. A Worker that makes the same call of R2 and the same headers without looking at the request is within 0.02 ms of the floor. In such a loop a HEAD takes 65 µs of CPU in all.",
  "PUT 1 KiB": "As GET, and the checksum that S3 adds, the record of the entry, and the random ids of both.",
  DELETE: "As GET.",
  "PUT 8 MiB, CRC64NVME trailer":
    "The checksum takes 4 to 6 ms of CPU, and the object is two puts of R2: its bytes, and once the trailer is verified, its entry.",
  "PUT 8 MiB, CRC32 trailer": "As CRC64NVME, with a checksum that takes less than 1 ms.",
  "list of 1,000 keys":
    "R2's own call is 2 % of the Worker's CPU. The rest is reading the rows, whose properties R2 computes at each access, and the XML.",
  Start:
    "Of the evaluation, about 18 ms are V8's parser, which reads every byte of the bundle once, and 7 ms the modules of the runtime that it imports. Only less code would change that.",
  "Memory above the floor":
    "About 32 MiB are taken before the first request: the Worker is larger than the floor. Bodies in chunks pass through JavaScript, in pieces of 256 KiB, and the runtime returns little of what it has once taken.",
  Events:
    "An event takes the write itself, a row in D1, a message, its fan-out, and one HTTP request with an RSA signature of its own: about 5 ms of CPU of the local runtime, of which 2.2 ms are the write and 0.9 ms the signature. Several events in one request would be faster, but receivers that read only the first one would lose the others.",
};
