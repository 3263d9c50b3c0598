/** Writes docs/scale.md: computed tables in a text about ceilings and growth. Pure. */
import { formatNumber, formatPage, formatTable } from "../markdown.ts";
import type { Results } from "../results.ts";
import { type Bill, billOf, billOfR2, billOfS3, cpuMsOf, priceOfMillion } from "./bill.ts";
import { type BilledOperation, type BilledUnits, UNITS } from "./billed-units.ts";
import { CLOUDFLARE, SOURCES } from "./prices.ts";
import {
  type CpuBasis,
  SWEEP_CALLS_PER_RUN,
  SWEEP_PASSES_PER_DAY,
  SWEPT_OBJECTS_PER_DAY,
  WORKLOADS,
} from "./workloads.ts";

/** The requests whose CPU time `npm run bench` measures. */
const CPU_OF: Readonly<Partial<Record<BilledOperation, CpuBasis>>> = {
  "GetObject, HeadObject": { request: "GET 1 KiB" },
  PutObject: { request: "PUT 1 KiB" },
  "DeleteObject, DeleteObjects of 1,000 keys": { request: "DELETE" },
  "ListObjects, page of 1,000 plain objects": { request: "list of 1,000 keys" },
};

const NOT_REQUESTS: readonly BilledOperation[] = [
  "sweeps of 10 minutes, two regions, nothing stored",
  "sweeps of a minute, nothing stored",
  "run of the lifecycle, no bucket with rules",
  "run of inventories and usage, nothing due",
  "start of a run of a schedule, in addition",
  "sweep of an object uploaded in parts",
  "first request of an isolate, in addition",
  "object of an access log: the lines of a bucket in 30 seconds",
];

const BILLION = 1e9;

export function formatScale(results: Results): string {
  return formatPage([
    INTRODUCTION,
    "## What a request is billed",
    UNITS_TEXT,
    formatUnits(results),
    "## What a month costs",
    formatSources(),
    formatWorkloads(),
    formatBills(results),
    BILLS_TEXT,
    "## The first ceilings",
    CEILINGS,
    "## A billion objects",
    formatGrowth(),
  ]);
}

const INTRODUCTION = `# Scale and cost

What requests cost on Cloudflare, where the first limit of each part is, and how a deployment grows. \`npm run bench:cost\` computes the
tables of this page; a test counts the units in the Worker and compares. Nothing here was billed to an account.`;

const UNITS_TEXT = `The units that one request causes in an isolate that knows the key and the bucket, in addition to the request itself. Class A is
a put or a list of R2, class B a get or a head; deletes are free. A message of a queue is billed as a write, a read and a delete.
CPU is that of the Worker above a Worker that only passes requests on, from [performance.md](performance.md), and at least 0.1 ms.
The last column is the price of a million beyond what the plan includes.`;

function formatUnits(results: Results): string {
  const names = Object.keys(UNITS) as BilledOperation[];
  return formatTable(
    [
      ...["", "R2 A, B", "D1 rows read, written", "Durable Object calls; rows read, written"],
      ...["queue messages", "CPU, ms", "a million, $"],
    ],
    names.map((name) => {
      const units: BilledUnits = UNITS[name];
      const basis = CPU_OF[name];
      const cpu = basis && cpuMsOf(results, basis);
      const rows = `${units.objectRowsRead}, ${units.objectRowsWritten}`;
      return [
        name,
        pair(units.classA, units.classB),
        pair(units.d1RowsRead, units.d1RowsWritten),
        units.objectCalls === 0 ? "" : `${units.objectCalls}; ${rows}`,
        units.queueMessages === 0 ? "" : String(units.queueMessages),
        cpu === undefined ? "" : cpu.toFixed(1),
        priceOfMillion(units, cpu ?? 0, !NOT_REQUESTS.includes(name)).toFixed(2),
      ];
    }),
  );
}

function pair(first: number, second: number): string {
  return first + second === 0 ? "" : `${first}, ${second}`;
}

function formatSources(): string {
  const list = SOURCES.map(({ name, url, asOf }) => `- ${name}: <${url}>, ${asOf}`);
  return `Prices, in US dollars, without taxes and discounts, with the month they were read:\n\n${list.join("\n")}`;
}

function formatWorkloads(): string {
  return WORKLOADS.map(({ name, assumes }) => `- **${name}.** ${assumes}`).join("\n");
}

function formatBills(results: Results): string {
  const parts: readonly (readonly [string, keyof Bill])[] = [
    ["storage", "storage"],
    ["R2 calls", "r2Operations"],
    ["Worker", "workers"],
    ["D1", "d1"],
    ["Durable Objects", "durableObjects"],
    ["queues", "queues"],
    ["**this deployment**", "total"],
  ];
  return formatTable(
    ["a month, $", ...parts.map(([label]) => label), "R2 itself", "Amazon S3"],
    WORKLOADS.map((workload) => {
      const bill = billOf(workload, results);
      const cells = parts.map(([, name]) => dollars(bill[name]));
      return [workload.name, ...cells, dollars(billOfR2(workload)), dollars(billOfS3(workload))];
    }),
  );
}

function dollars(amount: number): string {
  return amount < 100 ? amount.toFixed(2) : Math.round(amount).toLocaleString("en-US");
}

