/** Sites for tests with real clients. */
import { deflateSync } from "node:zlib";
import { bareEnvironment, run } from "./tools.ts";

/** Everyone may read and list the bucket, so a missing object is 404. */
export function publicPolicy(bucket: string): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` },
      { Effect: "Allow", Principal: "*", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` },
    ],
  });
}

/** A real PNG: a square of one colour. */
export function makePng(side: number, [red, green, blue]: readonly [number, number, number]): Buffer<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // 8 bits, RGB; default compression, filter and interlacing.
  header.set([8, 2, 0, 0, 0], 8);
  const row = [0, ...Array.from({ length: side }, () => [red, green, blue]).flat()];
  const pixels = Buffer.from(Array.from({ length: side }, () => row).flat());
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A real WAV file of a low tone: 16 bits, mono, 44.1 kHz. */
export function makeWav(seconds: number): Buffer<ArrayBuffer> {
  const rate = 44_100;
  const dataBytes = seconds * rate * 2;
  const file = Buffer.alloc(44 + dataBytes);
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(36 + dataBytes, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(dataBytes, 40);
  for (let sample = 0; sample < seconds * rate; sample++) {
    file.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * 220 * sample) / rate)), 44 + sample * 2);
  }
  return file;
}

/** A request that `fetch` cannot send: any Host header, without following redirects. */
export async function curl(
  folder: string,
  ...args: string[]
): Promise<{ status: number; headers: string; body: string }> {
  const { stdout } = await run("curl", ["-q", "-sS", "-i", "--path-as-is", ...args], {
    env: bareEnvironment(folder),
    cwd: folder,
  });
  const [headers = "", ...body] = stdout.split("\r\n\r\n");
  return { status: Number(headers.split(" ")[1]), headers, body: body.join("\r\n\r\n") };
}
