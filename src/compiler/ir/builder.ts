// Makes nodes: types are inferred as they are emitted, and equal nodes are one node (value numbering), so the gradient of
// an op may write the forward expression again at no cost.
import { InternalError, type Span } from "../diagnostics/types.ts";
import { ops } from "./ops/index.ts";
import { showType } from "./shape.ts";
import type { Builder, Node, OpName, OpRow, OpSigs, TensorType } from "./types.ts";

/**
 * The row and the node of one op, seen without their name. TypeScript cannot follow that `ops[op]`, `inputs` and `attrs`
 * belong together for a generic `op`; this is the one place that says so.
 */
export const rowOf = (op: OpName): OpRow<OpName> => ops[op] as OpRow<OpName>;
const nodeOf = <N extends OpName>(fields: Omit<Node, "op"> & { readonly op: N }): Node<N> =>
  fields as Node<N>;

/** JSON knows neither infinities nor -0, and they must not be taken for null and 0. */
const exact = (_name: string, value: unknown): unknown =>
  typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
    ? { number: Object.is(value, -0) ? "-0" : String(value) }
    : value;
const key = (op: OpName, inputs: readonly Node[], attrs: object): string =>
  `${op}(${inputs.map((n) => n.id).join(",")})${JSON.stringify(attrs, exact)}`;

export const createBuilder = (): Builder => {
  const made = new Map<string, Node>();
  let path = "";
  let origin: Span | undefined;
  let next = 0;

  const emit = <N extends OpName>(
    op: N,
    inputs: Readonly<OpSigs[N]["inputs"]>,
    attrs: OpSigs[N]["attrs"],
  ): Node<N> => {
    const operands: readonly Node[] = inputs;
    const id = key(op, operands, attrs);
    const known = made.get(id);
    if (known !== undefined) return known as Node<N>;
    const type = inferType(
      op,
      operands.map((n) => n.type),
      attrs,
    );
    if ("fault" in type) {
      const shown = operands.map((n) => showType(n.type)).join(", ");
      throw new InternalError(`${op}(${shown}) at "${path}": ${type.fault}`);
    }
    const node = nodeOf({ op, inputs, attrs, type, path, origin, id: next++ });
    made.set(id, node as Node);
    return node;
  };

  const within = <T>(newPath: string, newOrigin: Span | undefined, make: () => T): T => {
    const before = [path, origin] as const;
    [path, origin] = [newPath, newOrigin];
    try {
      return make();
    } finally {
      [path, origin] = before;
    }
  };
  return {
    emit,
    at: (part, span, make) => within(path === "" ? part : `${path}/${part}`, span ?? origin, make),
    like: (node, make) => within(node.path, node.origin, make),
  };
};

/** Whether an op may have so many operands; where the number is open the shape rule counts them. */
export const takesOperands = (op: OpName, n: number): boolean => {
  const { samples, atLeast } = rowOf(op);
  return atLeast === undefined ? n === samples[0]!.inputs.length : n >= atLeast;
};

/** The type of an op's result, or why there is none. */
export const inferType = (
  op: OpName,
  inputs: readonly TensorType[],
  attrs: object,
): TensorType | { readonly fault: string } => {
  const infer = rowOf(op).infer as (
    inputs: readonly TensorType[],
    attrs: object,
  ) => TensorType | { readonly fault: string };
  return infer(inputs, attrs);
};

/** Emits the same op on other operands: for rewriting. */
export const reemit = (b: Builder, node: Node, inputs: readonly Node[]): Node =>
  b.like(node, () => b.emit<OpName>(node.op, inputs as OpSigs[OpName]["inputs"], node.attrs));
