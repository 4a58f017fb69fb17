// What lies beside a model's weights: files that say how it is used. They are read when they are asked for.
import { FileFault } from "../../bundle/file-fault.ts";
import { joinPath, readText, type Host } from "../host.ts";
import { isObject, type Json } from "./file.ts";

export interface Beside {
  /** For messages. */
  readonly where: string;
  /** The text of a file; undefined when there is none. */
  read(name: string): Promise<string | undefined>;
}

/** Of a folder, or of a file of weights, their index or a tokenizer. */
export const besideWeights = (host: Host, weights: string): Beside => {
  const stripped = weights.replace(/[^/]*\.(safetensors|json)$/, "").replace(/(.)\/+$/, "$1");
  const where = stripped === "" ? "." : stripped;
  return {
    where,
    read: async (name) => {
      const names = ((await host.list(where)) ?? []).map((entry) => entry.name);
      return names.includes(name) ? readText(host, joinPath(where, name)) : undefined;
    },
  };
};

/** A JSON object; an empty one when there is no such file. */
export const readObject = async (beside: Beside, name: string): Promise<Json> => {
  const text = await beside.read(name);
  if (text === undefined) return {};
  try {
    const json: unknown = JSON.parse(text);
    if (isObject(json)) return json;
  } catch {
    // told below
  }
  throw new FileFault(joinPath(beside.where, name), "holds no JSON object: cut short or damaged");
};
