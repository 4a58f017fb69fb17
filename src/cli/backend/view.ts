// What is going on, on standard error: one line a step, and how far a download is.
import cliProgress from "cli-progress";
import type { Io } from "../io.ts";
import { bytesText } from "../../bundle/numbers.ts";

export interface View {
  /** What is being done from now on. */
  readonly step: (line: string) => void;
  /** Bytes so far of the present step, and in all when that is known. */
  readonly amount: (bytes: number, total: number | undefined) => void;
  readonly stop: () => void;
}

const MS_BETWEEN_LINES = 10_000;

export const view = (io: Io, quiet: boolean): View => {
  if (quiet) return { step: () => undefined, amount: () => undefined, stop: () => undefined };
  const fancy = io.terminal.err && (io.env["CI"] ?? "") === "" && io.env["TERM"] !== "dumb";
  let bar: cliProgress.SingleBar | undefined;
  let next = 0;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    step: (line) => {
      stop();
      next = performance.now() + MS_BETWEEN_LINES;
      io.err(`${line}\n`);
    },
    amount: (bytes, total) => {
      if (fancy && total !== undefined) {
        if (bar === undefined) {
          bar = new cliProgress.SingleBar({
            format: "  {bar} {done} of {all}",
            stream: process.stderr,
            barsize: 28,
            hideCursor: true,
            clearOnComplete: true,
            linewrap: false,
            barCompleteChar: "█",
            barIncompleteChar: "░",
          });
          bar.start(total, bytes, { done: bytesText(bytes), all: bytesText(total) });
        }
        bar.update(Math.min(bytes, total), { done: bytesText(bytes), all: bytesText(total) });
      } else if (performance.now() >= next) {
        next = performance.now() + MS_BETWEEN_LINES;
        io.err(`  ${bytesText(bytes)}${total === undefined ? "" : ` of ${bytesText(total)}`}\n`);
      }
    },
    stop,
  };
};
