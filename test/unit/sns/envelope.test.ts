/** SNS messages: the text that is signed, by AWS's own examples, and the documents. */
import { describe, expect, test } from "vitest";
import { confirmationText, formatEnvelope, type Notification, stringToSign } from "../../../src/sns/envelope.ts";

const TOPIC = "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P";
const NOTIFICATION: Notification = {
  Type: "Notification",
  MessageId: "4d4dc071-ddbf-465d-bba8-08f81c89da64",
  TopicArn: TOPIC,
  Subject: "My subject",
  Message: "My Test Message",
  Timestamp: "2019-01-31T04:37:04.321Z",
};
const SIGNATURE = { SignatureVersion: 2, Signature: "c2ln", SigningCertURL: "https://h/-/certificates/x.pem" } as const;

// "Verifying the signatures of Amazon SNS messages": the strings to sign of its examples.
describe("stringToSign", () => {
  test("of a notification", () => {
    expect(stringToSign(NOTIFICATION)).toBe(
      `Message
My Test Message
MessageId
4d4dc071-ddbf-465d-bba8-08f81c89da64
Subject
My subject
Timestamp
2019-01-31T04:37:04.321Z
TopicArn
arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P
Type
Notification
`,
    );
  });

  test("of a notification without a subject leaves its line out", () => {
    const { Subject: _, ...message } = NOTIFICATION;
    expect(stringToSign(message)).toBe(stringToSign(NOTIFICATION).replace("Subject\nMy subject\n", ""));
  });

  test.each(["SubscriptionConfirmation", "UnsubscribeConfirmation"] as const)("of a %s", (Type) => {
    const SubscribeURL = `https://sns.us-east-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=233`;
    const message = {
      Type,
      MessageId: "3d891288-136d-417f-bc05-901c108273ee",
      Token: "233",
      TopicArn: TOPIC,
      Message: "My Test Message",
      SubscribeURL,
      Timestamp: "2019-01-31T19:25:13.719Z",
    };
    expect(stringToSign(message)).toBe(
      `Message
My Test Message
MessageId
3d891288-136d-417f-bc05-901c108273ee
SubscribeURL
${SubscribeURL}
Timestamp
2019-01-31T19:25:13.719Z
Token
233
TopicArn
${TOPIC}
Type
${Type}
`,
    );
  });
});

describe("formatEnvelope", () => {
  test("of a notification has AWS's fields in AWS's order", () => {
    const envelope = JSON.parse(formatEnvelope(NOTIFICATION, SIGNATURE, "https://h/?Action=Unsubscribe"));
    expect(Object.entries(envelope)).toEqual([
      ["Type", "Notification"],
      ["MessageId", NOTIFICATION.MessageId],
      ["TopicArn", TOPIC],
      ["Subject", "My subject"],
      ["Message", "My Test Message"],
      ["Timestamp", "2019-01-31T04:37:04.321Z"],
      ["SignatureVersion", "2"],
      ["Signature", "c2ln"],
      ["SigningCertURL", SIGNATURE.SigningCertURL],
      ["UnsubscribeURL", "https://h/?Action=Unsubscribe"],
    ]);
  });

  test("of a confirmation has token and link, and none to unsubscribe", () => {
    const { Subject: _, ...common } = NOTIFICATION;
    const message = { ...common, Type: "SubscriptionConfirmation", Token: "t", SubscribeURL: "https://h/?x" } as const;
    expect(Object.keys(JSON.parse(formatEnvelope(message, SIGNATURE, undefined)))).toEqual([
      "Type",
      "MessageId",
      "Token",
      "TopicArn",
      "Message",
      "SubscribeURL",
      "Timestamp",
      "SignatureVersion",
      "Signature",
      "SigningCertURL",
    ]);
  });
});

test("confirmationText is AWS's", () => {
  expect(confirmationText("SubscriptionConfirmation", "T", "S")).toBe(
    "You have chosen to subscribe to the topic T.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
  );
  expect(confirmationText("UnsubscribeConfirmation", "T", "S")).toBe(
    "You have chosen to deactivate subscription S.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
  );
});
