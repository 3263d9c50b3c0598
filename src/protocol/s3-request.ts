import type { AddressingStyle, Resource } from "../model/bucket.ts";
import type { CopySource } from "./copy-source.ts";
import type { PostForm } from "./post-form/post-form.ts";
import type { Query, RawUrl } from "./request-target.ts";

/** What the platform says about the sender of a request. The sender cannot set it. */
export interface Client {
  readonly address: string | undefined;
  /** Accept-Encoding as the client sent it: the edge replaces the header. */
  readonly acceptEncoding: string | undefined;
  /** `TLSv1.3` */
  readonly tlsVersion: string | undefined;
  /** `AEAD-AES128-GCM-SHA256` */
  readonly tlsCipher?: string | undefined;
  /** `HTTP/2` */
  readonly httpProtocol?: string | undefined;
}

/** A request in S3's terms. Every stage after addressing uses it instead of the platform's `Request`. */
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
  readonly client: Client;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly now: Date;
  readonly requestId: string;
  /** The region that the verified signature is made for; absent where it names none. */
  readonly signedRegion?: string | undefined;
  /** Only for POST Object: `resource` is then the object of the form, and `headers` are its fields. */
  readonly form?: PostForm;
}
