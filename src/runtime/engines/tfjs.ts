// The engines "wasm" and "cpu": TensorFlow.js backends driven directly, without its engine, tape or tidy. A session holds
// the state of one bundle as backend buffers; a program returns new buffers for what it wrote, and the old ones go.
import type { Engine, LoadedBundle, ProgramModule, Session } from "../../bundle/engine.ts";
import type { TensorSpec } from "../../bundle/manifest.ts";
import type { Kernels, RunResult } from "../../bundle/kernels.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import { codeOf } from "../file-errors.ts";
import { cpuDevice } from "./cpu-device.ts";
import {
  OWN_TYPE,
  TF_TYPE,
  isCpuBackend,
  isWasmBackend,
  type Device,
  type Handle,
  type TfKernel,
} from "./handles.ts";
import { wasmDevice } from "./wasm/device.ts";

type Name = "wasm" | "cpu";

export const openDevice = async (name: Name, wasmFolder: string | undefined): Promise<Device> => {
  const tf = await import("@tensorflow/tfjs-core");
  if (name === "wasm") {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    if (wasmFolder !== undefined && tf.findBackend("wasm") === null) setWasmPaths(wasmFolder);
  } else await import("@tensorflow/tfjs-backend-cpu");
  if (!(await tf.setBackend(name))) throw new Error(`the tfjs backend "${name}" did not start`);
  const backend: object = tf.findBackend(name);
  const call: TfKernel = (kernelName, inputs) => {
    const kernel = tf.getKernel(kernelName, name);
    if (kernel === undefined)
      throw new Error(`the tfjs backend "${name}" has no kernel ${kernelName}`);
    const result = kernel.kernelFunc({ inputs: { ...inputs }, backend, attrs: {} });
    const first = Array.isArray(result) ? result[0] : result;
    if (first === undefined || first.dtype === "string" || first.dtype === "complex64")
      throw new Error(`${kernelName} gave no tensor of numbers`);
    return { dataId: first.dataId, shape: first.shape, dtype: first.dtype };
  };
  if (name === "wasm" && isWasmBackend(backend)) return wasmDevice(backend, call);
  if (name === "cpu" && isCpuBackend(backend)) {
    backend.firstUse = false;
    return cpuDevice(backend, call);
  }
  throw new Error(`this version of the tfjs backend "${name}" is not the expected one (4.22)`);
};

/** Generated modules are loaded from text, so their types end at the module's door: this is where they begin again. */
interface Program {
  readonly constants: readonly Handle[];
  readonly run: (
    k: Kernels<Handle>,
    inputs: Readonly<Record<string, Handle>>,
    state: Readonly<Record<string, Handle>>,
  ) => RunResult<Handle>;
}
const openProgram = (module: ProgramModule, k: Kernels<Handle>): Program => {
  const constants = module.constants(k) as readonly Handle[];
  return {
    constants,
    run: (kernels, inputs, state) =>
      module.run(kernels, inputs, state, constants) as RunResult<Handle>,
  };
};

const finite = (values: ArrayLike<number>): boolean => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
};
class NotFinite extends Error {}

/** Kernels that stop at the first result with a NaN or an infinity though all that went in was finite. */
const checking = (
  device: Device,
): { readonly kernels: Kernels<Handle>; readonly made: Set<object> } => {
  const k = device.kernels;
  const made = new Set<object>();
  const check = (result: Handle, inputs: readonly Handle[], name: string): Handle => {
    made.add(result.dataId);
    if (!finite(device.values(result)) && inputs.every((x) => finite(device.values(x))))
      throw new NotFinite(name);
    return result;
  };
  const noted = (result: Handle): Handle => {
    made.add(result.dataId);
    return result;
  };
  return {
    made,
    kernels: {
      ...k,
      constant: (...args) => noted(k.constant(...args)),
      filled: (...args) => noted(k.filled(...args)),
      range: (...args) => noted(k.range(...args)),
      loop: (spec, loads, name) => check(k.loop(spec, loads, name), loads, name),
      loopInto: (spec, target, loads, name) => {
        k.loopInto(spec, target, loads, name);
        check(target, loads, name);
      },
      product: (x, y, sizes, shape, name) =>
        check(k.product(x, y, sizes, shape, name), [x, y], name),
      gather: (table, ids, shape, name) => check(k.gather(table, ids, shape, name), [table], name),
      scatterAdd: (ids, rows, shape, name) =>
        check(k.scatterAdd(ids, rows, shape, name), [rows], name),
      topK: (x, count, shape, name) => noted(k.topK(x, count, shape, name)),
      cumSum: (x, sums, name) => check(k.cumSum(x, sums, name), [x], name),
      grouped: (x, w, at, sizes, shape, name) =>
        check(k.grouped(x, w, at, sizes, shape, name), [x, w], name),
      groupedOuter: (x, y, at, sizes, shape, name) =>
        check(k.groupedOuter(x, y, at, sizes, shape, name), [x, y], name),
      call: (kernel, inputs, name) =>
        check(k.call(kernel, inputs, name), Object.values(inputs), name),
      free: (x) => {
        made.delete(x.dataId);
        k.free(x);
      },
    },
  };
};

