// Nodes as calls of kernels, in order, in two phases (constants once, the run each time).
import type { GroupedSizes, LoopSpec, RowSizes } from "../../../bundle/kernels.ts";
import { sizeOf } from "../../../bundle/tensor.ts";
import { InternalError } from "../../diagnostics/types.ts";
import { stridesOf } from "../../ir/shape.ts";
import type { PlainGraph as TfGraph, PlainNode as TfNode } from "../tf-nodes.ts";
import { identity, type Affine } from "./affine.ts";
import { copySpec, type Call, type Draft } from "./calls.ts";
import { MustStore, loopFor } from "./loops.ts";
import type { Roles } from "./roles.ts";

/** Where a node's calls go. */
interface Drafting {
  readonly roles: Roles;
  /** @param makes whether the call has a buffer of its own, which is then the node's */
  readonly push: (node: TfNode, call: Call, reads: readonly TfNode[], makes: boolean) => void;
  readonly loop: (
    node: TfNode,
    root: TfNode,
    inlineRoot: boolean,
    at: Affine,
    reduce?: NonNullable<LoopSpec["reduce"]>,
  ) => void;
  readonly bufferOf: (node: TfNode) => number;
  /** Of an input or a state. */
  readonly given: (node: TfNode) => Call;
  readonly isInPlace: (node: TfNode) => boolean;
  /** The node is written where another one lies. */
  readonly takeOver: (node: TfNode, from: TfNode) => void;
}

const axesOf = (roles: Roles, node: TfNode): ReadonlySet<number> => {
  const rank = roles.operands(node)[0]!.shape.length;
  return new Set(roles.numbers(node, 1).map((axis) => (axis < 0 ? axis + rank : axis)));
};
const flagOf = (node: TfNode, name: string): boolean => {
  const attr = node.attrs[name];
  return attr !== undefined && "bool" in attr && attr.bool;
};
const rowSizes = ({ shape }: TfNode, rows: TfNode): RowSizes => [
  shape[0]!,
  sizeOf(shape.slice(1, -2)),
  rows.shape.at(-2)!,
  shape.at(-2)!,
  shape.at(-1)!,
];
/** x and y, or x and the matrices, and the groups of the rows. */
const groupedSizes = (node: TfNode, inputs: readonly TfNode[]): GroupedSizes => {
  const [x, y, at] = inputs as readonly [TfNode, TfNode, TfNode];
  const rows = sizeOf(at.shape);
  const each = (z: TfNode): number => (rows * z.shape.at(-1)!) / sizeOf(z.shape);
  const outer = node.op === "GroupedOuter";
  return {
    groups: (outer ? node : y).shape[0]!,
    rows,
    xEach: each(x),
    yEach: outer ? each(y) : 1,
    widths: [x.shape.at(-1)!, node.shape.at(-1)!],
  };
};

const constantOf = (node: TfNode): readonly number[] => {
  const { value } = node.attrs;
  return value !== undefined && "tensor" in value ? value.tensor.values : [];
};

/** Writes each part into its window of the result. */
const windows = (
  { roles, push, bufferOf }: Drafting,
  node: TfNode,
  parts: readonly { readonly part: TfNode; readonly offset: number }[],
): void => {
  const target = bufferOf(node);
  const strides = stridesOf(node.shape);
  for (const { part, offset } of parts) {
    const { spec, loads } = loopFor(roles, part, false, {
      shape: node.shape,
      dtype: node.dtype,
      at: { offset, strides },
    });
    push(node, { kind: "loopInto", spec, target }, loads, false);
  }
};

