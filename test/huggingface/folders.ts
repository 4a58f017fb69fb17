// Folders of Hugging Face that tests change.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import { folder } from "../cli/run.ts";
import { dataFolder } from "../parity/checkpoints.ts";

type Tensors = ReturnType<typeof readSafetensors>["tensors"];

/** A copy of a golden folder, changed: the folder that it lies in as `hub`. */
export const source = (name: string, config: Readonly<Record<string, unknown>> = {}): string => {
  const cwd = folder();
  cpSync(dataFolder(name), join(cwd, "hub"), { recursive: true });
  const path = join(cwd, "hub", "config.json");
  const before = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...before, ...config }));
  return cwd;
};

export const tensorsOf = (path: string): Tensors =>
  readSafetensors(new Uint8Array(readFileSync(path))).tensors;
/** Golden files cannot be written to. */
export const replaceTensors = (path: string, tensors: Tensors): void => {
  rmSync(path);
  writeFileSync(path, writeSafetensors(tensors));
};
