/** The worst input of each kind that is accepted, or refused only after it has been read: for `npm run test:time`. */

import { parsePolicy } from "../src/access/policy/document.ts";
import { Effort } from "../src/access/policy/effort.ts";
import { evaluatePolicy } from "../src/access/policy/evaluate.ts";
import { ConditionKeys, PolicyMemory } from "../src/access/policy/policy-request.ts";
import { parsePolicyDocument } from "../src/auth/post-policy/policy.ts";
import { canonicalQuery } from "../src/auth/sigv4/canonical-request.ts";
import { combineCrc } from "../src/checksum/combine.ts";
import { evaluateCors, parseHeaderNames } from "../src/cors/rules.ts";
import { parseRange } from "../src/model/byte-range.ts";
import { evaluateReadConditions } from "../src/protocol/conditions.ts";
import { parseUserMetadata } from "../src/protocol/metadata.ts";
import { readPostForm } from "../src/protocol/post-form/post-form.ts";
import { parseQuery } from "../src/protocol/request-target.ts";
import { parseAccessControlPolicy } from "../src/protocol/xml/access-control-policy.ts";
import { parseCorsConfiguration } from "../src/protocol/xml/cors-configuration.ts";
import { parseDelete } from "../src/protocol/xml/delete-objects.ts";
import { parseCompleteMultipartUpload } from "../src/protocol/xml/multipart-uploads.ts";
import { parseNotificationConfiguration } from "../src/protocol/xml/notification-configuration.ts";
import { parseXml } from "../src/protocol/xml/reader.ts";
import { parseReplicationConfiguration } from "../src/protocol/xml/replication-configuration.ts";
import { parseTagging } from "../src/protocol/xml/tagging.ts";
import { parseWebsiteConfiguration } from "../src/protocol/xml/website-configuration.ts";
import { parseForm } from "../src/query-api/form.ts";
import { Parameters } from "../src/sns/parameters.ts";

const KiB = 1024;

/** Only the returned function is measured; its input is prepared before. */
export type Case = () => () => unknown;

const bytes = (text: string) => new TextEncoder().encode(text);
const numbered = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index));

/** As many as fit into `size` bytes. */
function filled(size: number, text: (index: number) => string): string[] {
  const all: string[] = [];
  for (let length = 0; ; ) {
    const next = text(all.length);
    length += next.length + 3;
    if (length > size) return all;
    all.push(next);
  }
}

const BUCKET = "abc";
const ARN = `arn:aws:s3:::${BUCKET}`;
/** The rest of 20 KB inside a statement. */
const POLICY_BYTES = 19 * KiB;

const policyText = (fields: object) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:*", Resource: [ARN, `${ARN}/*`], ...fields }],
  });
const parse = (text: string) => parsePolicy(text, { kind: "bucket", bucket: BUCKET, users: {} });

function evaluate(
  fields: object,
  keys: Readonly<Record<string, readonly string[]>>,
  objects = ["k".repeat(KiB)],
): Case {
  return () => {
    const policy = parse(policyText(fields));
    return () => {
      const shared = new ConditionKeys(Object.entries(keys), [], { memory: new PolicyMemory(new Effort()) });
      for (const key of objects) {
        const asked = {
          principal: { kind: "anonymous" },
          action: "s3:DeleteObject",
          resource: `${ARN}/${key}`,
        } as const;
        evaluatePolicy(policy, { ...asked, keys: shared.ofObject([], []) });
      }
    };
  };
}

/** A refused document costs as much as an accepted one. */
function attempt(run: () => unknown): () => unknown {
  return () => {
    try {
      return run();
    } catch (error) {
      if (error instanceof Error && error.name === "S3Error") return error;
      throw error;
    }
  };
}

const xml =
  <Result>(read: (body: Uint8Array) => Result, write: () => string): Case =>
  () => {
    const body = bytes(write());
    return attempt(() => read(body));
  };

