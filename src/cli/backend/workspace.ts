// A library is built in a hidden folder beside its place and renamed there when it has passed: at every moment there is a whole
// one or none. Downloads that are complete outlive a failure, so that the next try need not fetch them again.
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { makeFolder } from "../../runtime/node/make-folder.ts";
import { holderText, takeLock } from "../../runtime/node/lock.ts";

export const PARTIAL = ".partial-";

export interface Workspace {
  readonly folder: string;
  /** Complete downloads. */
  readonly downloads: string;
  /** What becomes the library's folder. */
  readonly build: string;
  /** For everything else; gone in the end. */
  readonly scratch: string;
}

/** One process at a time. */
const lock = (folder: string): void => {
  const taken = takeLock(join(folder, "lock"));
  if ("release" in taken) return;
  throw new CliError(
    `another specc is adding this backend in ${folder}: ${holderText(taken.holder)}`,
    ["wait for it, or end it"],
    1,
  );
};

/** `parent` is made when it is not there. What an earlier try left half done is dropped. */
export const openWorkspace = async (parent: string, name: string): Promise<Workspace> => {
  const folder = join(parent, `${PARTIAL}${name}`);
  const workspace: Workspace = {
    folder,
    downloads: join(folder, "downloads"),
    build: join(folder, "build"),
    scratch: join(folder, "scratch"),
  };
  makeFolder(workspace.downloads);
  lock(folder);
  for (const path of [workspace.build, workspace.scratch]) {
    await rm(path, { recursive: true, force: true });
    await mkdir(path);
  }
  return workspace;
};

/** Keeps complete downloads on demand, and tells whether it did. */
export const closeWorkspace = async (
  { folder, downloads, build, scratch }: Workspace,
  keepDownloads: boolean,
): Promise<boolean> => {
  const kept = keepDownloads ? await readdir(downloads).catch(() => []) : [];
  const gone = kept.length === 0 ? [folder] : [build, scratch, join(folder, "lock")];
  for (const path of gone) await rm(path, { recursive: true, force: true });
  return kept.length > 0;
};

/** The build takes its place at once; what lay there (a broken library) goes. */
export const publish = async (workspace: Workspace, target: string): Promise<void> => {
  const old = join(workspace.scratch, "replaced");
  const stood = (await stat(target).catch(() => undefined)) !== undefined;
  if (stood) await rename(target, old);
  try {
    await rename(workspace.build, target);
  } catch (error) {
    if (stood) await rename(old, target);
    throw error;
  }
  await closeWorkspace(workspace, false);
};
