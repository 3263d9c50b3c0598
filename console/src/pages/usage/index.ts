import type { Page } from "../page.ts";

export const USAGE_PAGES: readonly Page[] = [
  {
    path: "/usage",
    title: () => "Usage",
    nav: { label: "Usage", order: 50 },
    isForDeploymentRoot: true,
    load: async () => (await import("./usage.tsx")).UsageOverview,
  },
  {
    path: "/buckets/:bucket/usage",
    title: ({ params }) => `Usage of ${params.bucket}`,
    bucketTab: { label: "Usage", order: 60 },
    isForDeploymentRoot: true,
    load: async () => (await import("./bucket-usage.tsx")).BucketUsagePage,
  },
];
