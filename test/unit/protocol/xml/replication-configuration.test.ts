import { describe, expect, it } from "vitest";
import type { ReplicationRule } from "../../../../src/model/replication.ts";
import {
  formatReplicationConfiguration,
  parseReplicationConfiguration,
} from "../../../../src/protocol/xml/replication-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const DESTINATION = "<Destination><Bucket>arn:aws:s3:::demo-target</Bucket></Destination>";
const rule = (content: string) => `<Rule>${content}</Rule>`;
const v1 = (content = "<Prefix>logs/</Prefix>", destination = DESTINATION) =>
  rule(`<Status>Enabled</Status>${content}${destination}`);
const V2_COMMON = "<DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>";
const v2 = (content: string, priority = 1, destination = DESTINATION) =>
  rule(`<Status>Enabled</Status><Priority>${priority}</Priority>${content}${V2_COMMON}${destination}`);
const configuration = (...rules: string[]) => `<ReplicationConfiguration>${rules.join("")}</ReplicationConfiguration>`;
const parse = (document: string) => parseReplicationConfiguration(bytes(document));
const destination = (content: string) => v1("<Prefix/>", `<Destination>${content}</Destination>`);
const toRemote = (bucket: string, priority: number) =>
  v2("<Filter/>", priority, `<Destination><Bucket>arn:workers-s3:remote:::far/${bucket}</Bucket></Destination>`);
const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;

const FIRST: ReplicationRule = {
  id: "logs",
  schema: "V1",
  isEnabled: true,
  priority: 0,
  prefix: "logs/",
  tags: [],
  destination: { bucket: "demo-target", storageClass: "STANDARD" },
  replicatesDeletes: false,
};

