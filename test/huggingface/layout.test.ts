// Layouts of checkpoints: names, joins and transposes, in both directions, on any number format.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeTensor,
  encodeAs,
  floatToHalf,
  halfToFloat,
  tooLargeFor,
} from "../../src/bundle/number-formats.ts";
import { joinRaw, splitRaw, transposeRaw, type RawTensor } from "../../src/bundle/raw-tensor.ts";
import { accountOf } from "../../src/compiler/huggingface/account.ts";
import type { Family } from "../../src/compiler/huggingface/family.ts";
import { join, layoutOf, transpose, type Shapes } from "../../src/compiler/huggingface/layout.ts";
import { asOurs, asTheirs, inFormat, type Source } from "../../src/compiler/huggingface/views.ts";

const rules = [
  { theirs: "wte.weight", made: "embed.weight" },
  { theirs: "h.{l}.ln.*", made: "layers.{l}.norm.*" },
  {
    theirs: "h.{l}.c_attn.weight",
    made: transpose(join(0, "layers.{l}.q.weight", "layers.{l}.k.weight")),
  },
];
const ours: Shapes = new Map([
  ["embed.weight", [5, 4]],
  ["layers.0.norm.weight", [4]],
  ["layers.0.norm.bias", [4]],
  ["layers.0.q.weight", [6, 4]],
  ["layers.0.k.weight", [2, 4]],
  ["layers.10.q.weight", [6, 4]],
  ["layers.10.k.weight", [2, 4]],
  ["head.weight", [5, 4]],
]);
const layout = layoutOf(rules, ours);

const filled = (shapes: Shapes, format: "F32" | "BF16" = "BF16"): Source => {
  const size = format === "F32" ? 4 : 2;
  return {
    infos: new Map([...shapes].map(([name, shape]) => [name, { format, shape }])),
    readBytes: async (name) =>
      Uint8Array.from(
        { length: shapes.get(name)!.reduce((a, b) => a * b, size) },
        (_, i) => (i * 7 + name.length * 13) & 255,
      ),
  };
};

describe("layouts", () => {
  test("rules name what they match, all else keeps its name", () => {
    expect([...layout.keys()]).toEqual([
      "wte.weight",
      "h.0.ln.weight",
      "h.0.ln.bias",
      "h.0.c_attn.weight",
      "h.10.c_attn.weight",
      "head.weight",
    ]);
  });
  test("what is saved is loaded again, bit by bit", async () => {
    const before = filled(ours);
    const theirs = asTheirs(before, layout);
    expect(theirs.infos.get("h.0.c_attn.weight")).toEqual({ format: "BF16", shape: [4, 8] });
    const after = asOurs(theirs, layout, ours);
    expect([...after.infos.keys()].sort()).toEqual([...ours.keys()].sort());
    for (const name of ours.keys())
      expect(await after.readBytes(name), name).toEqual(await before.readBytes(name));
  });
  test("a tensor that is split in parts is read once, though others lie between them", async () => {
    const theirs = asTheirs(filled(ours), layout);
    const read: string[] = [];
    const after = asOurs(
      {
        infos: theirs.infos,
        readBytes: (name) => {
          read.push(name);
          return theirs.readBytes(name);
        },
      },
      layout,
      ours,
    );
    // As a file is written: by name, so that k stands before its layer's norm, and q after it.
    for (const name of [...ours.keys()].sort()) await after.readBytes(name);
    expect([...read].sort()).toEqual([...layout.keys()].sort());
  });
  test("a joined tensor holds its parts side by side", async () => {
    const q = {
      format: "F32",
      shape: [1, 2],
      bytes: encodeAs("F32", Float32Array.of(1, 2)),
    } as const;
    const k = {
      format: "F32",
      shape: [2, 2],
      bytes: encodeAs("F32", Float32Array.of(3, 4, 5, 6)),
    } as const;
    const both = transposeRaw(joinRaw([q, k], 0));
    const read = decodeTensor("F32", both.shape, both.bytes);
    expect(both.shape).toEqual([2, 3]);
    expect(typeof read === "object" && [...read.data]).toEqual([1, 3, 5, 2, 4, 6]);
  });
  test("parts of different formats cannot be joined without a choice", () => {
    const mixed = filled(ours);
    const infos = new Map([
      ...mixed.infos,
      ["layers.0.k.weight", { format: "F32", shape: [2, 4] }],
    ] as const);
    expect(() => asTheirs({ ...mixed, infos }, layout)).toThrow(/joined .* BF16 and F32/);
  });
});

test("split is the inverse of join along any axis", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      sizes,
      fc.nat(2),
      fc.constantFrom("I8", "F16", "F32", "F64"),
      (parts, axis, format) => {
        const step = { I8: 1, F16: 2, F32: 4, F64: 8 }[format];
        const tensors = parts.map((n, p): RawTensor => {
          const shape = [2, 3, 2].map((d, i) => (i === axis ? n : d));
          const length = shape.reduce((a, b) => a * b, step);
          return {
            format,
            shape,
            bytes: Uint8Array.from({ length }, (_, i) => (p * 50 + i) & 255),
          };
        });
        expect(splitRaw(joinRaw(tensors, axis), axis, parts)).toEqual(tensors);
      },
    ),
  );
});

