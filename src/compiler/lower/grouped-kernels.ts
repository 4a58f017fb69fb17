// Grouped products as kernels of our own for cards, in the text of Triton's intermediate language, which XLA compiles behind
// a custom call. A program takes a tile of rows of one group, so the work is that of the rows: no row is padded or moved, and
// a group without rows costs nothing. Rows are read where they lie, through the order by groups.
// Legend: A rows, E groups, K and N widths, a tile: `rows` × `columns` of the result, `depth` of the sum at a time.

export interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly warps: number;
  readonly stages: number;
}
export interface KernelText {
  readonly name: string;
  readonly text: string;
  readonly grid: readonly [x: number, y: number];
  readonly tile: Tile;
}

type Shape = readonly number[];
const tensor = (shape: Shape, of: string): string => `tensor<${[...shape, of].join("x")}>`;
const POINTER = "!tt.ptr<bf16>";

/** Writes operations one after the other; each gives the name of its value. */
class Writer {
  readonly lines: string[] = [];
  #count = 0;
  #indent = "    ";

  op(text: string): string {
    const name = `%${this.#count++}`;
    this.lines.push(`${this.#indent}${name} = ${text}`);
    return name;
  }
  line(text: string): void {
    this.lines.push(`${this.#indent}${text}`);
  }
  within(open: string, body: () => void, close = "}"): void {
    this.line(open);
    this.#indent += "  ";
    body();
    this.#indent = this.#indent.slice(2);
    this.line(close);
  }
  fresh(): string {
    return `%${this.#count++}`;
  }
  int(value: number): string {
    return this.op(`arith.constant ${value} : i32`);
  }
  ints(value: number, shape: Shape): string {
    return this.op(`arith.constant dense<${value}> : ${tensor(shape, "i32")}`);
  }
  binary(op: string, x: string, y: string, type: string): string {
    return this.op(`arith.${op} ${x}, ${y} : ${type}`);
  }
  /** start, start + 1, …: i32 [size]. */
  counts(start: string, size: number): string {
    const type = tensor([size], "i32");
    const range = this.op(`tt.make_range {end = ${size} : i32, start = 0 : i32} : ${type}`);
    return this.binary("addi", this.op(`tt.splat ${start} : i32 -> ${type}`), range, type);
  }
  /** A vector along one axis of a matrix, repeated along the other. */
  spread(x: string, of: string, axis: 0 | 1, shape: Shape): string {
    const size = shape[axis]!;
    const thin = axis === 0 ? [size, 1] : [1, size];
    const expanded = this.op(
      `tt.expand_dims ${x} {axis = ${1 - axis} : i32} : ${tensor([size], of)} -> ${tensor(thin, of)}`,
    );
    return this.op(`tt.broadcast ${expanded} : ${tensor(thin, of)} -> ${tensor(shape, of)}`);
  }
  /** base + row · stride + column, for vectors along the two axes. */
  pointers(
    base: string,
    first: string,
    firstStride: number,
    second: string,
    secondStride: number,
    shape: Shape,
  ): string {
    const type = tensor(shape, "i32");
    const part = (x: string, axis: 0 | 1, stride: number): string => {
      const own = tensor([shape[axis]!], "i32");
      const scaled =
        stride === 1 ? x : this.binary("muli", x, this.ints(stride, [shape[axis]!]), own);
      return this.spread(scaled, "i32", axis, shape);
    };
    const offset = this.binary(
      "addi",
      part(first, 0, firstStride),
      part(second, 1, secondStride),
      type,
    );
    const all = this.op(`tt.splat ${base} : ${POINTER} -> ${tensor(shape, POINTER)}`);
    return this.op(`tt.addptr ${all}, ${offset} : ${tensor(shape, POINTER)}, ${type}`);
  }
  below(x: string, limit: number, size: number): string {
    return this.op(`arith.cmpi slt, ${x}, ${this.ints(limit, [size])} : ${tensor([size], "i32")}`);
  }
  and(x: string, y: string, shape: Shape): string {
    return this.binary("andi", x, y, tensor(shape, "i1"));
  }
  scalar(pointer: string, at: string): string {
    return this.op(
      `tt.load ${this.op(`tt.addptr ${pointer}, ${at} : !tt.ptr<i32>, i32`)} : !tt.ptr<i32>`,
    );
  }
  /** Places in the order by groups -> rows of the operands: i32 [size]; 0 where `known` is not. */
  rowsAt(order: string, places: string, known: string, size: number): string {
    const type = tensor([size], "!tt.ptr<i32>");
    const all = this.op(`tt.splat ${order} : !tt.ptr<i32> -> ${type}`);
    const at = this.op(`tt.addptr ${all}, ${places} : ${type}, ${tensor([size], "i32")}`);
    return this.op(`tt.load ${at}, ${known}, ${this.ints(0, [size])} : ${type}`);
  }
  /** Row a of an operand that serves `each` rows is its row a / each. */
  shared(rows: string, each: number, size: number): string {
    return each === 1
      ? rows
      : this.binary("divsi", rows, this.ints(each, [size]), tensor([size], "i32"));
  }
  /** Zeros where the mask is off. */
  load(pointers: string, mask: string, shape: Shape): string {
    const zeros = this.op(`arith.constant dense<0.0> : ${tensor(shape, "bf16")}`);
    return this.op(`tt.load ${pointers}, ${mask}, ${zeros} : ${tensor(shape, POINTER)}`);
  }
  /** A part of a stack of matrices, which may be larger than 32 bits count. */
  matrix(base: string, index: string, size: number): string {
    const wide = this.op(`arith.extsi ${index} : i32 to i64`);
    const offset = this.binary("muli", wide, this.op(`arith.constant ${size} : i64`), "i64");
    return this.op(`tt.addptr ${base}, ${offset} : ${POINTER}, i64`);
  }
  /** Σ over from ≤ k < to in steps of `depth` of what `step` multiplies: f32 [rows, columns] as bf16. */
  sum(
    { rows, columns, depth }: Tile,
    from: string,
    to: string,
    step: (k: string) => readonly [x: string, y: string],
  ): string {
    const shape = [rows, columns];
    const [f32, bf16] = [tensor(shape, "f32"), tensor(shape, "bf16")];
    const start = this.op(`arith.constant dense<0.0> : ${f32}`);
    const by = this.int(depth);
    const [total, k, before] = [this.fresh(), this.fresh(), this.fresh()];
    this.within(
      `${total} = scf.for ${k} = ${from} to ${to} step ${by} iter_args(${before} = ${start}) -> (${f32}) : i32 {`,
      () => {
        const [x, y] = step(k);
        const after = this.op(
          `tt.dot ${x}, ${y}, ${before}, inputPrecision = tf32 : ${tensor([rows, depth], "bf16")} * ${tensor([depth, columns], "bf16")} -> ${f32}`,
        );
        this.line(`scf.yield ${after} : ${f32}`);
      },
    );
    return this.op(`arith.truncf ${total} : ${f32} to ${bf16}`);
  }
  store(pointers: string, value: string, mask: string, shape: Shape): void {
    this.line(`tt.store ${pointers}, ${value}, ${mask} : ${tensor(shape, POINTER)}`);
  }
}

