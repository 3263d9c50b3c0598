import type { Page } from "../page.ts";

export const BUCKET_PAGES: readonly Page[] = [
  {
    path: "/buckets",
    title: () => "Buckets",
    nav: { label: "Buckets", order: 10 },
    load: async () => (await import("./buckets.tsx")).Buckets,
  },
];
