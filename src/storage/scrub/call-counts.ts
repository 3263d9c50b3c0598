/** How many calls of each kind a step of a scrub has made, and how many bytes it has read. */
export class CallCounts {
  r2 = 0;
  d1 = 0;
  durableObject = 0;
  bytesRead = 0;

  /** To all bindings. */
  get calls(): number {
    return this.r2 + this.d1 + this.durableObject;
  }
}
