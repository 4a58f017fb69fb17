// A tfjs-node(-gpu) that installed with its own libtensorflow. It is used when it passes the same verification, which runs once
// for each binary; the verdict is kept in the cache.
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, parse, resolve } from "node:path";
import { tensorflowFolder } from "./cache.ts";
import type { Library } from "./manifest.ts";
import { verifyLibrary, type Verdict } from "./verify.ts";

const NAMES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;
const DEPENDENCY = join("deps", "lib", "libtensorflow.so.2");

interface Stock {
  readonly folder: string;
  readonly binding: string;
  readonly version: string;
  readonly gpu: boolean;
}

/** `lib/napi-v8/tfjs_binding.node`: the highest Node-API version that was built. */
const bindingIn = (folder: string): string | undefined => {
  const lib = join(folder, "lib");
  if (!existsSync(lib) || !existsSync(join(folder, DEPENDENCY))) return undefined;
  const built = readdirSync(lib)
    .filter((name) => existsSync(join(lib, name, "tfjs_binding.node")))
    .sort((a, b) => Number(/\d+/.exec(a)?.[0] ?? 0) - Number(/\d+/.exec(b)?.[0] ?? 0));
  const last = built.at(-1);
  return last === undefined ? undefined : join(lib, last, "tfjs_binding.node");
};

/** Upwards, as Node looks for packages. */
const findStock = (project: string, gpu: boolean | undefined): Stock | undefined => {
  for (let folder = resolve(project); ; folder = dirname(folder)) {
    for (const name of NAMES) {
      const candidate = join(folder, "node_modules", name);
      const binding = bindingIn(candidate);
      const forCards = name.endsWith("-gpu");
      if (binding === undefined || (gpu === true && !forCards)) continue;
      const { version } = JSON.parse(readFileSync(join(candidate, "package.json"), "utf8")) as {
        version: string;
      };
      return { folder: realpathSync(candidate), binding, version, gpu: forCards };
    }
    if (folder === parse(folder).root) return undefined;
  }
};

/** What is remembered of the last binary that was tried. */
interface Remembered {
  readonly binary: string;
  readonly node: string;
  readonly tensorflow: string | null;
  readonly fault: string | null;
}

/** Also of another libtensorflow, since both are replaced together. */
const identity = async (binding: string): Promise<string> => {
  const { size, mtimeMs } = await stat(binding);
  return `${binding} ${size} ${mtimeMs}`;
};

const isRemembered = (x: unknown): x is Remembered =>
  typeof x === "object" &&
  x !== null &&
  "binary" in x &&
  "node" in x &&
  "tensorflow" in x &&
  (x.tensorflow === null || typeof x.tensorflow === "string") &&
  "fault" in x &&
  (x.fault === null || typeof x.fault === "string");

const recall = (file: string): Remembered | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isRemembered(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** A cache that cannot be written only costs the time of the next verification. */
const remember = async (file: string, value: Remembered): Promise<void> => {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`);
    await rename(temporary, file);
  } catch {
    return;
  }
};

/** Undefined when there is none; a reason when there is one that does not work. */
export const stockLibrary = async (
  project: string,
  cache: string,
  gpu: boolean | undefined,
  verify: (library: Library) => Promise<Verdict> = verifyLibrary,
): Promise<Library | { readonly reason: string } | undefined> => {
  const stock = findStock(project, gpu);
  if (stock === undefined) return undefined;
  const library: Library = {
    folder: stock.folder,
    tensorflow: "",
    tfjsNode: stock.version,
    gpu: stock.gpu,
    libraries: [],
    binding: stock.binding,
    javascript: stock.folder,
    cudaData: undefined,
  };
  const file = join(tensorflowFolder(cache), "stock.json");
  const now = { binary: await identity(stock.binding), node: process.versions.node };
  let known = recall(file);
  if (known?.binary !== now.binary || known.node !== now.node) {
    const verdict = await verify(library);
    known =
      verdict.kind === "works"
        ? { ...now, tensorflow: verdict.tensorflow, fault: null }
        : { ...now, tensorflow: null, fault: verdict.fault };
    await remember(file, known);
  }
  return known.tensorflow === null
    ? { reason: `the library of ${stock.folder} does not work: ${known.fault ?? "unknown"}` }
    : { ...library, tensorflow: known.tensorflow };
};
