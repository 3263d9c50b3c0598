/** The servers of a run, with what differs between them. */
import type { WireRequest } from "./connection.ts";
import { HttpClient, makeSigner, type PreparedRequest, serialize } from "./http-client.ts";
import { inParallel } from "./load.ts";
import { type Peer, startMoto, startS3rver } from "./peers.ts";
import type { SideName } from "./results.ts";
import { type Server, startFloor, startOurs } from "./servers.ts";

export interface Side {
  readonly name: SideName;
  readonly version: string;
  readonly server: Server;
  readonly http: HttpClient;
  /** Signed, where the server has credentials. */
  sign(request: PreparedRequest): Promise<PreparedRequest>;
}

export async function startSide(name: SideName): Promise<Side | undefined> {
  switch (name) {
    case "floor": {
      const server = await startFloor();
      return { name, version: "", server, http: new HttpClient(server.port), sign: async (request) => request };
    }
    case "start":
    case "dev":
      return sideOf(name, { ...(await startOurs({}, { command: name })), version: "" });
    case "moto":
      return sideOf(name, await startMoto());
    case "s3rver":
      return sideOf(name, await startS3rver());
  }
}

function sideOf(name: SideName, server: Peer | undefined): Side | undefined {
  if (server === undefined) return undefined;
  const { port, version } = server;
  return { name, version, server, http: new HttpClient(port), sign: makeSigner(port, server) };
}

export async function wire({ sign, server }: Side, requests: readonly PreparedRequest[]): Promise<WireRequest[]> {
  const signed = await Promise.all(requests.map(sign));
  return signed.map((request) => serialize(server.port, request));
}

export async function send({ sign, http }: Side, request: PreparedRequest) {
  return http.send(await sign(request));
}

export async function sendAll(side: Side, requests: readonly PreparedRequest[]): Promise<void> {
  await inParallel(8, requests.length, async (index) => {
    const request = requests[index];
    if (request !== undefined) await send(side, request);
  });
}
