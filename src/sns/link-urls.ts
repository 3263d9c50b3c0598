/** The links that messages carry. What proves them is in them: a token, or a MAC of the subscription's ARN. */
import { S3Error } from "../errors.ts";
import { formatContinuationToken, parseContinuationToken } from "../protocol/continuation-token.ts";

const UNSUBSCRIBE = "sns/unsubscribe";

/** ARNs and tokens need no escapes in a query. */
export function subscribeUrl(endpoint: string, topicArn: string, token: string): string {
  return `${endpoint}/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${token}`;
}

export async function unsubscribeUrl(tokenKey: CryptoKey, endpoint: string, subscriptionArn: string): Promise<string> {
  const token = await formatContinuationToken(tokenKey, UNSUBSCRIBE, subscriptionArn);
  return `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}&Token=${token}`;
}

/** Whether the token is of a link that this deployment made for this subscription. */
export async function isUnsubscribeToken(
  tokenKey: CryptoKey,
  subscriptionArn: string,
  token: string,
): Promise<boolean> {
  try {
    return (await parseContinuationToken(tokenKey, UNSUBSCRIBE, token)) === subscriptionArn;
  } catch (error) {
    if (error instanceof S3Error) return false;
    throw error;
  }
}
