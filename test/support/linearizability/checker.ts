/**
 * Whether a concurrent history is linearizable: whether each operation can have taken effect at one moment between its call and
 * its answer, so that the answers are those of a sequential object.
 *
 * The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (Journal of Parallel and Distributed
 * Computing 17, 1993), with the memory of configurations by G. Lowe, "Testing for linearizability" (Concurrency and Computation:
 * Practice and Experience 29(4), 2017): what has been tried once, the same operations having taken effect with the same state,
 * is not tried again. A history over many keys is linearizable exactly if the history of every key is (A. Horn and D. Kroening,
 * "Faster linearizability checking via P-compositionality", FORTE 2015), so histories here are those of one key.
 */

export interface Operation<Input, Output> {
  readonly input: Input;
  /** Undefined: there was no answer. It may have taken effect at any time after its call, or never. */
  readonly output: Output | undefined;
  /** Positions in the order of all calls and answers of the history. */
  readonly called: number;
  readonly answered: number;
}

export interface SequentialModel<State, Input, Output> {
  readonly initial: State;
  /**
   * The state after the operation; undefined if it cannot have this output in the state.
   * @param output undefined: any
   */
  readonly step: (state: State, input: Input, output: Output | undefined) => State | undefined;
  /** Equal for equal states only. */
  readonly keyOf: (state: State) => string;
}

interface Entry<Input, Output> {
  readonly index: number;
  readonly operation: Operation<Input, Output>;
  readonly isCall: boolean;
  before: Entry<Input, Output> | undefined;
  after: Entry<Input, Output> | undefined;
}

/** Histories of some dozens of operations need a few hundred if they are linearizable. */
const MOST_CONFIGURATIONS = 500_000;

export interface Verdict {
  /** False also if it was not found out with so many configurations. */
  readonly isLinearizable: boolean;
  /** The most operations that could be put in order. */
  readonly longest: number;
  readonly configurations: number;
}

export function checkLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): Verdict {
  const head = linked(operations);
  const answerOf = answers(head);
  const tried = new Set<string>();
  const taken: { readonly entry: Entry<Input, Output>; readonly state: State }[] = [];
  let state = model.initial;
  let done = 0n;
  let missing = operations.filter(({ output }) => output !== undefined).length;
  let longest = 0;
  let entry = head.after;
  while (missing > 0) {
    if (entry?.isCall) {
      const { index, operation } = entry;
      const next = model.step(state, operation.input, operation.output);
      const configuration = `${done | (1n << BigInt(index))} ${next === undefined ? "" : model.keyOf(next)}`;
      if (next !== undefined && !tried.has(configuration)) {
        tried.add(configuration);
        if (tried.size > MOST_CONFIGURATIONS) return { isLinearizable: false, longest, configurations: tried.size };
        taken.push({ entry, state });
        state = next;
        done |= 1n << BigInt(index);
        if (operation.output !== undefined) missing -= 1;
        longest = Math.max(longest, taken.length);
        lift(entry, answerOf.get(index));
        entry = head.after;
      } else {
        entry = entry.after;
      }
    } else {
      // An answer whose operation has not taken effect, or the end: the last choice was wrong.
      const last = taken.pop();
      if (last === undefined) return { isLinearizable: false, longest, configurations: tried.size };
      const { index, operation } = last.entry;
      state = last.state;
      done &= ~(1n << BigInt(index));
      if (operation.output !== undefined) missing += 1;
      unlift(last.entry, answerOf.get(index));
      entry = last.entry.after;
    }
  }
  return { isLinearizable: true, longest, configurations: tried.size };
}

/** Calls and answers in their order, behind a head. An operation without an answer has a call only. */
function linked<Input, Output>(operations: readonly Operation<Input, Output>[]): Entry<Input, Output> {
  const entries = operations.flatMap((operation, index) => {
    const call = { at: operation.called, index, operation, isCall: true };
    return operation.output === undefined ? [call] : [call, { ...call, at: operation.answered, isCall: false }];
  });
  entries.sort((left, right) => left.at - right.at);
  const [first] = operations;
  if (first === undefined) throw new Error("a history has operations");
  const head: Entry<Input, Output> = {
    index: -1,
    operation: first,
    isCall: false,
    before: undefined,
    after: undefined,
  };
  let last = head;
  for (const { index, operation, isCall } of entries) {
    const entry: Entry<Input, Output> = { index, operation, isCall, before: last, after: undefined };
    last.after = entry;
    last = entry;
  }
  return head;
}

function answers<Input, Output>(head: Entry<Input, Output>): ReadonlyMap<number, Entry<Input, Output>> {
  const found = new Map<number, Entry<Input, Output>>();
  for (let entry = head.after; entry !== undefined; entry = entry.after)
    if (!entry.isCall) found.set(entry.index, entry);
  return found;
}

function lift<Input, Output>(call: Entry<Input, Output>, answer: Entry<Input, Output> | undefined): void {
  for (const entry of answer === undefined ? [call] : [call, answer]) {
    if (entry.before !== undefined) entry.before.after = entry.after;
    if (entry.after !== undefined) entry.after.before = entry.before;
  }
}

/** In the opposite order of `lift`. */
function unlift<Input, Output>(call: Entry<Input, Output>, answer: Entry<Input, Output> | undefined): void {
  for (const entry of answer === undefined ? [call] : [answer, call]) {
    if (entry.before !== undefined) entry.before.after = entry;
    if (entry.after !== undefined) entry.after.before = entry;
  }
}
