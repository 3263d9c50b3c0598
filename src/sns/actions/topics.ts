/** CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes, ListTagsForResource (SNS API reference). */
import { defaultTopicPolicy, isSamePolicy } from "../../access/policy/topic-policy.ts";
import { topicArn } from "../../model/topic.ts";
import { xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { invalidParameter, noSuchTopic, SnsError } from "../errors.ts";
import { type NamedTopic, parseSignatureVersion, parseTitle } from "../parameters.ts";
import { parseTopicPolicy } from "../policy.ts";
import { grantNewTopic, grantTopic, grantTopics, listPage, type SnsAction, xmlAttributes } from "./action.ts";

const NO_TAGS = "tags of topics are not supported";

/** Attributes that have an effect here. What has none is refused rather than stored. */
const WRITABLE: ReadonlySet<string> = new Set(["DisplayName", "Policy", "SignatureVersion"]);

export const CreateTopic: SnsAction = {
  parameters: ["Name", "Attributes", "Tags"],
  async run(call) {
    const { parameters, caller, services, now } = call;
    const name = parameters.requireTopicName();
    const attributes = parameters.readMap("Attributes");
    for (const attribute of attributes.keys()) refuseUnsupported(attribute, `Unknown attribute ${attribute}`);
    const displayName = parseTitle("DisplayName", attributes.get("DisplayName") ?? "");
    const signatureVersion = parseSignatureVersion(attributes.get("SignatureVersion") ?? "1");
    parameters.refuseEntries("Tags", NO_TAGS);
    const { id: accountId } = caller.account;
    const arn = topicArn({ region: services.config.region, accountId, name });
    const policy = parseTopicPolicy(attributes.get("Policy") ?? "", { arn, accountId });
    const grant = grantNewTopic(call, arn);

    const created = await services.topics.create(grant, { displayName, signatureVersion, policy, now });
    if (created.outcome === "too-many") throw new SnsError("TopicLimitExceeded", "Topic limit exceeded.");
    const { topic } = created;
    const differs =
      (attributes.has("DisplayName") && topic.displayName !== displayName) ||
      (attributes.has("SignatureVersion") && topic.signatureVersion !== signatureVersion) ||
      (attributes.has("Policy") && !isSamePolicy(topic.policy ?? "{}", policy ?? "{}"));
    if (differs) throw invalidParameter("Attributes", "Topic already exists with different attributes");
    return [xmlText("TopicArn", arn)];
  },
};

export const DeleteTopic: SnsAction = {
  parameters: ["TopicArn"],
  async run(call) {
    // "If the topic does not exist, … no error" (API_DeleteTopic: "This action is idempotent").
    await call.services.topics.delete(await grantTopic(call, call.parameters.requireTopic()));
    return undefined;
  },
};

export const ListTopics: SnsAction = {
  parameters: ["NextToken"],
  async run(call) {
    const grant = grantTopics(call);
    return listPage(call, {
      element: "Topics",
      owner: grant.accountId,
      read: (range) => call.services.topics.list(grant, range),
      arnOf: (arn) => arn,
      describe: (arn) => [xmlText("TopicArn", arn)],
    });
  },
};

export const GetTopicAttributes: SnsAction = {
  parameters: ["TopicArn"],
  async run(call) {
    const { accountId, arn } = call.parameters.requireTopic();
    const topic = await call.services.topics.find(await grantTopic(call, { accountId, arn }));
    if (topic === undefined) throw noSuchTopic();
    return [
      xmlAttributes({
        TopicArn: arn,
        Owner: accountId,
        Policy: topic.policy ?? defaultTopicPolicy({ arn, accountId }),
        DisplayName: topic.displayName,
        SignatureVersion: topic.signatureVersion,
        SubscriptionsConfirmed: topic.confirmed,
        SubscriptionsPending: topic.pending,
        SubscriptionsDeleted: topic.deleted,
      }),
    ];
  },
};

export const SetTopicAttributes: SnsAction = {
  parameters: ["TopicArn", "AttributeName", "AttributeValue"],
  async run(call) {
    const { parameters, services } = call;
    const topic = parameters.requireTopic();
    const grant = await grantTopic(call, topic);
    const attribute = parameters.require("AttributeName");
    refuseUnsupported(attribute);
    const value = parameters.find("AttributeValue") ?? "";
    if (!(await services.topics.update(grant, parseAttribute(attribute, value, topic)))) throw noSuchTopic();
    return undefined;
  },
};

/** Topics have none; Terraform asks after each that it makes. */
export const ListTagsForResource: SnsAction = {
  parameters: ["ResourceArn"],
  async run(call) {
    const grant = await grantTopic(call, call.parameters.requireTopic("ResourceArn"));
    if ((await call.services.topics.find(grant)) === undefined) throw noSuchTopic();
    return [xmlElement("Tags", [])];
  },
};

function parseAttribute(name: string, value: string, topic: NamedTopic) {
  switch (name) {
    case "DisplayName":
      return { displayName: parseTitle("DisplayName", value) };
    case "Policy":
      return { policy: parseTopicPolicy(value, topic) ?? null };
    default:
      return { signatureVersion: parseSignatureVersion(value) };
  }
}

function refuseUnsupported(attribute: string, reason?: string): void {
  if (WRITABLE.has(attribute)) return;
  throw invalidParameter(reason === undefined ? "AttributeName" : "Attributes", reason?.slice(0, 160));
}
