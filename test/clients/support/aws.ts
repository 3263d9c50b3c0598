/** The AWS CLI for services other than S3, with its own environment. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bareEnvironment, type Run, run } from "./tools.ts";

export interface Keys {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken?: string;
}

export interface AwsCli {
  readonly root: Keys;
  readonly environment: Readonly<Record<string, string>>;
  aws(as: Keys, args: readonly string[], codes?: readonly number[]): Promise<Run>;
  /** Standard output of a call that succeeds. */
  json<T>(as: Keys, ...args: string[]): Promise<T>;
  /** The message of a call that fails. */
  failure(as: Keys, ...args: string[]): Promise<string>;
}

/** @param folder for its files */
export function awsCli(
  server: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  },
  folder: string,
): AwsCli {
  const environment = {
    ...bareEnvironment(folder),
    // One variable for all services. Services other than S3 accept any region.
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_DEFAULT_REGION: server.region,
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "no-credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "1",
    BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE: "true",
    AWS_PAGER: "",
  };
  writeFileSync(join(folder, "config"), "[default]\ns3 =\n  signature_version = s3v4\n");
  const aws: AwsCli["aws"] = (as, args, codes = [0]) => {
    const env = {
      ...environment,
      AWS_ACCESS_KEY_ID: as.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: as.SecretAccessKey,
      ...(as.SessionToken !== undefined && { AWS_SESSION_TOKEN: as.SessionToken }),
    };
    return run("aws", [...args, "--output", "json"], { env, cwd: folder, codes });
  };
  return {
    root: { AccessKeyId: server.accessKeyId, SecretAccessKey: server.secretAccessKey },
    environment,
    aws,
    async json<T>(as: Keys, ...args: string[]): Promise<T> {
      const { stdout } = await aws(as, args);
      return (stdout === "" ? {} : JSON.parse(stdout)) as T;
    },
    async failure(as, ...args) {
      return (await aws(as, args, [1, 254, 255])).stderr;
    },
  };
}
