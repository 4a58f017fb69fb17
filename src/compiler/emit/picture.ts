// What stands where in the picture of a model. The body itself is asked: it puts the model together from parts that only note
// where they were put, so every way of parting into heads draws itself.
import { createBuilder } from "../ir/builder.ts";
import type { Node } from "../ir/types.ts";
import { bodyOf } from "../model/body.ts";
import type { Method } from "../model/sites.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { partRows } from "./model-rows.ts";
import type { Group, Row } from "./rows.ts";

export interface Column {
  /** "heads.1", as parameters are called; "" where there is one column alone. */
  readonly name: string;
  readonly groups: readonly Group[];
}
export interface Picture {
  /** From the input to where the model parts, or to the logits. */
  readonly trunk: readonly Group[];
  /** Beside each other. */
  readonly branches: readonly Column[];
  /** From where they meet. */
  readonly end: readonly Group[];
}

/** A part where the body put it. */
interface Placed {
  readonly branch: string;
  readonly groups: readonly Group[];
  readonly after: Placed | undefined;
}
const chainOf = (last: Placed | undefined): readonly Placed[] =>
  last === undefined ? [] : [...chainOf(last.after), last];

/** A part that a branch uses though its parameters are called otherwise. */
const shared = (group: Group): Group => ({
  ...group,
  rows: group.rows.map((row) => ({ ...row, detail: `${row.detail}, shared` })),
});

export const pictureOf = (model: ModelSpec, methods: readonly Method[]): Picture => {
  const rows = partRows(model);
  const b = createBuilder();
  const placed = new Map<Node, Placed>();
  const put = (branch: string, groups: readonly Group[], after?: Node): Node => {
    const shape = [{ name: "", size: 1 }];
    const node = b.emit("input", [], { name: String(placed.size), dtype: "f32", shape });
    placed.set(node, { branch, groups, after: after && placed.get(after) });
    return node;
  };
  const row = (...parts: readonly Row[]): readonly Group[] => [{ rows: parts }];
  const answer = bodyOf(
    methods,
    model,
  )({
    ...{ b, depth: model.blocks.length },
    stem: (branch) => put(branch, row(...rows.stem)),
    blocks: (x, from, to, branch) => (from < to ? put(branch, rows.blocks(from, to), x) : x),
    finalNorm: (x, branch) => (rows.finalNorm ? put(branch, row(rows.finalNorm), x) : x),
    head: (x, branch) => put(branch, row(...rows.head), x),
  });
  const chains = answer.trained.map((node) => chainOf(placed.get(node)));
  const [first = []] = chains;
  const groupsOf = (parts: readonly Placed[]): readonly Group[] => parts.flatMap((p) => p.groups);
  const [input, output] = [row(rows.input), row(rows.output)];
  if (chains.length === 1)
    return { trunk: [...input, ...groupsOf(first), ...output], branches: [], end: [] };
  const parting = first.findIndex((part, i) => chains.some((chain) => chain[i] !== part));
  const branches = chains.map((chain): Column => {
    const own = chain.slice(parting);
    const branch = own.at(-1)?.branch ?? "";
    return {
      name: branch.replace(/\.$/, ""),
      groups: own.flatMap((p) => (p.branch === branch ? p.groups : p.groups.map(shared))),
    };
  });
  const combined: Row = {
    ...{ kind: "head", title: answer.parts?.combined ?? "together" },
    detail: `of ${chains.length}`,
  };
  return {
    trunk: [...input, ...groupsOf(first.slice(0, parting))],
    branches,
    end: [...row(combined), ...output],
  };
};
