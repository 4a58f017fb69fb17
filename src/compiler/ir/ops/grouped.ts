// Products whose rows choose their matrix when the program runs: the experts of a mixture. A row knows only its group, no
// layout: engines with kernels of their own gather the rows of a group and multiply them once (their cost follows the rows,
// not the groups), others get batched products over blocks of rows.
// Legend: G shape of the groups, A = |G| rows, E groups, K and N widths.
import { count, dims, sameSizes, showType, sizes, tensor, unnamed } from "../shape.ts";
import type { Builder, Dim, Node, OpTable, TensorType } from "../types.ts";
import { blocksOf, intoBlocks, outOfBlocks, ownersOf, splitBlocks } from "./blocks.ts";
import { bytes, fault, isFloat, toType } from "./row.ts";

const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });
const product = (b: Builder, x: Node, y: Node, transposeX: boolean, transposeY: boolean): Node =>
  b.emit("matMul", [x, y], { transposeX, transposeY });
const grouped = (b: Builder, x: Node, w: Node, groups: Node, transposeW: boolean): Node =>
  b.emit("groupedMatMul", [x, w, groups], { transposeW });

/** Rows of x [..., K]. */
const rowsOf = (x: TensorType): number => count(x) / Math.max(1, x.shape.at(-1)!.size);
/** How many groups one row of x serves, or undefined when the two do not fit: 1, or the last axis of G. */
export const eachOf = (x: TensorType, groups: TensorType): number | undefined => {
  const lead = x.shape.slice(0, -1);
  if (!isFloat(x.dtype) || groups.dtype !== "i32" || groups.shape.length === 0) return undefined;
  if (sameSizes(lead, groups.shape)) return 1;
  return sameSizes(lead, groups.shape.slice(0, -1)) ? groups.shape.at(-1)!.size : undefined;
};
/** A gradient [...G, K] at an operand that may lack the last axis of G. */
const summed = (b: Builder, dx: Node, x: Node): Node =>
  dx.type.shape.length === x.type.shape.length
    ? dx
    : b.emit("reduceSum", [dx], { axes: [dx.type.shape.length - 2], keepDims: false });
const flat = (b: Builder, x: Node): Node =>
  reshape(b, x, [unnamed(rowsOf(x.type)), x.type.shape.at(-1)!]);
const line = (b: Builder, groups: Node): Node => reshape(b, groups, dims(count(groups.type)));

/** One of the lists of integers that a kernel is guided by. */
const isPlan = (type: TensorType): boolean => type.dtype === "i32" && type.shape.length === 1;

/** So few rows that fetching the matrix of each moves less than reading every group's. */
const isFew = (A: number, E: number): boolean => 2 * A <= E;

/** Matrices [E, K, N] and a row of zeros, at the groups [A]: [A, K, N]. A group outside takes the zeros. */
const matricesOf = (b: Builder, w: Node, groups: Node): Node => {
  const [E, K, N] = w.type.shape as readonly [Dim, Dim, Dim];
  const member = b.emit("oneHot", [groups], { depth: E }); // [A, E]
  const at = b.emit(
    "reduceSum",
    [b.emit("mul", [member, b.emit("iota", [], { dtype: "f32", shape: [E], axis: 0 })], {})],
    { axes: [1], keepDims: false },
  );
  const table = reshape(b, w, [E, unnamed(K.size * N.size)]);
  const taken = b.emit("gather", [table, b.emit("cast", [at], { dtype: "i32" })], {});
  const known = b.emit("reduceSum", [member], { axes: [1], keepDims: true });
  return reshape(b, b.emit("mul", [taken, toType(b, known, w.type.dtype)], {}), [
    groups.type.shape[0]!,
    K,
    N,
  ]);
};
/** x [A / each, K] with each row as often as it serves: [A, 1, K]. */
const repeated = (b: Builder, x: Node, each: number): Node => {
  const [R, K] = x.type.shape as readonly [Dim, Dim];
  const spread = b.emit("broadcastTo", [reshape(b, x, [R, unnamed(1), K])], {
    shape: [R, unnamed(each), K],
  });
  return reshape(b, spread, [unnamed(R.size * each), unnamed(1), K]);
};

const values = (groups: number): readonly string[] => ["any", "any", `ids<${groups}`];

