// Whole small residual networks: what they compute against a plain reading of the papers in loops, channels first, and their
// gradient along a random direction against central differences of the loss. WideResNet is also compared with the authors' code of
// NeuroTrails, in test/parity.
import { describe, expect, it } from "vitest";
import { modelOf, passOf } from "../../../test/parity/images.ts";
import { evaluate } from "../ir/evaluate.ts";

/** [B][C][H][W] */
type Images = number[][][][];
type State = Readonly<Record<string, Float64Array>>;

const [B, SIDE, CLASSES] = [3, 9, 5];
const draw = (seed: number) => {
  let s = seed;
  return (): number => {
    s = (s * 1_103_515_245 + 12_345) % 2 ** 31;
    return s / 2 ** 30 - 1;
  };
};
const grid = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i)); // prettier-ignore
const each = (x: Images, f: (value: number, c: number) => number): Images =>
  x.map((image) => image.map((plane, c) => plane.map((row) => row.map((v) => f(v, c)))));
const relu = (x: Images): Images => each(x, (v) => Math.max(0, v));
const add = (x: Images, y: Images): Images =>
  x.map((image, n) => image.map((plane, c) => plane.map((row, i) => row.map((v, j) => v + y[n]![c]![i]![j]!)))); // prettier-ignore

/** A network written as its paper writes it: parameters by name, statistics of the batch or running ones. */
const layers = (state: State, training: boolean) => {
  const of = (name: string): Float64Array => {
    const values = state[name];
    if (values === undefined) throw new Error(`no ${name}`);
    return values;
  };
  return {
    conv: (name: string, x: Images, out: number, k: number, stride: number): Images => {
      const w = of(`${name}.weight`); // [k, k, in, out]
      const [C, H] = [x[0]!.length, x[0]![0]!.length];
      const pad = (k - 1) / 2;
      const P = Math.floor((H + 2 * pad - k) / stride) + 1;
      return x.map((image) =>
        grid(out, (o) => grid(P, (p) => grid(P, (q) => {
          let sum = 0;
          for (let c = 0; c < C; c++) for (let i = 0; i < k; i++) for (let j = 0; j < k; j++)
            sum += (image[c]![p * stride + i - pad]?.[q * stride + j - pad] ?? 0) * w[((i * k + j) * C + c) * out + o]!;
          return sum;
        }))),
      ); // prettier-ignore
    },
    norm: (name: string, x: Images): Images => {
      const stats = x[0]!.map((_, c) => {
        const values = x.flatMap((image) => image[c]!.flat());
        const mean = values.reduce((s, v) => s + v, 0) / values.length;
        return [mean, values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length] as const;
      });
      return each(x, (v, c) => {
        const [mean, variance] = training
          ? stats[c]!
          : [of(`${name}.running_mean`)[c]!, of(`${name}.running_var`)[c]!];
        return ((v - mean) / Math.sqrt(variance + 1e-5)) * of(`${name}.weight`)[c]! + of(`${name}.bias`)[c]!; // prettier-ignore
      });
    },
    classify: (x: Images, window: number | undefined): number[] => {
      const w = of("head.weight"); // [in, out]
      return x.flatMap((image) => {
        const places = Math.floor(image[0]!.length / (window ?? image[0]!.length));
        const side = window ?? image[0]!.length;
        const features = image.flatMap((plane) => grid(places ** 2, (n) => {
          const [p, q] = [Math.floor(n / places) * side, (n % places) * side];
          const values = plane.slice(p, p + side).flatMap((row) => row.slice(q, q + side));
          return values.reduce((s, v) => s + v, 0) / values.length;
        })); // prettier-ignore
        return grid(CLASSES, (o) =>
          features.reduce((s, f, i) => s + f * w[i * CLASSES + o]!, state["head.bias"]?.[o] ?? 0),
        );
      });
    },
  };
};
const maxPool = (x: Images, k: number, stride: number, pad: number): Images =>
  x.map((image) => image.map((plane) => {
    const P = Math.floor((plane.length + 2 * pad - k) / stride) + 1;
    return grid(P, (p) => grid(P, (q) =>
      Math.max(...grid(k * k, (n) => plane[p * stride + Math.floor(n / k) - pad]?.[q * stride + (n % k) - pad] ?? -Infinity)),
    ));
  })); // prettier-ignore

