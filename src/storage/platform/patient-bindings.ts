/**
 * The bindings as the Worker uses them: a call that hangs fails with `ServiceUnavailable`, so that it holds a request, a turn in a
 * Durable Object or a consumer of a queue no longer than `waits.ts` says.
 */
import { inTime } from "../../model/deadline.ts";
import { patientBucket } from "./patient-bucket.ts";
import { patientDatabase } from "./patient-database.ts";
import { type Waits, type WaitsBinding, waitsOf } from "./waits.ts";

const BUCKET = /^(?:STORE(?:_[A-Z0-9_]+)?|ADOPT_[A-Z0-9_]+)$/;
const QUEUE = /^(?:EVENTS|DELIVERIES|RETRIES|REPLICATION|ACCESS_LOGS|DEAD_LETTERS|QUEUE_[A-Z0-9_]+)$/;

/** The same bindings and variables. A binding that is missing stays missing. */
export function patientBindings<Bindings extends WaitsBinding>(bindings: Bindings): Bindings {
  const waits = waitsOf(bindings);
  const entries = Object.entries(bindings).map(([name, binding]) => [name, patient(name, binding, waits)]);
  return Object.fromEntries(entries) as Bindings;
}

function patient(name: string, binding: unknown, waits: Waits): unknown {
  if (typeof binding !== "object" || binding === null) return binding;
  if (BUCKET.test(name)) return patientBucket(binding as R2Bucket, waits);
  if (QUEUE.test(name)) return patientQueue(binding as Queue, waits);
  if (name === "DB") return patientDatabase(binding as D1Database, waits);
  return name === "UPLOADS" ? patientObjects(binding as DurableObjectNamespace, waits) : binding;
}

function patientQueue(queue: Queue, { callMs: ms }: Waits): Pick<Queue, "send" | "sendBatch"> {
  return {
    send: (...call) => inTime(queue.send(...call), { ms, what: "queue send" }),
    sendBatch: (...call) => inTime(queue.sendBatch(...call), { ms, what: "queue sendBatch" }),
  };
}

/** Objects are found by their name, and each property of a stub is a method of the object. */
function patientObjects(objects: DurableObjectNamespace, { objectMs: ms }: Waits): unknown {
  return {
    getByName(name: string) {
      const stub = objects.getByName(name);
      return new Proxy(stub, {
        get(target, method) {
          const call: unknown = Reflect.get(target, method);
          if (typeof call !== "function") return call;
          return (...input: unknown[]) =>
            inTime(Reflect.apply(call, target, input) as Promise<unknown>, {
              ms,
              what: `Durable Object ${String(method)}`,
            });
        },
      });
    },
  };
}
