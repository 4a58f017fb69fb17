// What the tfjs backends call TensorInfo, and the few members of the two backends that the engines use. They are narrowed
// by looking, not cast: another version of the backend fails with a sentence.
import type { Kernels } from "../../bundle/kernels.ts";
import type { Memory } from "./wasm/web-assembly.ts";

export type TfType = "float32" | "int32" | "bool";
export interface Handle {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: TfType;
}
export interface WasmBackend {
  readonly wasm: {
    readonly HEAPU8: Uint8Array;
    readonly asm: { readonly memory: Memory };
    cwrap(
      name: string,
      result: null,
      args: readonly string[],
    ): (...args: readonly (number | Uint8Array)[]) => void;
    readonly tfjs: {
      registerTensor(id: number, size: number, offset: number): void;
      disposeData(id: number): void;
    };
  };
  dataIdNextNumber: number;
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: TfType): Handle;
  disposeData(dataId: object): boolean;
  numDataIds(): number;
}
export interface CpuBackend {
  /** It then writes an advertisement of another backend to standard error. */
  firstUse: boolean;
  readonly data: {
    get(dataId: object): { readonly values: Float32Array | Int32Array | Uint8Array };
  };
  makeTensorInfo(
    shape: number[],
    dtype: TfType,
    values: Float32Array | Int32Array | Uint8Array,
  ): Handle;
  disposeData(dataId: object): boolean;
  numDataIds(): number;
}
export const isWasmBackend = (backend: object): backend is WasmBackend =>
  "wasm" in backend &&
  "dataIdNextNumber" in backend &&
  "makeOutput" in backend &&
  typeof backend.wasm === "object" &&
  backend.wasm !== null &&
  "asm" in backend.wasm &&
  "cwrap" in backend.wasm;
export const isCpuBackend = (backend: object): backend is CpuBackend =>
  "data" in backend && "makeTensorInfo" in backend;

export const TF_TYPE = { f32: "float32", i32: "int32", bool: "bool" } as const;
export const OWN_TYPE = { float32: "f32", int32: "i32", bool: "bool" } as const;

/** `call` of both engines: a kernel registered in tfjs-core, run on its backend without engine or tape. */
export type TfKernel = (kernel: string, inputs: Readonly<Record<string, Handle>>) => Handle;

/** An engine's kernels, and the host's view of a buffer: valid until the next kernel call, since the heap may move. */
export interface Device {
  readonly kernels: Kernels<Handle>;
  readonly values: (x: Handle) => Float32Array | Int32Array | Uint8Array;
  readonly allocate: (shape: readonly number[], dtype: TfType) => Handle;
  readonly liveBuffers: () => number;
}
