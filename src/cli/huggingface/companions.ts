// Files that say nothing of what a model computes and everything of its use: its tokens' names, its chats, the end of an
// answer. They lie beside its weights, and go along when it is trained further by the same tokens.
import { basename, dirname, join } from "node:path";
import type { TrainingSpec } from "../../bundle/manifest.ts";
import { TOKENIZER, checkpointStep } from "../../bundle/names.ts";
import { fromRoot, type Host } from "../../runtime/host.ts";
import { isFile, readBytes, readText, shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";

export const COMPANIONS = [
  TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
  "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
]; // prettier-ignore
export const companionsIn = (folder: string): readonly string[] =>
  COMPANIONS.filter((name) => isFile(join(folder, name)));

/** Checkpoints leave them in the folder of their run. */
const homeOf = (weights: string): string => {
  const folder = dirname(weights);
  return checkpointStep(basename(folder)) === undefined ? folder : dirname(folder);
};

/** Whether the recipe reads its texts by the very tokenizer that lies in the folder. */
const hasTokenizerOf = (folder: string, { data }: TrainingSpec, host: Host): boolean => {
  if (data.kind !== "text" || data.tokenizer.kind !== "bpe") return false;
  const [theirs, ours] = [join(folder, TOKENIZER), fromRoot(host, data.tokenizer.file)];
  return isFile(theirs) && isFile(ours) && readText(theirs) === readText(ours);
};

/**
 * Takes what lies beside the weights that a training begins with into the folder of its run.
 * @param tell hears what stays behind, since it speaks of other tokens
 */
export const takeCompanions = (
  io: Io,
  weights: string,
  run: { readonly folder: string; readonly training: TrainingSpec; readonly host: Host },
  tell: (line: string) => void,
): void => {
  const from = homeOf(weights);
  const names = companionsIn(from);
  if (from === run.folder) return;
  if (hasTokenizerOf(from, run.training, run.host)) {
    for (const name of names) writeFile(join(run.folder, name), readBytes(join(from, name)));
    return;
  }
  const left = names.filter((name) => name !== TOKENIZER);
  if (left.length > 0)
    tell(
      `left in ${shownPath(io.cwd, from)}, since the recipe's tokenizer is not the one there: ${left.join(", ")}`,
    );
};
