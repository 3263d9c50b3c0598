/**
 * Listings of a large bucket, compared with the same R2 call by the floor: what a page costs at its beginning, in its middle
 * and at its end, by key and by delimiter, and what it costs more if its objects were uploaded in parts.
 *
 * The simulator reads an index from its beginning, so that its own calls cost more the further a page is from there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { localBucketId } from "../scripts/local-buckets.ts";
import { databaseFile } from "../scripts/local-files.ts";
import { readWorkerConfig } from "../scripts/worker-config.ts";
import { projectRoot } from "../scripts/wrangler.ts";
import { HttpClient, makeSigner, type PreparedRequest, type Sign, serialize } from "./http-client.ts";
import { applyLoad } from "./load.ts";
import type { Figure } from "./results.ts";
import type { Section } from "./section.ts";
import { FLOOR_BUCKET, type Server, startFloor, startOurs, storageRoot } from "./servers.ts";
import { median, ratioOf, round, type Spread, spreadOf } from "./statistics.ts";

const BUCKET = "deep";
const PAGE = 1_000;
const KEYS_A_FOLDER = 200;
const FOLDERS = 100;
/** Pages of a round. */
const REPEATS = 5;

export const DEEP_LISTING_SECTION: Section = {
  name: "Listing of a large bucket",
  run: ({ rounds, isQuick }) => measureDeepListing({ rounds, keys: isQuick ? 20_000 : 200_000 }),
};

export interface DeepListing {
  readonly rounds: number;
  /** A multiple of 20,000. */
  readonly keys: number;
}

/** `data/<tens of thousands>/<hundreds>/<number>`. */
function keyOf(index: number): string {
  const folder = Math.floor(index / KEYS_A_FOLDER);
  return `data/${Math.floor(folder / FOLDERS)}/${folder % FOLDERS}/${String(index).padStart(6, "0")}`;
}

/** Before `data/`, and so at the beginning of the index. */
const inlineKey = (index: number) => `a-inline/${index}`;
const partsKey = (index: number) => `a-parts/${index}`;

