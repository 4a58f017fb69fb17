// Opens TensorFlow in this thread and lets tfjs-node's own JavaScript drive it, without touching any node_modules: the
// libraries are opened by path in the order of their needs, then the binding, whose needs resolve by SONAME to what is open.
//
// In a worker thread start it with `env: SHARE_ENV`: a worker's own `process.env` is a copy that native code does not see.
// In the main thread it becomes the active backend of every @tensorflow/tfjs-core there, the wasm engine's included.
import { createRequire } from "node:module";
import { constants } from "node:os";
import { join } from "node:path";
import util from "node:util";
import type * as tfjs from "@tensorflow/tfjs-core";
import type { DType } from "../../../bundle/manifest.ts";
import type { HostTensor, Tensors } from "../../../bundle/tensor.ts";
import { environmentFor, type LoadOptions } from "./environment.ts";
import type { Library } from "./manifest.ts";
import { openGraph, unaligned, type GraphBinding, type GraphSession } from "./graph-session.ts";

/** One signature of a SavedModel. Those of one folder share a session and its variables. */
export interface Signature {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /**
   * One `Session::Run`, blocking the thread until it is done. Nothing stays alive but what the session's variables hold; they
   * never share memory with `inputs`.
   */
  predict(inputs: Tensors): Tensors;
  /** The session is closed with its last signature. */
  dispose(): void;
}
export interface TfNode {
  /** TensorFlow's own version. */
  readonly version: string;
  /** Whether a card is in use. */
  readonly onCard: boolean;
  /** The tfjs that the backend "tensorflow" is registered with, and active in. */
  readonly tf: typeof tfjs;
  /** `folder` holds saved_model.pb with the tag "serve". Rejects when it has no such signature. */
  loadSavedModel(folder: string, signature: string): Promise<Signature>;
  /** The same folder's graph in a session of its own, by node instead of by signature. */
  openGraph(folder: string): GraphSession;
  /** Tensors alive in TensorFlow, those of sessions not counted: 0 between calls. */
  liveTensors(): number;
}

/** What is used of tfjs-node's binding and modules (version 4). */
interface Binding extends GraphBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  getNumOfTensors(): number;
}
interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => tfjs.KernelBackend;
}
interface SavedModelModule {
  loadSavedModel(
    path: string,
    tags: readonly string[],
    signature: string,
  ): Promise<{
    readonly signature: {
      readonly inputs: Readonly<Record<string, { readonly dtype: tfjs.DataType }>>;
      readonly outputs: Readonly<Record<string, unknown>>;
    };
    predict(inputs: tfjs.NamedTensorMap): tfjs.NamedTensorMap;
    dispose(): void;
  }>;
}

const DTYPES = { f32: "float32", i32: "int32", bool: "bool" } as const;
const dtypeOf = (name: tfjs.DataType): DType => {
  const found = (["f32", "i32", "bool"] as const).find((dtype) => DTYPES[dtype] === name);
  if (found === undefined) throw new TypeError(`a signature returned ${name}: cast it inside`);
  return found;
};

/** Mode bit of dlopen that keeps a library mapped after Node closes its handle. */
const RTLD_NODELETE = 0x1000;

/** Node expects an addon; a plain library is open by the time Node complains that it registered nothing. */
export const openLibrary = (path: string): void => {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    if (!(error instanceof Error) || !/did not self-register/.test(error.message)) throw error;
  }
};

/** Node 23 dropped two functions that tfjs-node 4 calls. */
const restoreUtil = (): void => {
  const missing = {
    isNullOrUndefined: (x: unknown): boolean => x === null || x === undefined,
    isArray: (x: unknown): boolean => Array.isArray(x),
  };
  for (const [name, value] of Object.entries(missing))
    if (!(name in util)) Object.defineProperty(util, name, { value, configurable: true });
};

const isBinding = (x: object): x is Binding => "TF_Version" in x && "isUsingGpuDevice" in x;
const openBinding = (library: Library): Binding => {
  for (const path of library.libraries) openLibrary(path);
  const module: { exports: object } = { exports: {} };
  process.dlopen(module, library.binding, constants.dlopen.RTLD_NOW);
  if (!isBinding(module.exports)) throw new Error(`${library.binding} is not tfjs-node's binding`);
  return module.exports;
};

const signatureOf = async (
  tf: typeof tfjs,
  module: SavedModelModule,
  folder: string,
  name: string,
): Promise<Signature> => {
  const model = await module.loadSavedModel(folder, ["serve"], name);
  const { inputs, outputs } = model.signature;
  const feed = ({ data, shape, dtype }: HostTensor): tfjs.Tensor =>
    tf.tensor(unaligned(data), [...shape], DTYPES[dtype]);
  const fetch = (tensor: tfjs.Tensor): HostTensor => ({
    dtype: dtypeOf(tensor.dtype),
    shape: tensor.shape,
    data: tensor.dataSync(),
  });
  const mapped = <X, Y>(values: Readonly<Record<string, X>>, f: (x: X) => Y): Record<string, Y> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, f(value)]));
  return {
    inputs: Object.keys(inputs),
    outputs: Object.keys(outputs),
    predict: (given) => {
      const fed = mapped(given, feed);
      let results: tfjs.NamedTensorMap = {};
      try {
        results = model.predict(fed);
        return mapped(results, fetch);
      } finally {
        tf.dispose([fed, results]);
      }
    },
    dispose: () => model.dispose(),
  };
};

const BACKEND = "tensorflow";
const open = async (library: Library): Promise<TfNode> => {
  restoreUtil();
  const binding = openBinding(library);
  const load = createRequire(join(library.javascript, "package.json"));
  const tf = load("@tensorflow/tfjs") as typeof tfjs;
  const { NodeJSKernelBackend } = load("./dist/nodejs_kernel_backend.js") as BackendModule;
  load("./dist/register_all_kernels.js");
  const savedModels = load("./dist/saved_model.js") as SavedModelModule;
  const { name } = load("./package.json") as { readonly name: string };
  tf.registerBackend(BACKEND, () => new NodeJSKernelBackend(binding, name), 3);
  if (!(await tf.setBackend(BACKEND))) throw new Error("tfjs does not accept its backend");
  return {
    version: binding.TF_Version,
    onCard: binding.isUsingGpuDevice(),
    tf,
    loadSavedModel: (folder, signature) => signatureOf(tf, savedModels, folder, signature),
    openGraph: (folder) => openGraph(binding, folder),
    liveTensors: () => binding.getNumOfTensors(),
  };
};

let loaded: { readonly folder: string; readonly node: Promise<TfNode> } | undefined;

/** Once a thread: the library reads its environment when it is opened, and cannot be closed. 0.3 to 0.9 s. */
export const loadTensorflow = (library: Library, options: LoadOptions = {}): Promise<TfNode> => {
  if (loaded === undefined) {
    Object.assign(process.env, environmentFor(library, options));
    loaded = { folder: library.folder, node: open(library) };
  } else if (loaded.folder !== library.folder) {
    throw new Error(`TensorFlow is open already in this thread, from ${loaded.folder}`);
  }
  return loaded.node;
};
