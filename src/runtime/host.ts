// All that the runtime asks of its surroundings: files, a clock, a place to report to. Paths use "/". Failures reject with an
// Error whose `code` is the POSIX name (ENOENT, ENOSPC, EACCES), as Node's do; other hosts map theirs.
import { FileFault } from "../bundle/file-fault.ts";
import type { RangeReader } from "../bundle/safetensors.ts";
import { codeOf, refusalOf } from "./file-errors.ts";

export interface Entry {
  readonly name: string;
  readonly folder: boolean;
}
export interface Host {
  /** The project's folder: globs of data and files of tokenizers start here. */
  readonly root: string;
  readFile(path: string): Promise<Uint8Array>;
  openRange(path: string): Promise<RangeReader>;
  /** Replaces the file and returns when it is on the disk, not just in a cache. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  appendFile(path: string, text: string): Promise<void>;
  /** Atomic; the target must not be a folder that holds something. */
  rename(from: string, to: string): Promise<void>;
  /** With all inside; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** With its parents; already there is no error. */
  makeFolder(path: string): Promise<void>;
  /** Sorted by name; undefined when there is no such folder. */
  list(path: string): Promise<readonly Entry[] | undefined>;
  /**
   * Keeps others from writing to a folder, which is made where there is none, until the returned function is called. Rejects with
   * a FileFault where somebody is at work there.
   */
  hold(path: string): Promise<() => void>;
  /** The folder of an installed package as seen from a folder; undefined when it is not installed. */
  packageFolder(name: string, from: string): Promise<string | undefined>;
  /** Milliseconds that only grow. */
  now(): number;
  /** Lets events (signals, input) happen between two steps. */
  pause(): Promise<void>;
  /** One line for people. */
  log(message: string): void;
}

export const joinPath = (...parts: readonly string[]): string =>
  parts
    .filter((part) => part !== "")
    .join("/")
    .replaceAll(/\/{2,}/g, "/");

/** A path of a recipe: absolute, or from the project root. */
export const fromRoot = ({ root }: Pick<Host, "root">, path: string): string =>
  path.startsWith("/") ? path : joinPath(root, path);

/** A failed file operation as a fault of the file; anything else as it is. */
export const asFault = (error: unknown, file: string, doing: string, help?: string): unknown => {
  const code = codeOf(error);
  if (error instanceof FileFault || code === undefined) return error;
  return new FileFault(file, `${refusalOf(error)?.reason ?? code} (while ${doing})`, help);
};

export const readText = async (host: Host, path: string): Promise<string> => {
  let bytes: Uint8Array;
  try {
    bytes = await host.readFile(path);
  } catch (error) {
    throw asFault(error, path, "reading it");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileFault(path, "not UTF-8 text", "save it as UTF-8, or leave it out");
  }
};

export const readJson = async (host: Host, path: string): Promise<unknown> => {
  const text = await readText(host, path);
  try {
    return JSON.parse(text);
  } catch {
    throw new FileFault(path, "not JSON: cut short or damaged");
  }
};

export const openRange = async (host: Host, path: string): Promise<RangeReader> => {
  try {
    return await host.openRange(path);
  } catch (error) {
    throw asFault(error, path, "opening it");
  }
};

/** Under another name first, so that a reader sees the old file or the new one and never half of it. */
export const replaceFile = async (
  host: Host,
  path: string,
  content: Uint8Array | string,
): Promise<void> => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const partial = `${path}.partial`;
  try {
    await host.writeFile(partial, bytes);
    await host.rename(partial, path);
  } catch (error) {
    await host.remove(partial).catch(() => undefined);
    throw asFault(
      error,
      path,
      "writing it",
      "free some space or choose another folder, then resume",
    );
  }
};