interface Network {
  readonly name: string;
  readonly text: string;
  readonly compute: (net: ReturnType<typeof layers>, images: Images) => number[];
}
const networks: readonly Network[] = [
  {
    name: "basic",
    text: `  input = image(${SIDE}, ${SIDE}, 2, mean: [0.125, -0.25], std: [0.5, 2])
  stem = conv(3, norm: batchnorm())
  blocks 2 { unit = basic(3) }
  blocks 1 { unit = basic(4, stride: first(2)) }
  final_norm = none
  head = classifier(${CLASSES}, bias: false)`,
    compute: ({ conv, norm, classify }, images) => {
      const scaled = each(images, (v, c) => (c === 0 ? (v - 0.125) / 0.5 : (v + 0.25) / 2));
      let x = relu(norm("stem_norm", conv("stem", scaled, 3, 3, 1)));
      for (const [i, out, stride] of [[0, 3, 1], [1, 3, 1], [2, 4, 2]] as const) {
        const at = `blocks.${i}`;
        const inner = relu(norm(`${at}.conv1_norm`, conv(`${at}.conv1`, x, out, 3, stride)));
        const branch = norm(`${at}.conv2_norm`, conv(`${at}.conv2`, inner, out, 3, 1));
        const skip = i < 2 ? x : norm(`${at}.shortcut_norm`, conv(`${at}.shortcut`, x, out, 1, 2));
        x = relu(add(skip, branch));
      } // prettier-ignore
      return classify(x, undefined);
    },
  },
  {
    name: "bottleneck",
    text: `  input = image(${SIDE}, ${SIDE}, 2)
  stem = conv(4, kernel: 5, stride: 1, norm: batchnorm(), pool: max_pool(window: 3, stride: 2))
  blocks 2 { unit = bottleneck(2, expansion: 3) }
  blocks 1 { unit = bottleneck(3, stride: first(2), expansion: 2) }
  final_norm = none
  head = classifier(${CLASSES}, pool: average(window: 2))`,
    compute: ({ conv, norm, classify }, images) => {
      let x = maxPool(relu(norm("stem_norm", conv("stem", images, 4, 5, 1))), 3, 2, 1);
      for (const [i, width, out, stride] of [[0, 2, 6, 1], [1, 2, 6, 1], [2, 3, 6, 2]] as const) {
        const at = `blocks.${i}`;
        const narrow = relu(norm(`${at}.conv1_norm`, conv(`${at}.conv1`, x, width, 1, 1)));
        const inner = relu(norm(`${at}.conv2_norm`, conv(`${at}.conv2`, narrow, width, 3, stride)));
        const branch = norm(`${at}.conv3_norm`, conv(`${at}.conv3`, inner, out, 1, 1));
        const skip =
          i === 1 ? x : norm(`${at}.shortcut_norm`, conv(`${at}.shortcut`, x, out, 1, stride));
        x = relu(add(skip, branch));
      } // prettier-ignore
      return classify(x, 2);
    },
  },
  {
    name: "wide_basic",
    text: `  input = image(${SIDE}, ${SIDE}, 2)
  stem = conv(3)
  blocks 1 { unit = wide_basic(3) }
  blocks 1 { unit = wide_basic(4, stride: every(2)) }
  head = classifier(${CLASSES})`,
    compute: ({ conv, norm, classify }, images) => {
      let x = conv("stem", images, 3, 3, 1);
      for (const [i, out, stride] of [[0, 3, 1], [1, 4, 2]] as const) {
        const at = `blocks.${i}`;
        const active = relu(norm(`${at}.conv1_norm`, x));
        const inner = relu(norm(`${at}.conv2_norm`, conv(`${at}.conv1`, active, out, 3, stride)));
        const skip = i === 0 ? x : conv(`${at}.shortcut`, active, out, 1, stride);
        x = add(skip, conv(`${at}.conv2`, inner, out, 3, 1));
      } // prettier-ignore
      return classify(relu(norm("final_norm", x)), undefined);
    },
  },
];

describe.each(networks)("$name", ({ text, compute }) => {
  const model = modelOf(text);
  const random = draw(11);
  const { state: entries } = passOf(model, B, false);
  const state: State = Object.fromEntries(
    entries.map(({ name, shape }) => {
      const count = shape.reduce((n, d) => n * d, 1);
      const [middle, scale] = name.endsWith("running_var") ? [1, 0.5] : [0, 0.7];
      return [name, Float64Array.from({ length: count }, () => middle + scale * random())];
    }),
  );
  const pixels = Float64Array.from({ length: B * SIDE * SIDE * 2 }, random);
  const images: Images = grid(B, (n) => grid(2, (c) => grid(SIDE, (i) => grid(SIDE, (j) => pixels[((n * SIDE + i) * SIDE + j) * 2 + c]!)))); // prettier-ignore
  const inputs = { images: pixels, targets: [1, 4, 0] };

  describe.each([false, true])("in training: %s", (training) => {
    const { graph, state: named } = passOf(model, B, training);
    const run = (values: State) => evaluate(graph, { inputs, state: values }).outputs;
    const found = run(state);
    it("computes what the paper says", () => {
      const wanted = compute(layers(state, training), images);
      const logits = Array.from(found["logits"]!.data);
      expect(logits).toHaveLength(B * CLASSES);
      logits.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 10));
      expect(new Set(logits.map((x) => x.toFixed(6))).size).toBe(B * CLASSES);
    });
    it("has the gradient that differences of the loss show", () => {
      const params = named.filter(({ kind }) => kind === "param").map(({ name }) => name);
      const turned = draw(5);
      const direction: State = Object.fromEntries(
        params.map((name) => [name, state[name]!.map(() => turned())]),
      );
      const step = 1e-6;
      const [ahead, behind] = [step, -step].map((by) => {
        const moved = params.map((name) => [name, state[name]!.map((x, i) => x + by * direction[name]![i]!)]); // prettier-ignore
        return run({ ...state, ...(Object.fromEntries(moved) as State) })["loss"]!.data[0]!;
      });
      const slope = (ahead! - behind!) / (2 * step);
      const along = params.reduce(
        (sum, name) => sum + Array.from(found[`grad.${name}`]!.data).reduce((s, g, i) => s + g * direction[name]![i]!, 0),
        0,
      ); // prettier-ignore
      expect(Math.abs(along)).toBeGreaterThan(1e-3);
      expect(Math.abs(along - slope)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
    });
  });
});