export const groupedProducts: Pick<OpTable, "groupedMatMul" | "groupedOuter"> = {
  groupedMatMul: {
    doc: "each row by the matrix of its group: x [...G, K], or [..., K] without the last axis of G when one row serves all its picks, w [E, K, N] (read transposed where the flag says so), groups i32 [...G] -> [...G, N]; a group outside 0 … E-1 gives zeros",
    kind: "composite",
    ownPrecision: true,
    atLeast: 3,
    infer: ([x, w, groups, ...plan], { transposeW }) => {
      const shown = `${showType(x)} by ${showType(w)} in groups ${showType(groups)}`;
      if (w.dtype !== x.dtype || w.shape.length !== 3 || eachOf(x, groups) === undefined)
        return fault(shown);
      if (!plan.every(isPlan)) return fault(plan.map(showType).join(", "));
      const [K, N] = [w.shape[transposeW ? 2 : 1]!, w.shape[transposeW ? 1 : 2]!];
      return K.size === x.shape.at(-1)!.size ? tensor(x.dtype, [...groups.shape, N]) : fault(shown);
    },
    grad: (b, node, dy) => {
      const [x, w, groups, ...plan] = node.inputs;
      const { transposeW } = node.attrs;
      const size = w.type.shape[0]!;
      const dw = b.emit("groupedOuter", transposeW ? [dy, x, groups] : [x, dy, groups], { size });
      const dx = summed(b, grouped(b, dy, w, groups, !transposeW), x);
      return [dx, dw, null, ...plan.map(() => null)];
    },
    expand: (b, node) => {
      const [x, w, groups] = node.inputs;
      const { transposeW } = node.attrs;
      const E = w.type.shape[0]!.size;
      const [at, each] = [line(b, groups), eachOf(x.type, groups.type)!];
      const byMatrix = (rows: Node, matrices: Node): Node =>
        product(b, rows, matrices, false, transposeW);
      if (isFew(count(groups.type), E))
        return reshape(
          b,
          byMatrix(repeated(b, flat(b, x), each), matricesOf(b, w, at)),
          node.type.shape,
        );
      const blocks = blocksOf(b, at, E);
      const laid = intoBlocks(b, blocks, flat(b, x), each);
      const [own, further] = splitBlocks(b, blocks, laid);
      const made =
        blocks.extra === 0
          ? byMatrix(laid, w)
          : b.emit("concat", [byMatrix(own, w), byMatrix(further, ownersOf(b, blocks, w))], {
              axis: 0,
            });
      return reshape(b, outOfBlocks(b, blocks, made), node.type.shape);
    },
    evaluate: ([x, w, groups], node) => {
      const [, rows, columns] = sizes(node.inputs[1].type) as [number, number, number];
      const { transposeW } = node.attrs;
      const [K, N] = transposeW ? [columns, rows] : [rows, columns];
      const E = node.inputs[1].type.shape[0]!.size;
      const each = eachOf(node.inputs[0].type, node.inputs[2].type)!;
      const out = new Float64Array(count(node.type));
      groups.forEach((g, a) => {
        if (g < 0 || g >= E) return;
        const from = Math.floor(a / each) * K;
        for (let n = 0; n < N; n++) {
          let sum = 0;
          for (let k = 0; k < K; k++)
            sum += x[from + k]! * w[g * K * N + (transposeW ? n * K + k : k * N + n)]!;
          out[a * N + n] = sum;
        }
      });
      return out;
    },
    cost: (node) => {
      const [x, w] = node.inputs;
      return {
        flops: 2 * count(node.type) * x.type.shape.at(-1)!.size,
        bytes: bytes(x.type) + bytes(w.type) + bytes(node.type),
      };
    },
    samples: [
      {
        inputs: ["f32[a=9,k=3]", "f32[e=4,k=3,n=2]", "i32[a=9]"],
        attrs: { transposeW: false },
        values: values(4),
      },
      {
        // one row for both picks; some groups are outside
        inputs: ["f32[t=5,k=3]", "f32[e=3,k=3,n=4]", "i32[t=5,p=2]"],
        attrs: { transposeW: false },
        values: values(4),
      },
      {
        inputs: ["f32[t=4,p=2,k=3]", "f32[e=2,n=4,k=3]", "i32[t=4,p=2]"],
        attrs: { transposeW: true },
        values: values(2),
      },
      {
        // where an engine's kernel finds the rows: here nothing reads it
        inputs: ["f32[a=4,k=2]", "f32[e=2,k=2,n=3]", "i32[a=4]", "i32[a=4]", "i32[e=2]"],
        attrs: { transposeW: false },
        values: ["any", "any", "ids<2", "ids<4", "ids<4"],
      },
      {
        // fewer rows than groups
        inputs: ["f32[t=1,k=3]", "f32[e=5,k=3,n=2]", "i32[t=1,p=2]"],
        attrs: { transposeW: false },
        values: values(6),
      },
      {
        inputs: ["bf16[a=9,k=3]", "bf16[e=4,k=3,n=2]", "i32[a=9]"],
        attrs: { transposeW: false },
        values: values(4),
      },
    ],
  },
  groupedOuter: {
    doc: "Σ x ⊗ y over the rows of each group: x [...G, M] and y [...G, N], either without the last axis of G where one row serves all its picks, groups i32 [...G] -> [size, M, N]; rows of groups outside are left out",
    kind: "composite",
    ownPrecision: true,
    atLeast: 3,
    infer: ([x, y, groups, ...plan], { size }) =>
      x.dtype === y.dtype &&
      eachOf(x, groups) !== undefined &&
      eachOf(y, groups) !== undefined &&
      plan.every(isPlan)
        ? tensor(x.dtype, [size, x.shape.at(-1)!, y.shape.at(-1)!])
        : fault(`${showType(x)} and ${showType(y)} in groups ${showType(groups)}`),
    grad: (b, node, dz) => {
      const [x, y, groups, ...plan] = node.inputs;
      return [
        summed(b, grouped(b, y, dz, groups, true), x),
        summed(b, grouped(b, x, dz, groups, false), y),
        null,
        ...plan.map(() => null),
      ];
    },
    expand: (b, node) => {
      const [x, y, groups] = node.inputs;
      const { size } = node.attrs;
      const [, M, N] = node.type.shape as readonly [Dim, Dim, Dim];
      const blocks = blocksOf(b, line(b, groups), size.size);
      const laid = (z: Node): Node =>
        intoBlocks(b, blocks, flat(b, z), eachOf(z.type, groups.type)!);
      const made = product(b, laid(x), laid(y), true, false); // [E + O, M, N]
      if (blocks.extra === 0) return made;
      const [own, further] = splitBlocks(b, blocks, made);
      const rows = reshape(b, further, dims(blocks.extra, M.size * N.size));
      const rest = b.emit("scatterAdd", [blocks.owners, rows], { size });
      return b.emit("add", [own, reshape(b, rest, [size, M, N])], {});
    },
    evaluate: ([x, y, groups], node) => {
      const [E, M, N] = sizes(node.type) as [number, number, number];
      const [xs, ys, at] = node.inputs;
      const [xEach, yEach] = [eachOf(xs.type, at.type)!, eachOf(ys.type, at.type)!];
      const out = new Float64Array(E * M * N);
      groups.forEach((g, a) => {
        if (g < 0 || g >= E) return;
        const [i, j] = [Math.floor(a / xEach) * M, Math.floor(a / yEach) * N];
        for (let m = 0; m < M; m++)
          for (let n = 0; n < N; n++)
            out[(g * M + m) * N + n] = out[(g * M + m) * N + n]! + x[i + m]! * y[j + n]!;
      });
      return out;
    },
    cost: (node) => {
      const [x, y, groups] = node.inputs;
      const [, M, N] = sizes(node.type) as [number, number, number];
      return {
        flops: 2 * count(groups.type) * M * N,
        bytes: bytes(x.type) + bytes(y.type) + bytes(node.type),
      };
    },
    samples: [
      {
        inputs: ["f32[a=9,m=3]", "f32[a=9,n=2]", "i32[a=9]"],
        attrs: { size: { name: "e", size: 4 } },
        values: values(5),
      },
      {
        inputs: ["f32[t=5,m=2]", "f32[t=5,p=2,n=3]", "i32[t=5,p=2]"],
        attrs: { size: { name: "e", size: 3 } },
        values: values(3),
      },
      {
        inputs: ["f32[t=2,p=2,m=2]", "f32[t=2,n=3]", "i32[t=2,p=2]"],
        attrs: { size: { name: "e", size: 9 } },
        values: values(9),
      },
      {
        inputs: ["bf16[a=9,m=3]", "bf16[a=9,n=2]", "i32[a=9]"],
        attrs: { size: { name: "e", size: 4 } },
        values: values(5),
      },
    ],
  },
};
