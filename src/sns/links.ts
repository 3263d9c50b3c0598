/**
 * Requests from links in messages: `GET /?Action=ConfirmSubscription…` and `GET /?Action=Unsubscribe…`. Receivers open
 * them without a signature; the token in the link, or a MAC of the subscription's ARN, authorizes the request.
 */
import { authorizeUnsubscribe } from "../access/authorize-sns.ts";
import { S3Error } from "../errors.ts";
import { type Incoming, readRequest } from "../identify.ts";
import { namesBucketInHost } from "../protocol/addressing.ts";
import { xmlText } from "../protocol/xml/writer.ts";
import { parametersOf } from "../query-api/form.ts";
import { formatResponse, type Result } from "../query-api/service.ts";
import { answer } from "../query-api/surface.ts";
import { endpointOf } from "../request-facts.ts";
import type { QueryServices } from "../services.ts";
import { SNS } from "./actions/index.ts";
import { invalidToken } from "./actions/subscriptions.ts";
import { isUnsubscribeToken } from "./envelope.ts";
import { SnsError } from "./errors.ts";
import { Parameters } from "./parameters.ts";
import { confirmationMessage } from "./topic-deliveries.ts";

const LINKED = /(?:^|&)Action=(?:ConfirmSubscription|Unsubscribe)(?:&|$)/;
const SIGNED = /(?:^|&)X-Amz-Signature=/i;

/** Whether an unsigned request comes from such a link. A signed `GET /` is S3's ListBuckets, whatever its query is. */
export function isSnsLink({ request, url }: Incoming, domains: readonly string[]): boolean {
  const { method, headers } = request;
  if (method !== "GET" || url.path !== "/" || !LINKED.test(url.query)) return false;
  if (headers.has("authorization") || SIGNED.test(url.query)) return false;
  return !namesBucketInHost(url, headers.get("host"), domains);
}

/** @param incoming a request for which `isSnsLink` is true. Never throws. */
export function handleSnsLink(incoming: Incoming, services: QueryServices): Promise<Response> {
  const { log } = incoming;
  log.service = "sns";
  return answer(SNS, incoming, async () => {
    const received = readRequest(incoming);
    const form = parametersOf(received.query.entries);
    const action = form.get("Action") ?? "";
    log.operation = `sns:${action}`;
    log.caller = "anonymous";
    log.form = form;
    const linkRequest = {
      parameters: new Parameters(form),
      services,
      now: received.now,
      endpoint: endpointOf(received),
    };
    const run = action === "Unsubscribe" ? unsubscribe : confirm;
    return formatResponse(SNS.api, await run(linkRequest), { action, requestId: log.requestId });
  });
}

interface LinkRequest {
  readonly parameters: Parameters;
  readonly services: QueryServices;
  readonly now: Date;
  readonly endpoint: string;
}

async function confirm({ parameters, services, now }: LinkRequest): Promise<Result> {
  const { arn } = parameters.requireTopic();
  const token = parameters.require("Token");
  // "This call requires an AWS signature only when the AuthenticateOnUnsubscribe flag is set to "true"".
  if (parameters.readBoolean("AuthenticateOnUnsubscribe")) throw new S3Error("AccessDenied");
  const confirmed = await services.subscriptions.confirm(arn, token, { authenticateOnUnsubscribe: false, now });
  if (confirmed === undefined) throw invalidToken();
  return [xmlText("SubscriptionArn", confirmed.arn)];
}

async function unsubscribe({ parameters, services, now, endpoint }: LinkRequest): Promise<Result> {
  const { arn } = parameters.requireSubscription();
  const isGenuine = await isUnsubscribeToken(services.tokenKey, arn, parameters.find("Token") ?? "");
  const ended = await services.subscriptions.unsubscribeByLink(
    authorizeUnsubscribe({ subscriptionArn: arn, isGenuine }),
    now,
  );
  if (ended === "needs-authentication") {
    throw new SnsError("AuthorizationError", "This subscription can be ended only by a signed request.");
  }
  if (ended !== undefined) {
    await services.queues.deliveries.send([confirmationMessage("UnsubscribeConfirmation", ended, { now, endpoint })]);
  }
  return undefined;
}
