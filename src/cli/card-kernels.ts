// Which kernels for cards this machine has, found out by running them: a small model for each, compiled and run as any other is.
import { analyze, choose, compile, type Target } from "../compiler/index.ts";
import type { Engine } from "../bundle/engine.ts";
import type { CardKernel, Numerics } from "../bundle/manifest.ts";
import { numericsOf } from "../compiler/emit/training.ts";
import { loadCompiled } from "./runtime.ts";

/** Each has a place for one kind of kernel, and none for the other. */
const MODELS: Readonly<Record<CardKernel, { readonly attention: string; readonly ffn: string }>> = {
  "cudnn-attention": {
    attention: "mha(heads: 2, position: rope())",
    ffn: "swiglu(intermediate: 128)",
  },
  "grouped-products": {
    attention: "mha(heads: 2, position: rope(), softcap: 50)",
    ffn: "moe(experts: 4, top_k: 2, intermediate: 128)",
  },
};
const SEQUENCE = 128;
const textOf = ({ attention, ffn }: (typeof MODELS)[CardKernel]): string => `spec 1

model Tried {
  vocab_size = 256
  hidden_size = 128
  context = ${SEQUENCE}
  blocks 1 {
    norm = pre(rmsnorm())
    attention = ${attention}
    ffn = ${ffn}
  }
}
recipe Once for Tried {
  data = text("none/*.txt", tokenizer: bytes(), sequence: ${SEQUENCE})
  optimizer = adamw(lr: 1e-3)
  schedule = constant()
  batch = 1 sequences
  length = 1 steps
  precision = bf16
}
`;
export const triedTarget = (kernel: CardKernel): Target => {
  const checked = analyze("tried.arch", {
    read: () => textOf(MODELS[kernel]),
    resolveImport: (_importer, path) => ({ path }),
  });
  const chosen = checked.spec && choose(checked.spec, { model: "Tried", recipe: "Once" }, true);
  if (chosen?.ok !== true)
    throw new Error(checked.diagnostics.map(({ message }) => message).join("; "));
  return { entry: "tried.arch", checked, model: chosen.model, recipe: chosen.recipe };
};

/** What the models compute in, but for products: an engine that is opened with it can try them, and any engine has it. */
export const triedNumerics = (): Numerics => ({
  ...numericsOf(triedTarget("cudnn-attention").recipe),
  products: "f32",
});

/** Why a kernel cannot run on the engine's card; undefined when it can. Compiles for some seconds. */
export const refusalOf = async (
  engine: Engine,
  kernel: CardKernel,
  version: string,
): Promise<string | undefined> => {
  const compilation = compile(triedTarget(kernel), {
    forms: ["tensorflow"],
    programs: ["forward"],
  });
  const bundle = await loadCompiled(compilation, version);
  const refusals: string[] = [];
  const session = await engine.open(bundle, (notice) => refusals.push(notice));
  try {
    // all zeros: what comes out says nothing, that it comes out does
    const { inputs } = bundle.manifest.programs[0]!;
    const zeros = inputs.map(({ name, shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { dtype: "i32", shape, data: new Int32Array(size) }] as const;
    });
    await session.run("forward", Object.fromEntries(zeros));
    return refusals.find((notice) => notice.startsWith("without "));
  } finally {
    await session.close();
  }
};
