// The kinds of declarations: of this version, and of later ones.

export const KINDS: readonly string[] = ["model", "block", "recipe"];
export const LATER: readonly string[] = ["pipeline", "merge", "inference", "eval", "sweep"];

/** `let` is one too, of its own form. */
export const isKnownKind = (word: string): boolean =>
  word === "let" || KINDS.includes(word) || LATER.includes(word);
