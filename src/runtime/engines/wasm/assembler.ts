// A few dozen WebAssembly instructions as functions of bytes: enough to write one SIMD loop nest over imported memory.
// The instruction numbers are those of the WebAssembly 2.0 specification (vector instructions: prefix 0xfd).

export const unsigned = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>>= 7;
    if (rest === 0) return [...bytes, low];
    bytes.push(low | 0x80);
  }
};
export const signed = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0))
      return [...bytes, low];
    bytes.push(low | 0x80);
  }
};

/** Vector instructions without immediates. */
export const VECTOR = {
  bitselect: 0x52, not: 0x4d, and: 0x4e, andnot: 0x4f, or: 0x50, xor: 0x51,
  feq: 0x41, fne: 0x42, flt: 0x43, fgt: 0x44, fle: 0x45, fge: 0x46,
  ieq: 0x37, ine: 0x38, ilt: 0x39, igt: 0x3b, ile: 0x3d,
  fabs: 0xe0, fneg: 0xe1, fsqrt: 0xe3, fadd: 0xe4, fsub: 0xe5, fmul: 0xe6, fdiv: 0xe7, fmin: 0xe8, fmax: 0xe9,
  nearest: 0x6a, truncToInt: 0xf8, intToFloat: 0xfa,
  iabs: 0xa0, ineg: 0xa1, shl: 0xab, shrS: 0xac, iadd: 0xae, isub: 0xb1, imul: 0xb5, imin: 0xb6, imax: 0xb8,
  extendBytes: 0x89, extendHalves: 0xa9, narrowToHalves: 0x85, narrowToBytes: 0x65,
} as const; // prettier-ignore

const f32Bits = (value: number): number => new Int32Array(new Float32Array([value]).buffer)[0]!;
const lanes = (bits: number): number[] => {
  const word = [bits & 0xff, (bits >>> 8) & 0xff, (bits >>> 16) & 0xff, (bits >>> 24) & 0xff];
  return [...word, ...word, ...word, ...word];
};

/** One function: i32 parameters, then i32 locals, then v128 locals. */
export class Code {
  readonly bytes: number[] = [];
  private ints = 0;
  private vectors = 0;
  private readonly params: number;
  private readonly intLocals: number;

  constructor(params: number, intLocals: number) {
    this.params = params;
    this.intLocals = intLocals;
  }
  newInt(): number {
    if (this.ints >= this.intLocals) throw new Error(`more than ${this.intLocals} integer locals`);
    return this.params + this.ints++;
  }
  newVector(): number {
    return this.params + this.intLocals + this.vectors++;
  }
  get(local: number): this {
    this.bytes.push(0x20, ...unsigned(local));
    return this;
  }
  set(local: number): this {
    this.bytes.push(0x21, ...unsigned(local));
    return this;
  }
  /** The value on the stack, into a fresh vector local. */
  keep(): number {
    const local = this.newVector();
    this.set(local);
    return local;
  }
  int(value: number): this {
    this.bytes.push(0x41, ...signed(value));
    return this;
  }
  addInt(): this {
    this.bytes.push(0x6a);
    return this;
  }
  vector(...names: readonly (keyof typeof VECTOR)[]): this {
    for (const name of names) this.bytes.push(0xfd, ...unsigned(VECTOR[name]));
    return this;
  }
  float(value: number): this {
    this.bytes.push(0xfd, 0x0c, ...lanes(f32Bits(value)));
    return this;
  }
  ints4(bits: number): this {
    this.bytes.push(0xfd, 0x0c, ...lanes(bits));
    return this;
  }
  /** True in the first `count` lanes. */
  laneMask(count: number): this {
    this.bytes.push(
      0xfd,
      0x0c,
      ...Array.from({ length: 16 }, (_, i) => (i < count * 4 ? 0xff : 0)),
    );
    return this;
  }
  shuffle(order: readonly number[]): this {
    this.bytes.push(0xfd, 0x0d, ...order);
    return this;
  }
  /** `align` 0: addresses need not be aligned. */
  load(kind: "full" | "splat32" | "word" | "splat8", offset: number): this {
    const op = { full: 0x00, splat32: 0x09, word: 0x5c, splat8: 0x07 }[kind];
    this.bytes.push(0xfd, op, 0, ...unsigned(offset));
    return this;
  }
  loadLane(size: 4 | 1, offset: number, lane: number): this {
    this.bytes.push(0xfd, size === 4 ? 0x56 : 0x54, 0, ...unsigned(offset), lane);
    return this;
  }
  store(offset: number): this {
    this.bytes.push(0xfd, 0x0b, 0, ...unsigned(offset));
    return this;
  }
  storeLane(size: 4 | 1, offset: number, lane: number): this {
    this.bytes.push(0xfd, size === 4 ? 0x5a : 0x58, 0, ...unsigned(offset), lane);
    return this;
  }
  /** Runs `body` `count` times, `count` > 0. */
  repeat(count: number, body: () => void): void {
    const left = this.newInt();
    this.int(count).set(left);
    this.bytes.push(0x03, 0x40);
    body();
    this.get(left).int(-1).addInt();
    this.bytes.push(0x22, ...unsigned(left), 0x0d, 0x00, 0x0b);
  }

  module(): Uint8Array<ArrayBuffer> {
    return moduleOf({
      params: Array.from({ length: this.params }, () => TYPE.i32),
      locals: [
        [this.intLocals, TYPE.i32],
        [this.vectors, TYPE.v128],
      ],
      body: this.bytes,
    });
  }
}

export const TYPE = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b } as const;
type Type = (typeof TYPE)[keyof typeof TYPE];
export interface Function {
  readonly params: readonly Type[];
  readonly locals: readonly (readonly [count: number, type: Type])[];
  readonly body: readonly number[];
}

/** A module that imports env.memory and exports the function as "run". */
export const moduleOf = ({ params, locals, body }: Function): Uint8Array<ArrayBuffer> => {
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const text = (value: string): number[] => [
    value.length,
    ...Array.from(value, (c) => c.charCodeAt(0)),
  ];
  const used = locals.filter(([count]) => count > 0);
  const code = [
    used.length,
    ...used.flatMap(([count, type]) => [...unsigned(count), type]),
    ...body,
    0x0b,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, ...unsigned(params.length), ...params, 0]),
    ...section(2, [1, ...text("env"), ...text("memory"), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text("run"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
};
