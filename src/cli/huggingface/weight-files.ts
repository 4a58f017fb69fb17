// Weights on disk for import and export: written tensor by tensor, so that a checkpoint of any size passes through the memory
// of its largest tensor; linked where nothing in them changes.
import { copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { planSafetensors } from "../../bundle/safetensors.ts";
import type { Source } from "../../compiler/huggingface/views.ts";
import { CliError } from "../errors.ts";
import { codeOf } from "../../runtime/file-errors.ts";
import { makeFolder } from "../../runtime/node/make-folder.ts";
import { cannotWrite, discard, isFile, readText, writeFile } from "../files.ts";

export type Written = "written" | "unchanged" | "linked" | "copied";

const CHUNK = 1 << 20;
const equalFiles = async (a: string, b: string): Promise<boolean> => {
  const size = statSync(a).size;
  if (statSync(b, { throwIfNoEntry: false })?.size !== size) return false;
  const handles: FileHandle[] = [];
  try {
    for (const path of [a, b]) handles.push(await open(path, "r"));
    const [x, y] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)];
    for (let at = 0; at < size; at += CHUNK) {
      const length = Math.min(CHUNK, size - at);
      await handles[0]!.read(x, 0, length, at);
      await handles[1]!.read(y, 0, length, at);
      if (x.compare(y, 0, length, 0, length) !== 0) return false;
    }
    return true;
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
};

/** What is there already is replaced only when that is wished, or when it is the same. */
const settle = async (
  temporary: string,
  path: string,
  how: Written,
  replace: boolean,
): Promise<Written> => {
  if (existsSync(path)) {
    if (await equalFiles(temporary, path)) {
      rmSync(temporary);
      return "unchanged";
    }
    if (!replace) throw taken(path);
  }
  renameSync(temporary, path);
  return how;
};
const taken = (path: string): CliError =>
  new CliError(`${path} exists already and holds something else`, [
    "choose another place with -o, or replace it with --overwrite",
  ]);

const writing = async (
  path: string,
  write: (temporary: string) => Promise<Written>,
): Promise<Written> => {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(path));
    return await write(temporary);
  } catch (error) {
    discard(temporary);
    throw codeOf(error) === undefined ? error : cannotWrite(path, error);
  }
};

/** False when it held this already. */
export const placeText = (path: string, text: string, replace: boolean): boolean => {
  if (!replace && isFile(path) && readText(path) !== text) throw taken(path);
  return writeFile(path, text);
};

/** Some tensors of a source as one safetensors file. */
export const writeTensors = (
  path: string,
  source: Source,
  names: Iterable<string>,
  metadata: Readonly<Record<string, string>>,
  replace: boolean,
): Promise<Written> =>
  writing(path, async (temporary) => {
    const plan = planSafetensors(
      new Map([...names].map((name) => [name, source.infos.get(name)!])),
      metadata,
    );
    const file = await open(temporary, "w");
    try {
      await file.writeFile(plan.head);
      for (const name of plan.order) await file.writeFile(await source.readBytes(name));
      await file.sync();
    } finally {
      await file.close();
    }
    return settle(temporary, path, "written", replace);
  });

/** A second name for a file, where the file system can; else a copy. Weights are never written in place, so neither changes. */
export const linkFile = (from: string, to: string, replace: boolean): Promise<Written> =>
  writing(to, async (temporary) => {
    const [source, there] = [statSync(from), statSync(to, { throwIfNoEntry: false })];
    if (there !== undefined && there.ino === source.ino && there.dev === source.dev)
      return "unchanged";
    try {
      linkSync(from, temporary);
      return await settle(temporary, to, "linked", replace);
    } catch (error) {
      if (!["EXDEV", "EPERM", "ENOTSUP", "EMLINK", "EACCES"].includes(codeOf(error) ?? ""))
        throw error;
    }
    copyFileSync(from, temporary);
    return settle(temporary, to, "copied", replace);
  });
