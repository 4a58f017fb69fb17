// The header of a safetensors file: 8 bytes of length, then JSON with a dtype, a shape and a byte range for each tensor.
// Everything that a hostile or cut file can get wrong is checked here, before any tensor is touched.
import { FileFault } from "./file-fault.ts";
import { FORMAT_BYTES, isNumberFormat, type NumberFormat } from "./number-formats.ts";

export interface TensorPlace {
  readonly name: string;
  readonly format: NumberFormat;
  readonly shape: readonly number[];
  /** From the start of the file. */
  readonly begin: number;
  readonly end: number;
}
export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of the bytes. */
  readonly places: readonly TensorPlace[];
}

/** No real header comes near it; a larger length means that the file is something else. */
const LARGEST_HEADER = 100_000_000;

/** The length of the JSON text, from the first 8 bytes. */
export const headerLength = (first: Uint8Array, fileBytes: number, file: string): number => {
  if (fileBytes < 8 || first.length < 8) {
    throw new FileFault(
      file,
      `not a safetensors file: ${fileBytes} bytes, and the length of the header alone takes 8`,
    );
  }
  if (new TextDecoder().decode(first.subarray(0, 8)) === "version ")
    throw new FileFault(
      file,
      "not the weights but a pointer to them, as Git LFS leaves it",
      "fetch the file itself: git lfs pull",
    );
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(LARGEST_HEADER)) {
    throw new FileFault(
      file,
      `not a safetensors file: its header would take ${length} bytes (limit ${LARGEST_HEADER})`,
    );
  }
  if (8 + Number(length) > fileBytes) {
    throw new FileFault(
      file,
      `cut short: the header takes ${length} bytes and ${fileBytes - 8} are left`,
    );
  }
  return Number(length);
};

/** JSON.parse keeps the last of two equal keys silently. `text` is valid JSON; returns a key that occurs twice in an object. */
const repeatedKey = (text: string): string | undefined => {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const c = text[at];
    if (c === "{" || c === "[") open.push(new Set());
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const start = at;
      for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
      let next = at + 1;
      while (" \n\r\t".includes(text[next] ?? "x")) next += 1;
      if (text[next] !== ":") continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key) === true) return key;
      keys?.add(key);
    }
  }
  return undefined;
};

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is JsonObject =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const isCount = (x: unknown): x is number =>
  typeof x === "number" && Number.isSafeInteger(x) && x >= 0;
const isCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every(isCount);

const parse = (bytes: Uint8Array, file: string): JsonObject => {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith("{"))
      throw new FileFault(file, "not a safetensors file: its header does not start with {");
    const json: unknown = JSON.parse(text);
    const twice = repeatedKey(text);
    if (twice !== undefined)
      throw new FileFault(file, `${JSON.stringify(twice)} occurs twice in the header`);
    if (isObject(json)) return json;
  } catch (error) {
    if (error instanceof FileFault) throw error;
  }
  throw new FileFault(file, "not a safetensors file: its header is not JSON");
};

const metadataOf = (json: unknown, file: string): Header["metadata"] => {
  if (json === undefined) return {};
  if (!isObject(json)) throw new FileFault(file, "__metadata__ is not an object");
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (typeof value !== "string")
        throw new FileFault(file, `__metadata__ ${JSON.stringify(key)} is not a text`);
      return [key, value];
    }),
  );
};

const placeOf = (name: string, json: unknown, start: number, file: string): TensorPlace => {
  const fault = (reason: string): FileFault =>
    new FileFault(file, `tensor ${JSON.stringify(name)}: ${reason}`);
  if (!isObject(json)) throw fault("no description in the header");
  const { dtype: format, shape, data_offsets: offsets } = json;
  if (typeof format !== "string" || !isNumberFormat(format))
    throw fault(`unknown dtype ${JSON.stringify(format)}`);
  if (!isCounts(shape)) throw fault("its shape is not a list of sizes");
  if (!isCounts(offsets) || offsets.length !== 2)
    throw fault("data_offsets are not two byte positions");
  const [begin = 0, end = 0] = offsets;
  // BigInt: a product of sizes may pass what a number holds exactly.
  const bytes = shape.reduce(
    (product, size) => product * BigInt(size),
    BigInt(FORMAT_BYTES[format]),
  );
  if (end < begin || BigInt(end - begin) !== bytes) {
    throw fault(
      `${format} [${shape.join(", ")}] takes ${bytes} bytes, data_offsets [${begin}, ${end}] give ${end - begin}`,
    );
  }
  return { name, format, shape, begin: start + begin, end: start + end };
};

/** `text`: the JSON bytes; `fileBytes`: the size of the whole file. The ranges cover the rest of the file exactly. */
export const parseHeader = (text: Uint8Array, fileBytes: number, file: string): Header => {
  const json = parse(text, file);
  const start = 8 + text.length;
  const places = Object.entries(json)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => placeOf(name, entry, start, file))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = start;
  for (const { name, begin, end } of places) {
    const at_ = JSON.stringify(name);
    if (end > fileBytes)
      throw new FileFault(file, `cut short: tensor ${at_} ends at byte ${end} of ${fileBytes}`);
    if (begin < at) throw new FileFault(file, `tensor ${at_} overlaps the one before it`);
    if (begin > at)
      throw new FileFault(file, `${begin - at} bytes before tensor ${at_} belong to no tensor`);
    at = end;
  }
  if (at !== fileBytes)
    throw new FileFault(file, `${fileBytes - at} bytes at the end belong to no tensor`);
  return { metadata: metadataOf(json["__metadata__"], file), places };
};
