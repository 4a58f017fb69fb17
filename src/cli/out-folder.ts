// A folder that specc writes many files to. Only one that is empty or specc's own will do: what somebody else has put there is
// never written over. One process at a time is at work in it.
import { LOCK, MANIFEST, METRICS } from "../bundle/names.ts";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./errors.ts";
import { isFile, isFolder, shownPath, writeFile } from "./files.ts";
import type { Io } from "./io.ts";
import { BusyFault } from "../runtime/node/hold-folder.ts";
import { holderText, lockedBy, type Holder } from "../runtime/node/lock.ts";

export interface WrittenBundle {
  readonly specHash: string;
  /** Below the folder, the manifest included. */
  readonly files: readonly string[];
}
const isInside = (path: string): boolean =>
  path !== "" && !path.startsWith("/") && !path.split(/[/\\]/).includes("..");

/** The bundle that specc has written there; undefined for anything else. */
export const bundleIn = (folder: string): WrittenBundle | undefined => {
  const path = join(folder, MANIFEST);
  if (!isFile(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
  const { generator, specHash, files } = value as Partial<Record<string, unknown>>;
  if (typeof generator !== "object" || generator === null || !("name" in generator))
    return undefined;
  if (generator.name !== "specc" || typeof specHash !== "string" || !Array.isArray(files))
    return undefined;
  const paths = files.map((file: unknown) =>
    typeof file === "object" && file !== null && "path" in file ? String(file.path) : "",
  );
  return { specHash, files: [...paths.filter(isInside), MANIFEST] };
};

const METRICS_BEGIN = '{"type":"run","run_id":';
/** A training by a bundle's own trainer leaves no manifest, but its metrics say what they are. */
export const hasMetrics = (folder: string): boolean => {
  const path = join(folder, METRICS);
  if (!isFile(path)) return false;
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(METRICS_BEGIN.length);
    readSync(file, head);
    return head.toString("utf8") === METRICS_BEGIN;
  } finally {
    closeSync(file);
  }
};

const isOurs = (folder: string, names: readonly string[]): boolean =>
  names.length === 0 ||
  // of a start that was killed
  names.includes(LOCK) ||
  bundleIn(folder) !== undefined ||
  hasMetrics(folder);

const busy = (io: Io, folder: string, holder: Holder | undefined): CliError => {
  const shown = shownPath(io.cwd, folder);
  return new CliError(`another specc is at work in ${shown}: ${holderText(holder)}`, [
    "wait for it, or choose another --out-dir",
    `if it no longer runs, delete ${shown}/${LOCK}`,
  ]);
};

/** Whether somebody else is at work in the folder, told as of the command line; any other error as it is. */
export const asBusy = (io: Io, folder: string, error: unknown): unknown =>
  error instanceof BusyFault ? busy(io, folder, error.holder) : error;

/** Looks and touches nothing. */
export const refuseForeign = (io: Io, folder: string): void => {
  const shown = shownPath(io.cwd, folder);
  if (isFile(folder)) throw new CliError(`${shown} is a file; --out-dir needs a folder`);
  if (!isFolder(folder)) return;
  const names = readdirSync(folder);
  if (!isOurs(folder, names)) {
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    throw new CliError(
      `${shown} holds files that specc has not made: ${names.slice(0, 3).join(", ")}${more}`,
      ["choose an empty or a new folder with --out-dir"],
    );
  }
  const held = lockedBy(join(folder, LOCK));
  if (held !== undefined) throw busy(io, folder, held.holder);
};

/** The manifest goes first: whatever interrupts the rest, the folder says whose it is and what is missing. The list of changed files. */
export const writeBundleFiles = (
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): readonly string[] => {
  const manifest = files.get(MANIFEST);
  const ordered = new Map([
    ...(manifest === undefined ? [] : [[MANIFEST, manifest] as const]),
    ...files,
  ]);
  return [...ordered].flatMap(([path, content]) =>
    writeFile(join(folder, path), content) ? [path] : [],
  );
};
