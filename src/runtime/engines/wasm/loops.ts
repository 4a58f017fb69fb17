// A loop spec as a WebAssembly module: the nest is written out with its static sizes, vectors of four run along the last
// dim. Loads may read up to 12 bytes past a buffer (lanes that are then dropped); stores never write outside.
import type { Access, LoopSpec } from "../../../bundle/kernels.ts";
import { Code } from "./assembler.ts";
import { emitLine } from "./math.ts";

const bytesOf = (access: Access): number => (access.dtype === "bool" ? 1 : 4);
/** Accumulators side by side when the last dim is kept: a cache line of each row at a time. */
const WIDE = 4;

/** The function takes the address of each load and of the store. */
export const compileLoop = (spec: LoopSpec): Uint8Array<ArrayBuffer> => {
  const rank = spec.dims.length;
  const last = rank - 1;
  const operands = [...spec.loads, spec.store];
  // a nest is written at most four times (wide, single, tail of the vectors)
  const c = new Code(operands.length, 4 * (rank + 1) * (operands.length + 1) + 8);
  type Pointers = readonly number[];

  /** Runs body along dim d in steps; returns the pointers after the last step. */
  const along = (
    d: number,
    count: number,
    step: number,
    at: Pointers,
    body: (at: Pointers) => void,
  ): Pointers => {
    if (count === 0) return at;
    const moves = operands.map((o) => o.strides[d]! * bytesOf(o) * step);
    const own = at.map((pointer, i) => (moves[i] === 0 ? pointer : c.newInt()));
    own.forEach((pointer, i) => pointer !== at[i] && c.get(at[i]!).set(pointer));
    const advance = (): void =>
      own.forEach(
        (pointer, i) => moves[i] !== 0 && c.get(pointer).int(moves[i]!).addInt().set(pointer),
      );
    if (count === 1) {
      body(own);
      advance();
    } else
      c.repeat(count, () => {
        body(own);
        advance();
      });
    return own;
  };
  const nest = (dims: readonly number[], at: Pointers, body: (at: Pointers) => void): void => {
    const [first, ...rest] = dims;
    if (first === undefined) body(at);
    else along(first, spec.dims[first]!, 1, at, (inner) => nest(rest, inner, body));
  };

  /** `lanes` lanes of a load, `ahead` vectors on. */
  const load = (access: Access, pointer: number, ahead: number, lanes: number): number => {
    const size = bytesOf(access) === 1 ? 1 : 4;
    const stride = access.strides[last]!;
    const start = (access.offset + ahead * 4 * stride) * size;
    c.get(pointer);
    if (stride === 0) c.load(size === 4 ? "splat32" : "splat8", start);
    else if (stride === 1) c.load(size === 4 ? "full" : "word", start);
    else {
      c.load(size === 4 ? "splat32" : "splat8", start);
      let vector = c.keep();
      for (let lane = 1; lane < lanes; lane++) {
        c.get(pointer)
          .get(vector)
          .loadLane(size, start + lane * stride * size, lane);
        vector = c.keep();
      }
      c.get(vector);
    }
    if (size === 1) c.vector("extendBytes", "extendHalves").ints4(0).vector("ine");
    return c.keep();
  };
  const value = (at: Pointers, ahead: number, lanes: number): number => {
    const values = spec.loads.map((access, i) => load(access, at[i]!, ahead, lanes));
    for (const line of spec.code) values.push(emitLine(c, line, values));
    return values.at(-1)!;
  };
  const store = (vector: number, at: Pointers, ahead: number, lanes: number): void => {
    const pointer = at.at(-1)!;
    const size = bytesOf(spec.store) === 1 ? 1 : 4;
    const stride = spec.store.strides[last]!;
    const start = (spec.store.offset + ahead * 4 * stride) * size;
    let packed = vector;
    if (size === 1) {
      const ones = c.get(vector).ints4(1).vector("and").keep();
      const halves = c.get(ones).get(ones).vector("narrowToHalves").keep();
      packed = c.get(halves).get(halves).vector("narrowToBytes").keep();
    }
    if (lanes === 4 && stride === 1) {
      if (size === 4) c.get(pointer).get(packed).store(start);
      else c.get(pointer).get(packed).storeLane(4, start, 0);
    } else
      for (let lane = 0; lane < lanes; lane++)
        c.get(pointer)
          .get(packed)
          .storeLane(size, start + lane * stride * size, lane);
  };
  /** Walks the last dim in vectors; body(pointers, vectors at once, lanes of each). */
  const vectors = (
    at: Pointers,
    wide: number,
    body: (at: Pointers, count: number, lanes: number) => void,
  ): void => {
    const full = Math.floor(spec.dims[last]! / 4);
    const after = along(last, Math.floor(full / wide), 4 * wide, at, (p) => body(p, wide, 4));
    const end = wide === 1 ? after : along(last, full % wide, 4, after, (p) => body(p, 1, 4));
    const tail = spec.dims[last]! % 4;
    if (tail > 0) body(end, 1, tail);
  };

  const start = operands.map((_, i) => i);
  const all = spec.dims.map((_, d) => d);
  const { reduce } = spec;
  if (reduce === undefined) {
    nest(all.slice(0, -1), start, (row) =>
      vectors(row, 1, (at, _, lanes) => store(value(at, 0, lanes), at, 0, lanes)),
    );
    return c.module();
  }

  const float = spec.store.dtype === "f32";
  const neutral = (): Code =>
    reduce.kind === "sum" ? c.ints4(0) : float ? c.float(-Infinity) : c.ints4(-0x80000000);
  const combine = reduce.kind === "sum" ? (float ? "fadd" : "iadd") : float ? "fmax" : "imax";
  const scaled = (vector: number): number =>
    reduce.scale === 1 ? vector : c.get(vector).float(reduce.scale).vector("fmul").keep();
  const kept = all.filter((d) => !reduce.over[d]);
  const gone = all.filter((d) => reduce.over[d]);
  if (reduce.over[last]) {
    const total = c.newVector();
    nest(kept, start, (row) => {
      neutral().set(total);
      nest(gone.slice(0, -1), row, (inner) =>
        vectors(inner, 1, (at, _, lanes) => {
          let vector = value(at, 0, lanes);
          if (lanes < 4) {
            c.get(vector);
            neutral();
            vector = c.laneMask(lanes).vector("bitselect").keep();
          }
          c.get(total).get(vector).vector(combine).set(total);
        }),
      );
      for (const turn of [8, 4]) {
        c.get(total).get(total).get(total);
        c.shuffle(Array.from({ length: 16 }, (_, i) => (i + turn) % 16))
          .vector(combine)
          .set(total);
      }
      const result = scaled(total);
      c.get(row.at(-1)!)
        .get(result)
        .storeLane(4, spec.store.offset * 4, 0);
    });
  } else
    nest(kept.slice(0, -1), start, (row) =>
      vectors(row, WIDE, (at, count, lanes) => {
        const totals = Array.from({ length: count }, () => c.newVector());
        for (const total of totals) neutral().set(total);
        nest(gone, at, (inner) =>
          totals.forEach((total, i) => {
            const vector = value(inner, i, lanes);
            c.get(total).get(vector).vector(combine).set(total);
          }),
        );
        totals.forEach((total, i) => store(scaled(total), at, i, lanes));
      }),
    );
  return c.module();
};
