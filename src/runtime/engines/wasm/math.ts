// The lines of a loop as SIMD instructions, four lanes at a time. exp and log follow the classic single-precision
// reductions (Cody and Waite's split of ln 2, minimax polynomials): within 2 units in the last place.
import type { Line, Opcode } from "../../../bundle/kernels.ts";
import type { Code, VECTOR } from "./assembler.ts";

const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;
const EXP = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
  5.0000001201e-1,
];
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
  -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];
/** Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7. */
const ERF = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];

/** Horner's scheme in the vector local `x`; leaves the value on the stack. */
const polynomial = (c: Code, x: number, coefficients: readonly number[]): void => {
  c.float(coefficients[0]!);
  for (const coefficient of coefficients.slice(1))
    c.get(x).vector("fmul").float(coefficient).vector("fadd");
};

const exp = (c: Code, x: number): void => {
  const y = c.get(x).float(-104).vector("fmax").float(89).vector("fmin").keep();
  const n = c.get(y).float(Math.LOG2E).vector("fmul", "nearest").keep();
  const r = c
    .get(y)
    .get(n)
    .float(LN2_HIGH)
    .vector("fmul", "fsub")
    .get(n)
    .float(LN2_LOW)
    .vector("fmul", "fsub")
    .keep();
  polynomial(c, r, EXP);
  const e = c
    .get(r)
    .vector("fmul")
    .get(r)
    .vector("fmul")
    .get(r)
    .vector("fadd")
    .float(1)
    .vector("fadd")
    .keep();
  // 2^n in two factors, so that results near the largest float and subnormal ones come out right
  const i = c.get(n).vector("truncToInt").keep();
  const half = c.get(i).int(1).vector("shrS").keep();
  c.get(e).get(half).ints4(127).vector("iadd").int(23).vector("shl", "fmul");
  c.get(i).get(half).vector("isub").ints4(127).vector("iadd").int(23).vector("shl", "fmul");
};

const log = (c: Code, x: number): void => {
  const m = c.get(x).ints4(0x007fffff).vector("and").ints4(0x3f000000).vector("or").keep(); // in [0.5, 1)
  const small = c.get(m).float(Math.SQRT1_2).vector("flt").keep();
  const e = c
    .get(x)
    .int(23)
    .vector("shrS")
    .ints4(126)
    .vector("isub", "intToFloat")
    .get(small)
    .float(1)
    .vector("and", "fsub")
    .keep();
  const f = c.get(m).get(m).get(small).vector("and", "fadd").float(1).vector("fsub").keep();
  const z = c.get(f).get(f).vector("fmul").keep();
  polynomial(c, f, LOG);
  c.get(f).vector("fmul").get(z).vector("fmul").get(e).float(LN2_LOW).vector("fmul", "fadd");
  const finite = c
    .get(z)
    .float(0.5)
    .vector("fmul", "fsub")
    .get(f)
    .vector("fadd")
    .get(e)
    .float(LN2_HIGH)
    .vector("fmul", "fadd")
    .keep();
  const top = c.get(x).get(finite).get(x).float(Infinity).vector("feq", "bitselect").keep();
  const low = c.float(-Infinity).float(NaN).get(x).float(0).vector("feq", "bitselect").keep();
  c.get(top).get(low).get(x).float(0).vector("fgt", "bitselect");
};

const sigmoid = (c: Code, x: number): void => {
  const minus = c.get(x).vector("fneg").keep();
  exp(c, minus);
  const e = c.keep();
  c.float(1).float(1).get(e).vector("fadd", "fdiv");
};
const withSignOf = (c: Code, x: number): void => {
  c.get(x)
    .ints4(0x80000000 | 0)
    .vector("and", "or");
};
const tanh = (c: Code, x: number): void => {
  const y = c.get(x).vector("fabs").float(-2).vector("fmul").keep();
  exp(c, y);
  const e = c.keep();
  c.float(1).get(e).vector("fsub").float(1).get(e).vector("fadd", "fdiv");
  withSignOf(c, x);
};
const erf = (c: Code, x: number): void => {
  const a = c.get(x).vector("fabs").keep();
  const t = c.float(1).float(1).get(a).float(0.3275911).vector("fmul", "fadd", "fdiv").keep();
  const square = c.get(a).get(a).vector("fmul", "fneg").keep();
  exp(c, square);
  const e = c.keep();
  c.float(1);
  polynomial(c, t, ERF);
  c.get(t).vector("fmul").get(e).vector("fmul", "fsub");
  withSignOf(c, x);
};

type Make = (c: Code, x: number, y: number, z: number) => void;
const one =
  (...names: readonly (keyof typeof VECTOR)[]): Make =>
  (c, x) =>
    void c.get(x).vector(...names);
const two =
  (...names: readonly (keyof typeof VECTOR)[]): Make =>
  (c, x, y) =>
    void c
      .get(x)
      .get(y)
      .vector(...names);
const choose: Make = (c, m, x, y) => void c.get(x).get(y).get(m).vector("bitselect");

/** Each leaves its result on the stack. */
const MAKE: Readonly<Record<Opcode, Make>> = {
  add: two("fadd"), sub: two("fsub"), mul: two("fmul"), div: two("fdiv"), max: two("fmax"), min: two("fmin"),
  neg: one("fneg"), sqrt: one("fsqrt"), abs: one("fabs"), exp, log, sigmoid, tanh, erf,
  iadd: two("iadd"), isub: two("isub"), imul: two("imul"), imax: two("imax"), imin: two("imin"), ineg: one("ineg"), iabs: one("iabs"),
  eq: two("feq"), lt: two("flt"), le: two("fle"), ieq: two("ieq"), ilt: two("ilt"), ile: two("ile"),
  and: two("and"), xor: two("xor"), not: one("not"),
  finite: (c, x) => void c.get(x).vector("fabs").float(Infinity).vector("flt"),
  select: choose, iselect: choose, mselect: choose,
  toInt: one("truncToInt"), toFloat: one("intToFloat"),
  maskToFloat: (c, x) => void c.get(x).float(1).vector("and"),
  maskToInt: (c, x) => void c.get(x).ints4(1).vector("and"),
  floatToMask: (c, x) => void c.get(x).float(0).vector("fne"),
  intToMask: (c, x) => void c.get(x).ints4(0).vector("ine"),
}; // prettier-ignore

/** Emits the line; returns the vector local of its value. `values` are the locals of earlier values. */
export const emitLine = (c: Code, line: Line, values: readonly number[]): number => {
  const [op, ...args] = line;
  if (op === "const") return c.float(args[0]).keep();
  if (op === "iconst") return c.ints4(args[0]).keep();
  MAKE[op](c, values[args[0]] ?? 0, values[args[1] ?? 0] ?? 0, values[args[2] ?? 0] ?? 0);
  return c.keep();
};
