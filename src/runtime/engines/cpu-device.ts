// The cpu device: no WebAssembly, only typed arrays. A loop spec is run a row of up to 256 elements at a time, one line of
// code over the whole row before the next, so that the cost of choosing what to do is paid once a row.
import type { Access, Line, LoopSpec, Opcode } from "../../bundle/kernels.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import { makeDevice } from "./device.ts";
import type { CpuBackend, Device, Handle, TfKernel } from "./handles.ts";
import { noMemory } from "./no-memory.ts";

const ROW = 256;
const erf = (x: number): number => {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const p =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - p * Math.exp(-x * x));
};
type Make = (x: number, y: number, z: number) => number;
const MAKE: Readonly<Record<Opcode, Make>> = {
  add: (x, y) => x + y, sub: (x, y) => x - y, mul: (x, y) => x * y, div: (x, y) => x / y,
  max: (x, y) => Math.max(x, y), min: (x, y) => Math.min(x, y),
  neg: (x) => -x, exp: (x) => Math.exp(x), log: (x) => Math.log(x), sqrt: (x) => Math.sqrt(x), abs: (x) => Math.abs(x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)), tanh: (x) => Math.tanh(x), erf,
  iadd: (x, y) => (x + y) | 0, isub: (x, y) => (x - y) | 0, imul: Math.imul, imax: (x, y) => Math.max(x, y),
  imin: (x, y) => Math.min(x, y), ineg: (x) => -x | 0, iabs: (x) => Math.abs(x) | 0,
  eq: (x, y) => Number(x === y), lt: (x, y) => Number(x < y), le: (x, y) => Number(x <= y),
  ieq: (x, y) => Number(x === y), ilt: (x, y) => Number(x < y), ile: (x, y) => Number(x <= y),
  and: (x, y) => x & y, xor: (x, y) => x ^ y, not: (x) => 1 - x, finite: (x) => Number(Number.isFinite(x)),
  select: (m, x, y) => (m ? x : y), iselect: (m, x, y) => (m ? x : y), mselect: (m, x, y) => (m ? x : y),
  toInt: (x) => x | 0, toFloat: (x) => x, maskToFloat: (x) => x, maskToInt: (x) => x,
  floatToMask: (x) => Number(x !== 0), intToMask: (x) => Number(x !== 0),
}; // prettier-ignore

type Values = Float32Array | Int32Array | Uint8Array;
/** Integers need 32 bits, floats round as the device would: rows are kept per kind of value. */
const rowOf = (line: Line): Float32Array | Float64Array =>
  line[0] === "iconst" || line[0].startsWith("i") || line[0] === "toInt" || line[0] === "maskToInt"
    ? new Float64Array(ROW)
    : new Float32Array(ROW);

const runLoop = (spec: LoopSpec, buffers: readonly Values[], target: Values): void => {
  const last = spec.dims.length - 1;
  const size = spec.dims[last]!;
  const { reduce } = spec;
  const loadRows = spec.loads.map((l) =>
    l.dtype === "i32" ? new Float64Array(ROW) : new Float32Array(ROW),
  );
  const rows = [...loadRows, ...spec.code.map(rowOf)];
  const zero = new Float32Array(ROW);
  const index = spec.dims.map(() => 0);
  const place = (access: Access): number =>
    access.strides.reduce((sum, stride, d) => sum + stride * index[d]!, access.offset);
  const totals =
    reduce && new Float64Array(sizeOf(spec.shape)).fill(reduce.kind === "sum" ? 0 : -Infinity);

  const runRow = (start: number, count: number): void => {
    index[last] = start;
    spec.loads.forEach((access, l) => {
      const [from, to, stride] = [buffers[l]!, loadRows[l]!, access.strides[last]!];
      for (let i = 0, p = place(access); i < count; i++, p += stride) to[i] = from[p]!;
    });
    spec.code.forEach((line, at) => {
      const to = rows[spec.loads.length + at]!;
      const [op, ...args] = line;
      if (op === "const" || op === "iconst") return void to.fill(args[0]);
      const make = MAKE[op];
      const [x, y, z] = [
        rows[args[0]]!,
        args[1] === undefined ? zero : rows[args[1]]!,
        args[2] === undefined ? zero : rows[args[2]]!,
      ];
      for (let i = 0; i < count; i++) to[i] = make(x[i]!, y[i]!, z[i]!);
    });
    const result = rows.at(-1)!;
    const stride = spec.store.strides[last]!;
    let p = place(spec.store);
    if (totals === undefined) for (let i = 0; i < count; i++, p += stride) target[p] = result[i]!;
    else if (reduce?.kind === "sum")
      for (let i = 0; i < count; i++, p += stride) totals[p]! += result[i]!;
    else for (let i = 0; i < count; i++, p += stride) totals[p] = Math.max(totals[p]!, result[i]!);
  };
  const walk = (d: number): void => {
    if (d === last) {
      for (let start = 0; start < size; start += ROW) runRow(start, Math.min(ROW, size - start));
    } else
      for (let i = 0; i < spec.dims[d]!; i++) {
        index[d] = i;
        walk(d + 1);
      }
  };
  walk(0);
  if (totals !== undefined && reduce !== undefined)
    for (let i = 0; i < totals.length; i++) target[i] = totals[i]! * reduce.scale;
};

export const cpuDevice = (backend: CpuBackend, call: TfKernel): Device => {
  const values = (x: Handle): Values => backend.data.get(x.dataId).values;
  return makeDevice({
    call,
    values,
    allocate: (shape, dtype) => {
      const size = sizeOf(shape);
      try {
        const array =
          dtype === "float32"
            ? new Float32Array(size)
            : dtype === "int32"
              ? new Int32Array(size)
              : new Uint8Array(size);
        return backend.makeTensorInfo([...shape], dtype, array);
      } catch (error) {
        throw error instanceof RangeError ? noMemory("cpu", shape) : error;
      }
    },
    liveBuffers: () => backend.numDataIds(),
    free: (x) => void backend.disposeData(x.dataId),
    loopInto: (spec, target, loads) => runLoop(spec, loads.map(values), values(target)),
    multiply: (x, y, to, [m, k, n], turned = false) => {
      const [a, b, all] = [values(x.of), values(y.of), values(to.of)];
      const result = all.subarray(to.at, to.at + m * n).fill(0);
      for (let row = 0; row < m; row++) {
        const out = result.subarray(row * n, (row + 1) * n);
        if (turned) {
          for (let column = 0; column < n; column++) {
            let sum = 0;
            for (let j = 0, p = x.at + row * k, q = y.at + column * k; j < k; j++, p++, q++)
              sum += a[p]! * b[q]!;
            out[column] = sum;
          }
          continue;
        }
        for (let j = 0; j < k; j++) {
          const left = a[x.at + row * k + j]!;
          for (let column = 0, p = y.at + j * n; column < n; column++, p++)
            out[column]! += left * b[p]!;
        }
      }
    },
  });
};
