// What a complaint is: data, never thrown. Layout lives in render.ts, wording in catalogue.ts.

/** UTF-16 offsets into a source, end exclusive. `file` indexes the compilation's sources. */
export interface Span {
  readonly file: number;
  readonly start: number;
  readonly end: number;
}

export interface Source {
  readonly id: number;
  /** As shown to people: relative to the working directory, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export type Severity = "error" | "warning" | "info" | "hint";

export interface Edit {
  readonly at: Span;
  readonly newText: string;
}

export interface Fix {
  readonly title: string;
  readonly edits: readonly Edit[];
  /** `automatic` fixes never change meaning. */
  readonly applicability: "automatic" | "suggestion";
}

export interface Diagnostic {
  /** "SPC3012": stable for ever. */
  readonly code: string;
  /** "head-dim-mismatch": what the source code says. */
  readonly name: string;
  readonly severity: Severity;
  /** One sentence, lower case, no full stop. */
  readonly message: string;
  readonly at: Span;
  /** Text under the primary marker. */
  readonly label?: string;
  readonly notes: readonly { readonly at: Span; readonly text: string }[];
  readonly help: readonly string[];
  readonly fixes: readonly Fix[];
}

/** What a reporter may add to a message. */
export interface Details {
  readonly label?: string;
  readonly notes?: Diagnostic["notes"];
  readonly help?: readonly string[];
  readonly fixes?: readonly Fix[];
}

/** A failed invariant of the compiler itself: never the user's fault. */
export class InternalError extends Error {}
