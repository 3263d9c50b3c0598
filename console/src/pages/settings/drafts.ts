/**
 * Texts that were edited and not saved. They outlive the page that edits them, and also a session that ends by itself, for the same
 * user; signing out forgets them.
 */
import type { Editing } from "../../documents/editing.ts";
import { onSignOut } from "../../session.ts";

export interface Draft {
  readonly editing: Editing;
  /** The text on the endpoint when the editing began; undefined if there was no document. */
  readonly base: string | undefined;
}

const drafts = new Map<string, Draft>();

onSignOut((reason) => {
  if (reason === undefined) drafts.clear();
});

/** @param id names the user and the document: `<ARN> bucket/photos/cors` */
export function findDraft(id: string): Draft | undefined {
  return drafts.get(id);
}

export function keepDraft(id: string, draft: Draft): void {
  drafts.set(id, draft);
}

export function dropDraft(id: string): void {
  drafts.delete(id);
}

// A reload loses them, so the browser asks before.
addEventListener("beforeunload", (event) => {
  if (drafts.size > 0) event.preventDefault();
});
