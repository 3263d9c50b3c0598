import { describe, expect, it } from "vitest";
import type { NotificationConfiguration, NotificationRule } from "../../../../src/model/notification.ts";
import {
  formatNotificationConfiguration,
  parseNotificationConfiguration,
} from "../../../../src/protocol/xml/notification-configuration.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const TOPIC_ARN = "arn:aws:sns:us-east-1:000000000001:news";
const QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000001:jobs";
const PUT = "<Event>s3:ObjectCreated:Put</Event>";

let made = 0;
const parse = (document: string) => parseNotificationConfiguration(bytes(document), () => `made-${made++}`);
const configuration = (...rules: string[]) =>
  `<NotificationConfiguration>${rules.join("")}</NotificationConfiguration>`;
const topic = (content: string) => `<TopicConfiguration>${content}</TopicConfiguration>`;
const callback = (place: string, content = PUT) => topic(`<Topic>${place}</Topic>${content}`);
const queue = (content: string, arn = QUEUE_ARN) =>
  `<QueueConfiguration><Queue>${arn}</Queue>${content}</QueueConfiguration>`;
const filterRule = (name: string, value: string) =>
  `<FilterRule><Name>${name}</Name><Value>${value}</Value></FilterRule>`;
const filter = (...rules: string[]) => `<Filter><S3Key>${rules.join("")}</S3Key></Filter>`;
const parseRule = (rule: string): NotificationRule => {
  const [only] = parse(configuration(rule)).rules;
  if (only === undefined) throw new Error("no rule");
  return only;
};

describe("NotificationConfiguration", () => {
  it("reads the reference system's example", () => {
    const document = `<NotificationConfiguration>
      <TopicConfiguration>
        <Id>new-pictures</Id>
        <Filter><S3Key>
          <FilterRule><Name>prefix</Name><Value>pic/</Value></FilterRule>
          <FilterRule><Name>suffix</Name><Value>.png</Value></FilterRule>
        </S3Key></Filter>
        <Topic>NS:https://one.example.net/cb,http://203.0.113.7:9001/cb</Topic>
        <Event>s3:ObjectCreated:Put</Event>
        <Event>s3:ObjectRemoved:Delete</Event>
      </TopicConfiguration>
    </NotificationConfiguration>`;
    expect(parse(document)).toEqual({
      rules: [
        {
          id: "new-pictures",
          destination: { kind: "callback", urls: ["https://one.example.net/cb", "http://203.0.113.7:9001/cb"] },
          events: ["s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete"],
          prefix: "pic/",
          suffix: ".png",
          filter: { prefix: "pic/", suffix: ".png" },
        },
      ],
    });
  });

  it("is written as by S3, and read back", () => {
    const rules: NotificationConfiguration["rules"] = [
      {
        id: "queue & more",
        destination: { kind: "queue", arn: QUEUE_ARN },
        events: ["s3:ObjectRemoved:*"],
        prefix: "a b/",
        suffix: "",
        filter: { prefix: "a+b/" },
      },
      {
        id: "topic",
        destination: { kind: "topic", arn: TOPIC_ARN },
        events: ["s3:ObjectCreated:Put", "s3:ObjectCreated:Post"],
        prefix: "",
        suffix: "",
      },
      {
        id: "ns",
        destination: { kind: "callback", urls: ["https://one.example.net/cb?a=1&b=2", "http://two.example.net/"] },
        events: ["s3:ObjectCreated:*"],
        prefix: "pic+/",
        suffix: ".png",
        filter: { prefix: "pic+/", suffix: ".png" },
      },
    ];
    const document = formatNotificationConfiguration({ rules });
    expect(document).toBe(
      golden(
        "NotificationConfiguration",
        `<TopicConfiguration>
           <Id>topic</Id>
           <Topic>${TOPIC_ARN}</Topic>
           <Event>s3:ObjectCreated:Put</Event>
           <Event>s3:ObjectCreated:Post</Event>
         </TopicConfiguration>
         <TopicConfiguration>
           <Id>ns</Id>
           <Topic>NS:https://one.example.net/cb?a=1&amp;b=2,http://two.example.net/</Topic>
           <Event>s3:ObjectCreated:*</Event>
           <Filter><S3Key>
             <FilterRule><Name>Prefix</Name><Value>pic+/</Value></FilterRule>
             <FilterRule><Name>Suffix</Name><Value>.png</Value></FilterRule>
           </S3Key></Filter>
         </TopicConfiguration>
         <QueueConfiguration>
           <Id>queue &amp; more</Id>
           <Queue>${QUEUE_ARN}</Queue>
           <Event>s3:ObjectRemoved:*</Event>
           <Filter><S3Key><FilterRule><Name>Prefix</Name><Value>a+b/</Value></FilterRule></S3Key></Filter>
         </QueueConfiguration>`,
      ),
    );
    expect(parse(document).rules).toEqual([rules[1], rules[2], rules[0]]);
  });

  it("is an empty element without rules", () => {
    expect(parse("<NotificationConfiguration/>")).toEqual({ rules: [] });
    expect(formatNotificationConfiguration({ rules: [] })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>',
    );
  });

  it("gives a new id to each rule without an id or with an empty id", () => {
    const { rules } = parse(
      configuration(callback("NS:http://a.example/"), topic(`<Id/><Topic>NS:http://a.example/</Topic>${PUT}`)),
    );
    expect(rules.map(({ id }) => id)).toEqual([expect.stringMatching(/^made-/), expect.stringMatching(/^made-/)]);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    ["space as plus", "a+b%2Fc/", "a b/c/"],
    ["percent escapes", "%E6%97%A5%2B", "日+"],
    ["text that is not a URL encoding", "100%/", "100%/"],
  ])("decodes the filter of a rule with an ARN: %s", (_why, value, prefix) => {
    const rule = parseRule(queue(PUT + filter(filterRule("prefix", value), filterRule("SUFFIX", value))));
    expect(rule).toMatchObject({ prefix, suffix: prefix, filter: { prefix: value, suffix: value } });
  });

  it("does not decode the filter of a rule with NS:", () => {
    const rule = parseRule(callback("NS:http://a.example/", PUT + filter(filterRule("Prefix", "a+b%2F"))));
    expect(rule.prefix).toBe("a+b%2F");
  });

  it("ignores a filter without rules", () => {
    for (const empty of ["<Filter/>", "<Filter><S3Key/></Filter>"]) {
      expect(parseRule(callback("NS:http://a.example/", PUT + empty))).not.toHaveProperty("filter");
    }
  });

  it("drops a repeated URL of a topic", () => {
    expect(parseRule(callback("NS:http://a.example/,http://a.example/")).destination).toEqual({
      kind: "callback",
      urls: ["http://a.example/"],
    });
  });

  it.each([
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:LifecycleTransition",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
  ])("accepts the event %s", (event) => {
    expect(parseRule(callback("NS:http://a.example/", `<Event>${event}</Event>`)).events).toEqual([event]);
  });
});

