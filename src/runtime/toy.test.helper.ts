// For the tests of the runtime: a model of V logits that do not depend on the input (softmax regression with momentum), an
// engine in plain JavaScript, and a host whose files are a map and whose disk can be full.
import type { Engine, LoadedBundle, Session } from "../bundle/engine.ts";
import { FileFault } from "../bundle/file-fault.ts";
import type { Manifest, ProgramEntry, HostState, TrainingSpec } from "../bundle/manifest.ts";
import { sizeOf, type HostTensor, type Tensors } from "../bundle/tensor.ts";
import { bytesReader } from "../bundle/safetensors.ts";
import type { Host } from "./host.ts";

const V = 256;
const T = 8;
const MICRO = 4;
/** Of the cache, and what a prefill takes of each. */
const ROWS = 2;
const CHUNK = 4;

export interface ToyOptions {
  readonly accumulate?: boolean;
  /** As an engine in another thread: the loop asks for the next step before it looks at the last. */
  readonly inBackground?: boolean;
  /** All passes of an accumulated step at once. */
  readonly wholeStep?: boolean;
  /** The update whose loss becomes NaN. */
  readonly nanAt?: number;
  readonly training?: Partial<TrainingSpec>;
  readonly specHash?: string;
}

const entry = (name: string, kind: HostState["kind"], diskName: string, shape: readonly number[]): HostState => ({
  name, kind, diskName, dtype: "f32", shape, transposed: shape.length === 2,
  init: kind === "param" ? { kind: "normal", std: 0.02 } : { kind: "constant", value: 0 },
}); // prettier-ignore

const program = (name: string, scalars: ProgramEntry["scalars"] = {}, shape = [MICRO, T]): ProgramEntry => ({
  name,
  inputs: [{ name: "input_ids", dtype: "i32", shape }],
  scalars, outputs: [], reads: [], writes: [], peakBytes: 0, flops: 0,
}); // prettier-ignore

export const toyManifest = ({
  accumulate = false,
  training,
  specHash = "a".repeat(64),
}: ToyOptions = {}): Manifest => {
  const scalars = {
    learning_rate: { op: "div", x: 4, y: { op: "step" } },
    count: { op: "step" },
  } as const;
  const state = [
    // Held as [2, V / 2], which lies on disk as [V / 2, 2].
    entry("head.weight", "param", "lm_head.weight", [2, V / 2]),
    entry("head.weight/momentum", "slot", "lm_head.weight/momentum", [2, V / 2]),
    ...(accumulate
      ? [entry("head.weight/grad", "accumulator", "lm_head.weight/grad", [2, V / 2])]
      : []),
  ];
  const update = accumulate
    ? [program("accumulate", { count: { op: "step" } }), program("apply", scalars)]
    : [program("train_step", scalars)];
  return {
    formatVersion: 1,
    generator: { name: "specc", version: "0.1.0" },
    specHash,
    model: { kind: "decoder", name: "Toy", vocabSize: V, hiddenSize: 1, layers: 1, context: T, parameters: V, flopsPerToken: 6 * V, config: { model_type: "toy" } },
    training: {
      recipe: "Speeches",
      data: { kind: "text", files: ["data/*.txt"], package: null, tokenizer: { kind: "bytes" }, sequence: T, pack: true, split: [0.9, 0.1] },
      batch: accumulate ? 2 * MICRO : MICRO,
      micro: MICRO,
      length: { unit: "step", value: 40 },
      totalSteps: 40,
      seed: 42,
      evalEvery: 10,
      saveEvery: 10,
      probeEvery: null,
      sample: { prompt: "t", tokens: 12, temperature: 0.8, topK: 20 },
      learningRate: scalars.learning_rate,
      ...training,
    },
    state,
    programs: [...update, program("eval_step"), program("prefill", {}, [ROWS, CHUNK]), program("decode_step", {}, [ROWS]), program("forward", {}, [1, T])],
    places: { head: "toy.arch:7" },
    numerics: { products: "f32", tf32: false, deterministic: false },
    cardKernels: [],
    refusedKernels: [],
    engines: ["toy"],
    files: [],
  }; // prettier-ignore
};

