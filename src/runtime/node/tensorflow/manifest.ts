// What `specc backend add` wrote beside the libraries: enough to load them, to tell whether they are whole, and where they
// came from. It is written last, after the verification has passed: a folder with a manifest works.
import { readFile, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { codeOf } from "../../file-errors.ts";

export const MANIFEST_FILE = "manifest.json";
export const FORMAT_VERSION = 1;

export interface InstalledFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}
/** One that can be opened. All paths are absolute. */
export interface Library {
  readonly folder: string;
  readonly tensorflow: string;
  readonly tfjsNode: string;
  readonly gpu: boolean;
  /** Opened in this order before the binding. */
  readonly libraries: readonly string[];
  readonly binding: string;
  /** The tfjs-node(-gpu) package. */
  readonly javascript: string;
  readonly cudaData: string | undefined;
}
/** Paths are relative to the folder, or absolute where a file stays where it was found. */
export interface LibraryManifest {
  readonly formatVersion: typeof FORMAT_VERSION;
  /** TensorFlow's version, as the library itself says it. */
  readonly tensorflow: string;
  /** Version of the tfjs-node(-gpu) package that the binding was built from. */
  readonly tfjsNode: string;
  readonly gpu: boolean;
  /** `process.platform` and `process.arch`. */
  readonly platform: string;
  /** For people: the wheel's or the folder's name. */
  readonly source: string;
  /** Shared objects in the order in which they are opened before the binding. */
  readonly libraries: readonly string[];
  readonly binding: string;
  /** The tfjs-node(-gpu) package whose JavaScript drives the binding. */
  readonly javascript: string;
  /** With nvvm/libdevice and bin/ptxas, which XLA needs on a card. */
  readonly cudaData: string | null;
  /** What the verification ran: on a machine without a card, a GPU library is verified on the CPU. */
  readonly verified: { readonly node: string; readonly onCard: boolean };
  readonly files: readonly InstalledFile[];
}

const isText = (x: unknown): x is string => typeof x === "string" && x !== "";
const isInstalledFile = (x: unknown): x is InstalledFile =>
  typeof x === "object" &&
  x !== null &&
  "path" in x &&
  isText(x.path) &&
  !isAbsolute(x.path) &&
  "sha256" in x &&
  typeof x.sha256 === "string" &&
  /^[0-9a-f]{64}$/.test(x.sha256) &&
  "bytes" in x &&
  Number.isSafeInteger(x.bytes);

const isManifest = (x: object): x is LibraryManifest => {
  const m = x as Partial<Record<keyof LibraryManifest, unknown>>;
  return (
    [m.tensorflow, m.tfjsNode, m.platform, m.source, m.binding, m.javascript].every(isText) &&
    typeof m.gpu === "boolean" &&
    (m.cudaData === null || isText(m.cudaData)) &&
    Array.isArray(m.libraries) &&
    m.libraries.every(isText) &&
    typeof m.verified === "object" &&
    m.verified !== null &&
    Array.isArray(m.files) &&
    m.files.every(isInstalledFile)
  );
};

/** A text as a manifest, or what is wrong with it. */
export const parseManifest = (text: string): LibraryManifest | { readonly fault: string } => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: "is not JSON" };
  }
  if (typeof value !== "object" || value === null) return { fault: "is not an object" };
  const version = "formatVersion" in value ? value.formatVersion : undefined;
  if (version !== FORMAT_VERSION)
    return { fault: `has format version ${String(version)}; this specc reads ${FORMAT_VERSION}` };
  return isManifest(value) ? value : { fault: "is not whole" };
};

/** Undefined when the folder holds none. */
export const readManifest = async (
  folder: string,
): Promise<LibraryManifest | { readonly fault: string } | undefined> => {
  try {
    return parseManifest(await readFile(join(folder, MANIFEST_FILE), "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    return { fault: `cannot be read (${codeOf(error) ?? String(error)})` };
  }
};

/** The first file that is gone or has another size. Cheap enough for every start; hashes are `specc backend list --verify`. */
export const missingFile = async (
  folder: string,
  manifest: LibraryManifest,
): Promise<string | undefined> => {
  for (const { path, bytes } of manifest.files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found?.isFile() !== true) return `${path} is missing`;
    if (found.size !== bytes) return `${path} has ${found.size} bytes instead of ${bytes}`;
  }
  for (const path of [...manifest.libraries, manifest.binding, manifest.javascript]) {
    if ((await stat(resolve(folder, path)).catch(() => undefined)) === undefined)
      return `${path} is missing`;
  }
  return undefined;
};
