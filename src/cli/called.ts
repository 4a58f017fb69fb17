// How this program was called, as a command that works again: from a clone it is no `specc` on the PATH, and `npx specc` would
// fetch it anew where it is no dependency.
import { basename, dirname, join, sep } from "node:path";
import { projectRoot, shownPath } from "./files.ts";

/** For a POSIX shell. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

const between = (folder: string, script: string): string =>
  `node ${quoted(shownPath(folder, script))}`;

/**
 * @param script what Node was given to run
 * @param folder where the command is to be typed
 * @param root of the project that this folder belongs to: where npx looks
 */
export const commandFor = (
  script: string,
  folder: string,
  root = projectRoot(join(folder, "package.json")),
): string => {
  const bin = dirname(script);
  if (bin.endsWith(join("node_modules", ".bin"))) {
    const home = dirname(dirname(bin));
    const once = home.split(sep).includes("_npx");
    return once || root === home ? "npx specc" : between(folder, script);
  }
  return basename(script) === "specc" ? "specc" : between(folder, script);
};
