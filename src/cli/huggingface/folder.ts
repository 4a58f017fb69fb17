// A folder as Hugging Face's libraries lay it out: config.json, and weights in one file or in shards.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { CONFIG, WEIGHTS, WEIGHTS_INDEX } from "../../bundle/names.ts";
import { CliError } from "../errors.ts";
import { isFile, isFolder, readText } from "../files.ts";

export const readObject = (path: string, shown: string): Readonly<Record<string, unknown>> => {
  let value: unknown;
  try {
    value = JSON.parse(readText(path, shown));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${shown} is not JSON: cut short or damaged`, [], 1);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CliError(`${shown} holds no JSON object`, [], 1);
  return Object.fromEntries(Object.entries(value));
};

/** The weights' file or index; a sentence about what lies there instead. */
export const weightsIn = (folder: string, shown: string, hints: readonly string[] = []): string => {
  const found = [WEIGHTS, WEIGHTS_INDEX].find((name) => isFile(join(folder, name)));
  if (found !== undefined) return join(folder, found);
  const pickled = ["pytorch_model.bin", "pytorch_model.bin.index.json"].some((name) =>
    existsSync(join(folder, name)),
  );
  throw new CliError(
    pickled
      ? `${shown} holds pytorch_model.bin alone, a format that runs code when it is read`
      : `no ${WEIGHTS} or ${WEIGHTS_INDEX} in ${shown}`,
    pickled ? ["save it once as safetensors: model.save_pretrained(folder)"] : hints,
    1,
  );
};

export const checkFolder = (folder: string, shown: string): void => {
  if (isFile(folder))
    throw new CliError(`${shown} is a file`, [`import takes its folder: ${dirname(shown)}`]);
  if (!isFolder(folder)) throw new CliError(`no such folder: ${shown}`);
  if (!isFile(join(folder, CONFIG)))
    throw new CliError(`${shown} is no Hugging Face folder: there is no ${CONFIG} in it`);
};
