/**
 * What the attempts of one batch read from D1 before they decide: buckets with their rules and policies, and remotes.
 *
 * The attempts of a batch share a read, because most are about the same few buckets, and D1 would otherwise limit how many
 * objects are replicated. A read is never older than the batch, so it shows every rule that has caused one of its tasks. It
 * serves attempts that begin within `CONFIG_TTL_SECONDS`, at most 5 s: that is how long a withdrawn permission can go unnoticed.
 */
import type { Bucket } from "../model/bucket.ts";
import type { RemoteCredentials, RemoteDescription } from "../model/replication.ts";
import type { Services } from "../services.ts";
import type { ReplicationTask } from "../storage/d1/replication-tasks.ts";

const MAX_AGE_MS = 5_000;

export interface OpenedRemote {
  readonly remote: RemoteDescription;
  readonly credentials: RemoteCredentials;
  /** For the signer of requests to it, which derives a key for each day. */
  readonly signingKeys: Map<string, ArrayBuffer>;
}

interface Read<Value> {
  readonly at: number;
  readonly value: Promise<Value>;
}

export class FreshReads {
  readonly #services: Pick<Services, "directory" | "remotes">;
  readonly #bucketNames: readonly string[];
  readonly #maxAgeMs: number;
  #buckets: Read<ReadonlyMap<string, Bucket>> | undefined;
  readonly #remotes = new Map<string, Read<OpenedRemote | undefined>>();

  /** @param tasks all whose attempts share the reads */
  constructor(
    services: Pick<Services, "config" | "directory" | "remotes">,
    tasks: readonly Pick<ReplicationTask, "origin" | "destination">[],
  ) {
    this.#services = services;
    this.#maxAgeMs = Math.min(MAX_AGE_MS, services.config.configTtlMs);
    const names = tasks.flatMap(({ origin, destination: { remote, bucket } }) =>
      remote === undefined ? [origin.bucket.name, bucket] : [origin.bucket.name],
    );
    this.#bucketNames = [...new Set(names)];
  }

  /** The buckets of all tasks by name, as in D1. @throws whatever D1 throws */
  async buckets(): Promise<ReadonlyMap<string, Bucket>> {
    const read = this.#reuse(this.#buckets) ?? this.#start(this.#services.directory.loadFresh(this.#bucketNames));
    this.#buckets = read;
    try {
      return await read.value;
    } catch (error) {
      // The next attempt reads again.
      if (this.#buckets === read) this.#buckets = undefined;
      throw error;
    }
  }

  /** Undefined if there is no such remote. @throws whatever D1 throws */
  async remote(name: string): Promise<OpenedRemote | undefined> {
    const read = this.#reuse(this.#remotes.get(name)) ?? this.#start(this.#openRemote(name));
    this.#remotes.set(name, read);
    try {
      return await read.value;
    } catch (error) {
      if (this.#remotes.get(name) === read) this.#remotes.delete(name);
      throw error;
    }
  }

  async #openRemote(name: string): Promise<OpenedRemote | undefined> {
    const found = await this.#services.remotes.open(name);
    return found && { ...found, signingKeys: new Map() };
  }

  #reuse<Value>(read: Read<Value> | undefined): Read<Value> | undefined {
    return read !== undefined && Date.now() - read.at < this.#maxAgeMs ? read : undefined;
  }

  #start<Value>(value: Promise<Value>): Read<Value> {
    return { at: Date.now(), value };
  }
}
