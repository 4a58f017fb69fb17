// What `specc import` says of the tokenizer: nothing where it covers the vocabulary.
import { join } from "node:path";
import { FileFault } from "../../bundle/file-fault.ts";
import { TOKENIZER } from "../../bundle/names.ts";
import { mayBeBytes } from "../../runtime/tokenizers/find.ts";
import { readTokenizerJson } from "../../runtime/tokenizers/tokenizer-json.ts";
import { isFile, readText } from "../files.ts";

/** @param folder of the imported model */
export const tokenizerAccount = async (
  folder: string,
  vocabSize: number,
): Promise<string | undefined> => {
  const path = join(folder, TOKENIZER);
  if (!isFile(path))
    return mayBeBytes(vocabSize)
      ? undefined
      : `no ${TOKENIZER}: specc generate needs the model's own beside the weights`;
  try {
    const { size } = await readTokenizerJson(readText(path), TOKENIZER);
    return size < vocabSize
      ? `${TOKENIZER} has ${size} tokens of the vocabulary's ${vocabSize}: the others are never generated`
      : undefined;
  } catch (error) {
    if (error instanceof FileFault) return error.message; // the model is imported all the same
    throw error;
  }
};
