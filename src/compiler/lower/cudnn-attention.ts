// cuDNN's fused attention (flash attention, arXiv 2307.08691) as two custom calls of XLA: `__cudnn$fmhaSoftmax` gives the result
// and the softmax statistics, `__cudnn$fmhaSoftmaxBackward` the three gradients. No [B, H, T, T] is ever written. It reads
// heads beside each other, [B, T, H, d], which is how the projections leave them: the transposes here cancel.
// Legend: B batch, H heads, K key-value heads, T positions, d head width.
import type { Node } from "../ir/types.ts";
import { result, type Emit, type Value } from "./emit.ts";
import type { LoweringTable } from "./lowering-table.ts";
import { callModule, hloModule, type HloType, type HloValue, type Layout } from "./stablehlo.ts";

type AttentionNode = Node<"attention" | "attentionStats" | "attentionGrad">;

/** Attributes that the call can say. */
const KNOWN: ReadonlySet<string> = new Set(["scale", "causal", "window", "operands", "of"]);

/** An attention that the kernels are for: of half precision, over whole sequences. */
const isCandidate = (node: Node): node is AttentionNode =>
  (node.op === "attention" || node.op === "attentionStats" || node.op === "attentionGrad") &&
  node.inputs[0].type.dtype === "bf16" &&
  node.inputs[0].type.shape[2]!.size === node.inputs[1].type.shape[2]!.size;

/** What the kernels take: heads of 8, 16 … 128, every query seeing itself and keys before it, or all. */
const refusal = (node: AttentionNode): string | undefined => {
  const [d, width] = [node.inputs[1].type.shape[3]!.size, node.inputs[2].type.shape[3]!.size];
  const unknown = Object.entries(node.attrs).find(
    ([key, value]) => value !== undefined && !KNOWN.has(key),
  );
  if (unknown !== undefined) return `it has no ${unknown[0]}`;
  if (width !== d) return `its values are as wide as its keys, not ${width} and ${d}`;
  if (d % 8 !== 0 || d > 128) return `its heads are 8, 16 … 128 wide, not ${d}`;
  if (node.inputs.length !== (node.op === "attentionGrad" ? 6 : 3)) return "it has no padding";
  return undefined;
};

export const isFused = (node: Node): node is AttentionNode =>
  isCandidate(node) && refusal(node) === undefined;
/** Why the kernels cannot be an attention that they are for; undefined for all other nodes. */
export const whyNotFused = (node: Node): string | undefined =>
  isCandidate(node) ? refusal(node) : undefined;

/** Heads of one position beside each other: [B, T, H, d] in memory, whatever the axes are called. */
const STRAIGHT: Layout = [0, 1, 2, 3];
const HEADS_INSIDE: Layout = [0, 2, 1, 3];
const STATS: Layout = [0, 1, 2];
const SCRATCH = { type: { dtype: "ui8", shape: [0] }, layout: [0] } as const;

/** Axes of a product, of operands [B, T, H, d] or [B, H, T, T]; JSON of XLA's messages has 64-bit numbers as strings. */
const axes = (
  contracting: readonly [number, number],
  batch: readonly [readonly number[], readonly number[]],
): object => ({
  lhs_contracting_dimensions: [String(contracting[0])],
  rhs_contracting_dimensions: [String(contracting[1])],
  lhs_batch_dimensions: batch[0].map(String),
  rhs_batch_dimensions: batch[1].map(String),
});
const heads = [0, 2] as const;
const square = [0, 1] as const;
const FORWARD = {
  bmm1_dot_dimension_numbers: axes([3, 3], [heads, heads]),
  bmm2_dot_dimension_numbers: axes([3, 1], [square, heads]),
};
const BACKWARD = {
  bmm1_grad_gemm1_dot_dimension_numbers: axes([2, 1], [square, heads]),
  bmm1_grad_gemm2_dot_dimension_numbers: axes([3, 1], [square, heads]),
  bmm2_grad_gemm1_dot_dimension_numbers: axes([2, 1], [square, heads]),
  bmm2_grad_gemm2_dot_dimension_numbers: axes([3, 3], [heads, heads]),
};

