/** Accounts and users as policies and ACLs name them. */
import type { Grant, RootGrant } from "../../access/authorize.ts";
import type { TopicGrant } from "../../access/authorize-sns.ts";
import { userArn } from "../../model/caller.ts";
import type { FoundPrincipals, NamedPrincipals, PolicyUsers } from "../../model/user.ts";

interface UserRow {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly path: string;
}

/** A user that a policy names and that does not exist. */
export interface NamedNobody {
  readonly of: "bucket" | "topic";
  /** Of the bucket; ARN of the topic. */
  readonly name: string;
  readonly principal: string;
  /** Id of the user that was meant; null: it was never found. */
  readonly userId: string | null;
}

const SELECT_NOBODY = `
  SELECT DISTINCT p.of, p.name, named.atom AS principal,
    (SELECT value FROM json_each(p.users) WHERE key = named.atom) AS userId
  FROM (
    SELECT 'bucket' AS of, b.name, d.body ->> '$' AS policy, coalesce(u.body, '{}') AS users
    FROM bucket_documents d JOIN buckets b ON b.id = d.bucket_id
      LEFT JOIN bucket_documents u ON u.bucket_id = d.bucket_id AND u.kind = 'policyUsers'
    WHERE d.kind = 'policy'
    UNION ALL SELECT 'topic', arn, policy, coalesce(policy_users, '{}') FROM topics WHERE policy IS NOT NULL
  ) p JOIN json_tree(CASE WHEN json_valid(p.policy) THEN p.policy ELSE '{}' END) named
  WHERE named.type = 'text' AND named.fullkey LIKE '%rincipal.AWS%'
    AND (named.atom LIKE 'arn:aws:iam::%:user/%' AND named.atom NOT LIKE 'arn:aws:iam::cloudfront:%' OR named.atom LIKE 'AIDA%')
    AND NOT EXISTS (SELECT 1 FROM json_each(p.users) m JOIN users ON users.id = m.value WHERE m.key = named.atom)
  ORDER BY p.of, p.name, principal LIMIT 1000`;

const USER_ARN = /^arn:aws:iam::(\d{12}):user\/(?:.*\/)?([^/]+)$/;

export class Principals {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The accounts and users that exist, for a caller that may put a policy naming them, as on AWS. One D1 call. */
  async find(_by: Grant | TopicGrant, { accountIds, userNames }: NamedPrincipals): Promise<FoundPrincipals> {
    if (accountIds.size === 0 && userNames.size === 0) return { accountIds: new Set(), users: {} };
    const named = [...userNames].map((name) => {
      const [, account, user] = USER_ARN.exec(name) ?? [];
      return user === undefined ? { id: name } : { account, user };
    });
    const [accounts, users] = await this.#db.batch([
      this.#db
        .prepare("SELECT id FROM accounts WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(JSON.stringify([...accountIds])),
      this.#db
        .prepare(
          `SELECT u.id, u.account_id, u.name, u.path FROM json_each(?1) n JOIN users u
             ON u.account_id = n.value ->> '$.account' AND u.name = n.value ->> '$.user' COLLATE NOCASE
           UNION SELECT u.id, u.account_id, u.name, u.path FROM json_each(?1) n JOIN users u ON u.id = n.value ->> '$.id'`,
        )
        .bind(JSON.stringify(named)),
    ]);
    const found: PolicyUsers = Object.fromEntries(
      ((users?.results ?? []) as UserRow[]).flatMap((row) => [
        [arnOf(row), row.id],
        [row.id, row.id],
      ]),
    );
    return { accountIds: new Set(((accounts?.results ?? []) as { id: string }[]).map(({ id }) => id)), users: found };
  }

  /** Users that policies name and that do not exist; the first 1,000. One D1 call that reads all policies. */
  async listNobody(_by: RootGrant): Promise<readonly NamedNobody[]> {
    const { results } = await this.#db.prepare(SELECT_NOBODY).all<NamedNobody>();
    return results;
  }

  /** ARNs by id, of the users that still exist. One D1 call, none for no ids. */
  async arnsOf(_by: Grant | TopicGrant, users: PolicyUsers): Promise<ReadonlyMap<string, string>> {
    const ids = Object.values(users);
    if (ids.length === 0) return new Map();
    const { results } = await this.#db
      .prepare("SELECT id, account_id, name, path FROM users WHERE id IN (SELECT value FROM json_each(?1))")
      .bind(JSON.stringify(ids))
      .all<UserRow>();
    return new Map(results.map((row) => [row.id, arnOf(row)]));
  }
}

function arnOf({ account_id, path, name }: UserRow): string {
  return userArn(account_id, path, name);
}

/** Ids asked for in one statement; D1 binds up to 100 values. */
const IDS_PER_STATEMENT = 100;

/** Names of accounts by canonical user id, for the answers of Get…Acl only: no other request pays for them. */
export class DisplayNames {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Ids without an account are absent. */
  async find(_by: Grant, canonicalIds: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const ids = [...new Set(canonicalIds)];
    const names = new Map<string, string>();
    for (let start = 0; start < ids.length; start += IDS_PER_STATEMENT) {
      const batch = ids.slice(start, start + IDS_PER_STATEMENT);
      const { results } = await this.#db
        .prepare(
          `SELECT canonical_id, display_name FROM accounts WHERE canonical_id IN (${batch.map(() => "?").join(", ")})`,
        )
        .bind(...batch)
        .all<{ canonical_id: string; display_name: string }>();
      for (const row of results) names.set(row.canonical_id, row.display_name);
    }
    return names;
  }
}
