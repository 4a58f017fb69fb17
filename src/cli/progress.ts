// How far a training is, on standard error: a bar on a terminal, a plain line every few seconds elsewhere.
import cliProgress from "cli-progress";
import type { Progress } from "../runtime/index.ts";
import type { Io } from "./io.ts";
import { countText, lossText, timeText } from "../bundle/numbers.ts";

export interface ProgressView {
  readonly step: (progress: Progress) => void;
  /** A line of its own, above the bar. */
  readonly note: (line: string) => void;
  readonly stop: () => void;
}

const SECONDS_BETWEEN_LINES = 5;
const silent: ProgressView = {
  step: () => undefined,
  note: () => undefined,
  stop: () => undefined,
};

const lines = (io: Io, now: () => number): ProgressView => {
  let next = -Infinity;
  return {
    step: ({ step, totalSteps, loss, perSecond, unit, secondsLeft }) => {
      if (now() < next && step !== totalSteps) return;
      next = now() + SECONDS_BETWEEN_LINES * 1000;
      io.err(
        `step ${step}/${totalSteps}  loss ${lossText(loss)}  ${countText(perSecond)} ${unit}/s  ${timeText(secondsLeft)} left\n`,
      );
    },
    note: (line) => io.err(`${line}\n`),
    stop: () => undefined,
  };
};

const bar = (): ProgressView => {
  const view = new cliProgress.SingleBar({
    format: "{bar} {value}/{total}  loss {loss}  {speed}  {left} left",
    stream: process.stderr,
    barsize: 28,
    hideCursor: true,
    clearOnComplete: false,
    stopOnComplete: false,
    linewrap: false,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  let started = false;
  return {
    step: ({ step, totalSteps, loss, perSecond, unit, secondsLeft }) => {
      const payload = {
        loss: lossText(loss),
        speed: `${countText(perSecond)} ${unit}/s`,
        left: timeText(secondsLeft),
      };
      if (started) view.update(step, payload);
      else view.start(totalSteps, step, payload);
      started = true;
    },
    note: (line) => {
      // the bar redraws itself below the line with the next step
      if (started) process.stderr.write("\r\u001b[K");
      process.stderr.write(`${line}\n`);
    },
    stop: () => {
      if (started) view.stop();
    },
  };
};

export const progressView = (io: Io, quiet: boolean): ProgressView => {
  if (quiet) return silent;
  const plain = !io.terminal.err || (io.env["CI"] ?? "") !== "" || io.env["TERM"] === "dumb";
  return plain ? lines(io, () => performance.now()) : bar();
};