const BILLS_TEXT = `"R2 itself" is the same work on R2's own endpoint, which has no events to URLs, no policies and no accounts. The difference is
the price of the Worker: mostly $${(CLOUDFLARE.requests.each * 1e6).toFixed(2)} for a million requests. An event is counted as a request,
though consumers take many in one call. S3 is without its deliveries of events. What S3 costs more is
egress for the website and the image store, and storage for the other two.`;

const CEILINGS = `| part | first ceiling | what happens there | what helps |
|-|-|-|-|
| R2, one key | about 1 write a second | 503 \`SlowDown\`, and clients repeat the request | more keys; reads have no such limit |
| R2, one bucket | no documented rate of requests; no limit of objects | | another region (\`STORE_<NAME>\`) is another R2 bucket |
| request body | 100 MB on Free and Pro, 200 MB on Business, more on Enterprise | 413 by Cloudflare, before the Worker sees the request | uploads in parts |
| Worker, memory | 128 MB for all requests of an isolate | the isolate is ended with all its requests | bodies are streamed: no request holds more than a few MiB |
| Worker, CPU | 10 ms on the Free plan; 30 s on Paid, up to 5 minutes by setting | the request is ended | on Free, about 10 MB signed with SHA-256 in one request |
| Worker, calls | 1,000 on Free, 10,000 on Paid for one request; 6 at a time until they answer | a listing ends its page early; an object of 10,000 parts read whole needs \`limits.subrequests\` | larger parts |
| D1, queries | one thread: about 1,000 short queries a second | "overloaded", which becomes 503 \`SlowDown\` | a longer \`CONFIG_TTL_SECONDS\`; fewer changes under rules |
| D1, size | 10 GB | changes of settings, keys and uploads fail, and writes under rules; other objects are still read and written | rows are about 1 KB: millions of buckets and keys |
| Durable Object of an upload | about 1,000 calls a second, for one upload | "overloaded", which becomes 503 \`SlowDown\` | each upload has its own object |
| Queues | 5,000 messages a second for a queue; 128 KB for a message | the change stays in D1 and a sweep sends it within minutes; long messages are split | nothing is lost; events are late |
| sweep of blobs | ${SWEEP_CALLS_PER_RUN.toLocaleString("en-US")} calls in ten minutes: ${(SWEPT_OBJECTS_PER_DAY / 1e6).toFixed(1)} million current objects above 1 MiB or in parts a day, or half as many noncurrent versions | blobs of overwritten and deleted large objects are stored, and billed, for longer | |

An isolate reads a key and a bucket from D1 once in \`CONFIG_TTL_SECONDS\` (5): 1,000 queries a second serve about 5,000 isolates that are
busy at the same time, with any rate of requests each. A change under a rule is one query before the answer and others in the consumers: a
few hundred a second are the ceiling of events.`;

function formatGrowth(): string {
  const listCalls = BILLION / 1_000;
  const listDollars = listCalls * CLOUDFLARE.classA.each;
  const partsDollars =
    ((BILLION * UNITS["ListObjects, page of 1,000 objects uploaded in parts"].classA) / 1_000) * CLOUDFLARE.classA.each;
  const years = BILLION / SWEPT_OBJECTS_PER_DAY / 365;
  const putDollars = BILLION * (CLOUDFLARE.classA.each + CLOUDFLARE.requests.each);
  return `R2 is the index of objects, so their number changes nothing in D1: it has a row for each account, key, bucket and setting, each open
upload, and each change that is still to be sent. A read or write of one object is the same R2 call among a billion as among ten.

- **To write them** costs ${dollars(putDollars)} dollars, in any order and at any rate: nothing on the path is shared.
- **To list them all** takes ${(listCalls / 1e6).toFixed(0)} million pages, ${dollars(listDollars)} dollars, one page after the other within a prefix; several prefixes can be listed at
  the same time. A page is as many calls at any depth. If all were uploaded in parts, ${dollars(partsDollars)} dollars: then a page of the simulator needs 11 calls.
- **Uploads in parts and copies** have a Durable Object each, with its own database of about 12 KB: a billion of them are ${formatNumber((BILLION * 12e3) / 1e12)} TB, at
  $0.20 a GB ${dollars(((BILLION * 12e3) / 1e9) * 0.2)} dollars a month. Small objects have none.
- **The sweep of blobs** goes through the objects that have any, in the order they were made: those uploaded in parts, and large ones
  whose checksum came last or that are versions. It makes ${SWEEP_CALLS_PER_RUN.toLocaleString("en-US")} calls in ten minutes, one for each current object and mostly two for
  another version. With a million it comes round in ${formatNumber((1e6 / SWEPT_OBJECTS_PER_DAY) * 24)} hours, with a billion in ${years.toFixed(1)} years: then the blobs of what is deleted
  stay, and are billed, until it gets there. With few objects it comes round ${SWEEP_PASSES_PER_DAY} times in \`BLOB_GRACE_HOURS\`. On the Free plan, which allows
  1,000 calls in a run, it takes about ten times as long. Aborted uploads and replaced parts are deleted at once and do not wait for it.
- **Several regions** are several R2 buckets with a binding \`STORE_<NAME>\` each ([deploy.md](deploy.md#more-regions)); a bucket is in one of them. They
  share D1 and the Worker, and the calls of a sweep.
- **Several deployments** are independent of each other. [Replication](replication.md) copies between them.`;
}
