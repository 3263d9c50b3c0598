/** A request that reports how much of its body was sent. `fetch` cannot do that over HTTP/1.1. */
import { NetworkError } from "./errors.ts";

interface Sent {
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | Blob | null;
  readonly signal: AbortSignal | null;
}

export function sendWithProgress(url: URL, sent: Sent, onSent: (bytes: number) => void): Promise<Response> {
  const { method, headers, body, signal } = sent;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    request.open(method, url);
    headers.forEach((value, name) => {
      request.setRequestHeader(name, value);
    });
    request.responseType = "text";
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => resolve(toResponse(request));
    request.onerror = () => reject(new NetworkError(undefined));
    request.onabort = () => reject(signal?.reason ?? new DOMException("Aborted", "AbortError"));
    const abort = () => request.abort();
    signal?.addEventListener("abort", abort, { once: true });
    request.onloadend = () => signal?.removeEventListener("abort", abort);
    request.send(body);
  });
}

function toResponse(request: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const line of request.getAllResponseHeaders().split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const { status } = request;
  return new Response(status === 204 || status === 304 ? null : request.responseText, { status, headers });
}
