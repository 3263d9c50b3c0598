/**
 * Which folders and files of src may import which. test/unit/architecture.test.ts applies the rules, and
 * test/unit/architecture-page.test.ts compares docs/architecture.md with them.
 */

/** Places are paths in src: a folder ends with a slash, a scheme with a colon; anything else is a file or a package. */
type Places = readonly string[];

/** Everything that a folder or file may import. */
export const MAY_IMPORT: Readonly<Record<string, Places>> = {
  "model/": ["model/", "errors.ts"],
  "checksum/": ["checksum/", "model/", "node:"],
  "protocol/": ["protocol/", "model/", "errors.ts", "fast-xml-parser"],
  "access/": ["access/", "model/", "errors.ts"],
  "cors/": ["cors/", "model/", "errors.ts", "protocol/"],
  "console/": ["console/", "protocol/", "dist/console.bin"],
  "auth/": ["auth/", "protocol/", "checksum/", "model/", "errors.ts"],
  "storage/": [
    "storage/",
    "model/",
    "checksum/",
    "errors.ts",
    "secret-shapes.ts",
    "access/authorize.ts",
    "access/authorize-iam.ts",
    "access/authorize-kms.ts",
    "access/authorize-sns.ts",
    "node:",
    "cloudflare:workers",
  ],
  "operations/": ["operations/", "protocol/", "checksum/", "model/", "access/", "errors.ts", "storage/stores.ts"],
  "outbound/": ["outbound/", "model/"],
  "signing/": ["signing/", "model/", "checksum/"],
  "delivery/": ["delivery/", "outbound/", "protocol/", "checksum/", "model/", "access/", "response.ts"],
  "sns/": [
    "sns/",
    "query-api/",
    "delivery/",
    "outbound/",
    "protocol/",
    "model/",
    "access/",
    "errors.ts",
    "identify.ts",
    "request-facts.ts",
  ],
  "query-api/": [
    "query-api/",
    "auth/",
    "protocol/",
    "checksum/",
    "model/",
    "errors.ts",
    "identify.ts",
    "request-facts.ts",
    "response.ts",
    "storage/platform-errors.ts",
  ],
  "iam/": ["iam/", "query-api/", "protocol/", "model/", "access/", "errors.ts", "storage/d1/"],
  "admin/": [
    "admin/",
    "auth/",
    "delivery/",
    "replication/",
    "scrub/",
    "outbound/",
    "protocol/addressing.ts",
    "model/",
    "access/",
    "errors.ts",
    "identify.ts",
    "storage/platform-errors.ts",
    "itty-router",
  ],
  "website/": [
    "website/",
    "cors/",
    "protocol/",
    "model/",
    "errors.ts",
    "pipeline.ts",
    "response.ts",
    "storage/platform-errors.ts",
  ],
  "s3-control/": [
    "s3-control/",
    "access/",
    "protocol/",
    "model/",
    "errors.ts",
    "identify.ts",
    "request-facts.ts",
    "response.ts",
    "storage/platform-errors.ts",
  ],
  "setup/": [
    "setup/",
    "protocol/",
    "model/",
    "secret-shapes.ts",
    "storage/d1/setup-secrets.ts",
    "storage/platform-errors.ts",
  ],
  "local/": ["local/", "model/", "cloudflare:workers"],
  "consumers/": [
    "consumers/",
    "access-log/",
    "audit/",
    "delivery/",
    "replication/",
    "access/",
    "model/",
    "services.ts",
  ],
  "audit/": ["audit/", "access-log/line-queue.ts", "checksum/", "access/", "model/", "errors.ts"],
  "access-log/": ["access-log/", "protocol/", "access/", "model/", "errors.ts", "response.ts"],
  "sweeps/": ["sweeps/", "inventory/", "lifecycle/", "replication/", "storage/", "access/", "model/", "services.ts"],
  "lifecycle/": ["lifecycle/", "model/", "access/", "errors.ts"],
  "scrub/": ["scrub/", "storage/", "checksum/", "model/", "errors.ts"],
  "inventory/": ["inventory/", "lifecycle/call-budget.ts", "protocol/", "checksum/", "model/", "access/", "errors.ts"],
  "replication/": [
    "replication/",
    "outbound/",
    "protocol/",
    "checksum/",
    "model/",
    "access/",
    "errors.ts",
    "storage/journal/plan-messages.ts",
    "aws4fetch",
  ],
};

