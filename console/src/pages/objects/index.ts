import type { Page } from "../page.ts";

export const OBJECT_PAGES: readonly Page[] = [
  {
    path: "/buckets/:bucket",
    title: ({ params }) => params.bucket ?? "",
    bucketTab: { label: "Objects", order: 10 },
    load: async () => (await import("./objects.tsx")).Objects,
  },
  {
    path: "/buckets/:bucket/object",
    title: ({ query }) => query.get("key") ?? "",
    load: async () => (await import("./object.tsx")).ObjectPage,
  },
  {
    path: "/buckets/:bucket/uploads",
    title: ({ params }) => `Unfinished uploads of ${params.bucket}`,
    bucketTab: { label: "Unfinished uploads", order: 15 },
    load: async () => (await import("./unfinished-uploads.tsx")).UnfinishedUploads,
  },
];
