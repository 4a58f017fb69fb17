// Reads Hugging Face's tokenizer.json. Byte-level BPE, which training writes and corpora are read with, is our own and several
// times faster; everything else is the library's.
import { FileFault } from "../../bundle/file-fault.ts";
import { bpeTokenizer } from "./bpe.ts";
import { byteLevelModel } from "./byte-level.ts";
import { isObject, listOf, partsOf, type Fault } from "./file.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * The special tokens before the text itself. What comes behind it is left out: a prompt goes on, and a text that is trained on
 * ends with the separator.
 */
const beginOf = (postProcessor: unknown): readonly number[] => {
  const parts = partsOf(postProcessor, "processors");
  const found = parts.find(({ type }) =>
    ["TemplateProcessing", "BertProcessing", "RobertaProcessing"].includes(String(type)),
  );
  if (found === undefined) return [];
  if (found["type"] !== "TemplateProcessing") return listOf(found["cls"]).filter(isId);
  const single = listOf(found["single"]).filter(isObject);
  const text = single.findIndex((part) => "Sequence" in part);
  const known = isObject(found["special_tokens"]) ? found["special_tokens"] : {};
  return single.slice(0, Math.max(0, text)).flatMap(({ SpecialToken: special }) => {
    const token = isObject(special) ? known[String(special["id"])] : undefined;
    return isObject(token) ? listOf(token["ids"]).filter(isId) : [];
  });
};
const isId = (id: unknown): id is number => typeof id === "number";

export const readTokenizerJson = async (text: string, file: string): Promise<Tokenizer> => {
  const fault: Fault = (reason) => new FileFault(file, reason);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fault("not JSON");
  }
  const model = isObject(json) ? json["model"] : undefined;
  if (!isObject(json) || !isObject(model) || model["vocab"] === undefined)
    throw fault("not a tokenizer.json: no model with a vocab");
  const begin = beginOf(json["post_processor"]);
  const own = byteLevelModel({ json, model, begin, fault });
  if (own !== undefined) return bpeTokenizer(own, () => text);
  const { libraryTokenizer } = await import("./library.ts");
  return libraryTokenizer({ json, model, begin, fault }, text);
};
