// How a command ends other than well. Exit codes: 0 done, 1 the input is wrong, 2 the invocation is wrong, 70 a bug in specc,
// 130, 143 and 129 interrupted.

/** Shown as "error: message" and its hints, never as a stack. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly hints: readonly string[];

  constructor(message: string, hints: readonly string[] = [], exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
    this.hints = hints;
  }
}

/** The command said what was wrong itself; only the code is left to give. */
export class Stop extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export const EXIT_CODES = `
Exit codes:
  0    success; warnings are allowed
  1    the input is wrong: errors in a file, differences found by --check
  2    the invocation is wrong: unknown option, missing file, a place that cannot be written
  70   a bug in specc
  130  interrupted (143: terminated, 129: hung up); training saves a checkpoint if a step was made`;
