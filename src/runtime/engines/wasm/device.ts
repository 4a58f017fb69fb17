// The wasm device: buffers and plain 2-D products are the tfjs backend's (XNNPACK: 40 GFLOP/s), loops are compiled into
// small SIMD modules on the same memory. A batch of products runs as plain products of slices: the backend's own batched
// form is an order of magnitude slower.
import type { LoopSpec } from "../../../bundle/kernels.ts";
import { sizeOf } from "../../../bundle/tensor.ts";
import { makeDevice } from "../device.ts";
import type { Device, Handle, TfKernel, WasmBackend } from "../handles.ts";
import { compileLoop } from "./loops.ts";
import { instantiate, type Exported } from "./web-assembly.ts";

const NO_TRANSPOSE = 0;

export const wasmDevice = (backend: WasmBackend, call: TfKernel): Device => {
  const { wasm } = backend;
  const loops = new Map<LoopSpec, Exported>();
  // Specs are constants of the program's text, so identity is enough; equal ones of other programs compile again.
  const compiled = (spec: LoopSpec): Exported => {
    const known = loops.get(spec);
    if (known !== undefined) return known;
    const loop = instantiate(compileLoop(spec), wasm.asm.memory);
    loops.set(spec, loop);
    return loop;
  };
  const addressOf = (x: Handle): number => backend.dataIdMap.get(x.dataId).memoryOffset;
  const multiply = wasm.cwrap("BatchMatMul", null, [
    ...["number", "array", "number"],
    ...["number", "array", "number"],
    ...["number", "number", "number"],
  ]);
  const bytesOf = (...shape: readonly number[]): Uint8Array =>
    new Uint8Array(new Int32Array(shape).buffer);
  /** Runs `use` with a tensor id for a window of the heap; ids end at once, so the packed-weight cache never sees stale values. */
  const register = (size: number, address: number): number => {
    const id = backend.dataIdNextNumber++;
    wasm.tfjs.registerTensor(id, size, address);
    return id;
  };

  return makeDevice({
    call,
    allocate: (shape, dtype) => backend.makeOutput([...shape], dtype),
    values: (x) => {
      const size = sizeOf(x.shape);
      const { buffer } = wasm.HEAPU8; // the heap may have grown: never kept over a call
      const address = addressOf(x);
      if (x.dtype === "float32") return new Float32Array(buffer, address, size);
      return x.dtype === "int32"
        ? new Int32Array(buffer, address, size)
        : new Uint8Array(buffer, address, size);
    },
    liveBuffers: () => backend.numDataIds(),
    free: (x) => void backend.disposeData(x.dataId),
    loopInto: (spec, target, loads) => compiled(spec)(...loads.map(addressOf), addressOf(target)),
    product: (x, y, [batch, m, k, n], shape) => {
      const result = backend.makeOutput([...shape], "float32");
      const [xAddress, yAddress, address] = [addressOf(x), addressOf(y), addressOf(result)];
      const [xShape, yShape] = [bytesOf(1, m, k), bytesOf(1, k, n)];
      for (let i = 0; i < batch; i++) {
        const ids = [
          register(m * k, xAddress + 4 * i * m * k),
          register(k * n, yAddress + 4 * i * k * n),
          register(m * n, address + 4 * i * m * n),
        ] as const;
        multiply(ids[0], xShape, 3, ids[1], yShape, 3, NO_TRANSPOSE, NO_TRANSPOSE, ids[2]);
        for (const id of ids) wasm.tfjs.disposeData(id);
      }
      return result;
    },
  });
};
