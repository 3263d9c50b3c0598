/** WebsiteConfiguration (API_PutBucketWebsite): a host that takes over every request, or a site of the bucket's objects. */
export type Website =
  | { readonly kind: "redirect-all"; readonly hostName: string; readonly protocol?: Protocol }
  | WebsiteSite;

export interface WebsiteSite {
  readonly kind: "site";
  /** Put after "" and every key that ends in `/`; holds no `/` itself. */
  readonly indexSuffix: string;
  /** Key of what is shown in place of a 4xx. */
  readonly errorKey?: string;
  /** In order: the first that fits decides. */
  readonly routingRules: readonly RoutingRule[];
}

export type Protocol = "http" | "https";

/** Without a condition the rule is for every request. With both parts of one, both must hold. */
export interface RoutingRule {
  readonly condition?: {
    readonly keyPrefix?: string;
    /** HTTP status that the request would have been answered with. */
    readonly errorCode?: number;
  };
  readonly redirect: Redirect;
}

/** What is absent stays as the request has it. */
export interface Redirect {
  readonly hostName?: string;
  readonly protocol?: Protocol;
  /** HTTP status; absent: what the surface that serves takes for its default. */
  readonly statusCode?: number;
  /** The key to ask for instead; may come with a query or a fragment. Never together with `replaceKeyPrefixWith`. */
  readonly replaceKeyWith?: string;
  /** Takes the place of the condition's key prefix, or stands before the key if there is none. */
  readonly replaceKeyPrefixWith?: string;
}