describe("accounts", () => {
  const family: Family = {
    name: "toy",
    architecture: "Toy",
    source: "",
    read: () => ({ model: {}, blocks: [] }),
    write: () => ({}),
    tensors: rules,
    empty: [{ name: /\.attn\.bias$/, why: "a mask" }],
  };
  test("every tensor is somewhere", () => {
    const infos = new Map(asTheirs(filled(ours), layout).infos);
    infos.delete("wte.weight");
    infos.set("h.0.attn.bias", { format: "F32", shape: [1] });
    infos.set("h.0.rotary_emb.inv_freq", { format: "F32", shape: [2] });
    infos.set("surprise", { format: "F32", shape: [1] });
    infos.set("head.weight", { format: "F32", shape: [5, 3] });
    infos.set("h.0.ln.bias", { format: "I8", shape: infos.get("h.0.ln.bias")!.shape });
    const account = accountOf(family, layout, ours, infos, false);
    expect(account).toEqual({
      same: ["head.weight"],
      converted: [
        { theirs: "h.0.ln.weight", ours: ["layers.0.norm.weight"], how: "renamed" },
        { theirs: "h.0.ln.bias", ours: ["layers.0.norm.bias"], how: "renamed" },
        ...[0, 10].map((l) => ({
          theirs: `h.${l}.c_attn.weight`,
          ours: [`layers.${l}.q.weight`, `layers.${l}.k.weight`],
          how: "transposed, split in 2",
        })),
      ],
      dropped: [
        { name: "h.0.attn.bias", why: "a mask" },
        { name: "h.0.rotary_emb.inv_freq", why: "a table that is computed" },
      ],
      missing: ["wte.weight"],
      unexpected: ["surprise"],
      mistyped: [{ name: "h.0.ln.bias", format: "I8" }],
      misshapen: [{ name: "head.weight", found: [5, 3], expected: [5, 4] }],
    });
  });
});

describe("number formats", () => {
  test("what a narrower format would make an infinity of is told", () => {
    const largest = 3.4028234663852886e38;
    const data = Float32Array.of(-Infinity, NaN, 65519, -70000, largest);
    expect(tooLargeFor("F16", data)).toBe(-70000);
    expect(tooLargeFor("F16", data.subarray(0, 3))).toBeUndefined();
    expect(tooLargeFor("BF16", data)).toBe(largest);
    expect(tooLargeFor("BF16", data.subarray(0, 4))).toBeUndefined();
    expect(tooLargeFor("F32", data)).toBeUndefined();
    // The bound is where rounding goes over.
    const goesOver = (format: "F16" | "BF16", x: number): boolean => {
      const [a, b] = [x, Infinity].map((one) => [...encodeAs(format, Float32Array.of(one))]);
      return String(a) === String(b);
    };
    expect([65520, 65519.996].map((x) => goesOver("F16", x))).toEqual([true, false]);
    const beyond = 2 ** 128 - 2 ** 119;
    expect([beyond, beyond - 2 ** 104].map((x) => goesOver("BF16", x))).toEqual([true, false]);
  });
  test("a half comes back as itself", () => {
    for (let bits = 0; bits < 0x10000; bits += 1) {
      const x = halfToFloat(bits);
      if (!Number.isNaN(x)) expect(floatToHalf(x)).toBe(bits);
      else expect(halfToFloat(floatToHalf(x))).toBeNaN();
    }
  });
  test("halves round to the nearest, ties to even", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), (bits) => {
        const [low, high] = [halfToFloat(bits), halfToFloat(bits + 1)];
        const middle = (low + high) / 2;
        expect(floatToHalf(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
        expect(floatToHalf(Math.fround(low + (middle - low) * 0.99))).toBe(bits);
        expect(floatToHalf(-Math.fround(high - (high - middle) * 0.99))).toBe(0x8000 | (bits + 1));
      }),
    );
    expect([65504, 65519, 65520, Infinity].map(floatToHalf)).toEqual([
      0x7bff, 0x7bff, 0x7c00, 0x7c00,
    ]);
  });
  test("bfloat16 is the upper half of f32, rounded", async () => {
    const values = Float32Array.of(1, 1.00390625, 1.01171875, -3.5, 0, -0, Infinity, 3.4e38);
    const bytes = encodeAs("BF16", values);
    const read = decodeTensor("BF16", [8], bytes);
    expect(typeof read === "object" && [...read.data]).toEqual([
      1,
      1,
      1.015625,
      -3.5,
      0,
      -0,
      Infinity,
      Infinity,
    ]);
  });
  test("a view in another format changes floats alone", async () => {
    const infos = new Map([
      ["w", { format: "F32", shape: [2] }],
      ["ids", { format: "I64", shape: [1] }],
    ] as const);
    const data = { w: encodeAs("F32", Float32Array.of(0.1, 2)), ids: new Uint8Array(8).fill(1) };
    const view = inFormat({ infos, readBytes: async (name) => data[name as "w" | "ids"] }, "BF16");
    expect([...view.infos.values()].map(({ format }) => format)).toEqual(["BF16", "I64"]);
    expect(await view.readBytes("w")).toEqual(Uint8Array.of(0xcd, 0x3d, 0, 0x40));
    expect(await view.readBytes("ids")).toEqual(data.ids);
  });
});
