/** WebsiteConfiguration (API_PutBucketWebsite): a redirect of every request to a host, or a site of the bucket's objects. */
export type Website =
  | { readonly kind: "redirect-all"; readonly hostName: string; readonly protocol?: Protocol }
  | WebsiteSite;

export interface WebsiteSite {
  readonly kind: "site";
  /** Appended to the empty key and every key that ends in `/`; contains no `/`. */
  readonly indexSuffix: string;
  /** Key of the document that is served with a 4xx. */
  readonly errorKey?: string;
  /** In order: the first rule that matches applies. */
  readonly routingRules: readonly RoutingRule[];
}

export type Protocol = "http" | "https";

/** Without a condition the rule applies to every request. If both parts of a condition are set, both must hold. */
export interface RoutingRule {
  readonly condition?: {
    readonly keyPrefix?: string;
    /** HTTP status of the answer without the rule. */
    readonly errorCode?: number;
  };
  readonly redirect: Redirect;
}

/** Absent values are taken from the request. */
export interface Redirect {
  readonly hostName?: string;
  readonly protocol?: Protocol;
  /** HTTP status; absent: the default of the surface that serves it. */
  readonly statusCode?: number;
  /** The key to request instead; may include a query or a fragment. Never together with `replaceKeyPrefixWith`. */
  readonly replaceKeyWith?: string;
  /** Replaces the condition's key prefix, or is put before the key if there is no such prefix. */
  readonly replaceKeyPrefixWith?: string;
}
