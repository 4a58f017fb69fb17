// The experts of a mixture: gated layers down(silu(gate x) ⊙ up x), each with its own matrices, held as one stack.
// Legend: N tokens, D hidden size, F width of an expert, E experts, k picks of a token, A = N·k assignments.
import type { Dim, Node } from "../../ir/types.ts";
import { initOf, linear } from "../../model/layers.ts";
import { add, dim, mul, reshape, scalar, silu } from "../../model/ops.ts";
import type { Cell } from "../../model/sites.ts";
import type { Mixture } from "./config.ts";
import type { Routing } from "./router.ts";

type Part = "gate" | "up" | "down";

/** @param visits of a token over all uses of the layer */
const matricesOf = (cell: Cell, E: Dim, visits: number, part: Part, from: Dim, to: Dim): Node =>
  cell.params.get({
    name: `${cell.path}.ffn.experts.${part}.weight`,
    diskName: `${cell.disk}.mlp.experts.{}.${part}_proj.weight`,
    shape: [E, from, to],
    transposed: true,
    init: initOf(cell.startOf("ffn", part), from.size, to.size),
    role: "weight",
    active: Math.min(1, visits / E.size),
  });

/** Σ over a token's picks of gate · expert(x): x [N, D] -> [N, D]. A pick outside of the experts counts nothing. */
export const expertsOf = (
  cell: Cell,
  { experts, intermediate }: Mixture,
  visits: number,
  { picks, gates }: Pick<Routing, "picks" | "gates">,
  x: Node,
): Node =>
  cell.b.at("experts", undefined, () => {
    const { b } = cell;
    const D = x.type.shape[1]!;
    const [E, F] = [dim("experts", experts), dim("ffn", intermediate)];
    const by = (part: Part, y: Node, from: Dim, to: Dim): Node =>
      b.at(part, undefined, () =>
        b.emit("groupedMatMul", [y, matricesOf(cell, E, visits, part, from, to), picks], {
          transposeW: false,
        }),
      );
    const inner = mul(b, silu(b, by("gate", x, D, F)), by("up", x, D, F)); // [N, k, F]
    const each = by("down", inner, F, D); // [N, k, D]
    const weighed = mul(b, each, reshape(b, gates, [...gates.type.shape, dim("", 1)]));
    return b.emit("reduceSum", [weighed], { axes: [1], keepDims: false });
  });

/** The experts that every token visits, as one layer of their joint width: [N, D] -> [N, D]. */
export const sharedExpert = (cell: Cell, { shared, intermediate }: Mixture, x: Node): Node =>
  cell.b.at("shared", undefined, () => {
    const { b, params, path, disk } = cell;
    const F = dim("ffn", shared * intermediate);
    const by = (part: Part, y: Node, out: Dim): Node => {
      const name = {
        path: `${path}.ffn.shared.${part}`,
        disk: `${disk}.mlp.shared_experts.${part}_proj`,
      };
      return b.at(part, undefined, () =>
        linear(b, params, y, { ...name, out, bias: false, init: cell.startOf("ffn", part) }),
      );
    };
    return by("down", mul(b, silu(b, by("gate", x, F)), by("up", x, F)), x.type.shape[1]!);
  });

/**
 * At most C = ⌈factor · N·k / E⌉ assignments an expert: those beyond it lose their expert and their gate. First picks of all
 * tokens come before second ones, earlier tokens before later, arXiv 2006.16668, section 3.2.
 */
export const withCapacity = (
  { b }: Cell,
  { experts, topK }: Mixture,
  factor: number,
  { picks, gates, member }: Routing,
): { readonly picks: Node; readonly gates: Node; readonly dropped: Node } => {
  const [N, k, E] = member.type.shape as readonly [Dim, Dim, Dim];
  const room = Math.ceil((factor * N.size * topK) / experts);
  const A = dim("", N.size * k.size);
  const inOrder = reshape(b, b.emit("transpose", [member], { perm: [1, 0, 2] }), [A, E]);
  const before = b.emit("cumSum", [inOrder], { axis: 0, exclusive: true, reverse: false });
  const place = b.emit("reduceSum", [mul(b, inOrder, before)], { axes: [1], keepDims: false });
  const rank = b.emit("transpose", [reshape(b, place, [k, N])], { perm: [1, 0] }); // [N, k]
  const fits = b.emit("less", [rank, scalar(b, room)], {});
  const kept = b.emit("cast", [fits], { dtype: "f32" });
  const count = b.emit("reduceSum", [kept], { axes: [0, 1], keepDims: false });
  return {
    picks: b.emit("select", [fits, picks, scalar(b, -1, "i32")], {}),
    gates: mul(b, gates, kept),
    dropped: add(b, mul(b, count, -1), A.size),
  };
};