const anyXml = (write: () => string) => xml((body) => parseXml(body, "Delete", { maxBytes: 2 * KiB * KiB }), write);
const agent = { "aws:UserAgent": ["ab".repeat(4 * KiB)], "aws:Referer": ["ab".repeat(4 * KiB)] };
const like = (values: readonly string[]) => ({ Condition: { StringLike: { "aws:UserAgent": values } } });

export const CASES: Readonly<Record<string, Case>> = {
  "policy put: 2,000 actions with wildcards": () => {
    const text = policyText({
      Action: filled(POLICY_BYTES, (index) => `s3:*${"abcdefghij"[index % 10]}*${index % 7}?*`),
      Resource: `${ARN}/*`,
    });
    return attempt(() => parse(text));
  },
  "policy put: actions and conditions": () => {
    const Condition = {
      StringEquals: Object.fromEntries(filled(POLICY_BYTES / 2, (index) => `aws:${index}`).map((key) => [key, ""])),
    };
    const text = policyText({
      Action: filled(POLICY_BYTES / 2, (index) => `s3:${"*".repeat(index % 5)}Object*`),
      Condition,
    });
    return attempt(() => parse(text));
  },
  "policy put: resources of stars": () => {
    const text = policyText({ Resource: filled(POLICY_BYTES, (index) => `${ARN}*${"*a?".repeat(index % 30)}`) });
    return attempt(() => parse(text));
  },
  "policy put: 64 KB, mostly white space and brackets": () => {
    const text = `{"Statement":${"[".repeat(30 * KiB)}${" ".repeat(KiB)}${"]".repeat(30 * KiB)}}`;
    return attempt(() => parse(text));
  },
  "policy: one header of 8 KB, values with *": evaluate(
    like(filled(POLICY_BYTES, (index) => `*${"ab".repeat(9)}${index}*`)),
    agent,
  ),
  "policy: one header of 8 KB, values with * and ?": evaluate(
    like(filled(POLICY_BYTES, (index) => `*b?b${index % 9}*`)),
    agent,
  ),
  "policy: one header of 8 KB, ForAllValues": evaluate(
    { Condition: { "ForAllValues:StringLike": { "aws:UserAgent": filled(POLICY_BYTES, (index) => `*c${index}*`) } } },
    agent,
  ),
  "policy: variables of 8 KB": evaluate(
    like(filled(POLICY_BYTES, () => "$" + "{aws:Referer}$" + "{aws:Referer}*?c")),
    agent,
  ),
  "policy: NotResource and a key of 1 KB": evaluate(
    {
      Resource: undefined,
      NotResource: filled(POLICY_BYTES, (index) => `${ARN}/*k?${index}*`),
      Action: "s3:DeleteObject",
    },
    {},
  ),
  "policy: 700 principals": evaluate(
    { Principal: { AWS: numbered(700, (index) => String(100_000_000_000 + index)) } },
    {},
  ),
  "policy: 1,000 keys of 1 KB, 400 resources": () => {
    const run = evaluate(
      { Resource: filled(POLICY_BYTES, (index) => `${ARN}/*${index}?x*`), Action: "s3:DeleteObject" },
      {},
      numbered(1_000, (index) => `${index}${"k".repeat(1_000)}`),
    )();
    return attempt(run);
  },
  "policy: 1,000 keys, 400 values for a header of 8 KB": evaluate(
    like(filled(POLICY_BYTES, (index) => `*${"ab".repeat(9)}${index}*`)),
    agent,
    numbered(1_000, String),
  ),
  "XML: Complete, 10,000 parts with SHA256": xml(
    parseCompleteMultipartUpload,
    () =>
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${numbered(
        10_000,
        (index) =>
          `<Part>\n <PartNumber>${index + 1}</PartNumber>\n <ETag>&quot;${"a".repeat(32)}&quot;</ETag>\n <ChecksumSHA256>${"A".repeat(43)}=</ChecksumSHA256>\n</Part>\n`,
      ).join("")}</CompleteMultipartUpload>`,
  ),
  "XML: Delete, 1,000 keys of 1 KB": xml(
    parseDelete,
    () =>
      `<Delete>${numbered(1_000, (index) => `<Object><Key>${index}${"k".repeat(1_000)}</Key><VersionId>null</VersionId><ETag>*</ETag></Object>`).join("")}</Delete>`,
  ),
  "XML: Delete, keys of entities, 1.9 MB": xml(
    parseDelete,
    () => `<Delete>${numbered(1_000, () => `<Object><Key>${"&amp;".repeat(370)}</Key></Object>`).join("")}</Delete>`,
  ),
  "XML: 500,000 elements": anyXml(() => `<Delete>${"<a/>".repeat(500_000)}</Delete>`),
  "XML: 150,000 attributes": anyXml(() => `<Delete ${numbered(150_000, (index) => `a${index}="1"`).join(" ")}/>`),
  "XML: 2 MB of comments": anyXml(() => `<Delete>${"<!---->".repeat(280_000)}</Delete>`),
  "XML: 2 MB of CDATA": anyXml(() => `<Delete>${"<![CDATA[]]>".repeat(170_000)}</Delete>`),
  "XML: 2 MB of openings": anyXml(() => `<Delete>${"<".repeat(2_000_000)}`),
  "XML: 2 MB deep": anyXml(() => "<a>".repeat(600_000)),
  "XML: 2 MB of blanks": anyXml(() => `<Delete${" ".repeat(2_000_000)}/>`),
  "XML: 2 MB of ampersands": anyXml(() => `<Delete>${"&".repeat(2_000_000)}</Delete>`),
  "XML: CORS, 64 KB of AllowedHeader": xml(
    parseCorsConfiguration,
    () =>
      `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>${numbered(1_500, (index) => `<AllowedHeader>q${index}*</AllowedHeader>`).join("")}</CORSRule></CORSConfiguration>`,
  ),
  "XML: website, 50 rules, 120 KB": xml(
    parseWebsiteConfiguration,
    () =>
      `<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><RoutingRules>${numbered(50, (index) => `<RoutingRule><Condition><KeyPrefixEquals>${index}${"k".repeat(1_000)}</KeyPrefixEquals></Condition><Redirect><ReplaceKeyPrefixWith>${"r".repeat(1_000)}</ReplaceKeyPrefixWith></Redirect></RoutingRule>`).join("")}</RoutingRules></WebsiteConfiguration>`,
  ),
  "XML: replication, 1,000 rules, 2 MB": xml(
    parseReplicationConfiguration,
    () =>
      `<ReplicationConfiguration><Role>r</Role>${numbered(1_000, (index) => `<Rule><ID>${index}</ID><Priority>${index}</Priority><Status>Enabled</Status><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><Filter><And><Prefix>${index}${"p".repeat(900)}</Prefix>${numbered(10, (tag) => `<Tag><Key>${tag}</Key><Value>v</Value></Tag>`).join("")}</And></Filter><Destination><Bucket>arn:aws:s3:::d${index % 20}dd</Bucket></Destination></Rule>`).join("")}</ReplicationConfiguration>`,
  ),
  "XML: replication V1, 1,000 prefixes": xml(
    parseReplicationConfiguration,
    () =>
      `<ReplicationConfiguration><Role>r</Role>${numbered(1_000, (index) => `<Rule><ID>${index}</ID><Prefix>${"p".repeat(1_000)}${1_000 + index}</Prefix><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::ddd</Bucket></Destination></Rule>`).join("")}</ReplicationConfiguration>`,
  ),
  "XML: notification, 64 KB of rules": xml(
    (body) => parseNotificationConfiguration(body, () => "id"),
    () =>
      `<NotificationConfiguration>${numbered(100, (index) => `<TopicConfiguration><Topic>arn:aws:sns:us-east-1:111122223333:t</Topic><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>${"p".repeat(300)}${100 + index}</Value></FilterRule><FilterRule><Name>suffix</Name><Value>s</Value></FilterRule></S3Key></Filter></TopicConfiguration>`).join("")}</NotificationConfiguration>`,
  ),
  "XML: ACL, 128 KB of grants": xml(
    parseAccessControlPolicy,
    () =>
      `<AccessControlPolicy><Owner><ID>${"a".repeat(64)}</ID></Owner><AccessControlList>${numbered(400, () => `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>${"a".repeat(64)}</ID></Grantee><Permission>READ</Permission></Grant>`).join("")}</AccessControlList></AccessControlPolicy>`,
  ),
  "XML: tagging, 128 KB": xml(
    (body) => parseTagging(body, "bucket"),
    () =>
      `<Tagging><TagSet>${numbered(2_500, (index) => `<Tag><Key>${index}</Key><Value>v</Value></Tag>`).join("")}</TagSet></Tagging>`,
  ),
  "CRC64NVME of 10,000 parts": () => {
    const digest = new Uint8Array(8).fill(0xa5);
    return () => {
      let whole = digest;
      for (let part = 0; part < 10_000; part++)
        whole = combineCrc("CRC64NVME", whole, { digest, sizeBytes: 5_242_880 + part * 7_919 });
      return whole;
    };
  },
  "form's policy: 15 KB of conditions": () => {
    const conditions = filled(14 * KiB, (index) => `{"f${index}":"v"}`).join(",");
    const text = btoa(`{"expiration":"2999-01-01T00:00:00Z","conditions":[${conditions}]}`);
    return attempt(() => parsePolicyDocument(text));
  },
  "form's policy: an unclosed string": () => {
    const text = btoa(`{"a":"${'\\"'.repeat(7_000)}`);
    return attempt(() => parsePolicyDocument(text));
  },
  "form: 20 KB of fields": () => {
    const body = bytes(
      numbered(280, (index) => `--b\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\nv\r\n`).join(""),
    );
    return async () => {
      let at = 0;
      const take = async () => (at < body.length ? body.subarray(at, ++at) : undefined);
      await readPostForm({ take }, "b").catch(() => {});
    };
  },
  "query of 10,000 parameters, put in order": () => {
    const text = numbered(10_000, (index) => `a${index}=%41`).join("&");
    return () => canonicalQuery(parseQuery(text));
  },
  "IAM or SNS form of 64 KB": () => {
    const body = bytes(filled(64 * KiB, (index) => `A.entry.${index % 999}.key${index}=v`).join("&"));
    return attempt(() => new Parameters(parseForm(body)).entriesOf("A"));
  },
  "metadata: encoded words, 120 KB": () => {
    const headers = new Headers({ "x-amz-meta-a": "=?utf-8?Q?a?= ".repeat(8_800) });
    return attempt(() => parseUserMetadata(headers));
  },
  "If-None-Match: 30,000 ETags": () => {
    const headers = new Headers({ "if-none-match": '"a",'.repeat(30_000) });
    return () => evaluateReadConditions({ headers, now: new Date() }, { etag: "x", lastModified: new Date(0) });
  },
  "Range: numbers of 60,000 digits": () => () => parseRange(`bytes=${"1".repeat(60_000)}-${"2".repeat(60_000)}`),
  "CORS: 1,500 patterns, 100 names": () => {
    const rule = {
      allowedOrigins: ["*"],
      allowedMethods: ["GET" as const],
      allowedHeaders: numbered(1_500, (index) => `q${index}*`),
      exposeHeaders: [],
    };
    return () => {
      const requestHeaders = parseHeaderNames(numbered(100, (index) => `a${index}`).join(","));
      return evaluateCors([rule], { origin: "http://a", method: "GET", requestHeaders });
    };
  },
};
