/** Adopted buckets: the admin API, and the R2 buckets behind the bindings, as any other Worker uses them. */
import { type SendOptions, send } from "./request.ts";
import { testEnv } from "./s3.ts";

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export async function admin(method: string, path: string, body?: object, options: SendOptions = {}): Promise<Answer> {
  const target = { bucket: "-", key: `admin/${path}` };
  const response = await send({ ...target, method, ...(body && { body: JSON.stringify(body) }), ...options });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

/** What another Worker with the same binding uses. */
export function r2(binding: string): R2Bucket {
  return Reflect.get(testEnv, binding) as R2Bucket;
}

let adopted = 0;

/** Empties the R2 bucket and adopts it. Two empty R2 buckets could be the same one, so it has one object meanwhile. */
export async function adopt(binding: string, options: { accountId?: string } = {}): Promise<string> {
  for (const { name, binding: other } of await listAdopted()) if (other === binding) await release(name);
  const store = r2(binding);
  for (let keys = await keysIn(store); keys.length > 0; keys = await keysIn(store)) await store.delete(keys);
  await store.put("first", "first");
  const name = `adopted-${Date.now().toString(36)}-${adopted++}`;
  const answer = await admin("POST", "adoptions", { name, binding, ...options });
  if (answer.status !== 201) throw new Error(`adopt: ${answer.status} ${JSON.stringify(answer.body)}`);
  await store.delete("first");
  return name;
}

export async function release(name: string): Promise<void> {
  const answer = await admin("DELETE", `adoptions/${name}`);
  if (answer.status !== 204) throw new Error(`release: ${answer.status} ${JSON.stringify(answer.body)}`);
}

export async function listAdopted(): Promise<{ name: string; binding: string }[]> {
  return (await admin("GET", "adoptions")).body.buckets as { name: string; binding: string }[];
}

export async function keysIn(store: R2Bucket): Promise<string[]> {
  return (await store.list()).objects.map(({ key }) => key);
}
