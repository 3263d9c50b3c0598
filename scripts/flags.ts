/** Reading single flags out of a command line that is otherwise passed on. */

/** The last value of `--flag value` or `--flag=value`. */
export function findFlag(argv: readonly string[], flag: string): string | undefined {
  let found: string | undefined;
  for (const [index, argument] of argv.entries()) {
    if (argument === flag) found = argv[index + 1];
    else if (argument.startsWith(`${flag}=`)) found = argument.slice(flag.length + 1);
  }
  return found;
}

/** `argv` without these flags and their values. */
export function withoutFlags(argv: readonly string[], flags: readonly string[]): string[] {
  return argv.filter((argument, index) => {
    const before = argv[index - 1];
    const isValue = before !== undefined && flags.includes(before);
    return !isValue && !flags.some((flag) => argument === flag || argument.startsWith(`${flag}=`));
  });
}

/** These flags with their values, for another command. */
export function pickFlags(argv: readonly string[], flags: readonly string[]): string[] {
  return flags.flatMap((flag) => {
    const value = findFlag(argv, flag);
    return value === undefined ? [] : [flag, value];
  });
}
