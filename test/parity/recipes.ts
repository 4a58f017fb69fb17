// The training run of the goldens (goldens/gpas/train-pre_gpas): its recipe, first state, batches and log.
import type { Compiled } from "../../src/compiler/model/types.ts";
import type { RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import { golden, readGolden, readJson, shiftLabels, stateFrom } from "./golden.ts";

export type State = Record<string, ArrayLike<number>>;
export const steps = (value: number) => ({ unit: "step", value });
export const sequences = (value: number) => ({ unit: "sequence", value });
export const everything = { kind: "path", segments: [{ kind: "deep" }] } as const;
/** The recipe of the golden run, or with changes. */
export const recipe = (changes: Partial<RecipeSpec> = {}): RecipeSpec => ({
  name: "Golden",
  doc: null,
  data: { is: "text" },
  optimizer: { is: "adam", lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8 },
  schedule: { is: "cosine", warmup: steps(2), floor: 0.1 },
  batch: sequences(4),
  micro: sequences(2),
  length: steps(8),
  clip: { is: "global_norm", max: 1 },
  precision: { is: "f32", tf32: false },
  deterministic: false,
  checkpoint: null,
  seed: 0,
  eval_every: null,
  save_every: null,
  probes: null,
  sample: null,
  decay: [{ selector: everything, text: "**", value: { is: "none" } }],
  sparsity: [],
  gate_clip: 0.01,
  gate_lr: 1,
  ...changes,
});

export const weights = readGolden("gpas/weights.safetensors");
export const expected = readGolden("gpas/train-pre_gpas/golden.safetensors");
/** Golden weights, gates at 0, slots and accumulators at 0. */
export const initialState = (compiled: Compiled): State => {
  const state: State = stateFrom(
    compiled.state.filter((s) => s.kind === "param"),
    weights,
    () => new Float64Array(1),
  );
  for (const s of compiled.state)
    if (s.kind !== "param" || s.name.endsWith("gpas.gate"))
      state[s.name] = new Float64Array(s.shape.reduce((n, d) => n * d, 1));
  return state;
};
/** Rows of one micro-batch; id 0 is no target. */
export const microBatch = (
  step: number,
  index: number,
): { readonly input_ids: Float64Array; readonly targets: Float64Array } => {
  const { data } = golden(expected, `input_ids.${step}`);
  const ids = data.slice(index * 24, (index + 1) * 24);
  return {
    input_ids: ids,
    targets: shiftLabels({ shape: [2, 12], data: ids.map((id) => (id === 0 ? -100 : id)) }),
  };
};

interface Log {
  readonly lr: number;
  readonly loss: number;
  readonly grad_norm_before_clip: number;
  readonly gates_before_update: readonly number[];
}
export const { log } = readJson("gpas/train-pre_gpas/case.json") as {
  readonly log: readonly Log[];
};