/** The calls that make a node's buffer. */
const store = (drafting: Drafting, node: TfNode): void => {
  const { roles, push, loop, bufferOf, given, isInPlace, takeOver } = drafting;
  const inputs = roles.operands(node);
  const [x, y] = inputs;
  switch (node.op) {
    case "Placeholder": {
      push(node, given(node), [], true);
      return;
    }
    case "Const":
    case "Fill": {
      const value = roles.uniform(node);
      if (value !== undefined) {
        push(node, { kind: "filled", value }, [], true);
        return;
      }
      push(node, { kind: "constant", values: constantOf(node) }, [], true);
      return;
    }
    case "Range": {
      push(node, { kind: "range", axis: 0 }, [], true);
      return;
    }
    case "Sum":
    case "Mean":
    case "Max": {
      const axes = axesOf(roles, node);
      const dims = x!.shape;
      const over = dims.map((_, d) => axes.has(d));
      const keptStrides = stridesOf(dims.map((n, d) => (over[d] ? 1 : n)));
      const strides = keptStrides.map((s, d) => (over[d] ? 0 : s));
      const scale =
        node.op === "Mean" ? 1 / dims.reduce((n, size, d) => (over[d] ? n * size : n), 1) : 1;
      loop(
        node,
        x!,
        false,
        { offset: 0, strides },
        { kind: node.op === "Max" ? "max" : "sum", over, scale },
      );
      return;
    }
    case "ConcatV2": {
      const numbers = roles.numbers(node, inputs.length);
      const axis = numbers[0]! < 0 ? numbers[0]! + node.shape.length : numbers[0]!;
      const stride = stridesOf(node.shape)[axis]!;
      push(node, { kind: "filled", value: 0 }, [], true);
      let begin = 0;
      windows(
        drafting,
        node,
        inputs.map((part) => ({
          part,
          offset: (begin += part.shape[axis]!) * stride - part.shape[axis]! * stride,
        })),
      );
      return;
    }
    case "PadV2": {
      const pairs = roles.numbers(node, 1);
      const strides = stridesOf(node.shape);
      push(node, { kind: "filled", value: 0 }, [], true);
      windows(drafting, node, [
        { part: x!, offset: strides.reduce((sum, s, d) => sum + s * pairs[2 * d]!, 0) },
      ]);
      return;
    }
    case "MatMul":
    case "BatchMatMulV2": {
      const [m, k] = [x!.shape.at(-2)!, x!.shape.at(-1)!];
      const batch = sizeOf(x!.shape.slice(0, -2));
      const sizes = [batch, m, k, node.shape.at(-1)!, flagOf(node, "turned")] as const;
      push(node, { kind: "product", sizes }, [x!, y!], true);
      return;
    }
    case "GatherV2": {
      push(node, { kind: "gather" }, [x!, y!], true);
      return;
    }
    case "ScatterNd": {
      push(node, { kind: "scatterAdd" }, [x!, y!], true);
      return;
    }
    case "WriteRows": {
      if (isInPlace(node)) takeOver(node, x!);
      else push(node, { kind: "loop", spec: copySpec(node.shape, node.dtype) }, [x!], true);
      const call = {
        kind: "writeRows",
        sizes: rowSizes(node, y!),
        target: bufferOf(node),
      } as const;
      push(node, call, [y!, inputs[2]!], false);
      return;
    }
    case "TopK": {
      push(node, { kind: "topK", k: node.shape.at(-1)! }, [x!], true);
      return;
    }
    case "Cumsum": {
      const [axis = 0] = roles.numbers(node, 1);
      const sums = {
        axis,
        exclusive: flagOf(node, "exclusive"),
        reverse: flagOf(node, "reverse"),
      };
      push(node, { kind: "cumSum", sums }, [x!], true);
      return;
    }
    case "GroupedMatMul":
    case "GroupedOuter": {
      const call = {
        kind: node.op === "GroupedMatMul" ? "grouped" : "groupedOuter",
        sizes: groupedSizes(node, inputs),
      } as const;
      push(node, call, inputs, true);
      return;
    }
    case "Pow": {
      push(node, { kind: "kernel", kernel: "Pow", names: ["a", "b"] }, inputs, true);
      return;
    }
    case "Cos":
    case "Sin": {
      push(node, { kind: "kernel", kernel: node.op, names: ["x"] }, inputs, true);
      return;
    }
    default: {
      loop(node, node, true, identity(node.shape));
      return;
    }
  }
};

/** Undefined: some values turned out to need a buffer; now they have the role, and drafting begins anew. */
export const draftsOf = (
  graph: TfGraph,
  roles: Roles,
  inPlace: ReadonlyMap<TfNode, string>,
):
  | {
      readonly constants: readonly Draft[];
      readonly run: readonly Draft[];
      readonly bufferOf: (name: string) => number;
    }
  | undefined => {
  const phases = { constants: [] as Draft[], run: [] as Draft[] };
  const buffers = new Map<TfNode, number>();
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const keys = new Map<string, Call>([
    ...graph.inputs.map(({ name, node }) => [node, { kind: "input", key: name }] as const),
    ...graph.reads.map(({ state, node }) => [node, { kind: "state", key: state }] as const),
  ]);
  let count = 0;
  /** Nodes found to need a buffer when their place for one had passed: what is drafted then is not used. */
  let late = 0;
  const bufferOf = (node: TfNode): number => {
    const found = buffers.get(roles.owner(node));
    if (found !== undefined) return found;
    if (late > 0) return -1;
    throw new InternalError(`"${node.name}" is read but not stored`);
  };
  const push = (node: TfNode, call: Call, reads: readonly TfNode[], makes: boolean): void => {
    const buffer = makes ? count++ : undefined;
    if (buffer !== undefined) buffers.set(node, buffer);
    phases[roles.constant(node) ? "constants" : "run"].push({
      ...{ name: node.name, call, dtype: node.dtype, shape: node.shape, makes: buffer },
      reads: reads.map(bufferOf),
      shapes: reads.map((x) => x.shape),
    });
  };
  const loop = (
    node: TfNode,
    root: TfNode,
    inlineRoot: boolean,
    at: Affine,
    reduce?: NonNullable<LoopSpec["reduce"]>,
  ): void => {
    const draft = loopFor(roles, root, inlineRoot, {
      shape: node.shape,
      dtype: node.dtype,
      at,
      ...(reduce && { reduce }),
    });
    push(node, { kind: "loop", spec: draft.spec }, draft.loads, true);
  };
  const drafting: Drafting = {
    ...{ roles, push, loop, bufferOf },
    given: (node) => keys.get(node.name)!,
    isInPlace: (node) => inPlace.has(node),
    takeOver: (node, from) => void buffers.set(node, bufferOf(from)),
  };
  for (const node of graph.nodes)
    for (let done = !roles.stored.has(node); !done;)
      try {
        store(drafting, node);
        done = true;
      } catch (error) {
        if (!(error instanceof MustStore)) throw error;
        roles.stored.add(error.node);
        late++;
      }
  if (late > 0) return undefined;
  return { ...phases, bufferOf: (name) => bufferOf(byName.get(name)!) };
};
