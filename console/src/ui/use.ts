/** Hooks of pages. */
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../session.ts";

export const SessionContext = createContext<Session | undefined>(undefined);

/** The session of the page; pages are shown only in one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("This component is used outside of a session.");
  return session;
}

export type Loaded<Value> =
  | { readonly state: "loading"; readonly value?: undefined }
  | { readonly state: "failed"; readonly error: unknown; readonly value?: undefined }
  | { readonly state: "loaded"; readonly value: Value };

/**
 * Loads when the page opens, when one of `inputs` changes, and on `reload`. While it loads again for the same inputs, the value
 * before it stays.
 */
export function useLoad<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
): [loaded: Loaded<Value>, reload: () => void] {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ state: "loading" });
  const [round, setRound] = useState(0);
  useEffect(() => setLoaded({ state: "loading" }), inputs);
  useEffect(() => {
    const controller = new AbortController();
    load(controller.signal).then(
      (value) => {
        if (!controller.signal.aborted) setLoaded({ state: "loaded", value });
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setLoaded({ state: "failed", error });
      },
    );
    return () => controller.abort();
  }, [...inputs, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return [loaded, reload];
}

/** The value when it has not changed for a moment: what is typed is not listed letter by letter. */
export function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

const SETTLED_MS = 200;

export interface Task {
  readonly isRunning: boolean;
  readonly error: unknown;
  /** Resolves to whether the work succeeded. */
  run(work: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

/** Work that a button starts: one at a time, with its last error. */
export function useTask(): Task {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  const running = useRef(false);
  const run = useCallback(async (work: () => Promise<unknown>) => {
    if (running.current) return false;
    running.current = true;
    setRunning(true);
    setError(undefined);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(failure);
      return false;
    } finally {
      running.current = false;
      setRunning(false);
    }
  }, []);
  const clear = useCallback(() => setError(undefined), []);
  return { isRunning, error, run, clear };
}
