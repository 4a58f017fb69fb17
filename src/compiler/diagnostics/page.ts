// Where a diagnostic is explained.

/** The page of all diagnostics, in the package. */
export const PAGE = "docs/diagnostics.md";
export const anchorOf = (code: string): string => code.toLowerCase();
