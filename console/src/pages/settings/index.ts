import type { Page } from "../page.ts";

export const SETTING_PAGES: readonly Page[] = [
  {
    path: "/buckets/:bucket/settings",
    title: ({ params }) => `Settings of ${params.bucket}`,
    bucketTab: { label: "Settings", order: 50 },
    load: async () => (await import("./settings.tsx")).Settings,
  },
];
