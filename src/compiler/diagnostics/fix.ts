// Fixes of one edit, as almost all are, in the form in which reporters take them.
import type { Fix, Span } from "./types.ts";

interface Fixes {
  readonly fixes: readonly [Fix];
}
const oneEdit =
  (applicability: Fix["applicability"]) =>
  (title: string, at: Span, newText: string): Fixes => ({
    fixes: [{ title, edits: [{ at, newText }], applicability }],
  });

/** It never changes meaning: tools may apply it unasked. */
export const automatic = oneEdit("automatic");
/** What was probably meant: people choose it. */
export const suggestion = oneEdit("suggestion");