/** What may be imported only as a type. */
export const MAY_IMPORT_TYPES: Readonly<Record<string, Places>> = {
  "operations/": ["storage/", "delivery/destinations.ts", "response.ts"],
  "delivery/": ["services.ts", "signing/", "storage/"],
  "replication/": ["services.ts", "storage/"],
  "sns/": ["services.ts", "signing/", "storage/"],
  "query-api/": ["access/", "services.ts"],
  "iam/": ["storage/"],
  "admin/": ["request-log.ts", "services.ts", "storage/"],
  "website/": ["identify.ts", "request-log.ts", "services.ts"],
  "console/": ["identify.ts"],
  "s3-control/": ["services.ts"],
  "setup/": ["identify.ts"],
  "consumers/": ["env.ts", "storage/"],
  "sweeps/": ["env.ts"],
  "lifecycle/": ["services.ts", "storage/"],
  "access-log/": ["request-log.ts", "services.ts", "storage/"],
  "audit/": ["protocol/", "request-log.ts", "services.ts", "storage/"],
  "inventory/": ["services.ts", "storage/"],
  "pipeline.ts": ["storage/"],
  "identify.ts": ["storage/"],
};

/** The only places that may import a folder or file. */
export const IMPORTED_ONLY_BY: Readonly<Record<string, Places>> = {
  "env.ts": ["index.ts", "surface.ts", "services.ts", "stored-secrets.ts", "sweeps/", "consumers/"],
  "stored-secrets.ts": ["surface.ts", "services.ts"],
  "services.ts": [
    "surface.ts",
    "pipeline.ts",
    "s3-control/",
    "admin/",
    "query-api/",
    "sns/",
    "website/",
    "sweeps/",
    "consumers/",
  ],
  "operations/": ["operations/", "pipeline.ts", "identify.ts", "services.ts"],
  "storage/d1/": [
    "storage/",
    "services.ts",
    "stored-secrets.ts",
    "admin/",
    "iam/",
    "scrub/",
    "setup/",
    "sns/",
    "sweeps/",
  ],
  "pipeline.ts": ["surface.ts", "website/"],
  "surface.ts": ["index.ts", "local-entry.ts"],
  "edge-cache.ts": ["surface.ts"],
  "admin/": ["admin/", "surface.ts"],
  "query-api/": ["query-api/", "iam/", "sns/", "surface.ts"],
  "sns/": ["sns/", "surface.ts", "services.ts"],
  "website/": ["website/", "surface.ts", "pipeline.ts"],
  "s3-control/": ["s3-control/", "surface.ts"],
  "setup/": ["setup/", "surface.ts"],
  "console/": ["console/", "surface.ts", "env.ts"],
  "local/": ["local/", "local-entry.ts"],
  "sweeps/": ["sweeps/", "index.ts"],
  "lifecycle/": ["lifecycle/", "inventory/", "sweeps/"],
  "inventory/": ["inventory/", "sweeps/"],
  "scrub/": ["scrub/", "admin/"],
  "consumers/": ["consumers/", "index.ts"],
  "access-log/": ["access-log/", "audit/", "consumers/", "services.ts"],
  "audit/": ["audit/", "consumers/", "services.ts"],
  "delivery/": ["delivery/", "consumers/", "admin/", "sns/", "services.ts"],
  "signing/": ["signing/", "delivery/", "sns/", "services.ts"],
  "replication/": ["replication/", "consumers/", "admin/", "sweeps/"],
  "outbound/": ["outbound/", "admin/", "delivery/", "sns/", "replication/", "services.ts"],
};

/** Whether a path is one of the places, or inside of one. */
export function within(path: string, places: Places): boolean {
  return places.some((place) => (/[/:]$/.test(place) ? path.startsWith(place) : path === place));
}

/** Places as docs/architecture.md shows them: without the folder itself, and without the slash at the end. */
export function formatPlaces(places: Places = [], self = ""): string {
  return places
    .filter((place) => place !== self)
    .map((place) => `\`${place.replace(/[/:]$/, "")}\``)
    .join(", ");
}