const scalar = (value: number): HostTensor => ({
  dtype: "f32",
  shape: [],
  data: Float32Array.of(value),
});
const read = (tensors: Tensors, name: string): HostTensor => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`no ${name}`);
  return tensor;
};

const openToy = (options: ToyOptions): Session => {
  const manifest = toyManifest(options);
  const state: Record<string, HostTensor> = {};
  const hold = (name: string): Float32Array => {
    const { data } = read(state, name);
    if (data instanceof Float32Array) return data;
    throw new Error(`${name} is not f32`);
  };
  /** Mean loss; adds its gradient to `into`. */
  const pass = (
    targets: ArrayLike<number>,
    into: Float32Array | undefined,
  ): { sum: number; count: number } => {
    const w = hold("head.weight");
    const total = w.reduce((sum, x) => sum + Math.exp(x), 0);
    const counted = Array.from(targets).filter((id) => id >= 0);
    let sum = 0;
    for (const id of counted) {
      sum += Math.log(total) - w[id]!;
      if (into !== undefined) into[id]! -= 1 / counted.length;
    }
    if (into !== undefined) w.forEach((x, i) => (into[i]! += Math.exp(x) / total));
    return { sum, count: counted.length };
  };
  /** The logits of every position are the weights. */
  const rows = (shape: readonly number[]): HostTensor => {
    const w = hold("head.weight");
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => w[i % V]!);
    return { dtype: "f32", shape, data };
  };
  const isBad = (inputs: Tensors): boolean => inputs["count"]?.data[0] === options.nanAt;
  const update = (gradient: Float32Array, inputs: Tensors): Tensors => {
    const [w, momentum] = [hold("head.weight"), hold("head.weight/momentum")];
    const rate = read(inputs, "learning_rate").data[0]!;
    w.forEach((_, i) => {
      momentum[i] = 0.5 * momentum[i]! + gradient[i]!;
      w[i]! -= isBad(inputs) ? NaN : rate * momentum[i];
    });
    const load = { dtype: "f32", shape: [2], data: Float32Array.of(2 / 3, 1 / 3) } as const;
    return {
      grad_norm: scalar(Math.hypot(...gradient)),
      "probes/gates/head.gate": scalar(w[0]!),
      "metrics/load": load,
    };
  };
  const run = (name: string, inputs: Tensors): Tensors => {
    switch (name) {
      case "train_step": {
        const gradient = new Float32Array(V);
        const { data } = read(inputs, "targets");
        const losses = Array.from({ length: data.length / (MICRO * T) }, (_, i) => {
          const { sum, count } = pass(data.subarray(i * MICRO * T, (i + 1) * MICRO * T), gradient);
          return sum / count;
        });
        const loss = losses.reduce((sum, x) => sum + x, 0) / losses.length;
        return { ...update(gradient, inputs), loss: scalar(isBad(inputs) ? NaN : loss) };
      }
      case "accumulate": {
        const { sum, count } = pass(read(inputs, "targets").data, hold("head.weight/grad"));
        return { loss: scalar(isBad(inputs) ? NaN : sum / count) };
      }
      case "apply": {
        const gradient = hold("head.weight/grad");
        const out = update(gradient, inputs);
        gradient.fill(0);
        return out;
      }
      case "eval_step": {
        const { sum, count } = pass(read(inputs, "targets").data, undefined);
        return { loss_sum: scalar(sum), count: scalar(count) };
      }
      case "prefill":
      case "decode_step":
        return { logits: rows([ROWS, V]) };
      case "forward":
        return { logits: rows([1, T, V]) };
      default:
        throw new Error(`no program ${name}`);
    }
  };
  return {
    engine: "toy",
    inBackground: options.inBackground ?? false,
    run: async (name, inputs) => run(name, inputs),
    offers: (name) =>
      manifest.programs.some((p) => p.name === name) ||
      (options.wholeStep === true && name === "train_step"),
    clearState: async () => {
      for (const { name, shape } of manifest.state)
        state[name] = { dtype: "f32", shape, data: new Float32Array(sizeOf(shape)) };
    },
    readState: async (names) =>
      Object.fromEntries(names.map((n) => [n, { ...read(state, n), data: hold(n).slice() }])),
    writeState: async (values) => {
      for (const [name, tensor] of Object.entries(values))
        state[name] = { ...tensor, data: tensor.data.slice() };
    },
    liveBuffers: () => Object.keys(state).length,
    // Honest about state: it looks at the present one, as an engine does.
    firstNonFinite: async (_, inputs) => {
      if (hold("head.weight").some((x) => !Number.isFinite(x))) return "state/already/spoilt";
      return isBad(inputs) ? "head/product/exp" : undefined;
    },
    close: async () => undefined,
  };
};

