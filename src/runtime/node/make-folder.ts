import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../file-errors.ts";

const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
};

/** With its parents; already there is no error. Node's recursive mkdir calls a read-only file system "no such file". */
export const makeFolder = (path: string): void => {
  if (isFolder(path)) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // another process may have been faster
    if (codeOf(error) !== "EEXIST" || !isFolder(path)) throw error;
  }
};
