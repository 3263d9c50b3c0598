import type { Page } from "../page.ts";

export const ACCESS_PAGES: readonly Page[] = [
  {
    path: "/users",
    title: () => "Users",
    nav: { label: "Users", order: 20 },
    load: async () => (await import("./users.tsx")).Users,
  },
  {
    path: "/users/:user",
    title: ({ params }) => `User ${params.user}`,
    load: async () => (await import("./user.tsx")).UserDetails,
  },
  {
    path: "/users/:user/policy",
    title: ({ params, query }) => `Policy ${query.get("name")} of ${params.user}`,
    load: async () => (await import("./user-policy.tsx")).UserPolicy,
  },
  {
    path: "/accounts",
    title: () => "Accounts",
    nav: { label: "Accounts", order: 25 },
    isForDeploymentRoot: true,
    load: async () => (await import("./accounts.tsx")).Accounts,
  },
  {
    path: "/accounts/:account",
    title: ({ params }) => `Account ${params.account}`,
    isForDeploymentRoot: true,
    load: async () => (await import("./accounts.tsx")).AccountKeys,
  },
];
