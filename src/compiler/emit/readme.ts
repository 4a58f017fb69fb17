// The model card that a bundle carries: what it is, how it was to be trained, how to load it. Generated, and says so.
import { bytesText, countText, grouped } from "../../bundle/numbers.ts";
import type { DataSpec, Manifest } from "../../bundle/manifest.ts";
import type { ModelSpec, RecipeSpec } from "../semantics/spec.ts";

const frontMatter = (manifest: Manifest): string => `---
library_name: specc
pipeline_tag: ${manifest.model.kind === "decoder" ? "text-generation" : "image-classification"}
tags: [${[...new Set(["specc", "tfjs", String(manifest.model.config["model_type"])])].join(", ")}]
---
`;

const dataText = (data: DataSpec): string => {
  const from = (name: string | null): string =>
    name === null ? "" : ` of the npm package \`${name}\``;
  if (data.kind === "text")
    return `${data.files.map((file) => `\`${file}\``).join(", ")}${from(data.package)}`;
  const { source } = data;
  return source.kind === "shapes"
    ? "drawn shapes"
    : `${source.kind} in \`${source.folder}\`${from(source.package)}`;
};

const aboutText = (model: ModelSpec): string =>
  model.kind === "decoder"
    ? `A decoder of ${model.blocks.length} layers, width ${grouped(model.hidden_size)}, context ${grouped(model.context)}, vocabulary ${grouped(model.vocab_size)}:`
    : `A classifier of images, ${model.blocks.length} residual units:`;

const trainingText = ({ training }: Manifest, recipe: RecipeSpec | undefined): string => {
  if (training === null || recipe === undefined)
    return "The spec holds no recipe: this bundle is for use, and does not train.\n";
  const { data, batch, length, totalSteps } = training;
  const [size, each] =
    data.kind === "text"
      ? [
          `sequences of ${grouped(data.sequence)} tokens`,
          `, ${grouped(batch * data.sequence)} tokens an update`,
        ]
      : ["images", ""];
  return `Recipe \`${training.recipe}\`: ${grouped(totalSteps)} updates of ${grouped(batch)} ${size}
(length ${grouped(length.value)} ${length.unit}${length.value === 1 ? "" : "s"}${each}), optimizer \`${recipe.optimizer.is}\`, schedule \`${recipe.schedule.is}\`,
seed ${training.seed}, on ${dataText(data)}.

\`\`\`sh
specc train .                          # the run is kept in runs/${training.recipe}
\`\`\`
`;
};

/** What the engines run. */
const formsText = ({ engines }: Manifest): string =>
  [
    ...(engines.includes("wasm")
      ? ["`programs/<name>.js` is what TensorFlow.js runs, on wasm or in plain JavaScript;\n"]
      : []),
    ...(engines.includes("tensorflow")
      ? [
          "`saved-model/` is what TensorFlow runs (`specc backend add tensorflow`), and Python's `tf.saved_model.load` too: op by op, the programs that train also compiled by XLA (`<program>/xla`); below it lie all programs compiled (`xla/`), with kernels for cards where they have some (`cudnn/`), and with a check of each value (`check/`);\n",
        ]
      : []),
  ].join("");

export const readme = (
  manifest: Manifest,
  model: ModelSpec,
  recipe: RecipeSpec | undefined,
  source: string,
): string => {
  const { programs } = manifest;
  const rows = programs.map(
    (p) => `| \`${p.name}\` | ${bytesText(p.peakBytes)} | ${countText(p.flops)} |`,
  );
  return `${frontMatter(manifest)}
# ${model.name}

${model.doc === null ? "" : `${model.doc}\n\n`}${aboutText(model)}
${grouped(manifest.model.parameters)} parameters. Compiled by specc ${manifest.generator.version} from \`source/${source}\`; all of this folder is generated.

## Use

Once, in this folder, for TensorFlow.js:

\`\`\`sh
npm install
\`\`\`

\`\`\`js
import { createModel } from "./index.js";

const model = await createModel();     // reads model.safetensors
${model.kind === "decoder" ? 'console.log(await model.generate("The ", { tokens: 80 }));' : "const [answer] = await model.classify([pixels]); // numbers from 0 to 1"}
await model.close();
\`\`\`

Weights are \`model.safetensors\`${model.kind === "decoder" ? ", with Hugging Face names and" : ", with"} \`config.json\` beside them.
${manifest.training === null ? "" : "\`specc train . --out-dir .\` puts them here. "}Without them the model answers only when it is asked to with \`createModel({ weights: "initial" })\`.

## Training

${trainingText(manifest, recipe)}
## Programs

| program | peak memory | FLOPs a run |
| --- | ---: | ---: |
${rows.join("\n")}

\`programs/<name>.ir\` is each program as readable text, \`ir.json\` all of them as data;
${formsText(manifest)}\`specc-manifest.json\` lists every file with its SHA-256. Spec hash: \`${manifest.specHash}\`.
`;
};
