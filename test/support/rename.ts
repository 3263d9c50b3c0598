/** RenameObject as tests send it. */
import { type SendOptions, send } from "./request.ts";

export const rename = (bucket: string, key: string, source: string, options: SendOptions = {}) =>
  send({
    ...options,
    method: "PUT",
    bucket,
    key,
    query: "renameObject",
    headers: { "x-amz-rename-source": source, ...options.headers },
  });