describe("NotificationConfiguration is refused", () => {
  it.each<[why: string, document: string]>([
    ["another root", "<Notification/>"],
    ["an unknown element", configuration("<Other/>")],
    ["an unknown element in a rule", configuration(callback("NS:http://a.example/", `${PUT}<Extra/>`))],
    ["text between rules", configuration("text")],
    ["no destination", configuration(topic(PUT))],
    ["two destinations", configuration(topic(`<Topic>${TOPIC_ARN}</Topic><Topic>${TOPIC_ARN}</Topic>${PUT}`))],
    ["a queue's element in a topic's rule", configuration(topic(`<Queue>${QUEUE_ARN}</Queue>${PUT}`))],
    ["no event", configuration(callback("NS:http://a.example/", ""))],
    ["a filter of another kind", configuration(queue(`${PUT}<Filter><Tag/></Filter>`))],
    [
      "a filter rule without a value",
      configuration(queue(PUT + filter("<FilterRule><Name>prefix</Name></FilterRule>"))),
    ],
  ])("with MalformedXML: %s", (_why, document) => {
    expect(failure(() => parse(document)).code).toBe("MalformedXML");
  });

  const long = "é".repeat(513);
  it.each<[why: string, document: string, message: string, argument: string, value: string]>([
    [
      "an unknown event",
      configuration(queue("<Event>s3:ObjectCreated</Event>")),
      "The event is not supported for notifications",
      "Event",
      "s3:ObjectCreated",
    ],
    [
      "a wildcard over all events",
      configuration(queue("<Event>s3:*</Event>")),
      "The event is not supported for notifications",
      "Event",
      "s3:*",
    ],
    [
      "a topic that is not an ARN",
      configuration(callback("invalid-topic")),
      "The ARN could not be parsed",
      "Topic",
      "invalid-topic",
    ],
    ["a queue's ARN as topic", configuration(callback(QUEUE_ARN)), "The ARN could not be parsed", "Topic", QUEUE_ARN],
    [
      "a queue that is not an ARN",
      configuration(queue(PUT, "invalid-queue")),
      "The ARN could not be parsed",
      "Queue",
      "invalid-queue",
    ],
    [
      "NS: as queue",
      configuration(queue(PUT, "NS:http://a.example/")),
      "The ARN could not be parsed",
      "Queue",
      "NS:http://a.example/",
    ],
    [
      "a FIFO queue",
      configuration(queue(PUT, `${QUEUE_ARN}.fifo`)),
      "FIFO SQS queues are not supported.",
      "Queue",
      `${QUEUE_ARN}.fifo`,
    ],
    [
      "NS: in lower case",
      configuration(callback("ns:http://a.example/")),
      "The ARN could not be parsed",
      "Topic",
      "ns:http://a.example/",
    ],
    [
      "NS: without a URL",
      configuration(callback("NS:")),
      "NS: must be followed by 1 to 5 URLs, separated by commas",
      "Topic",
      "NS:",
    ],
    [
      "NS: with six URLs",
      configuration(callback(`NS:${[1, 2, 3, 4, 5, 6].map((number) => `http://a.example/${number}`)}`)),
      "NS: must be followed by 1 to 5 URLs, separated by commas",
      "Topic",
      `NS:${[1, 2, 3, 4, 5, 6].map((number) => `http://a.example/${number}`)}`,
    ],
    [
      "a function",
      configuration(
        `<CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:us-east-1:123456789012:function:f</CloudFunction>${PUT}</CloudFunctionConfiguration>`,
      ),
      "Functions are not supported as destinations of notifications",
      "CloudFunction",
      "arn:aws:lambda:us-east-1:123456789012:function:f",
    ],
    [
      "a function under its other name",
      configuration(
        `<LambdaFunctionConfiguration><LambdaFunctionArn>arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST</LambdaFunctionArn></LambdaFunctionConfiguration>`,
      ),
      "Functions are not supported as destinations of notifications",
      "CloudFunction",
      "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
    ],
    [
      "a function without an ARN",
      configuration(
        `<CloudFunctionConfiguration><CloudFunction>invalid-queue</CloudFunction>${PUT}</CloudFunctionConfiguration>`,
      ),
      "The ARN could not be parsed",
      "CloudFunction",
      "invalid-queue",
    ],
    [
      "a filter that is neither prefix nor suffix",
      configuration(queue(PUT + filter(filterRule("INVALID", "does not matter")))),
      "filter rule name must be either prefix or suffix",
      "FilterRule.Name",
      "INVALID",
    ],
    [
      "two prefixes",
      configuration(queue(PUT + filter(filterRule("prefix", "a"), filterRule("Prefix", "b")))),
      "Cannot specify more than one prefix rule in a filter.",
      "FilterRule.Name",
      "Prefix",
    ],
    [
      "a filter of 1,026 bytes",
      configuration(queue(PUT + filter(filterRule("suffix", long)))),
      "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
      "FilterRule.Value",
      long,
    ],
    [
      "an id twice",
      configuration(queue(`<Id>a</Id>${PUT}`), topic(`<Id>a</Id><Topic>NS:http://a.example/</Topic>${PUT}`)),
      "Same ID used for multiple configurations. IDs must be unique.",
      "Id",
      "a",
    ],
    [
      "an id of 256 characters",
      configuration(queue(`<Id>${"i".repeat(256)}</Id>${PUT}`)),
      "ID length exceeded allowed limit of 255",
      "Id",
      "i".repeat(256),
    ],
  ])("with InvalidArgument: %s", (_why, document, message, argument, value) => {
    const error = failure(() => parse(document));
    expect([error.code, error.message, error.details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: argument, ArgumentValue: value },
    ]);
  });

  it.each([
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectRestore:*",
    "s3:Replication:OperationNotTracked",
    "s3:IntelligentTiering",
  ])("with NotImplemented: the event %s, which is never raised", (event) => {
    const error = failure(() => parse(configuration(queue(`<Event>${event}</Event>`))));
    expect([error.code, error.message]).toEqual(["NotImplemented", `The event ${event} is never raised here.`]);
  });

  it("with NotImplemented: EventBridge", () => {
    expect(failure(() => parse(configuration("<EventBridgeConfiguration/>"))).code).toBe("NotImplemented");
  });

  it("with InvalidRequest: 101 rules; 100 are accepted", () => {
    const rules = Array.from({ length: 100 }, () => callback("NS:http://a.example/"));
    expect(parse(configuration(...rules)).rules).toHaveLength(100);
    expect(failure(() => parse(configuration(...rules, callback("NS:http://a.example/")))).code).toBe("InvalidRequest");
  });
});

describe("overlapping rules of NotificationConfiguration", () => {
  const other = "arn:aws:sqs:us-east-1:000000000001:other";
  const EVENTS = "Configurations overlap. Configurations on the same bucket cannot share a common event type.";
  const KEYS =
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.";
  const rule = (events: string, prefix?: string, suffix?: string) =>
    events
      .split(" ")
      .map((event) => `<Event>s3:${event}</Event>`)
      .join("") +
    (prefix === undefined && suffix === undefined
      ? ""
      : filter(
          ...(prefix === undefined ? [] : [filterRule("prefix", prefix)]),
          ...(suffix === undefined ? [] : [filterRule("suffix", suffix)]),
        ));
  const error = (left: string, right: string) => failure(() => parse(configuration(queue(left), queue(right, other))));

  it.each<[why: string, left: string, right: string, message: string, events: string]>([
    // The answer of S3 (minio/minio#2472).
    [
      "the same event",
      rule("ObjectRemoved:*"),
      rule("ObjectRemoved:*"),
      EVENTS,
      "s3:ObjectRemoved:*, s3:ObjectRemoved:*",
    ],
    [
      "an event and the wildcard over it",
      rule("ObjectRemoved:Delete ObjectCreated:Put"),
      rule("ObjectCreated:*"),
      EVENTS,
      "s3:ObjectCreated:Put, s3:ObjectCreated:*",
    ],
    // The three examples of "Examples of notification configurations with invalid prefix and suffix overlapping".
    [
      "prefixes, one in the other",
      rule("ObjectCreated:*", "images"),
      rule("ObjectCreated:*", "images/jpg"),
      KEYS,
      "s3:ObjectCreated:*, s3:ObjectCreated:*",
    ],
    [
      "suffixes, one in the other",
      rule("ObjectCreated:*", undefined, ".jpg"),
      rule("ObjectCreated:Put", undefined, "jpg"),
      KEYS,
      "s3:ObjectCreated:*, s3:ObjectCreated:Put",
    ],
    [
      "a prefix and a suffix",
      rule("ObjectCreated:*", "images"),
      rule("ObjectCreated:*", undefined, ".jpg"),
      KEYS,
      "s3:ObjectCreated:*, s3:ObjectCreated:*",
    ],
    [
      "a filter and none",
      rule("ObjectCreated:*", "images"),
      rule("ObjectCreated:*"),
      KEYS,
      "s3:ObjectCreated:*, s3:ObjectCreated:*",
    ],
    [
      "prefixes that differ only in their encoding",
      rule("ObjectCreated:*", "a+b"),
      rule("ObjectCreated:*", "a%20b"),
      KEYS,
      "s3:ObjectCreated:*, s3:ObjectCreated:*",
    ],
  ])("are refused with InvalidArgument: %s", (_why, left, right, message, events) => {
    const { code, message: said, details } = error(left, right);
    expect([code, said, details]).toEqual([
      "InvalidArgument",
      message,
      { ArgumentName: "Event", ArgumentValue: events },
    ]);
  });

  it("are refused with InvalidArgument within one rule", () => {
    const { details } = failure(() => parse(configuration(queue(rule("ObjectCreated:Put ObjectCreated:*")))));
    expect(details.ArgumentValue).toBe("s3:ObjectCreated:Put, s3:ObjectCreated:*");
  });

  it("are refused with InvalidArgument between a topic and a queue", () => {
    const document = configuration(topic(`<Topic>${TOPIC_ARN}</Topic>${PUT}`), queue(PUT));
    expect(failure(() => parse(document)).message).toBe(EVENTS);
  });

  it.each<[why: string, left: string, right: string]>([
    ["events that differ", rule("ObjectCreated:Put"), rule("ObjectCreated:Post ObjectRemoved:*")],
    ["prefixes that differ", rule("ObjectCreated:*", "images/"), rule("ObjectCreated:*", "logs/")],
    [
      "suffixes that differ under one prefix",
      rule("ObjectCreated:*", "images", ".jpg"),
      rule("ObjectCreated:*", "images", ".png"),
    ],
  ])("are not: %s", (_why, left, right) => {
    expect(parse(configuration(queue(left), queue(right, other))).rules).toHaveLength(2);
  });

  it("are accepted if one of them has NS:", () => {
    const both = configuration(callback("NS:http://a.example/"), callback("NS:http://b.example/"), queue(PUT));
    expect(parse(both).rules).toHaveLength(3);
  });
});
