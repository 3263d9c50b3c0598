import { S3Error } from "../../errors.ts";

/** R2 bindings by region. */
export type RegionStores = ReadonlyMap<string, R2Bucket>;

/** @throws S3Error `ServiceUnavailable` where a deployment has lost the binding of a region that still has buckets */
export function storeOf(stores: RegionStores, { region }: { readonly region: string }): R2Bucket {
  const store = stores.get(region);
  if (store !== undefined) return store;
  throw new S3Error("ServiceUnavailable", { cause: new Error(`no R2 binding serves region ${region}`) });
}
