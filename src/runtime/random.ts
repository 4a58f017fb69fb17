// Random numbers as a function of (seed, path, counter): Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). Nothing is drawn in sequence, so that a new parameter or a resumed run shifts nothing else; and
// nothing but + - * / and square roots is used, so that the bits are the same in every JavaScript engine.

import { masksFill, normalsFill } from "./wasm-draws.ts";

/** One key of 64 bits and half of the counter; the other half is the caller's. */
export interface RandomStream {
  readonly key: readonly [number, number];
  readonly half: readonly [number, number];
  /** Four 32-bit words for the counter (block, attempt), written into `out`. */
  words(block: number, attempt: number, out: Uint32Array): void;
}

const multiplyHigh = (a: number, b: number): number => {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const low = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (low >>> 16)) >>> 0;
};

/** Ten rounds over the counter c with the key (k0, k1); the result replaces c. */
export const philox = (c: Uint32Array, k0: number, k1: number): void => {
  let [x0, x1, x2, x3] = [c[0]!, c[1]!, c[2]!, c[3]!];
  for (let round = 0; round < 10; round += 1) {
    const high0 = multiplyHigh(0xd2511f53, x0);
    const low0 = Math.imul(0xd2511f53, x0);
    const high1 = multiplyHigh(0xcd9e8d57, x2);
    const low1 = Math.imul(0xcd9e8d57, x2);
    [x0, x1, x2, x3] = [high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0];
    x0 >>>= 0;
    x2 >>>= 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  c[0] = x0;
  c[1] = x1;
  c[2] = x2;
  c[3] = x3;
};

/** FNV-1a, 64 bits, over UTF-8: enough to keep the paths of one model apart. */
const hashPath = (path: string): bigint =>
  new TextEncoder()
    .encode(path)
    .reduce(
      (hash, byte) => BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n),
      0xcbf29ce484222325n,
    );

const low = (x: bigint): number => Number(x & 0xffffffffn);
const high = (x: bigint): number => Number((x >> 32n) & 0xffffffffn);

/** The stream of a path under a seed (any integer; 64 bits of it count). */
export const randomStream = (seed: number, path: string): RandomStream => {
  const [key, hash] = [BigInt.asUintN(64, BigInt(Math.trunc(seed))), hashPath(path)];
  const [k0, k1, h0, h1] = [low(key), high(key), low(hash), high(hash)];
  return {
    key: [k0, k1],
    half: [h0, h1],
    words: (block, attempt, out) => {
      out[0] = block;
      out[1] = attempt;
      out[2] = h0;
      out[3] = h1;
      philox(out, k0, k1);
    },
  };
};

/** ln x of a positive x, portable: x = m 2^e with m in [1/sqrt 2, sqrt 2], ln m = 2 artanh z by its series. Error: a few ulp. */
export const portableLog = (x: number): number => {
  let [m, e] = [x, 0];
  for (; m < Math.SQRT1_2; m *= 2) e -= 1;
  for (; m > Math.SQRT2; m /= 2) e += 1;
  const z = (m - 1) / (m + 1);
  const zz = z * z;
  let series = 0;
  for (let n = 23; n >= 1; n -= 2) series = series * zz + 1 / n; // zz < 0.0295: 12 terms reach 2^-61
  return e * 0.6931471805599453 + 2 * z * series;
};

/** Below so many, what defines them is as fast as its compiled form. */
const FEW = 4096;

/** Normals of deviation `std`, the same bits whichever way they are made. */
export const fillNormal = (stream: RandomStream, out: Float32Array, std: number): void => {
  const fast = out.length < FEW ? undefined : normalsFill();
  if (fast === undefined) drawNormals(stream, out, std);
  else fast(stream.key, stream.half, out, std);
};

/** Marsaglia's polar method: a pair for each block of the counter, as many attempts as it takes. */
export const drawNormals = (stream: RandomStream, out: Float32Array, std: number): void => {
  const words = new Uint32Array(4);
  const pairs = Math.ceil(out.length / 2);
  for (let pair = 0; pair < pairs; pair += 1) {
    let [u, v, s] = [0, 0, 0];
    for (let attempt = 0; s === 0 || s >= 1; attempt += 1) {
      stream.words(pair, attempt, words);
      // The middle of each of 2^32 steps of (-1, 1); the other two words are a second try.
      for (let half = 0; half < 4 && (s === 0 || s >= 1); half += 2) {
        u = (words[half]! + 0.5) / 2147483648 - 1;
        v = (words[half + 1]! + 0.5) / 2147483648 - 1;
        s = u * u + v * v;
      }
    }
    const scale = std * Math.sqrt((-2 * portableLog(s)) / s);
    out[2 * pair] = u * scale;
    if (2 * pair + 1 < out.length) out[2 * pair + 1] = v * scale;
  }
};

/** Uniform between -bound and bound, four for each block: the middle of each of 2^32 steps. */
export const fillUniform = (stream: RandomStream, out: Float32Array, bound: number): void => {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 1) {
    if (i % 4 === 0) stream.words(i / 4, 0, words);
    out[i] = ((words[i % 4]! + 0.5) / 2147483648 - 1) * bound;
  }
};

/** 1 with this probability, else 0. */
export const fillBernoulli = (stream: RandomStream, out: Uint8Array, density: number): void => {
  const fast = out.length < FEW ? undefined : masksFill();
  const below = density * 4294967296;
  if (fast === undefined) drawMask(stream, out, below);
  else fast(stream.key, stream.half, out, below);
};

/** Four for each block: 1 where the word is below the bound. */
export const drawMask = (stream: RandomStream, out: Uint8Array, below: number): void => {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 1) {
    if (i % 4 === 0) stream.words(i / 4, 0, words);
    out[i] = words[i % 4]! < below ? 1 : 0;
  }
};

/** In [0, 1): 53 bits of the first two words. */
const unitOf = (words: Uint32Array): number =>
  ((words[0]! >>> 5) * 67108864 + (words[1]! >>> 6)) / 9007199254740992;

export const uniform = (stream: RandomStream, block: number): number => {
  const words = new Uint32Array(4);
  stream.words(block, 0, words);
  return unitOf(words);
};

/** The numbers 0 .. count-1 in a random order: Fisher and Yates, from the end. */
const permutation = (stream: RandomStream, count: number): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const words = new Uint32Array(4);
  for (let i = count - 1; i > 0; i -= 1) {
    stream.words(i, 0, words);
    // scaled to 0 .. i: the bias is below 2^-20 for any count that fits in memory
    const j = Math.floor(unitOf(words) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
};

/** The order of training windows in an epoch. */
export const dataOrder = (seed: number, epoch: number, count: number): Uint32Array =>
  permutation(randomStream(seed, `data/${epoch}`), count);

/** The uniforms that pick token `index` of what continues prompt `row`. */
export const samplingUniforms = (seed: number, row: number): ((index: number) => number) => {
  const stream = randomStream(seed, `sample/${row}`);
  return (index) => uniform(stream, index);
};
