/** The settings of the console: one document of its own origin, so that the built files are the same for every deployment. */

export interface Config {
  /** Origin of the S3 endpoint, without a slash at its end. */
  readonly s3Endpoint: string;
  readonly region: string;
  /** What has to be added to this device's clock to get that of the server, since signatures contain the time. */
  readonly clockOffsetMs: number;
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { credentials: "omit", cache: "no-cache" });
  if (!response.ok) throw new Error(`/config.json answered ${response.status}.`);
  const clockOffsetMs = offsetOf(response.headers.get("date"), Date.now());
  return { ...parseConfig(await response.json()), clockOffsetMs };
}

/** @throws Error unless the document names an endpoint and a region */
export function parseConfig(document: unknown): Omit<Config, "clockOffsetMs"> {
  const s3Endpoint = stringField(document, "s3Endpoint");
  const region = stringField(document, "region");
  if (s3Endpoint === undefined || !/^https?:\/\/[^/?#\s]+\/?$/.test(s3Endpoint) || region === undefined) {
    throw new Error("/config.json must contain s3Endpoint, an origin, and region.");
  }
  return { s3Endpoint: s3Endpoint.replace(/\/$/, ""), region };
}

/** Differences of a few seconds are those of the answer's time, not of the clock. */
const TOLERATED_MS = 30_000;

export function offsetOf(date: string | null, now: number): number {
  const difference = Date.parse(date ?? "") - now;
  return Math.abs(difference) > TOLERATED_MS ? difference : 0;
}

function stringField(document: unknown, name: string): string | undefined {
  if (typeof document !== "object" || document === null) return undefined;
  const value: unknown = Reflect.get(document, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}
