// Runs the command line in this process, with its streams captured and a folder of its own.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Io, Signal } from "../../src/cli/io.ts";
import { main } from "../../src/cli/main.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
export interface RunOptions {
  readonly cwd: string;
  readonly stdin?: string;
  readonly env?: Io["env"];
  readonly script?: string;
  /** Receives the listener that signals would go to. */
  readonly signals?: (send: (signal: Signal) => void) => void;
}

/** With nothing that was added to this machine: tests that want TensorFlow say so. */
const ENVIRONMENT: Io["env"] = {
  LANG: "C.UTF-8",
  SPECC_CACHE_DIR: join(tmpdir(), "specc-no-cache"),
};

export const specc = async (argv: readonly string[], options: RunOptions): Promise<Ran> => {
  let [out, err] = ["", ""];
  const code = await main(argv, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    stdin: async () => options.stdin ?? "",
    cwd: options.cwd,
    script: options.script ?? "/usr/bin/specc",
    env: options.env ?? ENVIRONMENT,
    terminal: { out: false, err: false, columns: 80 },
    onSignal: (listener) => {
      options.signals?.(listener);
      return () => undefined;
    },
    exit: (status) => {
      throw new Error(`exited at once with ${status}`);
    },
  });
  return { code, out, err };
};

/** Until something is there that a command makes; one that ends before has failed. */
export const until = async (fits: () => boolean, running: Promise<Ran>): Promise<void> => {
  while (!fits()) {
    const pause = new Promise<undefined>((done) => setTimeout(() => done(undefined), 1));
    const ended = await Promise.race([running, pause]);
    if (ended !== undefined && !fits())
      throw new Error(`the command ended with ${ended.code}: ${ended.err}`);
  }
};

/** A folder that lasts as long as the test. */
export const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const path = mkdtempSync(join(tmpdir(), "specc-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
};

export const TINY = `spec 1

/// Small enough for a test.
model Tiny {
  vocab_size  = 256
  hidden_size = 16
  context     = 16

  blocks 2 {
    norm      = pre(rmsnorm(eps: 1e-6))
    attention = mha(heads: 2, position: rope())
    ffn       = swiglu(intermediate: 24)
    scaling   = gpas()
  }
}

recipe Train for Tiny {
  data      = text("data/*.txt", tokenizer: bytes(), sequence: 16)
  optimizer = adamw(lr: 1e-2)
  batch     = 4 sequences
  length    = 6 steps
}
`;
export const DATA = "The quick brown fox jumps over the lazy dog. ".repeat(60);
/** A project with a model, a recipe and data. */
export const project = (files: Readonly<Record<string, string>> = {}): string =>
  folder({ "package.json": "{}", "model.arch": TINY, "data/text.txt": DATA, ...files });
