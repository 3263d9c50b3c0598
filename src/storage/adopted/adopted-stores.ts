/** The R2 bindings that can be adopted. */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { isAdoptBinding } from "../../model/adopted.ts";
import type { R2Location } from "../r2/entry-place.ts";

/** `ADOPT_…` bindings by name. */
export type AdoptedStores = ReadonlyMap<string, R2Bucket>;

export function adoptedStores(bindings: object): AdoptedStores {
  return new Map(
    Object.entries(bindings).filter(
      (entry): entry is [string, R2Bucket] =>
        isAdoptBinding(entry[0]) && typeof entry[1] === "object" && entry[1] !== null,
    ),
  );
}

/** Where an object of an adopted bucket is: at its own key. */
export interface AdoptedPlace extends R2Location {
  /** Name of the binding. */
  readonly binding: string;
  readonly bucketName: string;
  /** Canonical user id of the bucket's owner. */
  readonly bucketOwnerId: string;
}

/** @throws S3Error `ServiceUnavailable` if the deployment does not have the binding any more */
export function adoptedPlace(
  stores: AdoptedStores,
  { name, region: binding, ownerId }: Pick<GrantedBucket, "name" | "region" | "ownerId">,
  key: string,
): AdoptedPlace {
  return { store: adoptedStore(stores, binding), r2Key: key, binding, bucketName: name, bucketOwnerId: ownerId };
}

/** @throws S3Error as `adoptedPlace` */
export function adoptedStore(stores: AdoptedStores, binding: string): R2Bucket {
  const store = stores.get(binding);
  if (store !== undefined) return store;
  throw new S3Error("ServiceUnavailable", {
    cause: new Error(`the binding ${binding} of an adopted bucket is missing`),
  });
}
