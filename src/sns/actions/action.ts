/** The contract of an SNS action. Storage of topics can be called only with a grant of `access/authorize-sns.ts`. */
import {
  authorizeNewTopic,
  authorizeSubscription,
  authorizeTopic,
  authorizeTopics,
  type SnsQuestion,
  type TopicGrant,
  type TopicsGrant,
} from "../../access/authorize-sns.ts";
import { type XmlNode, xmlElement, xmlOptional, xmlText } from "../../protocol/xml/writer.ts";
import { readPage } from "../../query-api/paging.ts";
import { type QueryAction, type QueryCall, xmlMembers } from "../../query-api/service.ts";
import { invalidParameter } from "../errors.ts";
import type { NamedTopic, Parameters } from "../parameters.ts";

type Named = Pick<NamedTopic, "arn" | "accountId">;

export type SnsAction = QueryAction<SnsCall>;

export interface SnsCall extends QueryCall {
  readonly parameters: Parameters;
}

/** "Each call returns a limited list of …, up to 100." */
const PAGE_SIZE = 100;

function questionOf({ action, caller, facts }: SnsCall): SnsQuestion {
  return { caller, action: `SNS:${action}`, facts };
}

/** @throws S3Error `AccessDenied` */
export function grantTopics(call: SnsCall): TopicsGrant {
  return authorizeTopics(questionOf(call), call.services.config.region);
}

/**
 * Authorizes by the topic's policy and the caller's own.
 * @param keys SNS's condition keys of the request
 * @throws S3Error `AccessDenied`
 */
export async function grantTopic(
  call: SnsCall,
  { arn, accountId }: Named,
  keys: SnsQuestion["keys"] = {},
): Promise<TopicGrant> {
  const access = (await call.services.topics.findAccess(arn)) ?? { arn, accountId, policy: undefined };
  return authorizeTopic({ ...questionOf(call), keys }, access);
}

/** For a topic of the caller's account that may not exist. @throws S3Error `AccessDenied` */
export function grantNewTopic(call: SnsCall, arn: string): TopicGrant {
  return authorizeNewTopic(questionOf(call), arn);
}

/**
 * Authorizes the subscription's account and the topic's.
 * @param by the subscription's ARN, or the token that was sent to its endpoint
 * @throws S3Error `AccessDenied`
 */
export async function grantSubscription(
  call: SnsCall,
  topic: Named,
  by: { readonly arn: string } | { readonly token: string },
): Promise<TopicGrant> {
  const ownerId = await call.services.subscriptions.findOwner(topic.arn, by);
  return authorizeSubscription(questionOf(call), topic, ownerId);
}

/**
 * `<Topics><member>…</member></Topics><NextToken>…</NextToken>`
 * @param list.owner whose list it is; a token is valid only for this list
 */
export async function listPage<Item>(
  call: SnsCall,
  list: {
    readonly element: string;
    readonly owner: string;
    read(page: { after: string; limit: number }): Promise<readonly Item[]>;
    arnOf(item: Item): string;
    describe(item: Item): readonly XmlNode[];
  },
): Promise<readonly (XmlNode | undefined)[]> {
  const page = await readPage(
    {
      tokenKey: call.services.tokenKey,
      scope: `sns/${call.action}/${list.owner}`,
      size: PAGE_SIZE,
      token: call.parameters.find("NextToken"),
      invalidToken: () => invalidParameter("NextToken"),
    },
    (range) => list.read(range),
    (item) => list.arnOf(item),
  );
  const members = page.items.map((item) => list.describe(item));
  return [xmlMembers(list.element, members), xmlOptional("NextToken", page.nextToken)];
}

/** `<Attributes><entry><key>…</key><value>…</value></entry></Attributes>` */
export function xmlAttributes(attributes: Readonly<Record<string, string | number | boolean>>): XmlNode {
  const entries = Object.entries(attributes).map(([key, value]) =>
    xmlElement("entry", [xmlText("key", key), xmlText("value", value)]),
  );
  return xmlElement("Attributes", entries);
}
