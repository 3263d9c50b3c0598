import type { Page } from "../page.ts";

export const EVENT_PAGES: readonly Page[] = [
  {
    path: "/topics",
    title: () => "Topics",
    nav: { label: "Topics", order: 30 },
    load: async () => (await import("./topics.tsx")).Topics,
  },
  {
    path: "/topics/topic",
    title: ({ query }) => `Topic ${query.get("arn")?.split(":").at(-1)}`,
    load: async () => (await import("./topic.tsx")).Topic,
  },
  {
    path: "/deliveries",
    title: () => "Deliveries",
    nav: { label: "Deliveries", order: 40 },
    isForDeploymentRoot: true,
    load: async () => (await import("./deliveries.tsx")).Deliveries,
  },
];