export const toyEngine = (options: ToyOptions = {}): Engine => ({
  name: "toy",
  available: async () => undefined,
  open: async () => openToy(options),
});
export const toyBundle = (options: ToyOptions = {}): LoadedBundle => ({
  manifest: toyManifest(options),
  programs: {},
});

export interface MemoryHost extends Host {
  readonly files: Map<string, Uint8Array>;
  readonly lines: string[];
  /** Folders that somebody is at work in. */
  readonly held: Set<string>;
  /** Called before each write; throws to refuse it. */
  refuse: (path: string, bytes: number) => void;
}
export const diskFull = (): Error => Object.assign(new Error("no space left"), { code: "ENOSPC" });

export const memoryHost = (texts: Readonly<Record<string, string>> = {}): MemoryHost => {
  const files = new Map<string, Uint8Array>(
    Object.entries(texts).map(([path, text]) => [path, new TextEncoder().encode(text)]),
  );
  const lines: string[] = [];
  const held = new Set<string>();
  const below = (path: string): string[] =>
    [...files.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
  const need = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
    return bytes;
  };
  const host: MemoryHost = {
    files,
    lines,
    held,
    refuse: () => undefined,
    root: "project",
    readFile: async (path) => need(path).slice(),
    openRange: async (path) => bytesReader(need(path), path),
    writeFile: async (path, bytes) => {
      host.refuse(path, bytes.length);
      files.set(path, bytes.slice());
    },
    appendFile: async (path, text) => {
      host.refuse(path, text.length);
      const [old, more] = [files.get(path) ?? new Uint8Array(0), new TextEncoder().encode(text)];
      files.set(path, Uint8Array.from([...old, ...more]));
    },
    rename: async (from, to) => {
      for (const name of below(from)) {
        files.set(to + name.slice(from.length), need(name));
        files.delete(name);
      }
    },
    remove: async (path) => {
      for (const name of below(path)) files.delete(name);
    },
    makeFolder: async () => undefined,
    list: async (path) => {
      const inside = below(path)
        .filter((name) => name !== path)
        .map((name) => name.slice(path.length + 1));
      const names = [...new Set(inside.map((name) => name.split("/")[0] ?? ""))].sort();
      return names.length === 0
        ? undefined
        : names.map((name) => ({ name, folder: inside.some((x) => x.startsWith(`${name}/`)) }));
    },
    hold: async (path) => {
      if (held.has(path)) throw new FileFault(path, "another specc is at work there");
      held.add(path);
      return () => void held.delete(path);
    },
    packageFolder: async (name) =>
      below(`modules/${name}`).length > 0 ? `modules/${name}` : undefined,
    now: () => performance.now(),
    pause: () => new Promise((done) => setImmediate(done)),
    log: (message) => void lines.push(message),
  };
  return host;
};
