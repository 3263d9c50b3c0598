/** The account of a deploy, and the login it uses. */
import { runWrangler } from "../wrangler.ts";
import type { CloudflareApi, Login } from "./cloudflare-api.ts";
import { DeployError } from "./error.ts";

const LOG_IN = [
  "wrangler is not logged in.",
  "Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a token with the permissions that docs/deploy.md lists.",
].join("\n");

/** The login that wrangler itself would use. @throws DeployError if there is no login */
export async function findLogin(): Promise<Login> {
  const token = process.env.CLOUDFLARE_API_TOKEN;
  if (token) return { headers: { authorization: `Bearer ${token}` } };
  const output = await runWrangler(["auth", "token", "--json"], { stdio: ["ignore", "pipe", "pipe"] }).catch(
    (cause: unknown) => {
      throw new DeployError(LOG_IN, { cause });
    },
  );
  return parseLogin(output);
}

/** @param output the output of `wrangler auth token --json`, which may have notices around the document */
export function parseLogin(output: string): Login {
  const credential = JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)) as Record<
    string,
    unknown
  >;
  const { token, key, email } = credential;
  if (typeof token === "string") return { headers: { authorization: `Bearer ${token}` } };
  if (typeof key === "string" && typeof email === "string") {
    return { headers: { "x-auth-key": key, "x-auth-email": email } };
  }
  throw new DeployError(LOG_IN);
}

/** @throws DeployError if the login sees no account, or several of which none is named */
export async function chooseAccount(api: CloudflareApi, configured: string | undefined): Promise<string> {
  const named = process.env.CLOUDFLARE_ACCOUNT_ID || configured;
  if (named) return named;
  const accounts = (await api.get("/accounts")) as readonly { readonly id: string; readonly name: string }[];
  const [only, ...others] = accounts;
  if (only === undefined) {
    throw new DeployError("The login sees no account. Set CLOUDFLARE_ACCOUNT_ID to the account's id.");
  }
  if (others.length === 0) return only.id;
  throw new DeployError(
    [
      "The login sees several accounts. Set CLOUDFLARE_ACCOUNT_ID to one of them:",
      ...accounts.map(({ id, name }) => `  ${id}  ${name}`),
    ].join("\n"),
  );
}