describe("ReplicationConfiguration", () => {
  // The example of the reference system.
  it("V1 is read and written back", () => {
    const document = golden(
      "ReplicationConfiguration",
      `<Rule>
        <ID>logs</ID>
        <Prefix>logs/</Prefix>
        <Status>Enabled</Status>
        <Destination>
          <Bucket>arn:aws:s3:::demo-target</Bucket>
          <StorageClass>STANDARD</StorageClass>
        </Destination>
      </Rule>`,
    );
    expect(parse(document)).toEqual({ rules: [FIRST] });
    expect(formatReplicationConfiguration({ rules: [FIRST] })).toBe(document);
  });

  it("V2 with every element is read and written back", () => {
    const rules: readonly ReplicationRule[] = [
      {
        id: "a & b",
        schema: "V2",
        isEnabled: false,
        priority: 2_147_483_647,
        prefix: "a/",
        tags: [
          { key: "k", value: "v" },
          { key: "l", value: "" },
        ],
        destination: {
          bucket: "demo-target",
          account: "123456789012",
          storageClass: "STANDARD_IA",
          overridesOwner: true,
        },
        replicatesDeletes: false,
        replicatesExisting: true,
      },
      {
        id: "one tag",
        schema: "V2",
        isEnabled: true,
        priority: 1,
        prefix: "",
        tags: [{ key: "k", value: "v" }],
        destination: { bucket: "demo-target" },
        replicatesDeletes: false,
        replicatesExisting: false,
      },
      {
        id: "everything",
        schema: "V2",
        isEnabled: true,
        priority: 0,
        prefix: "",
        tags: [],
        destination: { remote: "backup-1", bucket: "Far.Away" },
        replicatesDeletes: true,
      },
    ];
    const role = "arn:aws:iam::123456789012:role/r";
    const document = golden(
      "ReplicationConfiguration",
      `<Role>${role}</Role>
      <Rule>
        <ID>a &amp; b</ID>
        <Priority>2147483647</Priority>
        <Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key><Value/></Tag></And></Filter>
        <Status>Disabled</Status>
        <ExistingObjectReplication><Status>Enabled</Status></ExistingObjectReplication>
        <Destination>
          <Bucket>arn:aws:s3:::demo-target</Bucket>
          <Account>123456789012</Account>
          <StorageClass>STANDARD_IA</StorageClass>
          <AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>
        </Destination>
        <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>
      </Rule>
      <Rule>
        <ID>one tag</ID>
        <Priority>1</Priority>
        <Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>
        <Status>Enabled</Status>
        <ExistingObjectReplication><Status>Disabled</Status></ExistingObjectReplication>
        <Destination><Bucket>arn:aws:s3:::demo-target</Bucket></Destination>
        <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication>
      </Rule>
      <Rule>
        <ID>everything</ID>
        <Priority>0</Priority>
        <Filter><Prefix/></Filter>
        <Status>Enabled</Status>
        <Destination><Bucket>arn:workers-s3:remote:::backup-1/Far.Away</Bucket></Destination>
        <DeleteMarkerReplication><Status>Enabled</Status></DeleteMarkerReplication>
      </Rule>`,
    );
    expect(formatReplicationConfiguration({ role, rules })).toBe(document);
    expect(parse(document)).toEqual({ role, rules });
  });

  it.each<[why: string, filter: string, prefix: string, tags: number]>([
    ["nothing in it", "<Filter/>", "", 0],
    ["an empty prefix", "<Filter><Prefix/></Filter>", "", 0],
    ["a prefix", "<Filter><Prefix>a</Prefix></Filter>", "a", 0],
    ["a tag", `<Filter>${tag("a", "b")}</Filter>`, "", 1],
    ["And without a prefix", `<Filter><And>${tag("a", "b")}${tag("c", "d")}</And></Filter>`, "", 2],
  ])("accepts a Filter with %s", (_why, filter, prefix, tags) => {
    const [first] = parse(configuration(v2(filter))).rules;
    expect([first?.prefix, first?.tags.length, first?.schema]).toEqual([prefix, tags, "V2"]);
  });

  it("accepts a rule without an ID, an empty Role, and 1,000 rules", () => {
    expect(parse(configuration("<Role/>", v1("<ID/><Prefix/>")))).toEqual({
      rules: [{ ...FIRST, id: undefined, prefix: "", destination: { bucket: "demo-target" } }],
    });
    const rules = Array.from({ length: 1000 }, (_, index) => v2("<Filter/>", index));
    expect(parse(configuration(...rules)).rules).toHaveLength(1000);
    const twenty = Array.from({ length: 200 }, (_, index) => toRemote(`b${index % 20}`, index));
    expect(parse(configuration(...twenty)).rules).toHaveLength(200);
  });

  it.each<[why: string, document: string]>([
    ["a text that is not XML", "x"],
    ["another root", "<Replication/>"],
    ["no rule", "<ReplicationConfiguration/>"],
    ["an unknown element", configuration("<Rules/>", v1())],
    ["an unknown element of a rule", configuration(v1("<Prefix/><Suffix/>"))],
    ["no Status", configuration(rule(`<Prefix/>${DESTINATION}`))],
    ["a Status of another name", configuration(rule(`<Status>Disenabled</Status><Prefix/>${DESTINATION}`))],
    ["no Destination", configuration(v1("<Prefix/>", ""))],
    ["no Bucket", configuration(destination(""))],
    ["neither Prefix nor Filter", configuration(v1(""))],
    ["Prefix and Filter", configuration(v2("<Prefix/><Filter/>"))],
    ["a Filter with two elements", configuration(v2(`<Filter><Prefix>a</Prefix>${tag("a", "b")}</Filter>`))],
    ["an invalid Priority", configuration(v2("<Filter/>").replace(">1<", ">-1<"))],
    ["a Priority beyond an integer", configuration(v2("<Filter/>", 2_147_483_648))],
    ["a tag without value", configuration(v2("<Filter><Tag><Key>a</Key></Tag></Filter>"))],
    [
      "an unknown storage class",
      configuration(destination("<Bucket>arn:aws:s3:::b</Bucket><StorageClass>X</StorageClass>")),
    ],
    [
      "an owner that is not the destination",
      configuration(
        destination(
          "<Bucket>arn:aws:s3:::b</Bucket><Account>123456789012</Account><AccessControlTranslation><Owner>Source</Owner></AccessControlTranslation>",
        ),
      ),
    ],
    ["DeleteMarkerReplication without Status", configuration(v2("<Filter/>").replace("<Status>Disabled</Status>", ""))],
  ])("refuses %s with MalformedXML", (_why, document) => {
    expect(failure(() => parse(document))).toMatchObject({ code: "MalformedXML" });
  });

  it.each<[why: string, code: string, document: string, message: RegExp]>([
    [
      "more than 1,000 rules",
      "InvalidRequest",
      configuration(...Array.from({ length: 1001 }, () => v1())),
      /1000 rules/,
    ],
    [
      "more than 20 destinations",
      "InvalidRequest",
      configuration(...Array.from({ length: 21 }, (_, index) => toRemote(`b${index}`, index))),
      /destination bucket ARNs cannot exceed 20/,
    ],
    ["an ID of 256 characters", "InvalidArgument", configuration(v1(`<ID>${"x".repeat(256)}</ID><Prefix/>`)), /255/],
    [
      "one ID twice",
      "InvalidArgument",
      configuration(v1("<ID>a</ID><Prefix>a</Prefix>"), v1("<ID>a</ID><Prefix>b</Prefix>")),
      /Rule ID must be unique/,
    ],
    [
      "a prefix of 1,025 characters",
      "InvalidArgument",
      configuration(v1(`<Prefix>${"x".repeat(1025)}</Prefix>`)),
      /1024/,
    ],
    ["a Role of 2,049 characters", "InvalidArgument", configuration(`<Role>${"x".repeat(2049)}</Role>`, v1()), /Role/],
    [
      "overlapping prefixes in V1",
      "InvalidRequest",
      configuration(v1("<Prefix>ab</Prefix>"), v1("<Prefix>b</Prefix>"), v1("<Prefix>a</Prefix>")),
      /^Found overlapping prefixes 'a' and 'ab'$/,
    ],
    [
      "equal prefixes in V1",
      "InvalidRequest",
      configuration(v1("<Prefix>a</Prefix>"), v1("<Prefix>a</Prefix>")),
      /overlapping/,
    ],
    [
      "two destinations in V1",
      "InvalidRequest",
      configuration(v1(), v1("<Prefix>b</Prefix>", "<Destination><Bucket>arn:aws:s3:::c</Bucket></Destination>")),
      /^Number of distinct destination bucket ARNs cannot exceed 1$/,
    ],
    ["V1 and V2 together", "InvalidRequest", configuration(v1(), v2("<Filter/>")), /mixed/],
    ["equal priorities", "InvalidRequest", configuration(v2("<Filter/>"), v2("<Filter/>")), /Priority must be unique/],
    [
      "Priority in V1",
      "InvalidRequest",
      configuration(v1("<Priority>1</Priority><Prefix/>")),
      /^Priority cannot be used for this version/,
    ],
    [
      "DeleteMarkerReplication in V1",
      "InvalidRequest",
      configuration(v1(`<Prefix/>${V2_COMMON}`)),
      /^DeleteMarkerReplication cannot be used/,
    ],
    [
      "V2 without Priority",
      "InvalidRequest",
      configuration(v2("<Filter/>").replace(/<Priority>.*<\/Priority>/, "")),
      /^Priority must be specified/,
    ],
    [
      "V2 without DeleteMarkerReplication",
      "InvalidRequest",
      configuration(v2("<Filter/>").replace(V2_COMMON, "")),
      /^DeleteMarkerReplication must be specified/,
    ],
    [
      "removals of objects with tags",
      "InvalidRequest",
      configuration(v2(`<Filter>${tag("a", "b")}</Filter>`).replace(">Disabled<", ">Enabled<")),
      /^Delete marker replication is not supported/,
    ],
    ["an invalid tag", "InvalidTag", configuration(v2(`<Filter>${tag("aws:x", "b")}</Filter>`)), /aws:/],
    ["a name instead of an ARN", "InvalidArgument", configuration(destination("<Bucket>b</Bucket>")), /ARN/],
    ["an ARN of an object", "InvalidArgument", configuration(destination("<Bucket>arn:aws:s3:::b/k</Bucket>")), /ARN/],
    [
      "a remote without a bucket",
      "InvalidArgument",
      configuration(destination("<Bucket>arn:workers-s3:remote:::r</Bucket>")),
      /ARN/,
    ],
    [
      "a remote in AWS's partition",
      "InvalidArgument",
      configuration(destination("<Bucket>arn:aws:remote:::r/b</Bucket>")),
      /ARN/,
    ],
    [
      "an invalid account",
      "InvalidArgument",
      configuration(destination("<Bucket>arn:aws:s3:::b</Bucket><Account/>")),
      /Account/,
    ],
    [
      "a remote with an account",
      "InvalidRequest",
      configuration(destination("<Bucket>arn:workers-s3:remote:::r/b</Bucket><Account>123456789012</Account>")),
      /remote/,
    ],
    [
      "an owner without an account",
      "InvalidRequest",
      configuration(
        destination(
          "<Bucket>arn:aws:s3:::b</Bucket><AccessControlTranslation><Owner>Destination</Owner></AccessControlTranslation>",
        ),
      ),
      /Account/,
    ],
    ...["EncryptionConfiguration", "ReplicationTime", "Metrics"].map((name): [string, string, string, RegExp] => [
      name,
      "NotImplemented",
      configuration(destination(`<Bucket>arn:aws:s3:::b</Bucket><${name}/>`)),
      new RegExp(name),
    ]),
    [
      "SourceSelectionCriteria",
      "NotImplemented",
      configuration(v1("<Prefix/><SourceSelectionCriteria/>")),
      /SourceSelectionCriteria/,
    ],
  ])("refuses %s with %s", (_why, code, document, message) => {
    expect(failure(() => parse(document))).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
