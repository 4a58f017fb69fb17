// The plan of a program: kernel calls in order, in two phases (constants once, the run each time), every buffer freed right
// after its last use. Invariants, tested: each buffer made by the run is freed once or handed out, and never read after.
import { sizeOf } from "../../../bundle/tensor.ts";
import { InternalError } from "../../diagnostics/types.ts";
import type {
  GroupedSizes,
  LoopSpec,
  ProductSizes,
  RowSizes,
  RunningSums,
} from "../../../bundle/kernels.ts";
import type { DType } from "../../../bundle/manifest.ts";
import {
  plainGraph,
  type PlainGraph as TfGraph,
  type PlainNode as TfNode,
  type TfGraph as Lowered,
} from "../tf-nodes.ts";
import { stridesOf } from "../../ir/shape.ts";
import { identity, type Affine } from "./affine.ts";
import { writtenInPlace } from "./in-place.ts";
import { MustStore, loopFor } from "./loops.ts";
import { prepare } from "./prepare.ts";
import { rolesOf, type Roles } from "./roles.ts";

/** Buffers are numbers; `name` is the node's. */
export type Call =
  | { readonly kind: "input" | "state"; readonly key: string }
  | { readonly kind: "constant"; readonly values: readonly number[] }
  | { readonly kind: "filled"; readonly value: number }
  | { readonly kind: "range"; readonly axis: number }
  | { readonly kind: "loop"; readonly spec: LoopSpec }
  | { readonly kind: "loopInto"; readonly spec: LoopSpec; readonly target: number }
  | { readonly kind: "product"; readonly sizes: ProductSizes }
  | { readonly kind: "gather" | "scatterAdd" }
  | { readonly kind: "writeRows"; readonly sizes: RowSizes; readonly target: number }
  | { readonly kind: "topK"; readonly k: number }
  | { readonly kind: "cumSum"; readonly sums: RunningSums }
  | { readonly kind: "grouped" | "groupedOuter"; readonly sizes: GroupedSizes }
  | { readonly kind: "kernel"; readonly kernel: string; readonly names: readonly string[] };
export interface Step {
  readonly name: string;
  readonly call: Call;
  readonly reads: readonly number[];
  /** The shape each read is seen under. */
  readonly shapes: readonly (readonly number[])[];
  /** The buffer this makes; undefined where it writes into a target. */
  readonly makes: number | undefined;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly frees: readonly number[];
}
export interface Plan {
  readonly name: string;
  readonly constants: readonly Step[];
  /** Buffers of the first phase that the run reads. */
  readonly keeps: readonly number[];
  readonly steps: readonly Step[];
  readonly outputs: readonly {
    readonly name: string;
    readonly buffer: number;
    readonly shape: readonly number[];
  }[];
  readonly updates: readonly {
    readonly name: string;
    readonly buffer: number;
    readonly shape: readonly number[];
  }[];
  readonly peakBytes: number;
}

const bytesOf = (step: Pick<Step, "shape" | "dtype">): number =>
  sizeOf(step.shape) * (step.dtype === "bool" ? 1 : 4);
type Draft = Omit<Step, "frees">;

const axesOf = (roles: Roles, node: TfNode): ReadonlySet<number> => {
  const rank = roles.operands(node)[0]!.shape.length;
  return new Set(roles.numbers(node, 1).map((axis) => (axis < 0 ? axis + rank : axis)));
};
const copySpec = (shape: readonly number[], dtype: DType): LoopSpec => {
  const access = { dtype, offset: 0, strides: [1] };
  return { shape, dims: [sizeOf(shape)], loads: [access], code: [], store: access };
};

