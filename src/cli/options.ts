// The options of several commands: what actions get of them, how their values are read, what help says.
import { InvalidArgumentError, Option, type Command } from "commander";
import type { WrittenForm } from "../compiler/compile.ts";

export interface ColorChoice {
  readonly color?: "auto" | "always" | "never" | boolean;
}
export interface QuietChoice {
  readonly quiet?: boolean;
}
export interface CommonOptions extends ColorChoice, QuietChoice {}
/** Which model, and what of it is set from outside. */
export interface ModelChoice extends CommonOptions {
  readonly model?: string;
  readonly set?: Readonly<Record<string, string>>;
}
/** Which model and which recipe. */
export interface ChoiceOptions extends ModelChoice {
  readonly recipe?: string;
}

/** `wanted`: "a number from 0 up". */
export const number =
  (wanted: string, fits: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || !fits(value))
      throw new InvalidArgumentError(`Give ${wanted}.`);
    return value;
  };
export const whole = (low: number): ((text: string) => number) =>
  number(`a whole number from ${low} up`, (x) => Number.isSafeInteger(x) && x >= low);
export const list = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];
export const stopText = (text: string, before?: readonly string[]): readonly string[] => {
  if (text === "") throw new InvalidArgumentError("Give at least one character.");
  return list(text, before);
};
export const byteSize = (text: string): number => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([kMG]i?)?B$/.exec(text) ?? [];
  const base = unit.endsWith("i") ? 1024 : 1000;
  const value = Number(amount) * base ** ["", "k", "M", "G"].indexOf(unit.charAt(0));
  if (amount === "" || value < 1) throw new InvalidArgumentError("Give a size as 5GB or 500MiB.");
  return Math.floor(value);
};
export const setting = (
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("Give key=value, for example length=500steps.");
  return { ...before, [text.slice(0, equals).trim()]: text.slice(equals + 1).trim() };
};

export const colored = (command: Command): Command =>
  command
    .addOption(
      new Option("--color <when>", "colour the output").choices(["auto", "always", "never"]),
    )
    .option("--no-color", "the same as --color never");
export const quietable = (command: Command): Command =>
  command.option("-q, --quiet", "no progress, no banners");
/** Of commands that show diagnostics and tell what they do. */
export const common = (command: Command): Command => quietable(colored(command));
export const modelChoice = (command: Command): Command =>
  common(command)
    .option("--model <name>", "the model, where a file declares several")
    .option(
      "--set <key=value>",
      "override a parameter or key; may repeat, is checked as source is",
      setting,
    );
export const choice = (command: Command): Command =>
  modelChoice(command).option("--recipe <name>", "the recipe, where a file declares several");
export const format = (): Option =>
  new Option("--format <name>", "how diagnostics are written")
    .choices(["text", "json", "ndjson", "sarif", "github"])
    .default("text");
export const engine = (): Option =>
  new Option("--engine <name>", "where programs run")
    .choices(["auto", "tensorflow", "wasm", "cpu"])
    .default("auto");
/** As the compiler has them (compile.ts), which is not imported for a mistyped option. */
const FORMS: readonly WrittenForm[] = ["tfjs", "tensorflow"];
export const forms = (text: string): readonly WrittenForm[] => {
  const names = text.split(",").map((name) => name.trim());
  return names.map((name) => {
    const form = FORMS.find((each) => each === name);
    if (form === undefined)
      throw new InvalidArgumentError(`Give ${FORMS.join(", ")}, or several with commas between.`);
    return form;
  });
};
export const seed = (): Option =>
  new Option("--seed <n>", "seed of the random numbers").argParser(whole(0));
