// Runs the text of a kernel in Triton's language on plain arrays, one program after the other: the few operations that kernels
// here use. What a mask leaves out is neither read nor written, and reading or writing outside of a buffer throws.
type Data = Float64Array;
interface Tensor {
  readonly shape: readonly number[];
  readonly data: Data;
  /** Of pointers: the buffer whose elements `data` counts. */
  readonly base?: string;
}
type Buffers = Readonly<Record<string, Float64Array>>;
const scalar = (value: number, base?: string): Tensor => ({
  shape: [],
  data: Float64Array.of(value),
  ...(base !== undefined && { base }),
});
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const shapeOf = (type: string): readonly number[] => {
  const inside = /tensor<([\dx]*?)x?(?:!tt\.ptr<\w+>|f32|bf16|i32|i1|i64)>/.exec(type);
  return inside === null || inside[1] === "" ? [] : inside[1]!.split("x").map(Number);
};

const BINARY: Readonly<Record<string, (x: number, y: number) => number>> = {
  addi: (x, y) => x + y,
  muli: (x, y) => x * y,
  divsi: (x, y) => Math.trunc(x / y),
  remsi: (x, y) => x % y,
  andi: (x, y) => x & y,
};
const COMPARE: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  slt: (x, y) => x < y,
  sge: (x, y) => x >= y,
};

/** Lines of a body up to the brace that closes it, and how many lines that is. */
const bodyAt = (lines: readonly string[], from: number): readonly string[] => {
  let depth = 1;
  for (let i = from; i < lines.length; i++) {
    if (lines[i] === "}") depth--;
    else if (lines[i]!.endsWith("{")) depth++;
    if (depth === 0) return lines.slice(from, i);
  }
  throw new Error("a brace is not closed");
};

