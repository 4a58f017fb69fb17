// Every family through import and export: the tensors come back under their names, with their shapes, formats and bytes, in the
// files they lay in where nothing is converted; tables that are computed stay behind, and are told.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeAs, type NumberFormat } from "../../src/bundle/number-formats.ts";
import { planSafetensors, type TensorInfo } from "../../src/bundle/safetensors.ts";
import { familyOf, type Config } from "../../src/compiler/huggingface/index.ts";
import { nodeHost } from "../../src/runtime/node/index.ts";
import { openWeights } from "../../src/runtime/train/checkpoint.ts";
import { specc } from "../cli/run.ts";
import { source, tensorsOf } from "./folders.ts";

interface Raw {
  readonly info: TensorInfo;
  readonly bytes: Uint8Array;
}
type Checkpoint = ReadonlyMap<string, Raw>;

const random = (() => {
  let state = 1;
  return (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32 - 0.5;
})();
const rawOf = (format: NumberFormat, shape: readonly number[], data?: ArrayLike<number>): Raw => {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => data?.[i] ?? random());
  return { info: { format, shape }, bytes: encodeAs(format, values) };
};
const fileOf = (tensors: readonly (readonly [string, Raw])[]): Uint8Array => {
  const known = new Map(tensors);
  const plan = planSafetensors(new Map(tensors.map(([name, { info }]) => [name, info])));
  return Buffer.concat([plan.head, ...plan.order.map((name) => known.get(name)!.bytes)]);
};
/** In one file, or in three with their index. */
const write = (folder: string, tensors: Checkpoint, sharded: boolean): void => {
  const entries = [...tensors];
  if (!sharded) {
    writeFileSync(join(folder, "model.safetensors"), fileOf(entries));
    return;
  }
  const files = [1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`);
  const weight_map = Object.fromEntries(entries.map(([name], i) => [name, files[i % 3]!]));
  for (const file of files)
    writeFileSync(
      join(folder, file),
      fileOf(entries.filter(([name]) => weight_map[name] === file)),
    );
  const total_size = entries.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
  const index = { metadata: { total_size }, weight_map };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
};
const read = async (folder: string): Promise<Record<string, Raw & { readonly file: string }>> => {
  const stored = await openWeights(nodeHost(), folder);
  const found: Record<string, Raw & { readonly file: string }> = {};
  for (const [name, info] of stored.infos) {
    const file = stored.shards?.get(name) ?? "model.safetensors";
    found[name] = { info, bytes: await stored.readBytes(name), file };
  }
  await stored.close();
  return found;
};

const families = [
  "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "mixtral", "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3",
]; // prettier-ignore
/** How it lies: a format, shards, a tied head, tables that carry nothing, one tensor of another format. */
const ways = [
  { format: "F32", sharded: false, tied: true, extra: true },
  { format: "BF16", sharded: true, tied: false, extra: false },
  { format: "F16", sharded: true, tied: true, extra: false },
  { format: "BF16", sharded: false, tied: false, extra: true },
] as const;
const cases = families.flatMap((family) => ways.map((way) => ({ family, ...way })));

test.each(cases)(
  "$family, $format, sharded: $sharded, tied: $tied, computed tables: $extra",
  async ({ family, format, sharded, tied, extra }) => {
    const cwd = source(`hf/${family}`, { tie_word_embeddings: tied });
    const hub = join(cwd, "hub");
    const path = join(hub, "model.safetensors");
    const before = tensorsOf(path);
    rmSync(path);
    const table = family === "gpt2" ? "transformer.wte.weight" : "model.embed_tokens.weight";
    const tensors = new Map(
      Object.entries(before).flatMap(([name, { shape, data }]) =>
        tied && name === "lm_head.weight" ? [] : [[name, rawOf(format, shape, data)] as const],
      ),
    );
    if (!tied && !tensors.has("lm_head.weight"))
      tensors.set("lm_head.weight", rawOf(format, before[table]!.shape));
    // Routers often keep f32 in a model of bf16.
    const norm = [...tensors.keys()].find((name) => /norm\.weight$|ln_f\.weight$/.test(name))!;
    tensors.set(norm, rawOf("F32", tensors.get(norm)!.info.shape));
    const tables: Checkpoint = new Map(
      !extra
        ? []
        : family === "gpt2"
          ? [["transformer.h.0.attn.bias", rawOf("F32", [1, 1, 64, 64])]]
          : [["model.layers.0.self_attn.rotary_emb.inv_freq", rawOf("F32", [4])]],
    );
    write(hub, new Map([...tensors, ...tables]), sharded);

    const imported = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
    expect(imported.code, imported.err).toBe(0);
    for (const name of tables.keys()) expect(imported.err).toContain(name);
    const ran = await specc(["export", "in/model.arch", "-o", "out"], { cwd });
    expect(ran.code, ran.err).toBe(0);

    const [theirs, ours] = [await read(hub), await read(join(cwd, "out"))];
    expect(Object.keys(ours).sort()).toEqual([...tensors.keys()].sort());
    const config = JSON.parse(readFileSync(join(hub, "config.json"), "utf8")) as Config;
    const converts = familyOf(config, new Set(), "config.json").tensors !== undefined;
    for (const [name, { info, bytes, file }] of Object.entries(ours)) {
      expect({ format: info.format, shape: info.shape }, name).toEqual(tensors.get(name)!.info);
      expect(Buffer.compare(bytes, tensors.get(name)!.bytes), name).toBe(0);
      if (!converts && !extra) expect(file, name).toBe(theirs[name]!.file);
    }
    const weights = (folder: string): readonly string[] =>
      readdirSync(folder).filter((name) => /^model.*\.safetensors$/.test(name));
    if (!converts && !extra) expect(weights(join(cwd, "out"))).toEqual(weights(hub));
  },
);
