/**
 * Memory of workerd under concurrent large requests: how much more than the floor takes for the same bytes. Each kind of request
 * gets a server of its own, because workerd returns little of what it has once taken.
 */
import { randomBytes } from "node:crypto";
import { BUCKET, MiB } from "./cases.ts";
import { HttpClient, makeSigner, type PreparedRequest, serialize } from "./http-client.ts";
import { completeUpload, createUpload } from "./large.ts";
import { applyLoad, inParallel } from "./load.ts";
import { signedChunks, signedPayload, type Upload, unsigned, withTrailer } from "./payload-modes.ts";
import { peakBytesOf } from "./processes.ts";
import type { Figure } from "./results.ts";
import type { Bench, Section } from "./section.ts";
import { type OurServer, type Server, startFloor, startOurs } from "./servers.ts";

const CONNECTIONS = 16;
const BLOCK = randomBytes(64 * 1024);
const PART_MIB = 64;
/** Above the floor, in MiB. */
const TARGET = { atMost: 64 };

export const MEMORY_SECTION: Section = { name: "Memory above the floor", run: measureMemory };

interface Client {
  readonly server: OurServer;
  readonly sign: ReturnType<typeof makeSigner>;
  readonly credentials: OurServer;
}

type Frame = (upload: Upload, client: Client) => Promise<PreparedRequest>;

const MODES: Readonly<Record<string, Frame>> = {
  unsigned: (upload, { sign }) => unsigned(upload, sign),
  "signed SHA-256": (upload, { sign }) => signedPayload(upload, sign),
  "CRC32 trailer": (upload, { sign }) => withTrailer(upload, sign, "CRC32"),
  "CRC64NVME trailer": (upload, { sign }) => withTrailer(upload, sign, "CRC64NVME"),
  "SHA-256 trailer": (upload, { sign }) => withTrailer(upload, sign, "SHA256"),
  "signed chunks": signedChunks,
  "signed chunks, CRC32 trailer": (upload, client) => signedChunks(upload, client, "CRC32"),
};

async function measureMemory({ isQuick }: Pick<Bench, "isQuick">): Promise<Figure[]> {
  const putMib = isQuick ? 25 : 100;
  const getMib = isQuick ? 512 : 5 * 1024;
  const floorOfPuts = await peakMib(startFloor, (server) => putAll(server, putMib));
  const figures: Figure[] = [];
  for (const [mode, frame] of Object.entries(MODES)) {
    const ours = await peakMib(startOurs, (server) => putAll(server, putMib, frame));
    figures.push(figureOf(`${CONNECTIONS} PUTs of ${putMib} MiB, ${mode}`, ours, floorOfPuts));
  }
  const floorOfGets = await peakMib(startFloor, (server) => getFromFloor(server, getMib));
  const ours = await peakMib(startOurs, (server) => getAll(server, getMib));
  figures.push(figureOf(`${CONNECTIONS} GETs of ${getMib} MiB uploaded in parts`, ours, floorOfGets));
  return figures;
}

function figureOf(what: string, ours: number, floor: number): Figure {
  const note = `${Math.round(ours)} MiB, the floor ${Math.round(floor)} MiB`;
  return { what, value: Math.round(ours - floor), unit: "MiB", target: TARGET, note };
}

async function peakMib<S extends Server>(start: () => Promise<S>, load: (server: S) => Promise<unknown>) {
  const server = await start();
  try {
    await load(server);
    return (peakBytesOf(server.pid, "workerd") ?? Number.NaN) / MiB;
  } finally {
    await server.stop();
  }
}

/** Without `frame` the floor's requests. */
async function putAll(server: Server | OurServer, mebibytes: number, frame?: Frame): Promise<void> {
  const body = { block: BLOCK, count: (mebibytes * MiB) / BLOCK.length };
  const uploads = Array.from({ length: CONNECTIONS }, (_, index) => ({ path: `/${BUCKET}/memory/${index}`, body }));
  const client = "secretAccessKey" in server ? await clientOf(server) : undefined;
  const requests = await Promise.all(
    uploads.map((upload) =>
      frame === undefined || client === undefined ? unsigned(upload, async (same) => same) : frame(upload, client),
    ),
  );
  await sendAtOnce(server, requests);
}

async function clientOf(server: OurServer): Promise<Client> {
  const sign = makeSigner(server.port, server);
  const http = new HttpClient(server.port);
  await http.send(await sign({ method: "PUT", path: `/${BUCKET}` }));
  http.close();
  return { server, sign, credentials: server };
}

async function sendAtOnce(server: Server, requests: readonly PreparedRequest[]): Promise<void> {
  await applyLoad(server, {
    connections: CONNECTIONS,
    requests: requests.map((request) => serialize(server.port, request)),
  });
}

/** An object whose parts are copies of one part. */
async function getAll(server: OurServer, mebibytes: number): Promise<void> {
  const { sign } = await clientOf(server);
  const http = new HttpClient(server.port);
  const side = { name: "start", version: "", server, http, sign } as const;
  const part = Array.from({ length: (PART_MIB * MiB) / BLOCK.length }, () => BLOCK);
  await http.send(await sign({ method: "PUT", path: `/${BUCKET}/part`, body: part }));
  const path = `/${BUCKET}/large`;
  const query = `uploadId=${encodeURIComponent(await createUpload(side, "large"))}`;
  const etags: string[] = [];
  await inParallel(4, mebibytes / PART_MIB, async (index) => {
    const headers = { "x-amz-copy-source": `/${BUCKET}/part` };
    const request = { method: "PUT", path: `${path}?partNumber=${index + 1}&${query}`, headers };
    etags[index] = /<ETag>([^<]+)/.exec((await http.send(await sign(request))).text())?.[1] ?? "";
  });
  await completeUpload(side, `${path}?${query}`, etags);
  http.close();
  const request = await sign({ method: "GET", path });
  await sendAtOnce(server, Array<PreparedRequest>(CONNECTIONS).fill(request));
}

/** The same writes and reads, of objects of one part's size. */
async function getFromFloor(server: Server, mebibytes: number): Promise<void> {
  const http = new HttpClient(server.port);
  const part = Array.from({ length: (PART_MIB * MiB) / BLOCK.length }, () => BLOCK);
  await http.send({ method: "PUT", path: "/part", body: part });
  const copies = mebibytes / PART_MIB;
  await inParallel(4, copies, (index) =>
    http.send({ method: "PUT", path: `/copies/${index}`, headers: { "x-copy-source": "part" } }),
  );
  http.close();
  const reads = Array.from({ length: copies }, (_, index) => ({ method: "GET", path: `/copies/${index}` }));
  await sendAtOnce(server, Array.from({ length: CONNECTIONS }, () => reads).flat());
}
