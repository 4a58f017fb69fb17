// `specc backend add tensorflow`: what the plan says, built in a workspace, verified as it will be used, and published at once.
import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { libraryOf, PLATFORM } from "../../runtime/node/tensorflow/library.ts";
import {
  FORMAT_VERSION,
  MANIFEST_FILE,
  readManifest,
  type LibraryManifest,
} from "../../runtime/node/tensorflow/manifest.ts";
import { verifyLibrary, type Verdict } from "../../runtime/node/tensorflow/verify.ts";
import { CliError } from "../errors.ts";
import { errorCode, reasonOf } from "../files.ts";
import { BINDING_FILE, compileBinding } from "./binding.ts";
import type { Surroundings } from "./child.ts";
import { changedFile, describeFiles } from "./integrity.ts";
import { fetchJavascript, keepScripts, type JavascriptPackage } from "./javascript.ts";
import type { Plan } from "./plan.ts";
import { LIBRARIES, takeFromPackage, takeFromWheel, type Obtained } from "./source.ts";
import type { View } from "./view.ts";
import { closeWorkspace, openWorkspace, publish, type Workspace } from "./workspace.ts";

interface Work {
  readonly plan: Plan;
  readonly workspace: Workspace;
  readonly view: View;
  readonly around: Surroundings;
}
type Works = Extract<Verdict, { kind: "works" }>;

const obtain = async ({ plan, workspace, view, around }: Work, lib: string): Promise<Obtained> => {
  if (plan.source.kind === "package") {
    view.step(`taking TensorFlow ${plan.version} from ${plan.source.found.folder}`);
    return takeFromPackage(plan.source.found, lib);
  }
  const { downloads, scratch } = workspace;
  const fetch = { python: plan.source.python, around, view, downloads, scratch };
  return takeFromWheel(fetch, plan.version, plan.gpu, lib);
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
): Promise<Works> => {
  const verdict = await verifyLibrary(libraryOf(folder, manifest), signal);
  if (verdict.kind === "works") return verdict;
  throw new CliError(
    `TensorFlow ${manifest.tensorflow} does not work here: ${verdict.fault}`,
    ["nothing was installed"],
    1,
  );
};

/**
 * First with the package where it lies, which tells the scripts that take part; then with those alone. A project that holds two
 * versions of one of them is no source, but npm is.
 */
const verifyAndKeepScripts = async (
  work: Work,
  manifest: LibraryManifest,
  javascript: JavascriptPackage,
): Promise<{ readonly manifest: LibraryManifest; readonly scripts: readonly string[] }> => {
  const { build, scratch } = work.workspace;
  work.view.step("verifying: a product, a gradient, a stateful SavedModel");
  const first = await verified(
    build,
    { ...manifest, javascript: javascript.folder },
    work.around.signal,
  );
  const scripts = await keepScripts(first.scripts, build);
  if (scripts === undefined) {
    if (javascript.folder.startsWith(scratch))
      throw new CliError(`npm installed two versions of one package that tfjs-node needs`, [], 1);
    return verifyAndKeepScripts(work, manifest, await fetchJavascript(scratch, work.around));
  }
  const final = {
    ...manifest,
    tensorflow: first.tensorflow,
    tfjsNode: javascript.version,
    javascript: join("node_modules", javascript.name),
  };
  const { onCard } = await verified(build, final, work.around.signal);
  return {
    manifest: { ...final, verified: { node: process.versions.node, onCard } },
    scripts,
  };
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
  const { manifest, scripts } = await verifyAndKeepScripts(
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
  view.step("writing the manifest");
  const files = await describeFiles(
    workspace.build,
    [...libraries, binding, ...scripts],
    around.signal,
  );
  const whole = { ...manifest, files };
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
  const verdict = await verifyLibrary(libraryOf(folder, manifest), signal);
  const fault =
    (await changedFile(folder, manifest.files, signal)) ??
    (verdict.kind === "works" ? undefined : verdict.fault);
  if (fault === undefined) return { folder, manifest, already: true };
  view.step(`replacing it: ${fault}`);
  return undefined;
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
    const manifest = await build({ plan, workspace, view, around });
    signal.throwIfAborted();
    const folder = join(plan.parent, plan.name);
    await publish(workspace, folder);
    if (plan.link !== undefined) await linkTo(folder, plan.link);
    return { folder, manifest, already: false };
  } catch (error) {
    const full = errorCode(error) === "ENOSPC";
    if (await closeWorkspace(workspace, !full))
      view.step(`what was fetched is kept for the next try in ${workspace.downloads}`);
    if (error instanceof CliError || errorCode(error) === "" || signal.aborted) throw error;
    throw new CliError(`nothing was installed: ${reasonOf(error)}`, [], 1);
  }
};
