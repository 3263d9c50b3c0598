/** `Owner`, `Initiator` and grantees share this shape. */
import { type XmlNode, xmlElement, xmlText } from "./writer.ts";

export interface Owner {
  /** Canonical user id. */
  readonly id: string;
  readonly displayName: string;
}

export function ownerNode(name: "Owner" | "Initiator", owner: Owner): XmlNode {
  return xmlElement(name, [xmlText("ID", owner.id), xmlText("DisplayName", owner.displayName)]);
}
