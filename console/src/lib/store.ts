/** A value that components watch. */
import { useEffect, useState } from "preact/hooks";

export interface Store<Value> {
  get(): Value;
  set(value: Value): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<Value>(initial: Value): Store<Value> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set(value) {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useStore<Value>(store: Store<Value>): Value {
  const [, setCount] = useState(0);
  // In an effect, so a change between the render and it is looked for.
  const rendered = store.get();
  useEffect(() => {
    const update = () => setCount((count) => count + 1);
    if (!Object.is(store.get(), rendered)) update();
    return store.subscribe(update);
  }, [store]);
  return rendered;
}
