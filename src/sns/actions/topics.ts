/**
 * CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes, ListTagsForResource (SNS API
 * reference).
 */
import type { TopicGrant } from "../../access/authorize-sns.ts";
import { showPolicy } from "../../access/policy/principal.ts";
import { defaultTopicPolicy, isSamePolicy } from "../../access/policy/topic-policy.ts";
import { type TopicPolicy, topicArn } from "../../model/topic.ts";
import { xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import type { Stores } from "../../storage/stores.ts";
import { invalidParameter, noSuchTopic, SnsError } from "../errors.ts";
import { type NamedTopic, parseSignatureVersion, parseTitle } from "../parameters.ts";
import {
  grantNewTopic,
  grantTopic,
  grantTopics,
  listPage,
  type SnsAction,
  type SnsCall,
  xmlAttributes,
} from "./action.ts";
import { readTopicPolicy } from "./topic-policy.ts";

const NO_TAGS = "tags of topics are not supported";

/** Attributes that have an effect here. Others are refused rather than stored. */
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
    const grant = grantNewTopic(call, arn);
    const { principals } = services.stores;
    const policy = await readTopicPolicy(attributes.get("Policy") ?? "", { arn, accountId }, { grant, principals });

    const created = await services.topics.create(grant, { displayName, signatureVersion, policy, now });
    if (created.outcome === "too-many") throw new SnsError("TopicLimitExceeded", "Topic limit exceeded.");
    const { topic } = created;
    const differs =
      (attributes.has("DisplayName") && topic.displayName !== displayName) ||
      (attributes.has("SignatureVersion") && topic.signatureVersion !== signatureVersion) ||
      (attributes.has("Policy") && !isSamePolicy(topic.policy?.text ?? "{}", policy?.text ?? "{}"));
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
    const grant = await grantTopic(call, { accountId, arn });
    const topic = await call.services.topics.find(grant);
    if (topic === undefined) throw noSuchTopic();
    const policy = topic.policy && (await shownPolicy(topic.policy, grant, call));
    return [
      xmlAttributes({
        TopicArn: arn,
        Owner: accountId,
        Policy: policy ?? defaultTopicPolicy({ arn, accountId }),
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
    const { principals } = services.stores;
    const changed = await readAttribute({ name: attribute, value }, topic, { grant, principals });
    if (!(await services.topics.update(grant, changed))) throw noSuchTopic();
    return undefined;
  },
};

/** Always an empty list. Terraform calls it for each topic it creates. */
export const ListTagsForResource: SnsAction = {
  parameters: ["ResourceArn"],
  async run(call) {
    const grant = await grantTopic(call, call.parameters.requireTopic("ResourceArn"));
    if ((await call.services.topics.find(grant)) === undefined) throw noSuchTopic();
    return [xmlElement("Tags", [])];
  },
};

async function shownPolicy({ text, users }: TopicPolicy, grant: TopicGrant, { services }: SnsCall): Promise<string> {
  return showPolicy(text, users, await services.stores.principals.arnsOf(grant, users));
}

async function readAttribute(
  { name, value }: { readonly name: string; readonly value: string },
  topic: NamedTopic,
  by: { readonly grant: TopicGrant; readonly principals: Stores["principals"] },
) {
  switch (name) {
    case "DisplayName":
      return { displayName: parseTitle("DisplayName", value) };
    case "Policy":
      return { policy: (await readTopicPolicy(value, topic, by)) ?? null };
    default:
      return { signatureVersion: parseSignatureVersion(value) };
  }
}

function refuseUnsupported(attribute: string, reason?: string): void {
  if (WRITABLE.has(attribute)) return;
  throw invalidParameter(reason === undefined ? "AttributeName" : "Attributes", reason?.slice(0, 160));
}
