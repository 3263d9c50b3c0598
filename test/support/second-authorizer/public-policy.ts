/** Whether a bucket policy is public ("Blocking public access to your Amazon S3 storage", "The meaning of public"). */
import { statementsOf } from "./policy.ts";

type Statement = ReturnType<typeof statementsOf>["statements"][number];

/** "Amazon S3 begins by assuming that the policy is public." A Deny grants nothing. */
export function isPublicPolicy(text: string): boolean {
  const { statements, variables } = statementsOf(text);
  return statements.some((statement) => statement.Effect === "Allow" && isPublicStatement(statement, variables));
}

/** Keys by which access is granted "only to fixed values". */
const FIXING = [
  "aws:principalarn",
  "aws:principalaccount",
  "aws:principalorgid",
  "aws:sourcearn",
  "aws:sourcevpc",
  "aws:sourcevpce",
  "aws:sourceowner",
  "aws:sourceaccount",
  "aws:userid",
  "s3:x-amz-server-side-encryption-aws-kms-key-id",
  "s3:dataaccesspointarn",
  "s3:dataaccesspointaccount",
];

const COMPARES = /^(?:ForAnyValue:)?(?:StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike)$/;

function isPublicStatement({ Principal, Condition = {} }: Statement, variables: boolean): boolean {
  const isFixedPrincipal = Principal !== undefined && Principal !== "*" && ![Principal.AWS ?? []].flat().includes("*");
  if (isFixedPrincipal) return false;
  return !Object.entries(Condition).some(([operator, keys]) =>
    Object.entries(keys).some(([key, listed]) => {
      const values = [listed].flat().map(String);
      const name = key.toLowerCase();
      if (name === "aws:sourceip") return /^(?:ForAnyValue:)?IpAddress$/.test(operator) && values.every(isNarrow);
      return (
        FIXING.includes(name) &&
        COMPARES.test(operator) &&
        values.every((value) => isFixed({ operator, name, value }, variables))
      );
    }),
  );
}

/** "Values that don't contain a wildcard or a policy variable." */
function isFixed(
  { operator, name, value }: Readonly<Record<"operator" | "name" | "value", string>>,
  variables: boolean,
): boolean {
  if (variables && value.includes("${")) return false;
  // The id of all anonymous callers.
  if (name === "aws:userid" && value.toLowerCase() === "anonymous") return false;
  // "This value can contain a wildcard for the access point name …, as long as the account id is fixed."
  if (name === "s3:dataaccesspointarn") return /^arn:aws:s3:[^*?:]*:\d{12}:accesspoint\//.test(value);
  return !/(?:Like|Arn(?:Equals|Like))$/.test(operator) || !/[*?]/.test(value);
}

/** "Values broader than /8 for IPv4 and /32 for IPv6 (excluding RFC1918 private ranges)" are public. */
function isNarrow(range: string): boolean {
  const [network = "", length] = range.split("/");
  const least = network.includes(":") ? 32 : 8;
  return length === undefined || Number(length) >= least;
}
