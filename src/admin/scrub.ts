/** One step of a scrub, over JSON. The command repeats the call with the cursor of the answer. */
import { describeStage, firstPosition, formatCursor, type Position, parseCursor } from "../scrub/position.ts";
import { runStep } from "../scrub/step.ts";
import { type AdminCall, failure } from "./call.ts";

export async function scrub({ services, grant, body, now }: AdminCall): Promise<Response> {
  const position = positionOf(body);
  if (position === undefined) {
    return failure(400, "InvalidRequest", "The body takes a cursor, or a bucket and whether bytes are read.");
  }
  const { findings, counts, next } = await runStep(services.scrub.open(grant), position, now);
  if (next === undefined) return Response.json({ findings, counts, cursor: null });
  return Response.json({ findings, counts, at: describeStage(next.at), cursor: formatCursor(next) });
}

/** @throws S3Error `InvalidRequest` for another cursor than that of an answer */
function positionOf(body: unknown): Position | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  const { cursor, bucket, bytes = false, ...others } = body as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || typeof bytes !== "boolean") return undefined;
  if (cursor !== undefined) return typeof cursor === "string" && bucket === undefined ? parseCursor(cursor) : undefined;
  if (bucket !== undefined && typeof bucket !== "string") return undefined;
  return firstPosition({ ...(bucket !== undefined && { bucket }), bytes });
}