const openSession = (device: Device, bundle: LoadedBundle, engine: Name): Session => {
  const { kernels } = device;
  const programs = new Map(
    Object.entries(bundle.programs).map(([name, module]) => [name, openProgram(module, kernels)]),
  );
  // in f32 throughout, caches too: a bundle of other numbers is refused before it comes here
  const specs = new Map(
    bundle.manifest.state.map((entry) => [
      entry.name,
      entry.kind === "cache" ? ({ ...entry, dtype: "f32" } as const) : entry,
    ]),
  );
  let state: Record<string, Handle> = {};
  const begin = ({ name, shape, dtype }: TensorSpec): Handle =>
    (state[name] ??= kernels.filled(0, shape, dtype));
  // Caches take memory only where something is generated.
  const caches = new Map(
    bundle.manifest.programs.map(({ name, reads }) => [
      name,
      reads.flatMap((read) => specs.get(read) ?? []).filter(({ kind }) => kind === "cache"),
    ]),
  );
  const release = (): void => {
    for (const handle of Object.values(state)) kernels.free(handle);
    state = {};
  };
  const clear = (): void => {
    release();
    for (const entry of specs.values()) if (entry.kind !== "cache") begin(entry);
  };
  clear();

  const programOf = (name: string): Program => {
    const program = programs.get(name);
    if (program === undefined)
      throw new Error(
        `no program "${name}" in this bundle (it has ${[...programs.keys()].join(", ")})`,
      );
    caches.get(name)?.forEach(begin);
    return program;
  };
  const upload = (tensor: HostTensor): Handle => {
    const handle = device.allocate(tensor.shape, TF_TYPE[tensor.dtype]);
    device.values(handle).set(tensor.data);
    return handle;
  };
  const download = (x: Handle): HostTensor => ({
    dtype: OWN_TYPE[x.dtype],
    shape: [...x.shape],
    data: device.values(x).slice(),
  });
  const uploadAll = (tensors: Tensors): Record<string, Handle> =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, upload(tensor)]));

  return {
    engine,
    inBackground: false,
    run: async (name, inputs) => {
      const program = programOf(name);
      const given = uploadAll(inputs);
      try {
        const { outputs, updates } = program.run(kernels, given, state);
        for (const [key, handle] of Object.entries(updates)) {
          const old = state[key];
          // the same buffer when the program wrote in place
          if (old !== undefined && old.dataId !== handle.dataId) kernels.free(old);
          state[key] = handle;
        }
        const results = Object.entries(outputs).map(
          ([key, handle]) => [key, download(handle)] as const,
        );
        for (const handle of Object.values(outputs)) kernels.free(handle);
        return Object.fromEntries(results);
      } finally {
        for (const handle of Object.values(given)) kernels.free(handle);
      }
    },
    offers: (name) => programs.has(name),
    clearState: async () => clear(),
    readState: async (names) =>
      Object.fromEntries(
        names.map((name) => {
          const entry = specs.get(name);
          if (entry === undefined) throw new Error(`no state "${name}" in this bundle`);
          return [name, download(begin(entry))];
        }),
      ),
    writeState: async (values) => {
      for (const [name, tensor] of Object.entries(values)) {
        const entry = specs.get(name);
        if (entry === undefined) throw new Error(`no state "${name}" in this bundle`);
        if (sizeOf(entry.shape) !== tensor.data.length)
          throw new Error(
            `state "${name}" holds ${entry.shape.join("x")} values, got ${tensor.shape.join("x")}`,
          );
        const next = upload({ ...tensor, dtype: entry.dtype, shape: entry.shape });
        const old = state[name];
        if (old !== undefined) kernels.free(old);
        state[name] = next;
      }
    },
    liveBuffers: () => device.liveBuffers(),
    firstNonFinite: async (name, inputs) => {
      const program = programOf(name);
      const given = uploadAll(inputs);
      const checked = checking(device);
      try {
        program.run(checked.kernels, given, state);
        return undefined;
      } catch (error) {
        if (error instanceof NotFinite) return error.message;
        throw error;
      } finally {
        // whatever the run made and did not free, results included
        for (const dataId of checked.made) kernels.free({ dataId, shape: [], dtype: "float32" });
        for (const handle of Object.values(given)) kernels.free(handle);
      }
    },
    close: async () => {
      release();
      for (const { constants } of programs.values())
        for (const handle of constants) kernels.free(handle);
      programs.clear();
    },
  };
};

const NO_BF16 = "it computes in f32, and the recipe asks for precision = bf16";

const tfjsEngine = (name: Name, wasmFolder: string | undefined): Engine => ({
  name,
  available: async (numerics) => {
    if (numerics?.products === "bf16") return NO_BF16;
    try {
      await openDevice(name, wasmFolder);
      return undefined;
    } catch (error) {
      if (codeOf(error) === "ERR_MODULE_NOT_FOUND")
        return "TensorFlow.js is not installed: run npm install in the bundle's folder";
      return error instanceof Error ? error.message : String(error);
    }
  },
  open: async (bundle) => {
    if (bundle.manifest.numerics.products === "bf16")
      throw new FileFault(`engine ${name}`, NO_BF16, "write precision = f32 in the recipe");
    return openSession(await openDevice(name, wasmFolder), bundle, name);
  },
});

/** `wasmFolder`: where the backend's .wasm files are served, with a slash at its end; in Node they are found beside the package. */
export const wasmEngine = (options: { readonly wasmFolder?: string } = {}): Engine =>
  tfjsEngine("wasm", options.wasmFolder);
export const cpuEngine = (): Engine => tfjsEngine("cpu", undefined);
