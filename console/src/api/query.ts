/** IAM, STS and SNS: `POST /` with a form, signed for the service. */
import type { ApiClient } from "./client.ts";
import { findElement } from "./xml.ts";

export const VERSIONS = { iam: "2010-05-08", sts: "2011-06-15", sns: "2010-03-31" } as const;

export type QueryServiceName = keyof typeof VERSIONS;
export type FormFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface QueryAction {
  readonly service: QueryServiceName;
  readonly action: string;
  readonly fields?: FormFields;
}

/**
 * The element `<Action>Result`, or that of the answer if the action has no result.
 * @throws ApiError, NetworkError
 */
export async function callQuery(client: ApiClient, { service, action, fields = {} }: QueryAction): Promise<Element> {
  const root = await client.sendForXml({
    method: "POST",
    path: "/",
    service,
    headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    body: formatForm({ Action: action, Version: VERSIONS[service], ...fields }),
  });
  if (root === undefined) throw new Error(`The answer to ${action} is empty.`);
  return findElement(root, `${action}Result`) ?? root;
}

export function formatForm(fields: FormFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
}

export interface Identity {
  readonly accountId: string;
  readonly arn: string;
  readonly userId: string;
}
