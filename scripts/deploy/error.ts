/** A deploy that cannot continue. The message is for the person who runs it. */
export class DeployError extends Error {
  override readonly name = "DeployError";
}
