// How the engine finds its way in a bundle's SavedModels: their files, and the names of the nodes that it feeds and fetches. The
// signatures for other readers (Python, TensorFlow Serving) are made of the same nodes.
import type { Manifest, ProgramEntry, TensorSpec } from "./manifest.ts";
import type { HostTensor, Tensors } from "./tensor.ts";

/** Below a bundle's folder. */
export const SAVED_MODEL_FOLDER = "saved-model";
export const TAG = "serve";

/**
 * The forms of a program: op by op; compiled by XLA; compiled with what only cards have, cuDNN's fused attention and kernels
 * of our own for experts, where a program has such parts; and the one that fails at the first value that is not finite.
 */
export type Form = "plain" | "xla" | "cudnn" | "check";
const FORMS: Readonly<Record<Form, string>> = {
  plain: "",
  xla: "/xla",
  cudnn: "/cudnn",
  check: "/check",
};
/**
 * A file for each way of running a bundle, each with variables of its own for the state: as processors do, op by op but for long
 * trainings; compiled; compiled with kernels for cards; and in search of a value that is not finite. TensorFlow goes through all
 * that a file holds when it opens it, and again for each set of nodes that is fetched for the first time, so each has what its
 * way needs alone.
 */
export type ModelFile = "main" | Exclude<Form, "plain">;
/** Whether a program changes parameters, or adds to what will change them. */
export const isTraining = (
  { writes }: Pick<ProgramEntry, "writes">,
  { state }: Pick<Manifest, "state">,
): boolean =>
  state.some(
    ({ name, kind }) => (kind === "param" || kind === "accumulator") && writes.includes(name),
  );
/** The forms that a file has of a program. */
export const formsIn = (
  file: ModelFile,
  program: Pick<ProgramEntry, "writes">,
  manifest: Pick<Manifest, "state">,
): readonly Form[] => {
  if (file !== "main") return [file];
  return isTraining(program, manifest) ? ["plain", "xla"] : ["plain"];
};
export const filesOf = ({ cardKernels }: Pick<Manifest, "cardKernels">): readonly ModelFile[] => [
  ...(["main", "xla"] as const),
  ...(cardKernels.length > 0 ? (["cudnn"] as const) : []),
  "check",
];
/** Below a bundle's folder, or where `all` of them lie; what other readers look for lies where they look. */
export const modelFolder = (file: ModelFile, all = SAVED_MODEL_FOLDER): string =>
  file === "main" ? all : `${all}/${file}`;
/** In its folder. */
export const SAVED_MODEL_FILE = "saved_model.pb";

/** Forms that run a program for its results. */
export type RunForm = Exclude<Form, "check">;

export const signatureName = (program: string, form: Form): string => `${program}${FORMS[form]}`;
/** Fed; shared by the forms of a program. */
export const inputNode = (program: string, input: string): string => `${program}/${input}`;
const isScalar = ({ dtype, shape }: TensorSpec): boolean => dtype === "f32" && shape.length === 0;
/** The result that is all f32 scalars of a program. */
export const SCALARS = "scalars";
/**
 * What a program gives: its f32 scalars as one vector in their order, then its other outputs. A training follows dozens of numbers,
 * and each result by itself is a copy on the device, and a way to the host.
 */
export const resultsOf = (outputs: readonly TensorSpec[]): readonly TensorSpec[] => {
  const scalars = outputs.filter(isScalar).length;
  return [
    ...(scalars === 0 ? [] : [{ name: SCALARS, dtype: "f32", shape: [scalars] } as const]),
    ...outputs.filter((output) => !isScalar(output)),
  ];
};
/** Where each output is among the results: a place in the vector of scalars, or a result of its own. */
export const placesOfOutputs = (
  outputs: readonly TensorSpec[],
): readonly (readonly [
  TensorSpec,
  { readonly scalar: number } | { readonly result: number },
])[] => {
  const first = outputs.some(isScalar) ? 1 : 0;
  let [scalar, result] = [0, first];
  return outputs.map((output) => [
    output,
    isScalar(output) ? { scalar: scalar++ } : { result: result++ },
  ]);
};
/** The outputs by name, from results. */
export const outputsFrom = (
  outputs: readonly TensorSpec[],
  results: readonly HostTensor[],
): Tensors =>
  Object.fromEntries(
    placesOfOutputs(outputs).map(([{ name }, place]) => [
      name,
      "result" in place
        ? results[place.result]!
        : { dtype: "f32", shape: [], data: results[0]!.data.slice(place.scalar, place.scalar + 1) },
    ]),
  );
/** Fetched: result `index` of the program, of `resultsOf`. */
export const resultNode = (program: string, form: Form, index: number): string =>
  `${program}/call${FORMS[form]}:${index}`;
/** Fetched where a program in this form gives nothing: its end. */
export const doneNode = (program: string, form: Form): string => `${program}/done${FORMS[form]}`;

