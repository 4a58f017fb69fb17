// The tokenizer that belongs to a model: what lies beside its weights goes first, then the recipe's, then bytes.
import { FileFault } from "../../bundle/file-fault.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { fromRoot, openTokenizer } from "../data/index.ts";
import { joinPath, readJson, readText, type Host } from "../host.ts";
import { isObject, listOf } from "./file.ts";
import { bytesTokenizer, type Tokenizer } from "./tokenizer.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

/** `eos_token_id` of a folder, one or several: generation_config.json says it for the use, config.json for the model. */
const endsIn = async (
  host: Host,
  folder: string,
  names: ReadonlySet<string>,
): Promise<readonly number[]> => {
  for (const name of ["generation_config.json", "config.json"]) {
    const json = names.has(name) ? await readJson(host, joinPath(folder, name)) : undefined;
    const given = isObject(json) ? json["eos_token_id"] : undefined;
    const ids = (typeof given === "number" ? [given] : listOf(given)).filter(
      (id): id is number => typeof id === "number",
    );
    if (ids.length > 0) return ids;
  }
  return [];
};

const besideWeights = async (host: Host, folder: string): Promise<Tokenizer | undefined> => {
  const names = new Set(((await host.list(folder)) ?? []).map(({ name }) => name));
  if (!names.has("tokenizer.json")) return undefined;
  const path = joinPath(folder, "tokenizer.json");
  const tokenizer = await readTokenizerJson(await readText(host, path), path);
  const ends = await endsIn(host, folder, names);
  return ends.length === 0 ? tokenizer : { ...tokenizer, ends, separator: ends[0] };
};

/** The folder of a weights file, index or folder. */
export const folderOf = (weights: string): string => {
  const folder = weights.replace(/[^/]*\.(safetensors|json)$/, "");
  return folder === "" ? "." : folder;
};

export const findTokenizer = async (
  host: Host,
  { training, model }: Manifest,
  weights: string | undefined,
): Promise<Tokenizer> => {
  const beside = weights === undefined ? undefined : await besideWeights(host, folderOf(weights));
  if (beside !== undefined) return beside;
  if (training !== null) {
    const spec = training.data.tokenizer;
    return openTokenizer(
      spec.kind === "bpe" ? { ...spec, file: fromRoot(host, spec.file) } : spec,
      host,
    );
  }
  if (model.vocabSize >= bytesTokenizer.size) return bytesTokenizer;
  throw new FileFault(
    "tokenizer.json",
    "no tokenizer: the bundle has no recipe and none lies beside the weights",
  );
};
