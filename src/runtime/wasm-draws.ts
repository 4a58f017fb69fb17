// Normals and masks of random.ts, the same bits, as WebAssembly functions: a product of 32 bits is one instruction there, and the
// logarithm's exponent is two. Three to four times as fast; a model of 71M weights draws 35M pairs.
import { moduleOf, signed, TYPE, unsigned } from "./engines/wasm/assembler.ts";
import { createMemory, instantiate } from "./engines/wasm/web-assembly.ts";

type Bytes = readonly number[];
/** An instruction after its operands. */
const on =
  (instruction: number) =>
  (...operands: readonly Bytes[]): Bytes => [...operands.flat(), instruction];
const [addInt, lessInt] = [on(0x6a), on(0x49)];
const [toLong, longBits, doubleBits] = [on(0xad), on(0xbd), on(0xbf)];
const [subLong, mulLong, andLong, xorLong] = [on(0x7d), on(0x7e), on(0x83), on(0x85)];
const [shlLong, shrLong, shrLongUnsigned] = [on(0x86), on(0x87), on(0x88)];
const [add, sub, mul, div] = [on(0xa0), on(0xa1), on(0xa2), on(0xa3)];
const [sqrt, less] = [on(0x9f), on(0x63)];
const [fromLong, toSingle] = [on(0xb9), on(0xb6)];

const get = (local: number): Bytes => [0x20, ...unsigned(local)];
const set = (local: number, value: Bytes): Bytes => [...value, 0x21, ...unsigned(local)];
const int = (value: number): Bytes => [0x41, ...signed(value)];
/** Of 32 bits without a sign. */
const long = (value: number): Bytes => toLong(int(value));
const double = (value: number): Bytes => [
  0x44,
  ...new Uint8Array(new Float64Array([value]).buffer),
];
const block = (...body: readonly Bytes[]): Bytes => [0x02, 0x40, ...body.flat(), 0x0b];
const loop = (...body: readonly Bytes[]): Bytes => [0x03, 0x40, ...body.flat(), 0x0b];
/** To the end of a block or the start of a loop, so many levels out. */
const branchIf = (level: number, condition: Bytes): Bytes => [...condition, 0x0d, level];
const branch = (level: number): Bytes => [0x0c, level];
const storeSingle = (address: Bytes, offset: number, value: Bytes): Bytes => [
  ...address,
  ...toSingle(value),
  ...[0x38, 2, ...unsigned(offset)],
];

const storeByte = (address: Bytes, offset: number, value: Bytes): Bytes => [
  ...address,
  ...value,
  ...[0x3a, 0, ...unsigned(offset)],
];

/** Parameters, of which the last is the deviation of normals or the bound of masks, then locals by type. */
const [K0, K1, H0, H1, FIRST, END, BY] = [0, 1, 2, 3, 4, 5, 6];
const [BLOCK, ATTEMPT, ADDRESS] = [7, 8, 9];
const [X0, X1, X2, X3, P, Q, E] = [10, 11, 12, 13, 14, 15, 16];
const [U, V, S, Z, ZZ, SCALE] = [17, 18, 19, 20, 21, 22];

/** The words are longs below 2^32. */
const philox = (): Bytes => {
  const low = (x: Bytes): Bytes => andLong(x, long(-1));
  const high = (x: Bytes): Bytes => shrLongUnsigned(x, long(32));
  const key = (k: number, step: number, round: number): Bytes =>
    toLong(addInt(get(k), int(Math.imul(step, round))));
  return Array.from({ length: 10 }, (_, round) => [
    ...set(P, mulLong(get(X0), long(0xd2511f53))),
    ...set(Q, mulLong(get(X2), long(0xcd9e8d57))),
    ...set(X0, xorLong(xorLong(high(get(Q)), get(X1)), key(K0, 0x9e3779b9, round))),
    ...set(X1, low(get(Q))),
    ...set(X2, xorLong(xorLong(high(get(P)), get(X3)), key(K1, 0xbb67ae85, round))),
    ...set(X3, low(get(P))),
  ]).flat();
};

/** Leaves the attempts' loop, two blocks out, with a point inside the circle. */
const tryPoint = (x: number, y: number): Bytes => {
  const unit = (word: number): Bytes =>
    sub(mul(add(fromLong(get(word)), double(0.5)), double(2 ** -31)), double(1));
  return [
    ...set(U, unit(x)),
    ...set(V, unit(y)),
    ...set(S, add(mul(get(U), get(U)), mul(get(V), get(V)))),
    ...branchIf(1, less(get(S), double(1))),
  ];
};

