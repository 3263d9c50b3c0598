/** What a request is about. `key` is the decoded S3 key, exactly as the client meant it. */
export type Resource =
  | { readonly kind: "service" }
  | { readonly kind: "bucket"; readonly bucket: string }
  | { readonly kind: "object"; readonly bucket: string; readonly key: string };

/** How the resource was named, which decides how URLs are written in answers. */
export type AddressingStyle = "path" | "virtual-host";
