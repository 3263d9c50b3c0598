/** How one attempt at one delivery ended, whatever kind of receiver it was for. */

interface Attempt {
  /** From the first byte sent until the attempt was over. */
  readonly latencyMs: number;
}

export type DeliveryOutcome = Attempt &
  (
    | { readonly kind: "delivered" }
    /** Trying again cannot help: the receiver is gone, or must not be called. `reason` as below. */
    | { readonly kind: "refused"; readonly reason: string }
    /**
     * Worth another try. `reason` is for statistics: one line without secrets, headers or queries of URLs. `isDown` tells
     * a receiver that gave no answer, and so fails for every event, from one that answered no to this event.
     */
    | { readonly kind: "failed"; readonly reason: string; readonly isDown: boolean }
  );