export const runKernel = (
  text: string,
  grid: readonly [number, number],
  buffers: Buffers,
): void => {
  const lines = text.split("\n").map((line) => line.trim());
  const head = lines.findIndex((line) => line.startsWith("tt.func"));
  const names = [...lines[head]!.matchAll(/%(\w+): !tt\.ptr/g)].map((m) => m[1]!);
  const body = bodyAt(lines, head + 1);
  const buffer = (name: string): Float64Array => {
    const found = buffers[name];
    if (found === undefined) throw new Error(`no buffer ${name}`);
    return found;
  };

  const run = (
    program: readonly string[],
    ids: readonly [number, number],
    outer: Map<string, Tensor>,
  ): Tensor | undefined => {
    const values = new Map(outer);
    const get = (name: string): Tensor => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`${name} is used before it is made`);
      return value;
    };
    const map = (x: Tensor, f: (v: number, i: number) => number): Tensor => ({
      ...x,
      data: x.data.map(f),
    });
    const each = (x: Tensor, y: Tensor, f: (a: number, b: number) => number): Tensor => {
      if (x.shape.join() !== y.shape.join())
        throw new Error(`[${x.shape.join()}] and [${y.shape.join()}]`);
      return map(x, (v, i) => f(v, y.data[i]!));
    };
    const made = (text: string): Tensor => {
      const [op = ""] = text.split(" ", 1);
      const rest = text.slice(op.length + 1);
      const operands = [...rest.split(" : ")[0]!.matchAll(/%\w+/g)].map((m) => m[0]);
      const [x, y, z] = operands.map(get);
      const type = rest.includes("->")
        ? rest.slice(rest.lastIndexOf("->"))
        : rest.slice(rest.lastIndexOf(" : "));
      switch (op) {
        case "arith.constant": {
          const number = Number(/(?:dense<)?(-?[\d.]+)/.exec(rest)![1]);
          const shape = shapeOf(type);
          return { shape, data: new Float64Array(sizeOf(shape)).fill(number) };
        }
        case "tt.get_program_id":
          return scalar(rest.startsWith("x") ? ids[0] : ids[1]);
        case "tt.make_range": {
          const shape = shapeOf(type);
          return { shape, data: Float64Array.from({ length: shape[0]! }, (_, i) => i) };
        }
        case "tt.splat": {
          const shape = shapeOf(type);
          return { ...x!, shape, data: new Float64Array(sizeOf(shape)).fill(x!.data[0]!) };
        }
        case "tt.expand_dims":
          return { ...x!, shape: shapeOf(type) };
        case "tt.broadcast": {
          const shape = shapeOf(type) as [number, number];
          const [rows] = x!.shape;
          const at = (i: number): number => (rows === 1 ? i % shape[1] : Math.floor(i / shape[1]));
          return {
            ...x!,
            shape,
            data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => x!.data[at(i)]!),
          };
        }
        case "tt.addptr":
          return { ...each(x!, y!, (a, b) => a + b), base: x!.base! };
        case "tt.load": {
          const from = buffer(x!.base!);
          return {
            shape: x!.shape,
            data: x!.data.map((at, i) => {
              if (y !== undefined && y.data[i] === 0) return z!.data[i]!;
              if (!(at >= 0 && at < from.length))
                throw new Error(`reads ${x!.base}[${at}] of ${from.length}`);
              return from[at]!;
            }),
          };
        }
        case "tt.dot": {
          const k = x!.shape[1]!;
          const n = y!.shape[1]!;
          return map(z!, (before, i) => {
            let total = before;
            for (let p = 0; p < k; p++)
              total += x!.data[Math.floor(i / n) * k + p]! * y!.data[p * n + (i % n)]!;
            return total;
          });
        }
        case "arith.truncf":
        case "arith.extsi":
          return x!;
        case "arith.cmpi": {
          const compare = COMPARE[rest.split(",")[0]!]!;
          return each(x!, y!, (a, b) => Number(compare(a, b)));
        }
      }
      const binary = BINARY[op.replace("arith.", "")];
      if (binary === undefined) throw new Error(`no operation ${op}`);
      return each(x!, y!, binary);
    };

    for (let i = 0; i < program.length; i++) {
      const line = program[i]!;
      const assigned = /^(%\w+) = (.*)$/.exec(line);
      if (line.startsWith("scf.if")) {
        const inner = bodyAt(program, i + 1);
        if (get(/%\w+/.exec(line)![0]).data[0] !== 0) run(inner, ids, values);
        i += inner.length + 1;
      } else if (line.startsWith("scf.yield")) return get(/%\w+/.exec(line)![0]);
      else if (line.startsWith("tt.store")) {
        const [to, value, mask] = [...line.split(" : ")[0]!.matchAll(/%\w+/g)].map((m) =>
          get(m[0]),
        );
        const into = buffer(to!.base!);
        to!.data.forEach((at, j) => {
          if (mask!.data[j] === 0) return;
          if (!(at >= 0 && at < into.length))
            throw new Error(`writes ${to!.base}[${at}] of ${into.length}`);
          into[at] = value!.data[j]!;
        });
      } else if (line === "tt.return") return undefined;
      else if (assigned?.[2]!.startsWith("scf.for")) {
        const loop =
          /scf\.for (%\w+) = (%\w+) to (%\w+) step (%\w+) iter_args\((%\w+) = (%\w+)\)/.exec(line)!;
        const [, k, from, to, step, name, start] = loop;
        const inner = bodyAt(program, i + 1);
        let state = get(start!);
        const [end, by] = [get(to!).data[0]!, get(step!).data[0]!];
        for (let at = get(from!).data[0]!; at < end; at += by) {
          const scope = new Map(values).set(k!, scalar(at)).set(name!, state);
          state = run(inner, ids, scope)!;
        }
        values.set(assigned[1]!, state);
        i += inner.length + 1;
      } else if (assigned !== null) {
        if (values.has(assigned[1]!)) throw new Error(`${assigned[1]} is made twice`);
        values.set(assigned[1]!, made(assigned[2]!));
      } else throw new Error(`not understood: ${line}`);
    }
    return undefined;
  };
  const pointers = new Map(names.map((name) => [`%${name}`, scalar(0, name)]));
  for (let y = 0; y < grid[1]; y++) for (let x = 0; x < grid[0]; x++) run(body, [x, y], pointers);
};
