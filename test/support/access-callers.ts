/** Every kind of caller of the access matrix. */
import { vi } from "vitest";
import { asRoot, asUser, type MatrixCaller, type MatrixWorld, type People } from "./access-world.ts";
import type { TestAccount } from "./accounts.ts";
import { ROOT } from "./s3.ts";

const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };
const ALL_OF_S3 = { Effect: "Allow", Action: "s3:*", Resource: "*" };
const READS = { Effect: "Allow", Action: ["s3:Get*", "s3:List*"], Resource: "*" };
const NO_WRITES = { Effect: "Deny", Action: ["s3:Put*", "s3:Delete*"], Resource: "*" };

/** Users of these names, with a key, are in every account: a call of IAM about them finds them in the caller's own. */
export const NAMES = ["named", "second"] as const;

export async function peopleOf(world: MatrixWorld, owner: TestAccount, other: TestAccount): Promise<People> {
  const [named, guest] = await Promise.all([
    world.newPerson(owner, NAMES[0]),
    world.newPerson(other, NAMES[1], [EVERYTHING]),
  ]);
  return { owner, other, named, guest };
}

export async function callersOf(
  world: MatrixWorld,
  people: People,
  deployment: Omit<TestAccount, keyof typeof ROOT>,
): Promise<Readonly<Record<string, MatrixCaller>>> {
  const { owner, other } = people;
  const [named, guest, root] = [asUser(people.named), asUser(people.guest), asRoot(owner)];
  const allowed = asUser(await world.newPerson(owner, "allowed", [EVERYTHING]));
  const reader = asUser(await world.newPerson(owner, NAMES[1], [READS]));
  const denied = asUser(await world.newPerson(owner, "denied", [EVERYTHING, { ...ALL_OF_S3, Effect: "Deny" }]));
  const stranger = asUser(await world.newPerson(other, NAMES[0]));
  for (const name of NAMES) await world.newPerson({ ...deployment, ...ROOT }, name);
  const disabled = await world.newPerson(owner, "disabled", [EVERYTHING]);
  await world.query(
    "iam",
    "UpdateAccessKey",
    { UserName: "disabled", AccessKeyId: disabled.accessKeyId, Status: "Inactive" },
    owner,
  );
  return {
    anonymous: { key: null, caller: { kind: "anonymous" } },
    "the root": root,
    "a session of the root": await world.newSession(root),
    "a federated user of the root with a policy": await world.newSession(root, [ALL_OF_S3]),
    "a federated user of the root that reads": await world.newSession(root, [READS]),
    "a federated user of the root without a policy": await world.newSession(root, []),
    "the user": named,
    "a session of the user": await world.newSession(named),
    "a user with a policy": allowed,
    "a session of a user with a policy": await world.newSession(allowed),
    "a federated user of a user with a policy": await world.newSession(allowed, [ALL_OF_S3]),
    "a federated user of a user with a policy that denies writes": await world.newSession(allowed, [
      ALL_OF_S3,
      NO_WRITES,
    ]),
    "a user that reads": reader,
    "a user with a Deny": denied,
    "the other root": asRoot(other),
    "a session of the other root": await world.newSession(asRoot(other)),
    "the other account's user": guest,
    "a session of the other account's user": await world.newSession(guest),
    "the other account's user without a policy": stranger,
    "the deployment's root": asRoot({ ...deployment, ...ROOT }, true),
    "a disabled key": { ...asUser(disabled), invalid: { status: 403, code: "InvalidAccessKeyId" } },
    "an expired session": { ...(await expired(world, root)), invalid: { status: 400, code: "ExpiredToken" } },
  };
}

async function expired(world: MatrixWorld, maker: MatrixCaller): Promise<MatrixCaller> {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3 * 3_600_000 });
  try {
    return await world.newSession(maker);
  } finally {
    vi.useRealTimers();
  }
}
