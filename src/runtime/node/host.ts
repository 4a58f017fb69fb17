// The host on Node: files that are synced when written, ranges by descriptor, packages by Node's own resolution.
import { appendFile, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { RangeReader } from "../../bundle/safetensors.ts";
import { codeOf } from "../file-errors.ts";
import type { Host } from "../host.ts";
import { holdFolder } from "./hold-folder.ts";
import { makeFolder } from "./make-folder.ts";

/** Node reads less than 2 GiB at once, and ends the process when it is asked for more. */
const MOST = 2 ** 30;

const openRange = async (path: string): Promise<RangeReader> => {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  return {
    file: path,
    bytes: size,
    read: async (begin, end) => {
      const bytes = new Uint8Array(Math.max(0, end - begin));
      let at = 0;
      while (at < bytes.length) {
        const length = Math.min(bytes.length - at, MOST);
        const { bytesRead } = await handle.read(bytes, at, length, begin + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    },
    close: () => handle.close(),
  };
};

/** A rename is on the disk only when its folder is. Some file systems cannot sync a folder; nothing is lost by that. */
const syncFolder = async (path: string): Promise<void> => {
  const handle = await open(path, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
};

const writeSynced = async (path: string, bytes: Uint8Array): Promise<void> => {
  makeFolder(dirname(resolve(path)));
  const handle = await open(path, "w");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** The nearest node_modules/<name> going up: also of packages that do not export their package.json. */
export const packageFolder = (name: string, from: string): string | undefined => {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
};

export interface NodeHostOptions {
  readonly root?: string;
  /** One line for people; standard error by default. */
  readonly log?: (message: string) => void;
}
export const nodeHost = ({ root = process.cwd(), log }: NodeHostOptions = {}): Host => ({
  root: resolve(root),
  readFile: async (path) => new Uint8Array(await readFile(path)),
  openRange,
  writeFile: writeSynced,
  appendFile: async (path, text) => {
    makeFolder(dirname(resolve(path)));
    await appendFile(path, text);
  },
  rename: async (from, to) => {
    await rename(from, to);
    await syncFolder(dirname(to));
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  makeFolder: async (path) => makeFolder(resolve(path)),
  list: async (path) => {
    try {
      const entries = await readdir(path, { withFileTypes: true });
      return entries
        .map((entry) => ({ name: entry.name, folder: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
      throw error;
    }
  },
  hold: async (path) => holdFolder(resolve(path)),
  packageFolder: async (name, from) => packageFolder(name, from),
  now: () => performance.now(),
  pause: () => new Promise((done) => setImmediate(done)),
  log: log ?? ((message) => void process.stderr.write(`${message}\n`)),
});
