/** The commands of AWS's SDK for JavaScript: names, parameters, headers and requests. */
import type * as Sdk from "@aws-sdk/client-s3";

export interface Command {
  readonly name: string;
  readonly method: string;
  /** Names in the query. */
  readonly parameters: readonly string[];
  /** In lower case. `x-amz-meta-*` is left out. */
  readonly headers: readonly string[];
  readonly input: Struct;
}

/**
 * A member's schema as the SDK writes them: a number or letters for simple types, a function for later, or an array that
 * begins with the kind (0 simple, 1 list, 2 map, 3 structure, 4 union) and goes on with namespace, name and traits.
 */
type Schema = unknown;
type Struct = readonly [
  kind: number,
  namespace: string,
  name: string,
  traits: unknown,
  names: string[],
  members: Schema[],
  required?: number,
];

const LIST = 1;
const MAP = 2;
const STRUCT = 3;
const UNION = 4;

export function readCommands(sdk: typeof Sdk): Command[] {
  const operations = Object.values(sdk).filter((value): value is never => Array.isArray(value) && value[0] === 9);
  return operations.map((operation) => {
    const [, , name, traits, input] = operation as [number, string, string, { http: [string] }, () => Struct];
    const members = input()[5];
    const trait = (kind: string) => members.flatMap((member) => traitOf(member, kind) ?? []);
    return {
      name,
      method: traits.http[0],
      parameters: trait("httpQuery"),
      headers: trait("httpHeader").map((header) => header.toLowerCase()),
      input: input(),
    };
  });
}

export interface CaptureOptions {
  readonly endpoint: string;
  readonly forcePathStyle: boolean;
  /** `all`: also every query parameter. */
  readonly members?: "required" | "all";
}

export interface CapturedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** The request that a command sends. */
export async function captureRequest(
  sdk: typeof Sdk,
  command: Command,
  { endpoint, forcePathStyle, members = "required" }: CaptureOptions,
): Promise<CapturedRequest> {
  let captured: CapturedRequest | undefined;
  const client = new sdk.S3Client({
    endpoint,
    forcePathStyle,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAEXAMPLEEXAMPLE00", secretAccessKey: "secret" },
    disableS3ExpressSessionAuth: true,
    maxAttempts: 1,
    requestHandler: {
      handle(request: {
        method: string;
        hostname: string;
        path: string;
        query: Query;
        headers: Record<string, string>;
      }) {
        const query = formatQuery(request.query);
        captured = {
          method: request.method,
          url: `http://${request.hostname}${request.path}${query && `?${query}`}`,
          headers: new Headers(request.headers),
        };
        return Promise.reject(new Error("captured"));
      },
    },
  });
  const type = (sdk as unknown as Record<string, new (input: unknown) => never>)[`${command.name}Command`];
  if (type === undefined) throw new Error(`no command is called ${command.name}`);
  await client.send(new type(exampleInput(command.input, members))).catch((error: unknown) => {
    if (captured === undefined) throw error;
  });
  if (captured === undefined) throw new Error(`${command.name} sent nothing`);
  return captured;
}

type Query = Readonly<Record<string, string | readonly string[] | null>>;

function formatQuery(query: Query): string {
  return Object.entries(query)
    .flatMap(([name, value]) => (Array.isArray(value) ? value.map((each) => [name, each]) : [[name, value]]))
    .map(
      ([name, value]) =>
        `${encodeURIComponent(String(name))}${value === null ? "" : `=${encodeURIComponent(String(value))}`}`,
    )
    .join("&");
}

function exampleInput(input: Struct, members: "required" | "all"): unknown {
  const [, , , , names, schemas, required = 0] = input;
  const chosen = names.flatMap((name, index) => {
    const schema = schemas[index];
    const isWanted = index < required || (members === "all" && traitOf(schema, "httpQuery") !== undefined);
    return isWanted ? [[name, example(schema)]] : [];
  });
  return { ...Object.fromEntries(chosen), Bucket: "some-bucket", ...(names.includes("Key") && { Key: "k" }) };
}

function example(schema: Schema): unknown {
  if (typeof schema === "function") return example(schema());
  if (!Array.isArray(schema)) return simpleExample(Number(schema));
  if (typeof schema[1] !== "string") return example(schema[0]);
  switch (schema[0]) {
    case LIST:
      return [example(schema[4])];
    case MAP:
      return {};
    case STRUCT:
    case UNION: {
      const [, , , , names, members, required = 0] = schema as unknown as Struct;
      const count = schema[0] === UNION ? 1 : required;
      return Object.fromEntries(names.slice(0, count).map((name, index) => [name, example(members[index])]));
    }
    default:
      return simpleExample(Number(schema[4]));
  }
}

const BOOLEAN = 2;
const NUMERIC = 1;
const TIMESTAMPS = [4, 5, 6, 7];
const LISTS_FROM = 64;

function simpleExample(type: number): unknown {
  if (type === NUMERIC) return 1;
  if (type === BOOLEAN) return true;
  if (TIMESTAMPS.includes(type)) return new Date(0);
  return type >= LISTS_FROM ? [] : "x";
}

function traitOf(schema: Schema, kind: string): string | undefined {
  const traits: unknown = Array.isArray(schema) && typeof schema[1] !== "string" ? schema[1] : undefined;
  if (typeof traits !== "object" || traits === null) return undefined;
  const value = (traits as Record<string, unknown>)[kind];
  return typeof value === "string" ? value : undefined;
}
