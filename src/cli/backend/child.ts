// Other programs: pip, npm and the C++ compiler. Their output is kept for the message when they fail, or handed on line by line.
import { spawn } from "node:child_process";
import type { Io } from "../io.ts";

export interface Ended {
  /** Undefined when there is no such program. */
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}
/** What every program is started with. */
export interface Surroundings {
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly env: Io["env"];
}
export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

const isMissing = (error: Error): boolean => "code" in error && error.code === "ENOENT";

/** Rejects only when `signal` is aborted, or the program cannot be started though it is there. */
export const run = (
  program: string,
  args: readonly string[],
  { signal, env }: Surroundings,
  { cwd, env: added = {}, onLine }: RunOptions = {},
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, ...added },
      signal,
      ...(cwd === undefined ? {} : { cwd }),
    });
    let [out, err, line] = ["", "", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      const lines = (line + text).split("\n");
      line = lines.pop() ?? "";
      for (const each of lines) onLine?.(each);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    let failure: Error | undefined;
    child.on("error", (error) => (failure = error));
    child.on("close", (code) => {
      if (failure === undefined) resolve({ code: code ?? -1, out, err });
      else if (isMissing(failure)) resolve({ code: undefined, out, err });
      else reject(failure);
    });
  });

/** The line that says most: the first error, else the last line, cut to a bearable length. */
export const complaintOf = ({ out, err }: Ended): string => {
  const lines = (err.trim() === "" ? out : err)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const best =
    lines.find((line) => /\berror\b|undefined reference/i.test(line)) ??
    lines.at(-1) ??
    "no reason given";
  return best.length > 300 ? `${best.slice(0, 300)}…` : best;
};
