// A library is built in a hidden folder beside its place and renamed there when it has passed: at every moment there is a whole
// one or none. Downloads that are complete outlive a failure, so that the next try need not fetch them again.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { errorCode } from "../files.ts";

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

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
};

/** One process at a time. The lock of a process that was killed does not count. */
const lock = (folder: string): void => {
  const path = join(folder, "lock");
  const take = (): boolean => {
    try {
      const file = openSync(path, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      return true;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      return false;
    }
  };
  if (take()) return;
  const holder = Number(readFileSync(path, "utf8"));
  if (!isAlive(holder)) {
    rmSync(path, { force: true });
    if (take()) return;
  }
  throw new CliError(
    `another specc is adding this backend in ${folder}`,
    [`wait for process ${holder}, or end it`],
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
  await mkdir(workspace.downloads, { recursive: true });
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