/** portableLog of S in (0, 1): E and Z are its exponent and (m - 1) / (m + 1). */
const logarithm = (): Bytes => {
  const root = longBits(double(Math.SQRT1_2));
  const m = doubleBits(subLong(longBits(get(S)), shlLong(get(E), long(52))));
  const terms = Array.from({ length: 12 }, (_, i) => 1 / (23 - 2 * i));
  const series = terms.map(double).reduce((sum, term) => add(mul(sum, get(ZZ)), term));
  return [
    ...set(E, shrLong(subLong(longBits(get(S)), root), long(52))),
    ...set(SCALE, m),
    ...set(Z, div(sub(get(SCALE), double(1)), add(get(SCALE), double(1)))),
    ...set(ZZ, mul(get(Z), get(Z))),
    ...add(mul(fromLong(get(E)), double(0.6931471805599453)), mul(mul(double(2), get(Z)), series)),
  ];
};

/** The four words of a block. */
const words = (): Bytes => [
  ...set(X0, toLong(get(BLOCK))),
  ...set(X1, toLong(get(ATTEMPT))),
  ...set(X2, toLong(get(H0))),
  ...set(X3, toLong(get(H1))),
  ...philox(),
];

/** Masks of blocks FIRST .. END, four bytes each: whether a word is below BY. */
const masks = (): Bytes => [
  ...set(BLOCK, get(FIRST)),
  ...loop(
    words(),
    ...[X0, X1, X2, X3].map((word, i) =>
      storeByte(get(ADDRESS), i, less(fromLong(get(word)), get(BY))),
    ),
    set(ADDRESS, addInt(get(ADDRESS), int(4))),
    set(BLOCK, addInt(get(BLOCK), int(1))),
    branchIf(0, lessInt(get(BLOCK), get(END))),
  ),
];

/** Pairs FIRST .. END of the stream with the key K and the half H of the counter, to the memory's start. */
const normals = (): Bytes => [
  ...set(BLOCK, get(FIRST)),
  ...loop(
    set(ATTEMPT, int(0)),
    block(
      loop(
        words(),
        tryPoint(X0, X1),
        tryPoint(X2, X3),
        set(ATTEMPT, addInt(get(ATTEMPT), int(1))),
        branch(0),
      ),
    ),
    set(SCALE, mul(get(BY), sqrt(div(mul(double(-2), logarithm()), get(S))))),
    storeSingle(get(ADDRESS), 0, mul(get(U), get(SCALE))),
    storeSingle(get(ADDRESS), 4, mul(get(V), get(SCALE))),
    set(ADDRESS, addInt(get(ADDRESS), int(8))),
    set(BLOCK, addInt(get(BLOCK), int(1))),
    branchIf(0, lessInt(get(BLOCK), get(END))),
  ),
];

const PAGES = 4;
type Words = readonly [number, number];
type Fill<T> = (key: Words, half: Words, out: T, by: number) => void;
interface Numbers<T> {
  readonly length: number;
  subarray(begin: number, end: number): T;
  set(values: T): void;
}

/** @param values of one block */
const compile = <T extends Numbers<T>>(
  body: Bytes,
  values: number,
  view: (memory: ArrayBuffer) => T,
): Fill<T> | undefined => {
  const memory = createMemory(PAGES);
  if (memory === undefined) return undefined;
  const { i32, i64, f64 } = TYPE;
  const run = instantiate(
    moduleOf({
      params: [i32, i32, i32, i32, i32, i32, f64],
      locals: [
        [3, i32],
        [7, i64],
        [6, f64],
      ],
      body,
    }),
    memory,
  );
  const made = view(memory.buffer);
  return (key, half, out, by) => {
    for (let at = 0; at < out.length; at += made.length) {
      const part = out.subarray(at, at + made.length);
      run(...key, ...half, at / values, Math.ceil((at + part.length) / values), by);
      part.set(made.subarray(0, part.length));
    }
  };
};

/** Undefined where WebAssembly is missing, or forbidden by a page's policy. */
const once = <T>(make: () => T | undefined): (() => T | undefined) => {
  let made: { readonly value: T | undefined } | undefined;
  return () => {
    try {
      made ??= { value: make() };
    } catch {
      made = { value: undefined };
    }
    return made.value;
  };
};
export const normalsFill = once(() =>
  compile(normals(), 2, (memory): Float32Array => new Float32Array(memory)),
);
export const masksFill = once(() =>
  compile(masks(), 4, (memory): Uint8Array => new Uint8Array(memory)),
);
