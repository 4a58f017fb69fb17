// The wasm device: buffers and plain 2-D products are the tfjs backend's (XNNPACK: 40 GFLOP/s), loops are compiled into
// small SIMD modules on the same memory. A batch of products runs as plain products of slices: the backend's own batched
// form is an order of magnitude slower.
import type { LoopSpec } from "../../../bundle/kernels.ts";
import { sizeOf } from "../../../bundle/tensor.ts";
import { makeDevice } from "../device.ts";
import type { Window } from "../grouped.ts";
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
  // A batch asks for the same shapes again and again.
  let last = { sizes: [0, 0, 0] as readonly number[], x: bytesOf(), y: bytesOf() };
  const shapesOf = (m: number, k: number, n: number): typeof last => {
    const [lastM, lastK, lastN] = last.sizes;
    if (m !== lastM || k !== lastK || n !== lastN)
      last = { sizes: [m, k, n], x: bytesOf(1, m, k), y: bytesOf(1, k, n) };
    return last;
  };
  /** A tensor id for a window of the heap; ids end at once, so the packed-weight cache never sees stale values. */
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
    multiply: (x, y, to, [m, k, n]) => {
      const window = ({ of, at }: Window, size: number): number =>
        register(size, addressOf(of) + 4 * at);
      const ids = [window(x, m * k), window(y, k * n), window(to, m * n)] as const;
      const shapes = shapesOf(m, k, n);
      multiply(ids[0], shapes.x, 3, ids[1], shapes.y, 3, NO_TRANSPOSE, NO_TRANSPOSE, ids[2]);
      for (const id of ids) wasm.tfjs.disposeData(id);
    },
  });
};