const configOf = ({ attrs, inputs: [q, k] }: AttentionNode, products: object): object => {
  const [B, H, T] = q.type.shape.map((dim) => dim.size);
  const S = k.type.shape[2]!.size;
  return {
    operation_queue_id: "0",
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: "0",
        math_type: "TENSOR_OP_MATH",
        tuning_knobs: { "17": "1", "24": "0" },
        is_cudnn_frontend: true,
        workspace_size: "0",
      },
      fmha_scale: attrs.scale,
      intermediate_tensor_shape: {
        element_type: "BF16",
        dimensions: [B, H, T, S].map(String),
        tuple_shapes: [],
        layout: {
          dim_level_types: [],
          dim_unique: [],
          dim_ordered: [],
          minor_to_major: ["3", "2", "1", "0"],
          tiles: [],
          element_size_in_bits: "0",
          memory_space: "0",
          index_primitive_type: "PRIMITIVE_TYPE_INVALID",
          pointer_primitive_type: "PRIMITIVE_TYPE_INVALID",
          dynamic_shape_metadata_prefix_bytes: "0",
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: attrs.causal ? "CAUSAL" : "NO_MASK",
      ...products,
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: attrs.window ?? 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
};

/** What the call reads and gives, in the axes of the graph: heads before positions. */
interface Fused {
  readonly target: string;
  readonly products: object;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Omit<Value, "name">[];
}
const isStats = ({ shape }: HloType): boolean => shape.length === 3;
const moduleOf = (node: AttentionNode, { target, products, inputs, outputs }: Fused): string =>
  hloModule(inputs, (write, parameters) => {
    const operands = parameters.map((value: HloValue) =>
      isStats(value)
        ? { value, layout: STATS }
        : { value: write.transpose(value, HEADS_INSIDE), layout: STRAIGHT },
    );
    const made = write.customCall({
      target,
      config: configOf(node, products),
      operands,
      results: [
        ...outputs.map((type) => ({ type, layout: isStats(type) ? STATS : HEADS_INSIDE })),
        SCRATCH,
      ],
    });
    return made.slice(0, outputs.length);
  });

const call = (emit: Emit, node: AttentionNode, fused: Fused): Value =>
  emit.once(
    `${fused.target} ${fused.inputs.map((x) => x.name).join(" ")} ${JSON.stringify({ ...node.attrs, of: undefined })}`,
    () => {
      const { target, inputs, outputs } = fused;
      const [first, ...others] = outputs;
      const attrs = callModule(moduleOf(node, fused), inputs, outputs, "CUDA", [target]);
      return emit.node("XlaCallModule", inputs, attrs, { ...first!, others });
    },
  );

const plainType = ({ dtype, shape }: Value): Omit<Value, "name"> => ({ dtype, shape });
const forward = (
  emit: Emit,
  inputs: readonly Value[],
  node: Node<"attention" | "attentionStats">,
  index: 0 | 1,
): Value => {
  const q = inputs[0]!;
  const outputs = [plainType(q), { dtype: "f32", shape: q.shape.slice(0, 3) }] as const;
  const made = call(emit, node, {
    target: "__cudnn$fmhaSoftmax",
    products: FORWARD,
    inputs,
    outputs,
  });
  return result(made, index, outputs[index]);
};

export const CUDNN_ATTENTION: Partial<LoweringTable> = {
  attention: (emit, inputs, node) => forward(emit, inputs, node, 0),
  attentionStats: (emit, inputs, node) => forward(emit, inputs, node, 1),
  attentionGrad: (emit, inputs, node) => {
    const [q, k, v, out, stats, dy] = inputs as readonly [Value, Value, Value, Value, Value, Value];
    const outputs = [q, k, v].map(plainType);
    const made = call(emit, node, {
      target: "__cudnn$fmhaSoftmaxBackward",
      products: BACKWARD,
      inputs: [q, k, v, stats, dy, out],
      outputs,
    });
    const index = ["q", "k", "v"].indexOf(node.attrs.of);
    return result(made, index, outputs[index]!);
  },
};
