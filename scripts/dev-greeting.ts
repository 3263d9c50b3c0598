/** What a local server prints when it is ready: endpoint, keys, and one block to paste for each of four clients. */

export interface Access {
  readonly endpoint: string;
  /** Undefined if the console is off. */
  readonly consoleOrigin?: string | undefined;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One screen: at most 40 lines, of which none is wider than 120 columns with keys of the usual length. */
export function formatGreeting({ endpoint, consoleOrigin, region, accessKeyId, secretAccessKey }: Access): string {
  const [id, secret] = [JSON.stringify(accessKeyId), JSON.stringify(secretAccessKey)];
  return `
workers-s3 is ready

  Endpoint           ${endpoint}
  Region             ${region}
  Access key id      ${accessKeyId}
  Secret access key  ${secretAccessKey}${consoleOrigin === undefined ? "" : `\n  Console            ${consoleOrigin}`}

AWS CLI
  export AWS_ENDPOINT_URL=${endpoint} AWS_DEFAULT_REGION=${region}
  export AWS_ACCESS_KEY_ID=${shellWord(accessKeyId)} AWS_SECRET_ACCESS_KEY=${shellWord(secretAccessKey)}
  export BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE=true   # no pause after each empty file over plain HTTP
  aws s3 mb s3://my-bucket && aws s3 ls

boto3
  import boto3
  s3 = boto3.client("s3", endpoint_url="${endpoint}", region_name="${region}",
    aws_access_key_id=${id}, aws_secret_access_key=${secret})

AWS SDK for JavaScript v3
  import { S3Client } from "@aws-sdk/client-s3";
  const s3 = new S3Client({ endpoint: "${endpoint}", region: "${region}", forcePathStyle: true,
    credentials: { accessKeyId: ${id},
      secretAccessKey: ${secret} } });

rclone
  rclone config create workers-s3 s3 provider=Other endpoint=${endpoint} region=${region} \\
    force_path_style=true access_key_id=${shellWord(accessKeyId)} secret_access_key=${shellWord(secretAccessKey)}
  rclone mkdir workers-s3:my-bucket && rclone lsd workers-s3:

Stop with Ctrl-C.
`;
}

/** For a server that has a SETUP_CODE in place of keys. */
export function formatSetupGreeting(endpoint: string): string {
  return `
workers-s3 is ready

  Endpoint  ${endpoint}
  Keys      those that ${endpoint}/-/setup shows, once, to a visitor with the SETUP_CODE

Stop with Ctrl-C.
`;
}

export function shellWord(text: string): string {
  return /^[\w./+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
