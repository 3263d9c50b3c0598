/** The calls of Cloudflare's API v4 that a removal, and what a deploy does before it uploads, need. */
import { DeployError } from "./error.ts";

const PUBLIC_BASE = "https://api.cloudflare.com/client/v4";
const TIMEOUT_MS = 30_000;

export interface Login {
  /** Authentication headers of every call. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An error answer of Cloudflare's API, with the first error it names. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class CloudflareApi {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #base: string;

  constructor(login: Login, base: string = process.env.CLOUDFLARE_API_BASE_URL || PUBLIC_BASE) {
    this.#headers = login.headers;
    this.#base = base.replace(/\/$/, "");
  }

  /** @throws ApiError for an error answer, DeployError if Cloudflare cannot be reached */
  get(path: string): Promise<unknown> {
    return this.#call("GET", path);
  }

  /** @throws ApiError, DeployError */
  post(path: string, body: unknown): Promise<unknown> {
    return this.#call("POST", path, body);
  }

  /** @returns whether it existed. @throws ApiError, DeployError */
  async delete(path: string): Promise<boolean> {
    try {
      await this.#call("DELETE", path);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  /** Undefined if Cloudflare answers 404. @throws ApiError, DeployError */
  async find(path: string): Promise<unknown> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body);
    const envelope = parseEnvelope(text);
    if (envelope === undefined) {
      throw new DeployError(
        `Cloudflare's API returned no usable answer to ${method} ${path} (status ${status}). Try again.`,
      );
    }
    if (status < 400 && envelope.success === true) return envelope.result;
    const [first] = envelope.errors ?? [];
    throw new ApiError(status, first?.code ?? 0, first?.message ?? `status ${status}`);
  }

  async #send(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: { ...this.#headers, ...(body !== undefined && { "content-type": "application/json" }) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      const reason = cause instanceof Error ? (cause.cause ?? cause) : cause;
      throw new DeployError(`Cloudflare's API cannot be reached (${String(reason)}). Try again.`, { cause });
    }
  }
}

interface Envelope {
  readonly success?: boolean;
  readonly result?: unknown;
  readonly errors?: readonly { readonly code: number; readonly message: string }[];
}

function parseEnvelope(text: string): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Envelope) : undefined;
  } catch {
    return undefined;
  }
}
