/**
 * GetCallerIdentity, GetSessionToken, GetFederationToken (STS API reference).
 *
 * Temporary credentials have the permissions that their creator has at the time of use, limited by the session policy.
 * They cannot manage users and keys, and cannot create further credentials.
 */
import { authorizeSession } from "../../access/authorize-iam.ts";
import { callerArn, federatedUserArn } from "../../access/identity.ts";
import type { AccountCaller } from "../../model/caller.ts";
import { type XmlNode, xmlElement, xmlText } from "../../protocol/xml/writer.ts";
import { xmlTime } from "../../query-api/service.ts";
import type { TemporaryCredentials } from "../../storage/session-tokens.ts";
import { ROOT_MAX_SESSION_SECONDS, requireWellFormedPolicy, SESSION_SECONDS } from "../parameters.ts";
import { type IamAction, type IamCall, questionOf } from "./action.ts";

const DEFAULT_DURATION_SECONDS = 43_200;

/**
 * The session policy of a federated user without one: "the resulting federated user session has no permissions"
 * (API_GetFederationToken). GetCallerIdentity needs no permission.
 */
const NO_PERMISSIONS = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "sts:GetCallerIdentity", Resource: "*" }],
});

/** "No permissions are required to perform this operation" (API_GetCallerIdentity). */
export const GetCallerIdentity: IamAction = {
  parameters: [],
  async run({ caller }) {
    return [
      xmlText("Arn", callerArn(caller)),
      xmlText("UserId", userIdOf(caller)),
      xmlText("Account", caller.account.id),
    ];
  },
};

export const GetSessionToken: IamAction = {
  parameters: ["DurationSeconds"],
  async run(call) {
    const expiresAt = readExpiry(call);
    const grant = authorizeSession(questionOf(call), undefined);
    const credentials = await call.services.directory.issueSession(grant, { expiresAt });
    noteIssued(call, credentials);
    return [describeCredentials(credentials)];
  },
};

export const GetFederationToken: IamAction = {
  parameters: ["Name", "Policy", "DurationSeconds"],
  async run(call) {
    const { parameters, caller, services } = call;
    const name = parameters.requireFederatedName();
    const given = parameters.findSessionPolicy();
    const expiresAt = readExpiry(call);
    const arn = federatedUserArn(caller.account.id, name);
    const grant = authorizeSession(questionOf(call), arn);
    if (given !== undefined) requireWellFormedPolicy(given);
    const policy = given ?? NO_PERMISSIONS;
    const credentials = await services.directory.issueSession(grant, { expiresAt, policy, name });
    noteIssued(call, credentials);
    return [
      describeCredentials(credentials),
      xmlElement("FederatedUser", [xmlText("FederatedUserId", `${caller.account.id}:${name}`), xmlText("Arn", arn)]),
    ];
  },
};

function noteIssued({ noteCreated }: IamCall, { accessKeyId, expiresAt }: TemporaryCredentials): void {
  noteCreated({ accessKeyId, expiration: expiresAt.toISOString() });
}

function readExpiry({ parameters, caller, now }: IamCall): Date {
  const asked = parameters.findInteger("DurationSeconds", SESSION_SECONDS) ?? DEFAULT_DURATION_SECONDS;
  const seconds = caller.user === undefined ? Math.min(asked, ROOT_MAX_SESSION_SECONDS) : asked;
  // Whole seconds, because the answer has no fractions.
  return new Date((Math.floor(now.getTime() / 1000) + seconds) * 1000);
}

function describeCredentials(credentials: TemporaryCredentials): XmlNode {
  return xmlElement("Credentials", [
    xmlText("AccessKeyId", credentials.accessKeyId),
    xmlText("SecretAccessKey", credentials.secretAccessKey),
    xmlText("SessionToken", credentials.sessionToken),
    xmlTime("Expiration", credentials.expiresAt),
  ]);
}

/** "IAM identifiers": the account's number for its root, `AIDA…` for a user, `<account>:<name>` for a federated user. */
function userIdOf({ account, user, session }: AccountCaller): string {
  return session?.name === undefined ? (user?.id ?? account.id) : `${account.id}:${session.name}`;
}
