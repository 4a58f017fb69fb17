// `specc backend add tensorflow`: what the plan says, built in a workspace, verified as it will be used, and published at once.
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { libraryOf, PLATFORM } from "../../runtime/node/tensorflow/library.ts";
import {
  FORMAT_VERSION,
  MANIFEST_FILE,
  readManifest,
  type LibraryManifest,
} from "../../runtime/node/tensorflow/manifest.ts";
import { verifyLibrary, type Verdict } from "../../runtime/node/tensorflow/verify.ts";
import { InternalError } from "../../compiler/diagnostics/types.ts";
import { CliError } from "../errors.ts";
import { codeOf } from "../../runtime/file-errors.ts";
import { reasonOf } from "../files.ts";
import { bytesText } from "../../bundle/numbers.ts";
import { BINDING_FILE, compileBinding } from "./binding.ts";
import type { Surroundings } from "./child.ts";
import { changedFile, describeFiles } from "./integrity.ts";
import { arrangeCuda, fetchCuda, missingMib } from "./cuda.ts";
import { fetchJavascript, keepScripts, type JavascriptPackage } from "./javascript.ts";
import type { Plan } from "./plan.ts";
import type { Fetch } from "./python.ts";
import { LIBRARIES, WHEEL_MIB, takeFromPackage, takeFromWheel, type Obtained } from "./source.ts";
import type { View } from "./view.ts";
import { closeWorkspace, openWorkspace, publish, type Workspace } from "./workspace.ts";

interface Work {
  readonly plan: Plan;
  readonly workspace: Workspace;
  readonly view: View;
  readonly around: Surroundings;
}
type Works = Extract<Verdict, { kind: "works" }>;

const fetchFor = ({ plan, workspace, view, around }: Work): Fetch => {
  const { downloads, scratch } = workspace;
  if (plan.python === undefined) throw new InternalError("a plan that fetches names no python");
  return { python: plan.python, around, view, downloads, scratch };
};

const obtain = async (work: Work, lib: string): Promise<Obtained> => {
  const { version, gpu, source } = work.plan;
  if (source.kind === "wheel") return takeFromWheel(fetchFor(work), version, gpu, lib);
  work.view.step(`taking TensorFlow ${version} from ${source.found.folder}`);
  return takeFromPackage(source.found, lib);
};

const placeBinding = async (
  { plan, workspace, view, around }: Work,
  { include }: Obtained,
  lib: string,
  javascript: JavascriptPackage,
): Promise<void> => {
  const out = join(lib, BINDING_FILE);
  if (plan.binding.kind === "prebuilt") {
    await copyFile(plan.binding.path, out);
    return;
  }
  view.step(`compiling the binding with ${plan.binding.compiler}`);
  await compileBinding({
    compiler: plan.binding.compiler,
    javascript: javascript.folder,
    include,
    lib,
    scratch: workspace.scratch,
    out,
    around,
  });
};

const verified = async (
  folder: string,
  manifest: LibraryManifest,
  signal: AbortSignal,
  alsoOpen: readonly string[] = [],
): Promise<Works> => {
  const verdict = await verifyLibrary(libraryOf(folder, manifest), { signal, alsoOpen });
  if (verdict.kind === "works") return verdict;
  throw new CliError(
    `TensorFlow ${manifest.tensorflow} does not work here: ${verdict.fault}`,
    ["nothing was installed"],
    1,
  );
};

/**
 * Verified on the CPU with the package where it lies, which tells the scripts that take part; those are kept. A project that
 * holds two versions of one of them is no source, but npm is.
 */
const keepJavascript = async (
  work: Work,
  manifest: LibraryManifest,
  javascript: JavascriptPackage,
): Promise<{ readonly manifest: LibraryManifest; readonly scripts: readonly string[] }> => {
  const { build, scratch } = work.workspace;
  const elsewhere = { ...manifest, gpu: false, javascript: javascript.folder };
  const { scripts, tensorflow } = await verified(build, elsewhere, work.around.signal);
  const kept = await keepScripts(scripts, build);
  if (kept === undefined) {
    if (javascript.folder.startsWith(scratch))
      throw new CliError("npm installed two versions of one package that tfjs-node needs", [], 1);
    return keepJavascript(work, manifest, await fetchJavascript(scratch, work.around));
  }
  return {
    manifest: {
      ...manifest,
      tensorflow,
      tfjsNode: javascript.version,
      javascript: join("node_modules", javascript.name),
    },
    scripts: kept,
  };
};

const isLibrary = (path: string): boolean => /\.so(\.\d+)*$/.test(path);

/** Fetched only when all else works. Every library that was fetched is opened once, those too that only a card makes use of. */
const addCuda = async (
  work: Work,
  manifest: LibraryManifest,
  metadata: string,
): Promise<{ readonly manifest: LibraryManifest; readonly files: readonly string[] }> => {
  const { plan, workspace, view, around } = work;
  if (plan.cuda === undefined) return { manifest, files: [] };
  for (const [name, path] of plan.cuda.found) view.step(`${name} is here: ${path}`);
  const files =
    plan.cuda.missing.length === 0
      ? []
      : await fetchCuda(
          fetchFor(work),
          plan.cuda,
          await readFile(metadata, "utf8"),
          workspace.build,
        );
  const { libraries, cudaData } = arrangeCuda(plan.cuda, files);
  const fetched = files.filter(isLibrary).map((path) => join(workspace.build, path));
  view.step(`verifying with CUDA's libraries, and opening each of the ${fetched.length} fetched`);
  const all = { ...manifest, libraries: [...libraries, ...manifest.libraries], cudaData };
  const { needDriver } = await verified(workspace.build, all, around.signal, fetched);
  for (const path of needDriver)
    view.step(`${basename(path)} needs NVIDIA's driver, which is not here`);
  return { manifest: all, files };
};

