/** The actions of SNS by name. Others are refused with InvalidAction. */

import { noSuchOperation } from "../../query-api/errors.ts";
import { type Api, queryService } from "../../query-api/service.ts";
import { invalidParameter, toSnsError } from "../errors.ts";
import { Parameters } from "../parameters.ts";
import type { SnsAction, SnsCall } from "./action.ts";
import { Publish } from "./publish.ts";
import {
  ConfirmSubscription,
  GetSubscriptionAttributes,
  ListSubscriptions,
  ListSubscriptionsByTopic,
  SetSubscriptionAttributes,
  Subscribe,
  Unsubscribe,
} from "./subscriptions.ts";
import { AddPermission, RemovePermission } from "./topic-policy.ts";
import * as topics from "./topics.ts";

export const SNS_ACTIONS: ReadonlyMap<string, SnsAction> = new Map(
  Object.entries({
    ...topics,
    AddPermission,
    RemovePermission,
    Subscribe,
    ConfirmSubscription,
    Unsubscribe,
    ListSubscriptions,
    ListSubscriptionsByTopic,
    GetSubscriptionAttributes,
    SetSubscriptionAttributes,
    Publish,
  }),
);

const SNS_API: Api = {
  service: "sns",
  version: "2010-03-31",
  namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
};

/** Enough for the longest message with every byte escaped. */
const MAX_BODY_BYTES = 256 * 1024;

export const SNS = queryService<SnsCall>({
  api: SNS_API,
  actions: SNS_ACTIONS,
  maxBodyBytes: MAX_BODY_BYTES,
  toError: toSnsError,
  open: (call) => ({ ...call, parameters: new Parameters(call.form) }),
  notOffered: (name) => noSuchOperation(name, SNS_API.version),
  unsupported: (parameter) => invalidParameter(parameter, "not supported"),
});
