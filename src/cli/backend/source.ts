// Where TensorFlow's two libraries come from: a folder of an installed Python, named or found, else a wheel.
import { existsSync, readdirSync } from "node:fs";
import { constants, copyFile, link, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CliError } from "../errors.ts";
import { obtainWheel, unpackWheel, type Fetch } from "./python.ts";

/** In the order of their needs. */
export const LIBRARIES = ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"] as const;

/** Tried here. Every version from 2.12 on exports what the binding needs. */
export const DEFAULT_VERSION = "2.21.0";
const OLDEST = [2, 12] as const;

export const checkVersion = (version: string): void => {
  const found = /^(\d+)\.(\d+)\.\d+$/.exec(version);
  if (found === null)
    throw new CliError(`"${version}" is not a version of TensorFlow`, [
      `write it in full, for example ${DEFAULT_VERSION}`,
    ]);
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major !== OLDEST[0] || minor < OLDEST[1])
    throw new CliError(`TensorFlow ${version} cannot be used: its wheel lacks libtensorflow_cc`, [
      `take ${OLDEST.join(".")}.0 or newer; the default is ${DEFAULT_VERSION}`,
    ]);
};

/** The folder `tensorflow` of an installed Python. */
export interface InstalledPackage {
  readonly folder: string;
  readonly version: string;
  /** Built for cards. */
  readonly gpu: boolean;
}

/** `tensorflow_cpu-2.21.0.dist-info` beside the package names the version and the kind. */
const fromDistInfo = (folder: string): Omit<InstalledPackage, "folder"> | undefined => {
  for (const name of readdirSync(dirname(folder))) {
    const found = /^(tensorflow|tensorflow_cpu)-(\d+\.\d+\.\d+)\.dist-info$/.exec(name);
    if (found !== null) return { gpu: found[1] === "tensorflow", version: found[2]! };
  }
  return undefined;
};

export const inspectPackage = (folder: string): InstalledPackage | { readonly fault: string } => {
  const missing = LIBRARIES.find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined) return { fault: `${folder} has no ${missing}` };
  const found = fromDistInfo(folder);
  if (found === undefined)
    return {
      fault: `no tensorflow-VERSION.dist-info lies beside ${folder}, which names its version`,
    };
  return { folder, ...found };
};

/** `--from`: site-packages, or the package's own folder. */
export const packageIn = (site: string): InstalledPackage => {
  const folder = basename(site) === "tensorflow" ? site : join(site, "tensorflow");
  const found = inspectPackage(folder);
  if ("fault" in found)
    throw new CliError(`--from: ${found.fault}`, [
      "name the site-packages folder of a Python with TensorFlow 2.12 or newer:",
      "python3 -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))'",
    ]);
  return found;
};

/** A second name for the same bytes where the file system allows it, else a copy. It outlives pip's uninstall. */
const linkOrCopy = async (from: string, to: string): Promise<void> => {
  const real = await realpath(from);
  try {
    await link(real, to);
  } catch {
    await copyFile(real, to, constants.COPYFILE_FICLONE);
  }
};

export interface Obtained {
  /** For people. */
  readonly source: string;
  /** TensorFlow's headers, for compiling the binding. */
  readonly include: string;
  /** The file with TensorFlow's requirements. */
  readonly metadata: string;
}

export const takeFromPackage = async (found: InstalledPackage, lib: string): Promise<Obtained> => {
  for (const name of LIBRARIES) await linkOrCopy(join(found.folder, name), join(lib, name));
  const distribution = `${found.gpu ? "tensorflow" : "tensorflow_cpu"}-${found.version}.dist-info`;
  return {
    source: found.folder,
    include: join(found.folder, "include"),
    metadata: join(dirname(found.folder), distribution, "METADATA"),
  };
};

/** Of 2.21.0; older ones are smaller. */
export const WHEEL_MIB = { cpu: 261, gpu: 546 } as const;
const HEADERS = ["tensorflow/c", "tensorflow/core/platform", "xla/tsl", "tsl", "tensorflow/tsl"];

/** By pip into the workspace's downloads, unless it lies there whole; then unpacked. */
export const takeFromWheel = async (
  fetch: Fetch,
  version: string,
  gpu: boolean,
  lib: string,
): Promise<Obtained> => {
  const name = gpu ? "tensorflow" : "tensorflow-cpu";
  const prefix = `${name.replace("-", "_")}-${version}-`;
  const requirement = `${name}==${version}`;
  const wheel = await obtainWheel(fetch, requirement, prefix, WHEEL_MIB[gpu ? "gpu" : "cpu"]);
  fetch.view.step("unpacking the libraries");
  const unpacked = join(fetch.scratch, "wheel");
  const names = await unpackWheel(
    fetch.python,
    wheel,
    unpacked,
    [
      ...LIBRARIES.map((library) => `tensorflow/${library}`),
      ...HEADERS.map((folder) => `tensorflow/include/${folder}/`),
      `${prefix.slice(0, -1)}.dist-info/METADATA`,
    ],
    fetch.around,
  );
  for (const library of LIBRARIES) {
    if (!names.includes(`tensorflow/${library}`))
      throw new CliError(`${basename(wheel)} has no ${library}: it cannot drive tfjs-node`, [], 1);
    await linkOrCopy(join(unpacked, "tensorflow", library), join(lib, library));
  }
  return {
    source: basename(wheel),
    include: join(unpacked, "tensorflow", "include"),
    metadata: join(unpacked, `${prefix.slice(0, -1)}.dist-info`, "METADATA"),
  };
};
