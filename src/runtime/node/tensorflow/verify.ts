// Does this library work here? Asked once, before it is believed: by `specc backend add` and for a stock tfjs-node.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compiledUrl } from "../compiled.ts";
import type { Library } from "./library.ts";

export type Verdict =
  | {
      readonly kind: "works";
      /** As the library itself says it. */
      readonly tensorflow: string;
      readonly onCard: boolean;
      /** Every file of JavaScript that took part. */
      readonly scripts: readonly string[];
    }
  | { readonly kind: "fails"; readonly fault: string };

const PATIENCE_MS = 180_000;
const SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGILL: "the library uses instructions that this processor lacks",
  SIGSEGV: "the library crashed",
  SIGABRT: "the library gave up",
  SIGKILL: "it was killed: out of memory, or out of time",
};

/** What a crash said, without TensorFlow's log prefixes. */
const lastWords = (text: string): string => {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 ? "" : ` (${lines.at(-1)!.slice(0, 300)})`;
};

/**
 * A product, a gradient, and a stateful SavedModel with a function compiled by XLA, in a process of its own; 2 s. Rejects only
 * when `signal` is aborted.
 */
export const verifyLibrary = (library: Library, signal?: AbortSignal): Promise<Verdict> =>
  new Promise((resolve, reject) => {
    const child = fork(
      fileURLToPath(compiledUrl("verify-child", import.meta.url)),
      [JSON.stringify(library)],
      {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        timeout: PATIENCE_MS,
        killSignal: "SIGKILL",
        execArgv: [],
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
      resolve(verdict ?? { kind: "fails", fault: `${how}${lastWords(said)}` });
    });
  });