const kernel = (
  name: string,
  floats: readonly string[],
  integers: readonly string[],
  result: string,
  body: (w: Writer) => void,
): string => {
  const w = new Writer();
  body(w);
  const argument = (type: string) => (arg: string) =>
    `%${arg}: !tt.ptr<${type}> {tt.divisibility = 16 : i32}`;
  const list = [
    ...floats.map(argument("bf16")),
    ...integers.map(argument("i32")),
    argument("bf16")(result),
  ];
  return [
    `module {`,
    `  tt.func public @${name}(${list.join(", ")}) {`,
    ...w.lines,
    `    tt.return`,
    `  }`,
    `}`,
  ].join("\n");
};
const tilesOf = (size: number, tile: number): number => Math.ceil(size / tile);

export interface MatMulSizes {
  readonly K: number;
  readonly N: number;
  readonly each: number;
  readonly transposeW: boolean;
  /** Tiles of rows at most. */
  readonly tiles: number;
}
/**
 * y[a] = x[a / each] · w[g] for the rows of each tile. Operands: x [·, K], w [E, K, N] or [E, N, K], order [A], and of each tile
 * of rows its group (below 0: none), first place in the order and end; result [A, N], of rows without a group undefined.
 */
export const matMulKernel = (
  { K, N, each, transposeW, tiles }: MatMulSizes,
  tile: Tile,
): KernelText => {
  const { rows, columns, depth } = tile;
  const name = "grouped_product";
  const text = kernel(name, ["x", "w"], ["order", "group", "first", "end"], "y", (b) => {
    const column = b.op("tt.get_program_id x : i32");
    const row = b.op("tt.get_program_id y : i32");
    const group = b.scalar("%group", row);
    const used = b.op(`arith.cmpi sge, ${group}, ${b.int(0)} : i32`);
    b.within(`scf.if ${used} {`, () => {
      const places = b.counts(b.scalar("%first", row), rows);
      const limit = b.op(`tt.splat ${b.scalar("%end", row)} : i32 -> ${tensor([rows], "i32")}`);
      const known = b.op(`arith.cmpi slt, ${places}, ${limit} : ${tensor([rows], "i32")}`);
      const own = b.rowsAt("%order", places, known, rows);
      const from = b.shared(own, each, rows);
      const n = b.counts(b.binary("muli", column, b.int(columns), "i32"), columns);
      const inside = b.below(n, N, columns);
      const w = b.matrix("%w", group, K * N);
      const made = b.sum(tile, b.int(0), b.int(K), (start) => {
        const k = b.counts(start, depth);
        const [xs, ws] = [
          [rows, depth],
          [depth, columns],
        ] as const;
        let [xMask, wMask] = [b.spread(known, "i1", 0, xs), b.spread(inside, "i1", 1, ws)];
        if (K % depth !== 0) {
          const deep = b.below(k, K, depth);
          xMask = b.and(xMask, b.spread(deep, "i1", 1, xs), xs);
          wMask = b.and(wMask, b.spread(deep, "i1", 0, ws), ws);
        }
        const x = b.load(b.pointers("%x", from, K, k, 1, xs), xMask, xs);
        const [kStride, nStride] = transposeW ? [1, K] : [N, 1];
        return [x, b.load(b.pointers(w, k, kStride, n, nStride, ws), wMask, ws)];
      });
      const shape = [rows, columns];
      const mask = b.and(b.spread(known, "i1", 0, shape), b.spread(inside, "i1", 1, shape), shape);
      b.store(b.pointers("%y", own, N, n, 1, shape), made, mask, shape);
    });
  });
  return { name, text, grid: [tilesOf(N, columns), tiles], tile };
};

