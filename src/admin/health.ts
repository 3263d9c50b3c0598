import { S3Error } from "../errors.ts";
import type { Services } from "../services.ts";
import { fromPlatformError } from "../storage/platform-errors.ts";

/** `GET /-/health`: 200 once secrets, the newest schema and bindings are there; 503 with what is missing, and nothing else. */
export async function checkHealth(services: Services): Promise<Response> {
  try {
    if (await services.directory.hasCurrentSchema()) return Response.json({ status: "ok" });
    const message = "The database lacks the newest migrations. Run `npm run deploy`, which applies them.";
    return Response.json({ status: "unavailable", message }, { status: 503 });
  } catch (error) {
    const failure = error instanceof S3Error ? error : fromPlatformError(error);
    return Response.json({ status: "unavailable", message: failure.message }, { status: 503 });
  }
}
