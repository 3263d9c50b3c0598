export type CorsMethod = "GET" | "PUT" | "HEAD" | "POST" | "DELETE";

/** CORSConfiguration (API_PutBucketCors): the first rule that fits decides. */
export interface CorsRule {
  readonly id?: string;
  /** Each may hold one `*`. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly CorsMethod[];
  /** Each may hold one `*`; compared without case. */
  readonly allowedHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
}
