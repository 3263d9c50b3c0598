/** Every way to choose one of each, fewest departures from the first ones first. */

/** Bounds what a wrong signature can cost: about 1 ms of CPU. */
export const MAX_READINGS = 32;

/**
 * Index tuples: all zeros, then those with one index changed, then two … up to `MAX_READINGS`.
 * @param sizes how many there are to choose from, each at least 1
 */
export function* choices(sizes: readonly number[]): Generator<readonly number[]> {
  let count = 0;
  for (let changes = 0; changes <= sizes.length; changes++) {
    for (const choice of choicesWith(changes, sizes)) {
      yield choice;
      if (++count === MAX_READINGS) return;
    }
  }
}

function* choicesWith(changes: number, sizes: readonly number[]): Generator<readonly number[]> {
  const [size, ...rest] = sizes;
  if (size === undefined) {
    if (changes === 0) yield [];
    return;
  }
  for (const tail of choicesWith(changes, rest)) yield [0, ...tail];
  if (changes === 0) return;
  for (let index = 1; index < size; index++) {
    for (const tail of choicesWith(changes - 1, rest)) yield [index, ...tail];
  }
}
