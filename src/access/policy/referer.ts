/**
 * `aws:Referer` as the reference system's white lists use it, on top of AWS's plain comparison.
 *
 * A value without `://` names a host: it is also compared with the referer's host, with and without its port. An empty
 * value stands for a request without the header, which on AWS no value can.
 */

export const REFERER = "aws:referer";

/** What a value of the policy is compared with: the whole header first, as on AWS. */
export function refererReadings(referer: string, policyValue: string): readonly string[] {
  if (policyValue === "" || policyValue.includes("://")) return [referer];
  return [referer, ...hostsOf(referer)];
}

function hostsOf(referer: string): readonly string[] {
  const start = referer.indexOf("://");
  if (start === -1) return [];
  const authority = referer.slice(start + 3).split(/[/?#\\]/, 1)[0] ?? "";
  // `https://www.a.example@evil.example/` is evil.example's.
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const withoutPort = host.replace(/:\d*$/, "");
  return host === withoutPort ? [host] : [host, withoutPort];
}