const build = async (work: Work): Promise<LibraryManifest> => {
  const { plan, workspace, view, around } = work;
  if (plan.javascript === undefined) view.step("fetching tfjs-node's JavaScript with npm");
  const javascript = plan.javascript ?? (await fetchJavascript(workspace.scratch, around));
  const lib = join(workspace.build, "lib");
  await mkdir(lib);
  const obtained = await obtain(work, lib);
  await placeBinding(work, obtained, lib, javascript);
  const binding = join("lib", BINDING_FILE);
  const libraries = LIBRARIES.map((name) => join("lib", name));
  view.step("verifying: a product, a gradient, a stateful SavedModel");
  const onCpu = await keepJavascript(
    work,
    {
      formatVersion: FORMAT_VERSION,
      tensorflow: plan.version,
      tfjsNode: javascript.version,
      gpu: plan.gpu,
      platform: PLATFORM,
      source: obtained.source,
      libraries,
      binding,
      javascript: javascript.folder,
      cudaData: null,
      verified: { node: process.versions.node, onCard: false },
      files: [],
    },
    javascript,
  );
  const { manifest, files } = await addCuda(work, onCpu.manifest, obtained.metadata);
  const { onCard } = await verified(workspace.build, manifest, around.signal);
  view.step("writing the manifest");
  const paths = [...libraries, binding, ...onCpu.scripts, ...files];
  const whole: LibraryManifest = {
    ...manifest,
    verified: { node: process.versions.node, onCard },
    files: await describeFiles(workspace.build, paths, around.signal),
  };
  await writeFile(join(workspace.build, MANIFEST_FILE), `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
};

const linkTo = async (target: string, link: string): Promise<void> => {
  await mkdir(dirname(link), { recursive: true });
  await rm(link, { recursive: true, force: true });
  await symlink(target, link);
};

export interface Added {
  readonly folder: string;
  readonly manifest: LibraryManifest;
  /** It was there already, and whole. */
  readonly already: boolean;
}

/** What lies in the plan's place already, if it is whole and works. */
const standing = async (
  plan: Plan,
  view: View,
  signal: AbortSignal,
): Promise<Added | undefined> => {
  const folder = join(plan.parent, plan.name);
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  if ("fault" in manifest) {
    view.step(`replacing ${folder}: its manifest ${manifest.fault}`);
    return undefined;
  }
  view.step(`TensorFlow ${manifest.tensorflow} is installed already; checking it`);
  const verdict = await verifyLibrary(libraryOf(folder, manifest), { signal });
  const fault =
    (await changedFile(folder, manifest.files, signal)) ??
    (verdict.kind === "works" ? undefined : verdict.fault);
  if (fault === undefined) return { folder, manifest, already: true };
  view.step(`replacing it: ${fault}`);
  return undefined;
};

const announce = ({ source, cuda, gpu }: Plan, view: View): void => {
  const wheel = source.kind === "wheel" ? WHEEL_MIB[gpu ? "gpu" : "cpu"] : 0;
  const mib = wheel + (cuda === undefined ? 0 : missingMib(cuda));
  if (mib === 0) return;
  view.step(`up to ${bytesText(mib * 2 ** 20)} are to be fetched; Ctrl-C stops it at any time`);
  const wheels = cuda?.missing.map((part) => part.wheel) ?? [];
  if (wheels.length > 0)
    view.step(`missing here, and fetched from NVIDIA's wheels: ${wheels.join(", ")}`);
};

/** On failure and on interruption nothing is installed that was not before; whole downloads are kept, and said. */
export const addLibrary = async (plan: Plan, view: View, around: Surroundings): Promise<Added> => {
  const { signal } = around;
  const there = await standing(plan, view, signal);
  if (there !== undefined) {
    if (plan.link !== undefined) await linkTo(there.folder, plan.link);
    return there;
  }
  const workspace = await openWorkspace(plan.parent, plan.name);
  try {
    announce(plan, view);
    const manifest = await build({ plan, workspace, view, around });
    signal.throwIfAborted();
    const folder = join(plan.parent, plan.name);
    await publish(workspace, folder);
    if (plan.link !== undefined) await linkTo(folder, plan.link);
    return { folder, manifest, already: false };
  } catch (error) {
    const full = codeOf(error) === "ENOSPC";
    if (await closeWorkspace(workspace, !full))
      view.step(`what was fetched is kept for the next try in ${workspace.downloads}`);
    if (error instanceof CliError || codeOf(error) === undefined || signal.aborted) throw error;
    throw new CliError(`nothing was installed: ${reasonOf(error)}`, [], 1);
  }
};