export interface OuterSizes {
  readonly E: number;
  readonly M: number;
  readonly N: number;
  readonly xEach: number;
  readonly yEach: number;
}
/**
 * out[g] = Σ x[a / xEach] ⊗ y[a / yEach] over the rows a of each group. Operands: x [·, M], y [·, N], order [A], and of each group
 * its first place in the order and end; result [E, M, N].
 */
export const outerKernel = ({ E, M, N, xEach, yEach }: OuterSizes, tile: Tile): KernelText => {
  const { rows, columns, depth } = tile;
  const name = "grouped_outer";
  const across = tilesOf(N, columns);
  const text = kernel(name, ["x", "y"], ["order", "first", "end"], "out", (b) => {
    const pair = b.op("tt.get_program_id x : i32");
    const group = b.op("tt.get_program_id y : i32");
    const tileOf = (op: string, size: number): string =>
      b.binary("muli", b.binary(op, pair, b.int(across), "i32"), b.int(size), "i32");
    const m = b.counts(tileOf("divsi", rows), rows);
    const n = b.counts(tileOf("remsi", columns), columns);
    const [mInside, nInside] = [b.below(m, M, rows), b.below(n, N, columns)];
    const end = b.scalar("%end", group);
    const made = b.sum(tile, b.scalar("%first", group), end, (start) => {
      const places = b.counts(start, depth);
      const limit = b.op(`tt.splat ${end} : i32 -> ${tensor([depth], "i32")}`);
      const known = b.op(`arith.cmpi slt, ${places}, ${limit} : ${tensor([depth], "i32")}`);
      const own = b.rowsAt("%order", places, known, depth);
      const [xs, ys] = [
        [rows, depth],
        [depth, columns],
      ] as const;
      const xMask = b.and(b.spread(mInside, "i1", 0, xs), b.spread(known, "i1", 1, xs), xs);
      const yMask = b.and(b.spread(known, "i1", 0, ys), b.spread(nInside, "i1", 1, ys), ys);
      return [
        b.load(b.pointers("%x", m, 1, b.shared(own, xEach, depth), M, xs), xMask, xs),
        b.load(b.pointers("%y", b.shared(own, yEach, depth), N, n, 1, ys), yMask, ys),
      ];
    });
    const shape = [rows, columns];
    const mask = b.and(b.spread(mInside, "i1", 0, shape), b.spread(nInside, "i1", 1, shape), shape);
    const out = b.matrix("%out", group, M * N);
    b.store(b.pointers(out, m, N, n, 1, shape), made, mask, shape);
  });
  return { name, text, grid: [tilesOf(M, rows) * across, E], tile };
};
