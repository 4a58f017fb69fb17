// Finds the `///` lines that document a node: the run of them between the token before the node and the node.
import type { Comment } from "./ast.ts";

export interface Docs {
  /** The documentation of the node whose first token is at `offset`. */
  readonly take: (offset: number) => string | undefined;
  /** Doc comments that nothing took. */
  readonly left: () => readonly Comment[];
}

/** `starts`: offsets of all tokens, ascending. */
export function collectDocs(
  text: string,
  comments: readonly Comment[],
  starts: readonly number[],
): Docs {
  const byTarget = new Map<number, Comment[]>();
  let i = 0;
  for (const comment of comments.filter(({ doc }) => doc)) {
    while (i < starts.length && (starts[i] ?? 0) < comment.span.start) i++;
    // Behind code on its own line a doc comment would silently document the next thing.
    const line = text.slice(text.lastIndexOf("\n", comment.span.start) + 1, comment.span.start);
    const target = /(^|[{(])\s*$/.test(line.replace("\uFEFF", "")) ? (starts[i] ?? -1) : -1;
    byTarget.set(target, [...(byTarget.get(target) ?? []), comment]);
  }
  return {
    take: (offset) => {
      const found = byTarget.get(offset);
      byTarget.delete(offset);
      return found?.map(({ text: line }) => line.slice(3).replace(/^ /, "").trimEnd()).join("\n");
    },
    left: () => [...byTarget.values()].flat(),
  };
}
