// Does this library work here? Asked once, before it is believed: by `specc backend add` and for a stock tfjs-node.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compiledUrl } from "../compiled.ts";
import { hasCard } from "./card.ts";
import type { Library } from "./manifest.ts";

export type Verdict =
  | {
      readonly kind: "works";
      /** As the library itself says it. */
      readonly tensorflow: string;
      readonly onCard: boolean;
      /** Every file of JavaScript that took part. */
      readonly scripts: readonly string[];
      /** Of `alsoOpen`: could not be opened for want of the card's driver. */
      readonly needDriver: readonly string[];
    }
  | { readonly kind: "fails"; readonly fault: string };

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  /** Libraries that only some programs make use of: each is opened after the rest. */
  readonly alsoOpen?: readonly string[];
}
/** What the child is given. */
export interface Task {
  readonly library: Library;
  readonly alsoOpen: readonly string[];
}

const PATIENCE_MS = 180_000;
const SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGILL: "the library uses instructions that this processor lacks",
  SIGSEGV: "the library crashed",
  SIGABRT: "the library gave up",
  SIGKILL: "it was killed: out of memory, or out of time",
};

/** What it said last, or what it said of libraries that it could not open. */
const lastWords = (text: string): string => {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const best = lines.find((line) => /could not (load|find)|cannot dlopen/i.test(line));
  const words = best ?? lines.at(-1);
  return words === undefined ? "" : ` (${words.slice(0, 300)})`;
};

/** A library for cards that leaves the card alone is no use, though it computes. */
const judged = (verdict: Verdict, library: Library, said: string): Verdict =>
  verdict.kind === "works" && library.gpu && hasCard() && !verdict.onCard
    ? { kind: "fails", fault: `there is a card, and TensorFlow does not use it${lastWords(said)}` }
    : verdict;

/**
 * A product, a gradient, and a stateful SavedModel with a function compiled by XLA, in a process of its own; 2 s. Rejects only
 * when `signal` is aborted.
 */
export const verifyLibrary = (
  library: Library,
  { signal, alsoOpen = [] }: VerifyOptions = {},
): Promise<Verdict> =>
  new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(compiledUrl("verify-child", import.meta.url)),
      [JSON.stringify({ library, alsoOpen } satisfies Task)],
      {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        timeout: PATIENCE_MS,
        killSignal: "SIGKILL",
        execArgv: [],
        // on a card, why it is not used stands in the warnings
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: library.gpu ? "1" : "2" },
        ...(signal === undefined ? {} : { signal }),
      },
    );
    let said = "";
    let verdict: Verdict | undefined;
    child.stderr?.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-4000)));
    child.on("message", (message) => (verdict = message as Verdict));
    child.on("error", reject);
    child.on("close", (code, ended) => {
      const how = ended === null ? `it ended with code ${code ?? "?"}` : (SIGNALS[ended] ?? ended);
      resolve(
        verdict === undefined
          ? { kind: "fails", fault: `${how}${lastWords(said)}` }
          : judged(verdict, library, said),
      );
    });
  });
