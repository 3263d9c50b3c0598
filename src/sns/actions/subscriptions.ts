/**
 * Subscribe, ConfirmSubscription, Unsubscribe, ListSubscriptions, ListSubscriptionsByTopic, GetSubscriptionAttributes,
 * SetSubscriptionAttributes (SNS API reference). A subscription belongs to the account that created it; the topic's
 * account can also see and end it.
 */
import type { Subscription } from "../../model/topic.ts";
import { type XmlNode, xmlText } from "../../protocol/xml/writer.ts";
import { invalidParameter, noSuchSubscription, noSuchTopic, SnsError } from "../errors.ts";
import { parseBoolean } from "../parameters.ts";
import { confirmationMessage } from "../topic-deliveries.ts";
import {
  grantSubscription,
  grantTopic,
  grantTopics,
  listPage,
  type SnsAction,
  type SnsCall,
  xmlAttributes,
} from "./action.ts";

const RAW = "RawMessageDelivery";

export const Subscribe: SnsAction = {
  parameters: ["TopicArn", "Protocol", "Endpoint", "Attributes", "ReturnSubscriptionArn"],
  async run(call) {
    const { parameters, services, now } = call;
    const topic = parameters.requireTopic();
    const endpoint = requireEndpoint(call);
    const isRaw = readRaw(parameters.readMap("Attributes"));
    const returnsArn = parameters.readBoolean("ReturnSubscriptionArn");
    // "Condition keys for Amazon SNS" of a Subscribe request.
    const protocol = parameters.require("Protocol");
    const grant = await grantTopic(call, topic, { "sns:Endpoint": [endpoint], "sns:Protocol": [protocol] });

    const result = await services.subscriptions.subscribe(grant, { endpoint, isRaw, now });
    switch (result.outcome) {
      case "no-topic":
        throw noSuchTopic();
      case "too-many":
        throw new SnsError("SubscriptionLimitExceeded", "Subscription limit exceeded.");
      case "other-attributes":
        throw invalidParameter("Attributes", "Subscription already exists with different attributes");
      case "subscribed": {
        const { subscription, token } = result;
        if (token === undefined) return [xmlText("SubscriptionArn", subscription.arn)];
        const message = confirmationMessage("SubscriptionConfirmation", { subscription, token }, call);
        await services.queues.deliveries.send([message]);
        return [xmlText("SubscriptionArn", returnsArn ? subscription.arn : "pending confirmation")];
      }
    }
  },
};

export const ConfirmSubscription: SnsAction = {
  parameters: ["TopicArn", "Token", "AuthenticateOnUnsubscribe"],
  async run(call) {
    const { parameters, services, now } = call;
    const topic = parameters.requireTopic();
    const token = parameters.require("Token");
    const authenticateOnUnsubscribe = parameters.readBoolean("AuthenticateOnUnsubscribe");
    const { topicArn } = await grantSubscription(call, topic, { token });
    const confirmed = await services.subscriptions.confirm(topicArn, token, { authenticateOnUnsubscribe, now });
    if (confirmed === undefined) throw invalidToken();
    return [xmlText("SubscriptionArn", confirmed.arn)];
  },
};

export const Unsubscribe: SnsAction = {
  parameters: ["SubscriptionArn"],
  async run(call) {
    const { arn, topic } = call.parameters.requireSubscription();
    await call.services.subscriptions.unsubscribe(await grantSubscription(call, topic, { arn }), arn);
    return undefined;
  },
};

export const ListSubscriptions: SnsAction = {
  parameters: ["NextToken"],
  async run(call) {
    const grant = grantTopics(call);
    return listSubscriptions(call, grant.accountId, (page) => call.services.subscriptions.list(grant, page));
  },
};

export const ListSubscriptionsByTopic: SnsAction = {
  parameters: ["TopicArn", "NextToken"],
  async run(call) {
    const topic = call.parameters.requireTopic();
    const grant = await grantTopic(call, topic);
    return listSubscriptions(call, topic.arn, async (page) => {
      const found = await call.services.subscriptions.listOfTopic(grant, page);
      if (found === undefined) throw noSuchTopic();
      return found;
    });
  },
};

