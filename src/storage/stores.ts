/** What operations see of storage. Opened once per isolate by `services.ts`. */
import type { Buckets } from "./d1/buckets.ts";
import type { Objects } from "./r2/objects.ts";

export interface Stores {
  readonly buckets: Buckets;
  readonly objects: Objects;
}
