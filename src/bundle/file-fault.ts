// What is wrong with a file that a user gave or that an earlier run wrote, told in a sentence. Nothing else is thrown for
// bad input by the readers of bundles, weights, tokenizers and data.

export class FileFault extends Error {
  override readonly name = "FileFault";
  /** The file, as the reader knows it. */
  readonly file: string;
  /** The smallest thing that would help, when one is known. */
  readonly help: string | undefined;

  constructor(file: string, reason: string, help?: string) {
    super(`${file}: ${reason}`);
    this.file = file;
    this.help = help;
  }
}