export const GetSubscriptionAttributes: SnsAction = {
  parameters: ["SubscriptionArn"],
  async run(call) {
    const { arn, topic } = call.parameters.requireSubscription();
    const grant = await grantSubscription(call, topic, { arn });
    const subscription = await call.services.subscriptions.find(grant, arn);
    if (subscription === undefined) throw noSuchSubscription();
    return [
      xmlAttributes({
        SubscriptionArn: arn,
        TopicArn: topic.arn,
        Owner: subscription.accountId,
        Protocol: protocolOf(subscription),
        Endpoint: subscription.endpoint,
        [RAW]: subscription.isRaw,
        PendingConfirmation: subscription.status === "pending",
        ConfirmationWasAuthenticated: subscription.authenticateOnUnsubscribe,
      }),
    ];
  },
};

export const SetSubscriptionAttributes: SnsAction = {
  parameters: ["SubscriptionArn", "AttributeName", "AttributeValue"],
  async run(call) {
    const { parameters, services } = call;
    const { arn, topic } = parameters.requireSubscription();
    const grant = await grantSubscription(call, topic, { arn });
    if (parameters.require("AttributeName") !== RAW) throw invalidParameter("AttributeName");
    const isRaw = parseBoolean(`${RAW} Reason`, parameters.find("AttributeValue") ?? "");
    if (!(await services.subscriptions.setRaw(grant, arn, isRaw))) throw noSuchSubscription();
    return undefined;
  },
};

export const invalidToken = () => new SnsError("InvalidParameter", "Invalid token");

function requireEndpoint({ parameters, endpoint: own, services }: SnsCall): string {
  const protocol = parameters.require("Protocol");
  if (protocol !== "http" && protocol !== "https") {
    throw invalidParameter(`Amazon SNS does not support this protocol string: ${protocol.slice(0, 64)}`);
  }
  const endpoint = parameters.require("Endpoint");
  if (!endpoint.toLowerCase().startsWith(`${protocol}://`)) {
    throw invalidParameter("Endpoint must match the specified protocol");
  }
  const problem = services.topicDeliveries.findUrlProblem(endpoint, own);
  if (problem !== undefined) throw invalidParameter("Endpoint", problem);
  return endpoint;
}

/** @returns undefined if the attribute is absent */
function readRaw(attributes: ReadonlyMap<string, string>): boolean | undefined {
  const unknown = [...attributes.keys()].find((name) => name !== RAW);
  if (unknown !== undefined) throw invalidParameter("Attributes", `Unknown attribute ${unknown.slice(0, 128)}`);
  const raw = attributes.get(RAW);
  return raw === undefined ? undefined : parseBoolean(`Attributes Reason: ${RAW}`, raw);
}

function listSubscriptions(
  call: SnsCall,
  owner: string,
  read: (page: { after: string; limit: number }) => Promise<readonly Subscription[]>,
) {
  return listPage(call, {
    element: "Subscriptions",
    owner,
    read,
    arnOf: ({ arn }) => arn,
    describe: (subscription): readonly XmlNode[] => [
      xmlText("SubscriptionArn", shownArn(subscription)),
      xmlText("Owner", subscription.accountId),
      xmlText("Protocol", protocolOf(subscription)),
      xmlText("Endpoint", subscription.endpoint),
      xmlText("TopicArn", subscription.topicArn),
    ],
  });
}

/** Listings show the ARN only of confirmed subscriptions, and "PendingConfirmation" for others. */
function shownArn({ status, arn }: Subscription): string {
  if (status === "confirmed") return arn;
  return status === "pending" ? "PendingConfirmation" : "Deleted";
}

function protocolOf({ endpoint }: Subscription): "http" | "https" {
  return /^https:/i.test(endpoint) ? "https" : "http";
}
