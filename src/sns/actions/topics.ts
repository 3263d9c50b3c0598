/** CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes, ListTagsForResource (SNS API reference). */
import { topicArn } from "../../model/topic.ts";
import { xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { invalidParameter, noSuchTopic, SnsError } from "../errors.ts";
import { parseSignatureVersion, parseTitle } from "../parameters.ts";
import { grantTopic, grantTopics, listPage, type SnsAction, xmlAttributes } from "./action.ts";

const NO_TAGS = "tags of topics are not supported";
const NO_POLICY =
  "topics have no policies here: they are their account's alone, and notified by buckets of the same account";

/** Attributes that have an effect here. What has none is refused rather than stored. */
const WRITABLE: ReadonlySet<string> = new Set(["DisplayName", "SignatureVersion"]);

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
    const grant = grantTopic(call, { arn, accountId });

    const created = await services.topics.create(grant, { displayName, signatureVersion, now });
    if (created.outcome === "too-many") throw new SnsError("TopicLimitExceeded", "Topic limit exceeded.");
    const { topic } = created;
    const differs =
      (attributes.has("DisplayName") && topic.displayName !== displayName) ||
      (attributes.has("SignatureVersion") && topic.signatureVersion !== signatureVersion);
    if (differs) throw invalidParameter("Attributes", "Topic already exists with different attributes");
    return [xmlText("TopicArn", arn)];
  },
};

export const DeleteTopic: SnsAction = {
  parameters: ["TopicArn"],
  async run(call) {
    // "If the topic does not exist, … no error" (API_DeleteTopic: "This action is idempotent").
    await call.services.topics.delete(grantTopic(call, call.parameters.requireTopic()));
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
    const topic = await call.services.topics.find(grantTopic(call, { accountId, arn }));
    if (topic === undefined) throw noSuchTopic();
    return [
      xmlAttributes({
        TopicArn: arn,
        Owner: accountId,
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
    const grant = grantTopic(call, parameters.requireTopic());
    const attribute = parameters.require("AttributeName");
    refuseUnsupported(attribute);
    const value = parameters.find("AttributeValue") ?? "";
    const changed =
      attribute === "DisplayName"
        ? { displayName: parseTitle("DisplayName", value) }
        : { signatureVersion: parseSignatureVersion(value) };
    if (!(await services.topics.update(grant, changed))) throw noSuchTopic();
    return undefined;
  },
};

/** Topics have none; Terraform asks after each that it makes. */
export const ListTagsForResource: SnsAction = {
  parameters: ["ResourceArn"],
  async run(call) {
    const grant = grantTopic(call, call.parameters.requireTopic("ResourceArn"));
    if ((await call.services.topics.find(grant)) === undefined) throw noSuchTopic();
    return [xmlElement("Tags", [])];
  },
};

function refuseUnsupported(attribute: string, reason?: string): void {
  if (WRITABLE.has(attribute)) return;
  if (attribute === "Policy") throw invalidParameter("Policy", NO_POLICY);
  throw invalidParameter(reason === undefined ? "AttributeName" : "Attributes", reason?.slice(0, 160));
}
