// One process at a time in a folder: a file that says who is at work there. It does not count once that process is gone.
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { codeOf } from "../file-errors.ts";
import { asFault } from "../host.ts";

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When it took the lock, ISO 8601. */
  readonly since: string;
  /** When the process began, in the clock ticks of this boot; null where the system does not say. Ids come back, moments do not. */
  readonly born: string | null;
}
export type Taken =
  | { readonly release: () => void }
  /** Undefined: somebody is taking it right now. */
  | { readonly holder: Holder | undefined };

const isHolder = (x: unknown): x is Holder =>
  typeof x === "object" &&
  x !== null &&
  "pid" in x &&
  typeof x.pid === "number" &&
  "host" in x &&
  typeof x.host === "string" &&
  "since" in x &&
  typeof x.since === "string" &&
  "born" in x;

/** Field 22 of proc(5), counted after the name, which may hold anything. */
const birthOf = (pid: number): string | null => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
};
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
};
/** Of a process on another machine nobody here can tell. */
const isAtWork = ({ pid, host, born }: Holder): boolean => {
  if (host !== hostname()) return true;
  if (!isAlive(pid)) return false;
  const now = birthOf(pid);
  // where the system does not say, a process that lives may be the one
  return born === null || now === null || now === born;
};

const textAt = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw asFault(error, path, "reading who is at work there");
  }
};
const parsed = (text: string): Holder | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const MILLISECONDS_TO_WRITE = 5000;
type Seen =
  | { readonly kind: "free" }
  | { readonly kind: "held"; readonly holder: Holder | undefined }
  | { readonly kind: "stale"; readonly text: string };
const look = (path: string): Seen => {
  const text = textAt(path);
  if (text === undefined) return { kind: "free" };
  const holder = parsed(text);
  if (holder !== undefined)
    return isAtWork(holder) ? { kind: "held", holder } : { kind: "stale", text };
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return age < MILLISECONDS_TO_WRITE ? { kind: "held", holder } : { kind: "stale", text };
};

/** Who is at work, without taking anything. */
export const lockedBy = (path: string): Extract<Seen, { kind: "held" }> | undefined => {
  const seen = look(path);
  return seen.kind === "held" ? seen : undefined;
};

/** Whether this call made the file. */
const write = (path: string, text: string): boolean => {
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
  return true;
};

/** Takes a stale lock out of the way. One that somebody else has taken meanwhile is given back. */
const clear = (path: string, stale: string): void => {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  const text = textAt(aside) ?? "";
  if (text !== stale) write(path, text);
  rmSync(aside, { force: true });
};

/** What this process holds, by path. A process that ends in the middle of its work leaves no lock behind. */
const held = new Map<string, string>();
const letGo = (path: string, mine: string): void => {
  held.delete(path);
  if (textAt(path) === mine) rmSync(path, { force: true });
};
const letAllGo = (): void => {
  for (const [path, mine] of held)
    try {
      letGo(path, mine);
    } catch {
      // it is of no process from now on, and holds nobody up
    }
};

export const takeLock = (path: string): Taken => {
  const { pid } = process;
  const mine = `${JSON.stringify({ pid, host: hostname(), since: new Date().toISOString(), born: birthOf(pid) } satisfies Holder)}\n`;
  const seen = look(path);
  if (seen.kind === "held") return { holder: seen.holder };
  if (seen.kind === "stale") clear(path, seen.text);
  if (!write(path, mine)) return { holder: parsed(textAt(path) ?? "") };
  if (!process.listeners("exit").includes(letAllGo)) process.on("exit", letAllGo);
  held.set(path, mine);
  return { release: () => letGo(path, mine) };
};

/** As people read it. */
export const holderText = (holder: Holder | undefined): string => {
  if (holder === undefined) return "a process that has just begun";
  const place = holder.host === hostname() ? "" : ` on ${holder.host}`;
  return `process ${holder.pid}${place}, since ${holder.since.slice(0, 16).replace("T", " ")} UTC`;
};