/** Fetched: all state but caches becomes zero. */
export const INIT_DONE = "init/done";
/** Fetched: caches become zero, which they must be before a program reads them. They take memory from then on. */
export const CACHES_DONE = "init/caches/done";
/** Fed with a new value; the state holds it when `assignDone` is fetched. */
export const assignNode = (state: string): string => `assign/${state}`;
export const assignDone = (state: string): string => `assign/${state}/done`;
/** Fetched: the value of a state. */
export const readNode = (state: string): string => `read/${state}`;

const WHOLE_STEP = "train_step";
/** Inputs that come in passes: sequences along the first axis. */
export const isBatched = (input: TensorSpec): boolean => input.shape.length > 0;

/**
 * Where an update is several passes of `accumulate` and then `apply`, a SavedModel also has it in one run, as `train_step`: the
 * inputs of the passes one after the other along the first axis, and the mean of their losses.
 */
export const wholeStep = (
  programs: readonly ProgramEntry[],
  training: Pick<NonNullable<Manifest["training"]>, "batch" | "micro"> | null,
): { readonly entry: ProgramEntry; readonly passes: number } | undefined => {
  const named = (name: string): ProgramEntry | undefined => programs.find((p) => p.name === name);
  const [accumulate, apply] = [named("accumulate"), named("apply")];
  if (training === null || accumulate === undefined || apply === undefined) return undefined;
  const passes = training.batch / training.micro;
  const batched = accumulate.inputs.map((input) =>
    isBatched(input)
      ? { ...input, shape: [input.shape[0]! * passes, ...input.shape.slice(1)] }
      : input,
  );
  const names = new Set(batched.map(({ name }) => name));
  const union = (a: readonly string[], b: readonly string[]): readonly string[] => [
    ...new Set([...a, ...b]),
  ];
  return {
    passes,
    entry: {
      name: WHOLE_STEP,
      inputs: [...batched, ...apply.inputs.filter(({ name }) => !names.has(name))],
      scalars: { ...accumulate.scalars, ...apply.scalars },
      outputs: [...accumulate.outputs, ...apply.outputs],
      reads: union(accumulate.reads, apply.reads),
      writes: union(accumulate.writes, apply.writes),
      peakBytes: Math.max(accumulate.peakBytes, apply.peakBytes),
      flops: accumulate.flops * passes + apply.flops,
    },
  };
};

/** Updates that a compiled form runs in one go. */
export const GROUP = 8;
/** Programs whose outputs are small, and which follow each other without anything in between. */
export const isGrouped = (program: string): boolean => program === WHOLE_STEP;
/** Fed: the inputs of all runs of a group, along a first axis of their own. */
export const groupInput = (program: string, input: string): string =>
  `${program}/group/inputs/${input}`;
/** Fetched: result `index` of each run of a group, of `resultsOf`. */
export const groupResult = (program: string, form: Form, index: number): string =>
  `${program}/group${FORMS[form]}/result/${index}:0`;

/** Of a program that is drawn from. */
export interface DrawSizes {
  readonly rows: number;
  readonly vocabulary: number;
  /** Tokens of each row in one go, `count`. */
  readonly count: number;
}
/**
 * Going to an H100 and back costs as much as ten tokens of 71M, and of a large model's less than one, of which a text shall not wait
 * for many. Always as many: a card goes through a loop half as fast where it has to ask whether to go on.
 */
export const drawSizes = ({
  flops,
  outputs,
}: Pick<ProgramEntry, "flops" | "outputs">): DrawSizes => {
  const [rows, vocabulary] = outputs[0]!.shape as readonly [number, number];
  return { rows, vocabulary, count: flops / rows < 1e9 ? 64 : 16 };
};
/** How: two loops, since sorting the logits is most of what is not the model's. */
export const DRAW_RULES = ["greedy", "sampled"] as const;
export type DrawRule = (typeof DRAW_RULES)[number];
export const isDrawn = (program: string): boolean => program === "decode_step";
/** Words of 32 ids each: id i is bit i % 32 of word i / 32. */
export const seenWords = (vocabulary: number): number => Math.ceil(vocabulary / 32);
/**
 * Fed beside the program's own inputs: `seen`, whether an id occurred, a bit each; `random`, 27 and 26 bits of the number that
 * decides; `rules`, temperature, topP and repetition penalty, each as three f32 that add up to it; `limits`, topK and how many ids are known.
 */
export const drawInputs = ({ rows, vocabulary, count }: DrawSizes): readonly TensorSpec[] => [
  { name: "seen", dtype: "i32", shape: [rows, seenWords(vocabulary)] },
  { name: "random", dtype: "i32", shape: [count, rows, 2] },
  { name: "rules", dtype: "f32", shape: [3, 3] },
  { name: "limits", dtype: "i32", shape: [2] },
];
export const drawInput = (program: string, input: string): string =>
  `${program}/draw/inputs/${input}`;
/** Fetched, [count, rows]: 0 the ids, 1 whether all logits were finite. */
export const drawResult = (program: string, form: Form, rule: DrawRule, index: number): string =>
  `${program}/draw/${rule}${FORMS[form]}:${index}`;
