// The world as the commands see it: two streams, standard input, folders and signals. Tests pass their own; nothing else in
// `src/cli` touches `process`.

export type Signal = "SIGINT" | "SIGTERM";

export interface Io {
  /** Data: what a pipe should carry. */
  readonly out: (text: string) => void;
  /** Talk: progress, banners, complaints. */
  readonly err: (text: string) => void;
  readonly stdin: () => Promise<string>;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: { readonly out: boolean; readonly err: boolean; readonly columns: number };
  /** Until the returned function is called, these signals go to the listener. */
  readonly onSignal: (listener: (signal: Signal) => void) => () => void;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** A reader that went away (`specc … | head`) is no error: what is left has nobody to be shown to. */
const quietPipe = (stream: NodeJS.WriteStream): void => {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
};

export const processIo = (): Io => {
  quietPipe(process.stdout);
  quietPipe(process.stderr);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    stdin: async () => {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(Buffer.from(part as Uint8Array | string));
      return new TextDecoder().decode(Buffer.concat(parts));
    },
    cwd: process.cwd(),
    env: process.env,
    terminal: {
      out: process.stdout.isTTY,
      err: process.stderr.isTTY,
      columns: process.stderr.columns || 80,
    },
    onSignal: (listener) => {
      const signals: readonly Signal[] = ["SIGINT", "SIGTERM"];
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  };
};

/** The first listener hears the first signal; a second signal ends the process at once. */
export const interruptible = (
  io: Io,
): { readonly signal: AbortSignal; readonly code: () => number; readonly done: () => void } => {
  const controller = new AbortController();
  let code = 0;
  const done = io.onSignal((signal) => {
    const exit = signal === "SIGINT" ? 130 : 143;
    if (code !== 0) io.exit(exit);
    code = exit;
    controller.abort();
  });
  return { signal: controller.signal, code: () => code, done };
};
