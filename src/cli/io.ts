// The world as the commands see it: two streams, standard input, folders and signals. Tests pass their own; nothing else in
// `src/cli` touches `process`.
import { reasonOf } from "./files.ts";

/** SIGPIPE: whoever read standard output has gone. */
export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";
/** As shells count them; a reader who has seen enough is content. */
const EXIT: Readonly<Record<Signal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
  SIGPIPE: 0,
};

export interface Io {
  /** Data: what a pipe should carry. */
  readonly out: (text: string) => void;
  /** Talk: progress, banners, complaints. */
  readonly err: (text: string) => void;
  readonly stdin: () => Promise<string>;
  readonly cwd: string;
  /** The program's own file, as it was named. */
  readonly script: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: { readonly out: boolean; readonly err: boolean; readonly columns: number };
  /** Until the returned function is called, these signals go to the listener. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

type Listener = (signal: Signal) => void;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What is left has nobody to be shown to (`specc … | head`), or no place to be kept in (a full disk). */
const watchOutput = (listeners: ReadonlySet<Listener>): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") {
      process.stderr.write(`error: cannot write to standard output: ${reasonOf(error)}\n`);
      process.exit(2);
    }
    if (listeners.size === 0) process.exit(process.exitCode ?? 0);
    for (const listener of listeners) listener("SIGPIPE");
  });
  // Talk that nobody hears stops no work: a training goes on and is saved.
  process.stderr.on("error", () => undefined);
};

const workingFolder = (): string => {
  try {
    return process.cwd();
  } catch {
    process.stderr.write("error: the working directory is gone\n");
    process.exit(2);
  }
};

export const processIo = (): Io => {
  const listeners = new Set<Listener>();
  watchOutput(listeners);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    stdin: async () => {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(Buffer.from(part as Uint8Array | string));
      return new TextDecoder().decode(Buffer.concat(parts));
    },
    cwd: workingFolder(),
    script: process.argv[1] ?? "specc",
    env: process.env,
    terminal: {
      out: process.stdout.isTTY,
      err: process.stderr.isTTY,
      columns: process.stderr.columns || 80,
    },
    onSignal: (listener) => {
      listeners.add(listener);
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        listeners.delete(listener);
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  };
};

export interface Interrupt {
  readonly signal: AbortSignal;
  /** What the process should end with; 0 while nobody has asked it to stop. */
  readonly code: () => number;
  readonly done: () => void;
}
const nothing = (): void => undefined;
/** From here on the first signal asks for a good end, and is answered at once; the second ends the process, with a last word. */
export const interruptible = (
  io: Io,
  answer: () => void = nothing,
  lastWord: () => void = nothing,
): Interrupt => {
  const controller = new AbortController();
  let code = 0;
  const done = io.onSignal((signal) => {
    if (code !== 0 && signal !== "SIGPIPE") {
      lastWord();
      io.exit(EXIT[signal]);
    }
    code ||= EXIT[signal];
    controller.abort();
    if (signal !== "SIGPIPE") answer();
  });
  return { signal: controller.signal, code: () => code, done };
};
