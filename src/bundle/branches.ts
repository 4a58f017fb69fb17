// The names of what a model parts into, by the paths of what lies there.

/** "heads.1.blocks.3.attention.q.weight" -> "heads.1"; "" where a path lies in no branch. */
export const branchOf = (path: string): string =>
  /^(?!blocks\.)\w+\.\d+(?=\.)/.exec(path)?.[0] ?? "";
