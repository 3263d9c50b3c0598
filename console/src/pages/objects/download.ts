/**
 * Saves an object as a file: the browser requests a presigned URL itself, so that nothing of the object is in the memory of
 * the page.
 */
import type { ApiClient } from "../../api/client.ts";
import { headObject, type ObjectName, presignGet } from "../../api/s3/objects.ts";
import { lastPart } from "./rows.ts";

const STARTS_WITHIN_SECONDS = 300;

/** @throws ApiError if the object cannot be read */
export async function download(client: ApiClient, name: ObjectName): Promise<void> {
  // The frame would show its error to no one.
  await headObject(client, name);
  const fileName = lastPart(name.key).replace(/\/$/, "");
  const url = await presignGet(client, { ...name, expiresInSeconds: STARTS_WITHIN_SECONDS, as: { fileName } });
  // In a frame, an answer that is no attachment does not replace the page and its keys.
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.src = url;
  document.body.append(frame);
  setTimeout(() => frame.remove(), STARTS_WITHIN_SECONDS * 1_000);
}
