// Matrix products as TensorFlow nodes.
import type { Node } from "../ir/types.ts";
import { reshaped, type Emit, type Value } from "./emit.ts";

type Attrs = Node<"matMul">["attrs"];
/** x and y of equal rank, 2 or more. */
type Product = (emit: Emit, x: Value, y: Value, attrs: Attrs, shape: readonly number[]) => Value;

const wide = (emit: Emit, x: Value): Value => {
  const attrs = { SrcT: { type: x.dtype }, DstT: { type: "f32" } } as const;
  return emit.node("Cast", [x], attrs, { dtype: "f32", shape: x.shape });
};

const plain: Product = (emit, x, y, { transposeX, transposeY, out }, shape) => {
  if (out !== undefined)
    return plain(emit, wide(emit, x), wide(emit, y), { transposeX, transposeY }, shape);
  const [T, type] = [{ type: x.dtype }, { dtype: x.dtype, shape }] as const;
  const [a, b] = [{ bool: transposeX }, { bool: transposeY }];
  return shape.length === 2
    ? emit.node("MatMul", [x, y], { T, transpose_a: a, transpose_b: b }, type)
    : emit.node("BatchMatMulV2", [x, y], { T, adj_x: a, adj_y: b }, type);
};

/** XLA alone has a kernel whose sums are wider than its operands. */
const xla: Product = (emit, x, y, attrs, shape) => {
  const { transposeX, transposeY, out } = attrs;
  if (out === undefined) return plain(emit, x, y, attrs, shape);
  const types = { Ta: { type: x.dtype }, Tb: { type: y.dtype }, Tout: { type: out } } as const;
  return emit.node(
    "BatchMatMulV3",
    [x, y],
    { ...types, adj_x: { bool: transposeX }, adj_y: { bool: transposeY } },
    { dtype: out, shape },
  );
};

const matMul =
  (product: Product) =>
  (emit: Emit, inputs: readonly Value[], node: Node<"matMul">): Value => {
    const [x, y] = inputs as readonly [Value, Value];
    const shape = node.type.shape.map((dim) => dim.size);
    if (x.shape.length === y.shape.length) return product(emit, x, y, node.attrs, shape);
    // a shared right-hand side: one product of all rows
    const rows = x.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const flat = reshaped(emit, x, [rows, x.shape.at(-1)!]);
    return reshaped(emit, product(emit, flat, y, node.attrs, [rows, shape.at(-1)!]), shape);
  };
export const plainMatMul = matMul(plain);
export const xlaMatMul = matMul(xla);
