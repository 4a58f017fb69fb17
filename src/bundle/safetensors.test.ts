// The reader takes what the writer and other libraries write, and meets everything else with a FileFault.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { halfToFloat } from "./number-formats.ts";
import {
  FileFault,
  openSafetensors,
  openShards,
  readSafetensors,
  writeSafetensors,
  type RangeReader,
} from "./safetensors.ts";
import type { HostTensor } from "./tensor.ts";

const file = (header: string | object, data: readonly number[] = []): Uint8Array => {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
};
const one = (
  dtype: string,
  shape: readonly number[],
  data: readonly number[],
): HostTensor | undefined =>
  readSafetensors(file({ x: { dtype, shape, data_offsets: [0, data.length] } }, data)).tensors["x"];
const bytesOf = (data: ArrayBufferView): number[] => [
  ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
];
const readerOf = (bytes: Uint8Array, name = "mem"): RangeReader => ({
  file: name,
  bytes: bytes.length,
  read: async (begin, end) => bytes.slice(begin, end),
  close: async () => undefined,
});

describe("reading and writing", () => {
  const tensors = {
    "b.weight": { dtype: "f32", shape: [2, 2], data: Float32Array.of(1, -0, NaN, Infinity) },
    "a.scalar": { dtype: "f32", shape: [], data: Float32Array.of(0.1) },
    ids: { dtype: "i32", shape: [3], data: Int32Array.of(-1, 2, 2147483647) },
    mask: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
    empty: { dtype: "f32", shape: [0, 4], data: new Float32Array(0) },
    ["__proto__"]: { dtype: "f32", shape: [1], data: Float32Array.of(7) },
  } as const satisfies Record<string, HostTensor>;

  test("round trip, with equal bytes whatever the order", async () => {
    const bytes = writeSafetensors(tensors, { step: "3" });
    const back = readSafetensors(bytes);
    expect(back.tensors).toEqual(tensors);
    expect(back.metadata).toEqual({ format: "pt", step: "3" });
    expect(
      writeSafetensors(Object.fromEntries(Object.entries(tensors).reverse()), { step: "3" }),
    ).toEqual(bytes);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    const lazy = await openSafetensors(readerOf(bytes));
    expect(await lazy.read("ids")).toEqual(tensors.ids);
    await expect(lazy.read("nothing")).rejects.toThrow(FileFault);
  });

  test("the header is read, and then what is asked for", async () => {
    const bytes = writeSafetensors(tensors);
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const ranges: (readonly [begin: number, length: number])[] = [];
    const opened = await openSafetensors({
      ...readerOf(bytes),
      read: async (begin, end) => {
        ranges.push([begin, end - begin]);
        return bytes.slice(begin, end);
      },
    });
    expect(ranges).toEqual([
      [0, 8],
      [8, header - 8],
    ]);
    await opened.readBytes("ids");
    await opened.read("mask");
    expect(ranges.slice(2).map(([, length]) => length)).toEqual([12, 3]);
  });

  test("other number formats", () => {
    expect(one("BF16", [2], [0x80, 0x3f, 0xc0, 0x7f])?.data).toEqual(Float32Array.of(1, NaN));
    expect(one("F16", [4], [0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc])?.data).toEqual(
      Float32Array.of(1, 2 ** -24, 65504, -Infinity),
    );
    expect(one("F64", [1], bytesOf(Float64Array.of(0.1)))?.data).toEqual(Float32Array.of(0.1));
    expect(one("I64", [2], bytesOf(BigInt64Array.of(-5n, 7n)))?.data).toEqual(Int32Array.of(-5, 7));
    expect(one("U8", [2], [3, 255])?.data).toEqual(Int32Array.of(3, 255));
    expect(halfToFloat(0x8000)).toBe(-0);
  });

  test("shards", async () => {
    const files: Record<string, Uint8Array> = {
      "m-1.safetensors": writeSafetensors({ a: tensors.ids }),
      "m-2.safetensors": writeSafetensors({ b: tensors.mask }),
    };
    const open = async (name: string): Promise<RangeReader> =>
      readerOf(files[name] ?? new Uint8Array(0), name);
    const index = (map: object): string => JSON.stringify({ metadata: {}, weight_map: map });
    const opened = await openShards(
      index({ a: "m-1.safetensors", b: "m-2.safetensors" }),
      "index",
      open,
    );
    expect(await opened.read("b")).toEqual(tensors.mask);
    await expect(openShards(index({ a: "m-2.safetensors" }), "index", open)).rejects.toThrow(
      /holds tensor "b"/,
    );
    await expect(openShards(index({ a: "../m.safetensors" }), "index", open)).rejects.toThrow(
      /no shard beside/,
    );
    await expect(openShards("{", "index", open)).rejects.toThrow(FileFault);
  });
});

