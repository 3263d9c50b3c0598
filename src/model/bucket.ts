/** A bucket row. `id` is new for every incarnation of a name, so nothing written to a deleted bucket can reappear. */
export interface Bucket {
  readonly name: string;
  /** 12 characters of [a-z0-9]; prefix of every entry key. */
  readonly id: string;
  /** Account id of the owner. */
  readonly accountId: string;
  /** Canonical user id of the owner. */
  readonly ownerId: string;
  readonly ownerDisplayName: string;
  /** LocationConstraint; picks the R2 binding. */
  readonly region: string;
  readonly createdAt: Date;
}