/** Undefined: some values turned out to need a buffer; now they have the role, and drafting begins anew. */
const draftsOf = (
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
  /** Writes each part into its window of the result. */
  const windows = (
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

  const store = (node: TfNode): void => {
    const inputs = roles.operands(node);
    const [x, y] = inputs;
    switch (node.op) {
      case "Placeholder": {
        push(node, keys.get(node.name)!, [], true);
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
        windows(node, [
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
        if (inPlace.has(node)) buffers.set(node, bufferOf(x!));
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
  for (const node of graph.nodes)
    for (let done = !roles.stored.has(node); !done;)
      try {
        store(node);
        done = true;
      } catch (error) {
        if (!(error instanceof MustStore)) throw error;
        roles.stored.add(error.node);
        late++;
      }
  if (late > 0) return undefined;
  return { ...phases, bufferOf: (name) => bufferOf(byName.get(name)!) };
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

/** Frees after last uses; `outlive`: buffers that are handed out or not this phase's own. */
const withFrees = (drafts: readonly Draft[], outlive: ReadonlySet<number>): readonly Step[] => {
  const last = new Map<number, number>();
  drafts.forEach((step, i) => {
    if (step.makes !== undefined && step.call.kind !== "input" && step.call.kind !== "state")
      last.set(step.makes, i);
    for (const buffer of [...step.reads, ...("target" in step.call ? [step.call.target] : [])])
      if (last.has(buffer)) last.set(buffer, i);
  });
  const frees = drafts.map((): number[] => []);
  for (const [buffer, i] of last) if (!outlive.has(buffer)) frees[i]!.push(buffer);
  return drafts.map((step, i) => ({ ...step, frees: frees[i]! }));
};

export const plan = (lowered: Lowered): Plan => {
  const graph = prepare(plainGraph(lowered, "the tfjs engine"));
  const results = [
    ...graph.outputs.map(({ name, node }) => ({ name, node, kind: "outputs" as const })),
    ...graph.updates.map(({ state, node }) => ({ name: state, node, kind: "updates" as const })),
  ];
  const roles = rolesOf(
    graph,
    results.map((r) => r.node),
  );
  const inPlace = writtenInPlace(graph, roles);
  let drafts: ReturnType<typeof draftsOf>;
  do drafts = draftsOf(graph, roles, inPlace);
  while (drafts === undefined);

  // a result must be a buffer of its own: what is an input, state, a constant or another result is copied; state that was
  // written in place is its own new value
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const run = [...drafts.run];
  const own = new Set(
    run.flatMap((s) =>
      s.makes === undefined || s.call.kind === "input" || s.call.kind === "state" ? [] : [s.makes],
    ),
  );
  const taken = new Set<number>();
  let count = 1 + Math.max(-1, ...[...drafts.constants, ...run].map((s) => s.makes ?? -1));
  const named = {
    outputs: [] as Plan["outputs"][number][],
    updates: [] as Plan["outputs"][number][],
  };
  for (const { name, node, kind } of results) {
    const { shape, dtype } = byName.get(node)!;
    let buffer = drafts.bufferOf(node);
    const stays = kind === "updates" && inPlace.get(roles.owner(byName.get(node)!)) === name;
    if ((!own.has(buffer) && !stays) || taken.has(buffer)) {
      run.push({
        name: node,
        call: { kind: "loop", spec: copySpec(shape, dtype) },
        reads: [buffer],
        shapes: [shape],
        makes: count,
        dtype,
        shape,
      });
      buffer = count++;
    }
    taken.add(buffer);
    named[kind].push({ name, buffer, shape });
  }

  const made = new Set(drafts.constants.map((s) => s.makes));
  const keeps = [...new Set(run.flatMap((s) => s.reads).filter((b) => made.has(b)))].sort(
    (a, b) => a - b,
  );
  const constants = withFrees(drafts.constants, new Set(keeps));
  const steps = withFrees(run, taken);
  const bytes = new Map([...constants, ...steps].map((s) => [s.makes ?? -1, bytesOf(s)]));
  let live = keeps.reduce((sum, b) => sum + bytes.get(b)!, 0);
  let peakBytes = live;
  for (const step of steps) {
    if (step.makes !== undefined) live += bytesOf(step);
    peakBytes = Math.max(peakBytes, live);
    for (const buffer of step.frees) live -= bytes.get(buffer)!;
  }
  return { name: graph.name, constants, keeps, steps, ...named, peakBytes };
};
