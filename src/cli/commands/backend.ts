// `specc backend`: the engines' libraries on this machine. `add` gets TensorFlow for tfjs-node, `list` shows what there is,
// `remove` takes it away again.
import { readdir, realpath, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { cacheFolder, tensorflowFolder } from "../../runtime/node/tensorflow/cache.ts";
import {
  ADD_COMMAND,
  installedLibraries,
  libraryOf,
  type Installed,
} from "../../runtime/node/tensorflow/library.ts";
import type { LibraryManifest } from "../../runtime/node/tensorflow/manifest.ts";
import { stockLibrary } from "../../runtime/node/tensorflow/stock.ts";
import { verifyLibrary } from "../../runtime/node/tensorflow/verify.ts";
import { addLibrary } from "../backend/add.ts";
import { changedFile } from "../backend/integrity.ts";
import { planOf, type AddOptions } from "../backend/plan.ts";
import { folderBytes } from "../backend/python.ts";
import { view } from "../backend/view.ts";
import { PARTIAL } from "../backend/workspace.ts";
import { CliError } from "../errors.ts";
import { interruptible, type Io } from "../io.ts";
import { bytesText } from "../../bundle/numbers.ts";
import { table } from "../table.ts";
import type { QuietChoice } from "../options.ts";

const sizeOf = ({ files }: LibraryManifest): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
const kindOf = ({ gpu }: LibraryManifest): string => (gpu ? "GPU" : "CPU");

export const add = async (io: Io, options: AddOptions & QuietChoice): Promise<number> => {
  const progress = view(io, options.quiet === true);
  const interrupt = interruptible(io);
  try {
    const around = { signal: interrupt.signal, env: io.env };
    const plan = await planOf(io, options, around);
    const { folder, manifest, already } = await addLibrary(plan, progress, around);
    const { tensorflow, tfjsNode, verified, source } = manifest;
    const where = verified.onCard
      ? "on the card"
      : `on the CPU${manifest.gpu ? " (no card is here)" : ""}`;
    io.out(
      `${[
        `TensorFlow ${tensorflow} (${kindOf(manifest)}) for tfjs-node ${tfjsNode} ${already ? "was installed already" : "is installed"}.`,
        `  from      ${source}`,
        `  in        ${folder} (${bytesText(sizeOf(manifest))})`,
        `  verified  ${where}, with Node ${verified.node}: a product, a gradient, a stateful SavedModel`,
        `  remove    specc backend remove tensorflow --version ${tensorflow}`,
      ].join("\n")}\n`,
    );
    return 0;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    io.err("interrupted: nothing was installed\n");
    return interrupt.code();
  } finally {
    progress.stop();
    interrupt.done();
  }
};

interface Listed {
  readonly name: string;
  readonly version: string;
  readonly gpu: boolean;
  readonly folder: string;
  readonly bytes: number;
  /** "stock": tfjs-node's own library, which npm looks after. */
  readonly state: "whole" | "verified" | "stock" | "broken" | "unfinished";
  readonly fault: string | null;
}

/** `2.21.0-gpu`, or the same with the mark of a workspace. */
const fromName = (name: string): Pick<Listed, "name" | "version" | "gpu"> => {
  const [version = "", kind] = name.replace(PARTIAL, "").split("-");
  return { name: "tensorflow", version, gpu: kind === "gpu" };
};

const checked = async (installed: Installed, verify: boolean): Promise<Listed> => {
  const { folder } = installed;
  const about = fromName(basename(folder));
  if (installed.kind === "broken")
    return {
      ...about,
      folder,
      bytes: await folderBytes(folder),
      state: "broken",
      fault: installed.fault,
    };
  const { manifest } = installed;
  const whole = { ...about, folder, bytes: sizeOf(manifest) };
  if (!verify) return { ...whole, state: "whole", fault: null };
  const changed = await changedFile(folder, manifest.files);
  const verdict = await verifyLibrary(libraryOf(folder, manifest));
  const fault = changed ?? (verdict.kind === "works" ? null : verdict.fault);
  return { ...whole, state: fault === null ? "verified" : "broken", fault };
};

const unfinished = async (cache: string): Promise<readonly Listed[]> => {
  const root = tensorflowFolder(cache);
  const names = (await readdir(root).catch(() => [])).filter((name) => name.startsWith(PARTIAL));
  return Promise.all(
    names.map(async (name) => ({
      ...fromName(name),
      folder: join(root, name),
      bytes: await folderBytes(join(root, name)),
      state: "unfinished" as const,
      fault: null,
    })),
  );
};

const stock = async (io: Io, cache: string): Promise<readonly Listed[]> => {
  const found = await stockLibrary(io.cwd, cache, undefined);
  if (found === undefined || "reason" in found) return [];
  const { tensorflow, gpu, folder } = found;
  return [
    {
      name: "tensorflow",
      version: tensorflow,
      gpu,
      folder,
      bytes: await folderBytes(join(folder, "deps", "lib")),
      state: "stock",
      fault: null,
    },
  ];
};

/** `verify` compares every file with its hash and runs the verification again. */
export const list = async (
  io: Io,
  { json, verify = false }: { readonly json?: boolean; readonly verify?: boolean },
): Promise<number> => {
  const cache = cacheFolder(io.env);
  const rows: Listed[] = [];
  for (const each of await installedLibraries(cache)) rows.push(await checked(each, verify));
  rows.push(...(await unfinished(cache)), ...(await stock(io, cache)));
  if (json === true)
    io.out(`${JSON.stringify({ formatVersion: "1.0", backends: rows }, null, 2)}\n`);
  else if (rows.length === 0) io.out(`No backend is installed; ${ADD_COMMAND} adds one.\n`);
  else
    io.out(
      `${table(
        rows.map(({ name, version, gpu, bytes, state, fault, folder }) => [
          `${name} ${version}`,
          gpu ? "GPU" : "CPU",
          bytesText(bytes),
          fault === null ? state : `${state}: ${fault}`,
          folder,
        ]),
        [2],
      )}\n`,
    );
  return rows.some(({ state }) => state === "broken") ? 1 : 0;
};

/** All of them, or those of one version; what a failed try has left goes too. Nothing there is no error. */
export const remove = async (
  io: Io,
  { version }: { readonly version?: string },
): Promise<number> => {
  const cache = cacheFolder(io.env);
  const installed = await Promise.all(
    (await installedLibraries(cache)).map((each) => checked(each, false)),
  );
  const all = [...installed, ...(await unfinished(cache))];
  const chosen = all.filter((each) => version === undefined || each.version === version);
  if (version !== undefined && chosen.length === 0)
    throw new CliError(`TensorFlow ${version} is not installed`, [
      all.length === 0
        ? "no backend is"
        : `there is ${[...new Set(all.map((each) => each.version))].join(", ")}`,
    ]);
  for (const { version: found, gpu, folder, bytes } of chosen) {
    // with --dir the cache holds a link
    const real = await realpath(folder).catch(() => folder);
    for (const path of new Set([real, folder])) await rm(path, { recursive: true, force: true });
    io.out(`removed TensorFlow ${found} (${gpu ? "GPU" : "CPU"}), ${bytesText(bytes)}: ${real}\n`);
  }
  if (chosen.length === 0) io.out("There is no backend to remove.\n");
  return 0;
};
