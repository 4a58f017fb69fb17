// Files of the command line: read with good complaints, written whole or not at all, and left alone when unchanged (so that
// builds and watchers see only what changed).
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { CliError } from "./errors.ts";

export const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
export const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};
export const reasonOf = (error: unknown): string =>
  REASONS[errorCode(error)] ?? (error instanceof Error ? error.message : String(error));

export const readText = (path: string, shown = path): string => {
  const read = decode(path);
  if ("fault" in read) throw new CliError(`cannot read ${shown}: ${read.fault}`);
  return read.text;
};
const decode = (path: string): { readonly text: string } | { readonly fault: string } => {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return { fault: reasonOf(error) };
  }
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return { fault: "it is UTF-16 text; save it as UTF-8" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { fault: "it is not UTF-8 text" };
  }
};

const oddity = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isFile()) return undefined;
  return stat.isDirectory()
    ? "a folder"
    : stat.isFIFO()
      ? "a pipe"
      : stat.isSocket()
        ? "a socket"
        : "a device";
};
/** For a path that is no regular file: there is none, or opening it could wait for ever. */
export const noFile = (path: string, given: string): CliError => {
  const what = oddity(path);
  return new CliError(
    what === undefined ? `no such file: ${given}` : `${given} is ${what}, not a file`,
  );
};

/** A source of the compiler: UTF-8 text without zero bytes, in a regular file. undefined: there is none. */
export const readSource = (path: string): string | { readonly fault: string } | undefined => {
  const what = oddity(path);
  if (what !== undefined) return { fault: `it is ${what}, not a file` };
  if (!isFile(path)) return undefined;
  const read = decode(path);
  if ("fault" in read) return read;
  return read.text.includes("\0") ? { fault: "it is not text" } : read.text;
};
export const readBytes = (path: string, shown = path): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new CliError(`cannot read ${shown}: ${reasonOf(error)}`);
  }
};

const same = (path: string, content: Uint8Array): boolean => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return (
    stat?.isFile() === true &&
    stat.size === content.length &&
    Buffer.compare(readFileSync(path), content) === 0
  );
};

/** To a temporary name, synced, renamed: a reader sees the old file or the new one. False when it held this already. */
export const writeFile = (path: string, content: string | Uint8Array): boolean => {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  if (same(path, bytes)) return false;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(temporary, "w");
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new CliError(`cannot write ${path}: ${reasonOf(error)}`);
  }
  return true;
};

/** All files below a folder; the list of those that changed. */
export const writeFiles = (
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
): readonly string[] =>
  [...files].flatMap(([path, content]) => (writeFile(join(folder, path), content) ? [path] : []));

/** As shown to people: relative to the working directory, with forward slashes. */
export const shownPath = (cwd: string, path: string): string => {
  const short = relative(cwd, path);
  return (short === "" ? "." : short.startsWith(`..${sep}..`) ? path : short).split(sep).join("/");
};

/** The nearest folder with a package.json, else the file's own. */
export const projectRoot = (file: string): string => {
  const start = dirname(resolve(file));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === parse(folder).root) return start;
  }
};

/** Where specc itself lies, from the sources as well as from dist. */
export const packageRoot = (): string => projectRoot(fileURLToPath(import.meta.url));