export async function measureDeepListing(size: DeepListing): Promise<Figure[]> {
  const folder = mkdtempSync(join(storageRoot(), "workers-s3-deep-"));
  const folders = { ours: join(folder, "ours"), floor: join(folder, "floor") };
  const running: Server[] = [];
  try {
    const r2Prefix = await fill(folders, size.keys);
    const ours = await startOurs({}, { folder: folders.ours });
    running.push(ours);
    const floor = await startFloor(folders.floor);
    running.push(floor);
    return await measure({ ours, floor, sign: makeSigner(ours.port, ours), r2Prefix }, size);
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Folders = Readonly<Record<"ours" | "floor", string>>;

/** Fills both with the same entries. Returns the prefix of the bucket in R2. */
async function fill(folders: Folders, keys: number): Promise<string> {
  // Nothing is sealed in this storage, so that each start may have its own secrets.
  const ours = await startOurs({}, { folder: folders.ours });
  const http = new HttpClient(ours.port);
  try {
    await putTemplates(http, makeSigner(ours.port, ours));
  } finally {
    http.close();
    await ours.stop();
  }
  const floor = await startFloor(folders.floor);
  await floor.stop();
  const { buckets } = readWorkerConfig(join(projectRoot, "wrangler.toml"));
  const ids = buckets.map(localBucketId);
  return copyRows(
    {
      ours: databaseFile(join(folders.ours, "v3"), "r2", ids[0] ?? ""),
      floor: databaseFile(folders.floor, "r2", FLOOR_BUCKET),
    },
    keys,
  );
}

/** An inline object, and one uploaded in parts. */
async function putTemplates(http: HttpClient, sign: Sign): Promise<void> {
  const send = async (request: PreparedRequest) => (await http.send(await sign(request))).text();
  const path = `/${BUCKET}/parts-template`;
  await send({ method: "PUT", path: `/${BUCKET}` });
  await send({ method: "PUT", path: `/${BUCKET}/inline-template`, body: Buffer.from("x") });
  const uploadId = /<UploadId>([^<]+)/.exec(await send({ method: "POST", path: `${path}?uploads=` }))?.[1] ?? "";
  const query = `uploadId=${encodeURIComponent(uploadId)}`;
  await send({ method: "PUT", path: `${path}?partNumber=1&${query}`, body: Buffer.from("x") });
  // The MD5 of the part.
  const part = "<Part><PartNumber>1</PartNumber><ETag>9dd4e461268c8034f5c8564e155c67a6</ETag></Part>";
  const body = Buffer.from(`<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`);
  await send({ method: "POST", path: `${path}?${query}`, body });
}

/** A put for each key would take minutes, so the rows of the templates are copied in the simulator's table. */
function copyRows(files: Folders, keys: number): string {
  const database = new (process.getBuiltinModule("node:sqlite").DatabaseSync)(files.ours);
  try {
    database.exec("CREATE TEMP TABLE templates AS SELECT * FROM _mf_objects WHERE key LIKE '%-template'");
    const columns = "blob_id, version, size, etag, uploaded, checksums, http_metadata, custom_metadata";
    const insert = database.prepare(
      `INSERT INTO _mf_objects (key, ${columns})
       SELECT replace(key, :template, :key), ${columns} FROM templates WHERE key LIKE '%/' || :template`,
    );
    const copy = (template: string, count: number, name: (index: number) => string) => {
      for (let index = 0; index < count; index++) insert.run({ template, key: name(index) });
    };
    database.exec("BEGIN");
    copy("inline-template", PAGE, inlineKey);
    copy("parts-template", PAGE, partsKey);
    copy("inline-template", keys, keyOf);
    database.exec("COMMIT");
    database.exec(`ATTACH '${files.floor}' AS floor`);
    database.exec("INSERT INTO floor._mf_objects SELECT * FROM main._mf_objects");
    const template = database.prepare("SELECT key FROM templates").get()?.key;
    return `${String(template).split("/")[0]}/`;
  } finally {
    database.close();
  }
}

interface Sides {
  readonly ours: Server;
  readonly floor: Server;
  readonly sign: Sign;
  /** Of the bucket, in R2. */
  readonly r2Prefix: string;
}

interface Page {
  readonly what: string;
  readonly prefix: string;
  readonly delimiter?: string;
  readonly after?: string;
}

async function measure(sides: Sides, { rounds, keys }: DeepListing): Promise<Figure[]> {
  const last = keys - PAGE - 1;
  const pages: Page[] = [
    { what: "first page", prefix: "data/" },
    { what: "page from the middle", prefix: "data/", after: keyOf(Math.floor(last / 2)) },
    { what: "last page", prefix: "data/", after: keyOf(last) },
    { what: "200 keys of a folder at depth", prefix: "data/0/50/", delimiter: "/" },
    { what: "100 folders of 200 keys at depth", prefix: "data/0/", delimiter: "/" },
  ];
  const figures: Figure[] = [];
  for (const page of pages) figures.push(await comparePage(sides, page, rounds));
  figures.push(await listWhole(sides, keys));
  const [inline, parts] = [
    { what: "", prefix: "a-inline/" },
    { what: "", prefix: "a-parts/" },
  ];
  const times = { inline: [] as number[], parts: [] as number[] };
  for (let index = 0; index <= rounds; index++) {
    times.inline.push((await loadOurs(sides, inline)).tookMs);
    times.parts.push((await loadOurs(sides, parts)).tookMs);
  }
  figures.push(manifestFigure(ratioOf(times.parts.slice(1), times.inline.slice(1)), median(times.parts.slice(1))));
  return figures;
}

interface Cost {
  /** Of a page, of all processes of the server. NaN where the system does not say. */
  readonly cpuMs: number;
  readonly tookMs: number;
}

async function loadOurs({ ours, sign }: Sides, { prefix, delimiter = "", after = "" }: Page): Promise<Cost> {
  const query = new URLSearchParams({ delimiter, "list-type": "2", prefix, "start-after": after });
  return load(ours, await sign({ method: "GET", path: `/${BUCKET}?${query}` }));
}

function loadFloor({ floor, r2Prefix }: Sides, { prefix, delimiter = "", after }: Page): Promise<Cost> {
  const query = new URLSearchParams({ prefix: r2Prefix + prefix, delimiter, after: after ? r2Prefix + after : "" });
  return load(floor, { method: "GET", path: `/?${query}` });
}

async function load(server: Server, request: PreparedRequest): Promise<Cost> {
  const requests = Array.from({ length: REPEATS }, () => serialize(server.port, request));
  const { cpuMs = Number.NaN, tookMs } = await applyLoad(server, { connections: 1, requests });
  return { cpuMs: cpuMs / REPEATS, tookMs: tookMs / REPEATS };
}

async function comparePage(sides: Sides, page: Page, rounds: number): Promise<Figure> {
  const costs = { ours: [] as Cost[], floor: [] as Cost[] };
  for (let index = 0; index <= rounds; index++) {
    costs.ours.push(await loadOurs(sides, page));
    costs.floor.push(await loadFloor(sides, page));
  }
  // The first round is not measured.
  const [ours, floor] = [costs.ours.slice(1), costs.floor.slice(1)];
  const above = spreadOf(ours.map(({ tookMs }, index) => tookMs - (floor[index]?.tookMs ?? Number.NaN)));
  const cpuAbove = median(ours.map(({ cpuMs }) => cpuMs)) - median(floor.map(({ cpuMs }) => cpuMs));
  const cpuNote = Number.isNaN(cpuAbove) ? "" : `; CPU above the floor ${round(cpuAbove, 1)} ms`;
  return {
    what: `${page.what}, time above the same call by the floor`,
    ...{ value: round(above.middle, 2), least: round(above.least, 2), most: round(above.most, 2), unit: "ms" },
    note: `${round(median(ours.map(({ tookMs }) => tookMs)), 1)} ms${cpuNote}`,
  };
}

/** Page after page by continuation tokens. */
async function listWhole({ ours, sign }: Sides, keys: number): Promise<Figure> {
  const http = new HttpClient(ours.port);
  const start = performance.now();
  let [found, pages, token] = [0, 0, ""];
  try {
    do {
      const query = new URLSearchParams({
        ...(token && { "continuation-token": token }),
        "list-type": "2",
        prefix: "data/",
      });
      const text = (await http.send(await sign({ method: "GET", path: `/${BUCKET}?${query}` }))).text();
      found += Number(/<KeyCount>(\d+)/.exec(text)?.[1]);
      token = /<NextContinuationToken>([^<]+)/.exec(text)?.[1] ?? "";
      pages++;
    } while (token !== "");
  } finally {
    http.close();
  }
  if (found !== keys) throw new Error(`${found} of ${keys} keys were listed.`);
  const seconds = (performance.now() - start) / 1_000;
  return { what: `${keys.toLocaleString("en")} keys in ${pages} pages`, value: round(seconds, 2), unit: "s" };
}

function manifestFigure({ middle, least, most }: Spread, tookMs: number): Figure {
  return {
    what: "1,000 objects uploaded in parts, time as a ratio to 1,000 inline objects",
    ...{ value: round(middle, 2), least: round(least, 2), most: round(most, 2), unit: "×" },
    note: `${round(tookMs, 1)} ms; the simulator returns metadata of 100 objects a call`,
  };
}
