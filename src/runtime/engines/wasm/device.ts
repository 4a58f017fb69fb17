// The wasm device: buffers and plain 2-D products are the tfjs backend's (XNNPACK: 40 GFLOP/s), loops are compiled into
// small SIMD modules on the same memory. A batch of products runs as plain products of slices: the backend's own batched
// form is an order of magnitude slower. A product of few rows is a loop, too.
import type { LoopSpec } from "../../../bundle/kernels.ts";
import { sizeOf } from "../../../bundle/tensor.ts";
import { makeDevice } from "../device.ts";
import type { Window } from "../grouped.ts";
import type { Device, Handle, TfKernel, WasmBackend } from "../handles.ts";
import { noMemory } from "../no-memory.ts";
import { compileLoop } from "./loops.ts";
import { instantiate, type Exported } from "./web-assembly.ts";

const NO_TRANSPOSE = 0;
/** Bytes that a pointer of WebAssembly reaches. */
const ADDRESS_SPACE = 2 ** 32;
/**
 * XNNPACK packs its right operand anew for each product. That costs about as much as a loop over 35 rows, measured on products
 * of 80 x 80 to 1368 x 512: 1 x 512 x 512 takes 27 us as a loop and 1057 us as a product.
 */
const FEW_ROWS = 32;

/** x [m, k] · y [k, n] or, turned, y [n, k]: what lies side by side in y is the last dim of the loop. */
const productSpec = (m: number, k: number, n: number, turned: boolean): LoopSpec => {
  const access = (byM: number, byK: number, byN: number): LoopSpec["store"] => ({
    dtype: "f32",
    offset: 0,
    strides: turned ? [byM, byN, byK] : [byM, byK, byN],
  });
  return {
    shape: [m, n],
    dims: turned ? [m, n, k] : [m, k, n],
    loads: [access(k, 1, 0), turned ? access(0, 1, k) : access(0, n, 1)],
    code: [["mul", 0, 1]],
    store: access(n, 0, 1),
    reduce: { kind: "sum", over: turned ? [false, false, true] : [false, true, false], scale: 1 },
  };
};

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
  const products = new Map<string, LoopSpec>();
  const productLoop = (m: number, k: number, n: number, turned: boolean): Exported => {
    const key = [m, k, n, turned].join();
    const spec = products.get(key) ?? productSpec(m, k, n, turned);
    products.set(key, spec);
    return compiled(spec);
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
    allocate: (shape, dtype) => {
      const bytes = sizeOf(shape) * (dtype === "bool" ? 1 : 4);
      // a larger number of bytes would be another one, modulo the address space
      if (bytes >= ADDRESS_SPACE) throw noMemory("wasm", shape);
      const made = backend.makeOutput([...shape], dtype);
      if (bytes > 0 && addressOf(made) === 0) throw noMemory("wasm", shape);
      return made;
    },
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
    multiply: (x, y, to, [m, k, n], turned = false) => {
      if (turned || m <= FEW_ROWS) {
        const address = ({ of, at }: Window): number => addressOf(of) + 4 * at;
        productLoop(m, k, n, turned)(address(x), address(y), address(to));
        return;
      }
      const window = ({ of, at }: Window, size: number): number =>
        register(size, addressOf(of) + 4 * at);
      const ids = [window(x, m * k), window(y, k * n), window(to, m * n)] as const;
      const shapes = shapesOf(m, k, n);
      multiply(ids[0], shapes.x, 3, ids[1], shapes.y, 3, NO_TRANSPOSE, NO_TRANSPOSE, ids[2]);
      for (const id of ids) wasm.tfjs.disposeData(id);
    },
  });
};
