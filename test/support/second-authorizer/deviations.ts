/**
 * Where this product decides otherwise than AWS. The second authorizer implements AWS; each name is a switch in it. Nothing else
 * may differ.
 */

interface Deviation {
  readonly aws: string;
  readonly here: string;
  /** Where the product says so: a page of docs, or a file of src, and words in it. */
  readonly documented: readonly [file: string, words: string];
}

export const DEVIATIONS = {
  "objects of other accounts": {
    aws: "the policies of the bucket and of its account give no access to an object that another account owns",
    here: "they do, as under BucketOwnerEnforced",
    documented: ["docs/compatibility.md", "Objects of other accounts"],
  },
  "objects of anonymous callers": {
    aws: "anonymous callers can read what any of them wrote",
    here: "only if the object's ACL allows it",
    documented: ["docs/compatibility.md", "Objects of anonymous callers"],
  },
  "sessions and everyone": {
    aws: "an Allow for everyone is not limited by a session's policy that does not allow the action",
    here: "it is: a session never has more permissions than its policy allows",
    documented: ["docs/compatibility.md", "Sessions and policies for everyone"],
  },
  "uploads by WRITE": {
    aws: "the initiator of an upload may abort it and list its parts",
    here: "callers with WRITE on the bucket, without which they could not have begun it",
    documented: ["docs/compatibility.md", "Uploads of other accounts"],
  },
  "unresolved variables": {
    aws: "a negated operator, and NotResource, hold if a variable has no value",
    here: "not in an Allow",
    documented: ["docs/compatibility.md", "Variables without a value"],
  },
} as const satisfies Readonly<Record<string, Deviation>>;

export type DeviationName = keyof typeof DEVIATIONS;
export type Deviations = ReadonlySet<DeviationName>;

export const AS_ON_AWS: Deviations = new Set();
export const AS_HERE: Deviations = new Set(Object.keys(DEVIATIONS) as DeviationName[]);
