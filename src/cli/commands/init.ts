// `specc init`: a project that trains as it stands. Existing files are never touched.
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { commandFor, quoted } from "../called.ts";
import { CliError } from "../errors.ts";
import { isFile, shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";
import type { QuietChoice } from "../options.ts";
import { corpus } from "./init/corpus.ts";

const archText = (template: string): string => `spec 1

/// A small ${template === "gpas" ? "decoder with gradient-preserving activation scaling, arXiv 2506.22049" : "LLaMA-style decoder"}.
export model Small {
  vocab_size = 256
  hidden_size = 64
  context = 64

  blocks 2 {
    norm = pre(rmsnorm())
    attention = mha(heads: 4, position: rope())
    ffn = swiglu(intermediate: 176)
${template === "gpas" ? "    scaling = gpas()\n" : ""}  }
}

/// About a minute on two cores.
recipe Train for Small {
  data = text("data/*.txt", tokenizer: bytes(), sequence: 64)
  optimizer = adamw(lr: 3e-3)
  schedule = cosine(warmup: 10%, floor: 10%)
  batch = 16 sequences
  length = 300 steps
}
`;

const readmeText = (name: string, specc: string): string => `# ${name}

\`model.arch\` describes a small language model and how it is trained on \`data/\`.

\`\`\`sh
${specc} check model.arch      # every mistake, with its fix
${specc} train model.arch      # the run is kept in runs/Train
${specc} generate runs/Train --prompt "The "
${specc} inspect model.arch --svg model.svg
\`\`\`

Put text of your own into \`data/\` and train again; \`${specc} explain gpas\` tells what a word of the spec means.
`;

const packageName = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replaceAll(/^[._-]+|-+$/g, "") || "model";

export const init = (
  io: Io,
  folder: string | undefined,
  options: { readonly template: string } & QuietChoice,
): number => {
  if (folder?.trim() === "") throw new CliError("init needs the name of a folder, or none at all");
  const target = resolve(io.cwd, folder ?? ".");
  if (isFile(target))
    throw new CliError(`${shownPath(io.cwd, target)} is a file; init makes a folder`);
  const name = packageName(target);
  const specc = commandFor(io.script, target, target);
  const files: Readonly<Record<string, string>> = {
    "model.arch": archText(options.template),
    "data/sentences.txt": corpus(),
    "package.json": `${JSON.stringify({ name, private: true, type: "module", scripts: { train: `${specc.replace(/^npx /, "")} train model.arch` } }, null, 2)}\n`,
    "README.md": readmeText(name, specc),
    ".gitignore": "node_modules/\nruns/\n",
  };
  if (existsSync(join(target, "model.arch")))
    throw new CliError(`${shownPath(io.cwd, join(target, "model.arch"))} exists already`, [
      "choose another folder: specc init <folder>",
    ]);
  for (const [path, text] of Object.entries(files)) {
    const full = join(target, path);
    const kept = existsSync(full);
    if (!kept) writeFile(full, text);
    if (options.quiet !== true)
      io.err(`${kept ? "kept   " : "created"} ${shownPath(io.cwd, full)}\n`);
  }
  if (options.quiet !== true)
    io.err(
      `\nTrain it:\n${folder === undefined ? "" : `  cd ${quoted(folder)}\n`}  ${specc} train model.arch\n`,
    );
  return 0;
};
