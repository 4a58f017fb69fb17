// What `specc backend add` will do, decided before anything is fetched or written: what is missing is said here.
import { statfs, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { cacheFolder, tensorflowFolder, variantName } from "../../runtime/node/tensorflow/cache.ts";
import { PLATFORM } from "../../runtime/node/tensorflow/library.ts";
import { CliError } from "../errors.ts";
import { isFolder, packageRoot } from "../files.ts";
import type { Io } from "../io.ts";
import { bytesText } from "../../bundle/numbers.ts";
import type { Surroundings } from "./child.ts";
import { findCompiler, prebuiltBinding } from "./binding.ts";
import { checkCudaVersion, missingMib, planCuda, type CudaPlan } from "./cuda.ts";
import { findJavascript, type JavascriptPackage } from "./javascript.ts";
import { findPython, needPip, pythonsTensorflow } from "./python.ts";
import {
  checkVersion,
  DEFAULT_VERSION,
  inspectPackage,
  LIBRARIES,
  packageIn,
  type InstalledPackage,
} from "./source.ts";

export interface AddOptions {
  readonly gpu?: boolean;
  readonly version?: string;
  readonly from?: string;
  readonly dir?: string;
}

export type Source =
  { readonly kind: "package"; readonly found: InstalledPackage } | { readonly kind: "wheel" };
export type BindingSource =
  | { readonly kind: "prebuilt"; readonly path: string }
  | { readonly kind: "compile"; readonly compiler: string };

export interface Plan {
  readonly version: string;
  readonly gpu: boolean;
  readonly source: Source;
  /** Only with `gpu`. */
  readonly cuda: CudaPlan | undefined;
  /** With pip, where anything is to be fetched. */
  readonly python: string | undefined;
  readonly binding: BindingSource;
  /** Undefined: npm fetches it. */
  readonly javascript: JavascriptPackage | undefined;
  /** The new folder is `parent`/`name`; unless it lies in the cache, `link` there points to it. */
  readonly parent: string;
  readonly name: string;
  readonly link: string | undefined;
}

const SUPPORTED = "linux-x64";

const sourceOf = async (
  io: Io,
  { gpu = false, version, from }: AddOptions,
  around: Surroundings,
): Promise<{ readonly version: string; readonly source: Source }> => {
  if (version !== undefined) checkVersion(version);
  if (from !== undefined) {
    const site = resolve(io.cwd, from);
    if (!isFolder(site)) throw new CliError(`--from: no such folder: ${from}`);
    const found = packageIn(site);
    checkVersion(found.version);
    if (version !== undefined && version !== found.version)
      throw new CliError(`--from holds TensorFlow ${found.version}, not ${version}`);
    if (gpu && !found.gpu)
      throw new CliError("--from holds TensorFlow for the CPU only", [
        "the package for cards is called tensorflow, not tensorflow-cpu",
      ]);
    return { version: found.version, source: { kind: "package", found } };
  }
  const python = await findPython(around);
  const folder = python === undefined ? undefined : await pythonsTensorflow(python, around);
  const found = folder === undefined ? undefined : inspectPackage(folder);
  if (
    found !== undefined &&
    !("fault" in found) &&
    (version ?? found.version) === found.version &&
    (found.gpu || !gpu)
  )
    return { version: found.version, source: { kind: "package", found } };
  return { version: version ?? DEFAULT_VERSION, source: { kind: "wheel" } };
};

const nearest = async (path: string): Promise<string> => {
  for (let folder = path; ; folder = dirname(folder))
    if (isFolder(folder) || dirname(folder) === folder) return folder;
};

const MIB = 2 ** 20;
/** Wheel and libraries at their peak, and JavaScript; measured with 2.21.0. */
const PEAK = { cpu: 1500 * MIB, gpu: 2200 * MIB } as const;
/** NVIDIA's wheels and what they unpack to, over their size. */
const UNPACKED = 2.7;
const ON_TOP = 50 * MIB;

const bytesNeeded = async (
  source: Source,
  cuda: CudaPlan | undefined,
  place: string,
): Promise<number> => {
  const cudaBytes = cuda === undefined ? 0 : missingMib(cuda) * MIB * UNPACKED;
  if (source.kind === "wheel") return cuda === undefined ? PEAK.cpu : PEAK.gpu + cudaBytes;
  const files = await Promise.all(
    LIBRARIES.map((library) => stat(join(source.found.folder, library))),
  );
  const { dev } = await stat(place);
  return files.reduce((sum, file) => sum + (file.dev === dev ? 0 : file.size), ON_TOP + cudaBytes);
};

const checkSpace = async (
  source: Source,
  cuda: CudaPlan | undefined,
  parent: string,
): Promise<void> => {
  const place = await nearest(parent);
  const { bavail, bsize } = await statfs(place);
  const needed = await bytesNeeded(source, cuda, place);
  if (bavail * bsize < needed)
    throw new CliError(
      `not enough space in ${place}: ${bytesText(needed)} are needed, ${bytesText(bavail * bsize)} are free`,
      ["another disk can be named with --dir"],
      1,
    );
};

export const planOf = async (io: Io, options: AddOptions, around: Surroundings): Promise<Plan> => {
  if (PLATFORM !== SUPPORTED)
    throw new CliError(`backend add works on ${SUPPORTED}, and this is ${PLATFORM}`, [
      "where @tensorflow/tfjs-node installs with its own library, specc uses that",
    ]);
  const gpu = options.gpu ?? false;
  const { version, source } = await sourceOf(io, options, around);
  if (gpu) checkCudaVersion(version);
  const site = source.kind === "package" ? dirname(source.found.folder) : undefined;
  const cuda = gpu ? await planCuda(site, around) : undefined;
  const fetches = source.kind === "wheel" || (cuda?.missing.length ?? 0) > 0;
  const python = fetches ? await needPip(around) : undefined;
  const prebuilt = prebuiltBinding();
  const compiler = prebuilt === undefined ? await findCompiler(around) : undefined;
  if (prebuilt === undefined && compiler === undefined)
    throw new CliError(
      "no C++ compiler here, and this copy of specc ships no compiled binding",
      ["install g++ or clang++, or use specc from npm, which brings the binding along"],
      1,
    );
  const cache = tensorflowFolder(cacheFolder(io.env));
  const parent = options.dir === undefined ? cache : resolve(io.cwd, options.dir);
  const name = variantName(version, gpu);
  await checkSpace(source, cuda, parent);
  return {
    version,
    gpu,
    source,
    cuda,
    python,
    binding:
      prebuilt === undefined
        ? { kind: "compile", compiler: compiler! }
        : { kind: "prebuilt", path: prebuilt },
    javascript: findJavascript([io.cwd, packageRoot()]),
    parent,
    name,
    link: parent === cache ? undefined : join(cache, name),
  };
};