describe("faults", () => {
  const f32 = (shape: readonly number[], begin: number, end: number) => ({
    dtype: "F32",
    shape,
    data_offsets: [begin, end],
  });
  const data = new Array<number>(8).fill(0);
  test("a file that is none is closed", async () => {
    let closed = 0;
    const reader = { ...readerOf(new Uint8Array(5)), close: async () => void (closed += 1) };
    await expect(openSafetensors(reader)).rejects.toThrow(FileFault);
    expect(closed).toBe(1);
  });
  test.each<[string, Uint8Array, RegExp]>([
    [
      "a pointer of Git LFS",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
      /a pointer to them, as Git LFS leaves it/,
    ],
    ["too small", new Uint8Array(5), /not a safetensors file: 5 bytes/],
    ["huge header", new Uint8Array(16).fill(0xff), /its header would take/],
    [
      "header past the end",
      Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0, 123, 125),
      /the header takes 99 bytes and 2 are left/,
    ],
    ["not JSON", file("{nope"), /not JSON/],
    ["not an object", file("[]"), /does not start with/],
    [
      "key twice",
      file(
        '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        [0, 0, 0, 0],
      ),
      /"x" occurs twice/,
    ],
    [
      "escaped key twice",
      file('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":1}', [0, 0, 0, 0]),
      /occurs twice/,
    ],
    [
      "unknown dtype",
      file({ x: { ...f32([2], 0, 8), dtype: "F31" } }, data),
      /unknown dtype "F31"/,
    ],
    ["negative size", file({ x: f32([-2], 0, 8) }, data), /not a list of sizes/],
    [
      "wrong size",
      file({ x: f32([3], 0, 8) }, data),
      /takes 12 bytes, data_offsets \[0, 8\] give 8/,
    ],
    ["overflowing size", file({ x: f32([2 ** 40, 2 ** 40], 0, 8) }, data), /takes \d{20,} bytes/],
    ["out of range", file({ x: f32([3], 0, 12) }, data), /cut short/],
    ["overlap", file({ x: f32([2], 0, 8), y: f32([1], 4, 8) }, data), /overlaps/],
    ["hole", file({ y: f32([1], 4, 8) }, data), /4 bytes before tensor "y"/],
    ["tail", file({ y: f32([1], 0, 4) }, data), /4 bytes at the end/],
    ["metadata", file({ __metadata__: { a: 1 } }), /__metadata__ "a" is not a text/],
    [
      "i64 too large",
      file(
        { x: { dtype: "I64", shape: [1], data_offsets: [0, 8] } },
        bytesOf(BigInt64Array.of(2n ** 40n)),
      ),
      /does not fit i32/,
    ],
    [
      "f64 too large",
      file(
        { x: { dtype: "F64", shape: [1], data_offsets: [0, 8] } },
        bytesOf(Float64Array.of(1e300)),
      ),
      /does not fit f32/,
    ],
    [
      "bool 2",
      file({ x: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, [2]),
      /does not fit bool/,
    ],
    [
      "f8",
      file({ x: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, [2]),
      /F8_E4M3 is not supported/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes, "w.safetensors")).toThrow(FileFault);
    expect(() => readSafetensors(bytes, "w.safetensors")).toThrow(message);
  });

  const onlyFaults = (bytes: Uint8Array): void => {
    try {
      readSafetensors(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(FileFault);
    }
  };
  test("random bytes and damaged files throw nothing but FileFault", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyFaults));
    fc.assert(fc.property(fc.json(), (text) => onlyFaults(file(text))));
    const good = writeSafetensors({
      a: { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) },
      b: { dtype: "bool", shape: [1], data: Uint8Array.of(1) },
    });
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(edits, fc.nat(good.length), (changes, end) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        onlyFaults(bytes);
        onlyFaults(bytes.subarray(0, end));
      }),
      { numRuns: 500 },
    );
  });
  test("never reads outside its bytes", () => {
    const good = writeSafetensors({ a: { dtype: "f32", shape: [1], data: Float32Array.of(1) } });
    const wide = new Uint8Array(good.length + 8).fill(0xee);
    wide.set(good);
    expect(readSafetensors(wide.subarray(0, good.length)).tensors["a"]?.data).toEqual(
      Float32Array.of(1),
    );
    expect(() => readSafetensors(wide.subarray(0, good.length - 1))).toThrow(FileFault);
  });
});
