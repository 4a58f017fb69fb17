// How the parts of a whole model are put together: in a row, or as a method says. Every kind of model brings its own parts.
import type { Node } from "../ir/types.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import type { Answer, Body, Method, Stage } from "./sites.ts";
import type { Point } from "./effects.ts";

export interface Forward extends Answer {
  /** By name: what the stem gives "hidden.0", the output of each block "hidden.1" …; in a branch "heads.1.hidden.4". */
  readonly hidden: readonly (Point & { readonly name: string })[];
}

/** What a kind of model builds; `branch` stands before the names of parameters. */
export interface ModelParts {
  /** Where the spec says what the stem is: "embedding". */
  readonly stemPlace: string;
  readonly stem: (branch: string) => Node;
  readonly block: (x: Node, index: number, branch: string) => Node;
  /** Of the last state, what goes on to norm and head. */
  readonly pick: (x: Node) => Node;
  /** Undefined: the model has none. */
  readonly finalNorm: ((x: Node, branch: string) => Node) | undefined;
  readonly head: (x: Node, branch: string) => Node;
}

/** Stem, blocks, norm and head in a row. */
const sequence: Body = (parts) => {
  const x = parts.blocks(parts.stem(""), 0, parts.depth, "");
  const logits = parts.head(parts.finalNorm(x, ""), "");
  return { logits, trained: [logits], loss: "mean" };
};
export const bodyOf = (methods: readonly Method[], model: ModelSpec): Body =>
  methods.map((method) => method.bodyOf?.(model)).find((body) => body !== undefined) ?? sequence;

/** The whole model, with the paths and spans of its parts. */
export const buildBody = (stage: Stage, model: ModelSpec, parts: ModelParts): Forward => {
  const { b } = stage;
  const depth = model.blocks.length;
  const hidden: Forward["hidden"][number][] = [];
  const at = (branch: string, place: string, make: () => Node): Node =>
    b.at(`${branch}${place}`, stage.spanOf(place), make);
  const seen = (branch: string, after: number, node: Node): Node => {
    const place = after === 0 ? parts.stemPlace : `blocks.${after - 1}`;
    hidden.push({ name: `${branch}hidden.${after}`, place: `${branch}${place}`, node });
    return node;
  };
  const build = bodyOf(stage.methods, model);
  const answer = build({
    b,
    depth,
    stem: (branch) => {
      const x = at(branch, parts.stemPlace, () => parts.stem(branch));
      return seen(branch, 0, x);
    },
    blocks: (begin, from, to, branch) => {
      let x = begin;
      for (let i = from; i < to; i++) {
        const before = x;
        x = at(branch, `blocks.${i}`, () => parts.block(before, i, branch));
        seen(branch, i + 1, x);
      }
      return from < to && to === depth ? parts.pick(x) : x;
    },
    finalNorm: (x, branch) => {
      const { finalNorm } = parts;
      return finalNorm === undefined ? x : at(branch, "final_norm", () => finalNorm(x, branch));
    },
    head: (x, branch) => at(branch, "head", () => parts.head(x, branch)),
  });
  return { ...answer, hidden };
};
