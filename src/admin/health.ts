import { S3Error } from "../errors.ts";
import type { Services } from "../services.ts";
import { fromPlatformError } from "../storage/platform-errors.ts";

/** `GET /-/health`: 200 once secrets, schema and bindings are there; 503 with what is missing. Tells nothing else. */
export async function checkHealth(services: Services): Promise<Response> {
  try {
    await services.directory.probe();
    return Response.json({ status: "ok" });
  } catch (error) {
    const failure = error instanceof S3Error ? error : fromPlatformError(error);
    return Response.json({ status: "unavailable", message: failure.message }, { status: 503 });
  }
}
