// What stands where in the picture of a model. The body itself is asked: it puts the model together from parts that only note
// where they were put, so every way of parting into heads draws itself.
import { createBuilder } from "../ir/builder.ts";
import { dims } from "../ir/shape.ts";
import type { Node } from "../ir/types.ts";
import { bodyOf } from "../model/body.ts";
import type { Method } from "../model/sites.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { partRows } from "./model-rows.ts";
import type { Accounts } from "./accounts.ts";
import { PART, type Group, type Row } from "./rows.ts";

export interface Column {
  /** "heads.1", as parameters are called. */
  readonly name: string;
  /** What of it there is. */
  readonly about: string;
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

/** With the density of what masks thin out. */
const counted = (group: Group, branch: string, { ofLayers }: Accounts): Group => {
  const rows = group.rows.map((row): Row => {
    const density = row.place === undefined ? undefined : ofLayers?.([`${branch}${row.place}`]);
    return density === undefined ? row : { ...row, detail: `${row.detail}${PART}${density}` };
  });
  if (group.blocks === undefined) return { ...group, rows };
  const [from, to] = group.blocks;
  const blocks = Array.from({ length: to - from }, (_, i) => `${branch}blocks.${from + i}`);
  return { ...group, rows, density: ofLayers?.(blocks) };
};

/** A part that reads what it gave: with the parameters it had. */
const again = (group: Group): Group => ({
  ...group,
  rows: group.rows.map((row) => ({ ...row, detail: `once more${PART}the same weights` })),
});

export const pictureOf = (
  model: ModelSpec,
  methods: readonly Method[],
  accounts: Accounts,
): Picture => {
  const rows = partRows(model);
  const b = createBuilder();
  const placed = new Map<Node, Placed>();
  const normed = new Set<Node>();
  const put = (branch: string, groups: readonly Group[], after?: Node): Node => {
    const shape = dims(1);
    const node = b.emit("input", [], { name: String(placed.size), dtype: "f32", shape });
    const before = after && placed.get(after);
    const parts = groups.map((group) => counted(group, branch, accounts));
    placed.set(node, { branch, groups: parts, after: before });
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
    finalNorm: (x, branch) => {
      if (rows.finalNorm === null) return x;
      const norm = row(rows.finalNorm);
      const repeated = normed.has(x);
      const node = put(branch, repeated ? norm.map(again) : norm, x);
      normed.add(node);
      return node;
    },
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
    const name = branch.replace(/\.$/, "");
    return {
      ...{ name, about: accounts.ofBranch?.(name) ?? "" },
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
