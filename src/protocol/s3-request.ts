import type { AddressingStyle, Resource } from "../model/resource.ts";
import type { CopySource } from "./copy-source.ts";
import type { PostForm } from "./post-form/post-form.ts";
import type { Query, RawUrl } from "./request-target.ts";

/** A request in S3's terms: what every stage after addressing works on instead of the platform's `Request`. */
export interface S3Request {
  readonly method: string;
  readonly url: RawUrl;
  readonly resource: Resource;
  readonly style: AddressingStyle;
  readonly query: Query;
  readonly headers: Headers;
  /**
   * The object that `x-amz-copy-source` names; undefined without that header. Parsed at the first call.
   * @throws S3Error as `parseCopySource`
   */
  copySource(): CopySource | undefined;
  /** Accept-Encoding as the client sent it, where the platform tells (`request.cf.clientAcceptEncoding`). */
  readonly clientAcceptEncoding: string | undefined;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly now: Date;
  readonly requestId: string;
  /** The region that the verified signature is made for; absent where it names none. */
  readonly signedRegion?: string | undefined;
  /** Of POST Object; the other members then say what the form means: the object as resource, its fields as headers. */
  readonly form?: PostForm;
}
