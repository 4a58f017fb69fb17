// `specc import`: a Hugging Face folder becomes an `.arch` file that says what the model is, with its weights beside it. Every
// tensor is accounted for before anything is written.
import { CONFIG, WEIGHTS } from "../../bundle/names.ts";
import { basename, dirname, join, resolve } from "node:path";
import { configText } from "../../bundle/config-text.ts";
import { accountOf, TIED_COPY, type Account } from "../../compiler/huggingface/account.ts";
import {
  importConfig,
  isOwnLayout,
  layoutFor,
  shapesOf,
  type Config,
  type Imported,
  type Layout,
  type Shapes,
} from "../../compiler/huggingface/index.ts";
import { asOurs, withPrefix, type Source } from "../../compiler/huggingface/views.ts";
import { formatSource } from "../../format/format.ts";
import { nodeHost } from "../../runtime/node/index.ts";
import { openWeights } from "../../runtime/train/checkpoint.ts";
import { CliError, Stop } from "../errors.ts";
import { isFile, readText, shownPath, writeFile } from "../files.ts";
import { companionsIn } from "../huggingface/companions.ts";
import { checkFolder, readObject, weightsIn } from "../huggingface/folder.ts";
import { clearStale } from "../huggingface/shards.ts";
import { tokenizerAccount } from "../huggingface/tokenizer-account.ts";
import { linkFile, writeTensors, type Written } from "../huggingface/weight-files.ts";
import type { Io } from "../io.ts";
import type { QuietChoice } from "../options.ts";

export interface ImportOptions extends QuietChoice {
  readonly out?: string;
  readonly name?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly allowUnexpected?: boolean;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** "Llama-3.2-1B" -> "Llama3_2_1B" */
export const modelName = (text: string): string => {
  const joined = text
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "")
    .reduce((name, word) => {
      const next = word.charAt(0).toUpperCase() + word.slice(1);
      return /\d$/.test(name) && /^\d/.test(next) ? `${name}_${next}` : name + next;
    }, "");
  return /^[A-Z]/.test(joined) ? joined : `Model${joined}`;
};

/** `rope_parameters.factor=8`: JSON where it is JSON, else text. */
const withSettings = (config: Config, set: ImportOptions["set"] = {}): Config => {
  const result: Record<string, unknown> = structuredClone(config);
  for (const [path, text] of Object.entries(set)) {
    const keys = path.split(".");
    let place = result;
    for (const key of keys.slice(0, -1)) {
      const inner = place[key];
      const next: Record<string, unknown> =
        typeof inner === "object" && inner !== null
          ? Object.fromEntries(Object.entries(inner))
          : {};
      place[key] = next;
      place = next;
    }
    let value: unknown = text;
    try {
      value = JSON.parse(text);
    } catch {
      // a bare word is a text
    }
    place[keys.at(-1)!] = value;
  }
  return result;
};

const anArchitecture = (name: string): string => `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
const count = (n: number): string => n.toLocaleString("en-US").replaceAll(",", "_");
const listed = (names: readonly string[]): string =>
  names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "");
const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** What is wrong with the tensors, a line each. */
const problems = (account: Account, options: ImportOptions): readonly string[] => [
  ...(account.missing.length > 0 ? [`missing: ${listed(account.missing)}`] : []),
  ...(account.unexpected.length > 0 && options.allowUnexpected !== true
    ? [`not in the model: ${listed(account.unexpected)} (--allow-unexpected leaves them behind)`]
    : []),
  ...account.mistyped
    .slice(0, 6)
    .map(
      ({ name, format }) => `${name} is ${format}; specc reads weights of F32, BF16, F16 and F64`,
    ),
  ...account.misshapen
    .slice(0, 6)
    .map(
      ({ name, found, expected }) =>
        `${name} is ${shapeText(found)}, config.json makes it ${shapeText(expected)}`,
    ),
];

/** A tied head that lies there as well must be the embedding: another one would be lost. */
const checkTiedCopy = async (stored: Source, layout: Layout): Promise<void> => {
  const table = [...layout].find(([, made]) => made === "model.embed_tokens.weight")?.[0];
  if (table === undefined || !stored.infos.has(table)) return;
  const [head, embedding] = [await stored.readBytes(TIED_COPY), await stored.readBytes(table)];
  if (Buffer.compare(head, embedding) !== 0)
    throw new CliError(
      `${TIED_COPY} differs from ${table}, but config.json ties them`,
      ["--set tie_word_embeddings=false keeps both"],
      1,
    );
};

interface Checkpoint {
  readonly path: string;
  /** The shards of an index. */
  readonly shards: Iterable<string>;
  readonly stored: Source;
  readonly layout: Layout;
  readonly ours: Shapes;
  readonly account: Account;
}

/** As it is where nothing in it changes; else converted, tensor by tensor. */
const placeWeights = async (
  { path, shards, stored, layout, ours, account }: Checkpoint,
  folder: string,
  replace: boolean,
): Promise<Written> => {
  const asItIs =
    isOwnLayout(layout) && account.unexpected.length === 0 && account.dropped.length === 0;
  const from = dirname(path);
  const names = asItIs ? [basename(path), ...new Set(shards)] : [WEIGHTS];
  if (folder !== from) clearStale(folder, new Set(names), replace);
  if (!asItIs) {
    if (folder === from)
      throw new CliError(`its weights must be converted, and would replace ${path}`, [
        "choose another place with -o",
      ]);
    const view = asOurs(stored, layout, ours);
    return writeTensors(join(folder, WEIGHTS), view, view.infos.keys(), {}, replace);
  }
  let how: Written = "unchanged";
  for (const name of names) {
    const written = await linkFile(join(from, name), join(folder, name), replace);
    if (written !== "unchanged") how = written;
  }
  return how;
};

const archFile = async (text: string): Promise<string> => {
  const formatted = await formatSource(text);
  if (!formatted.ok) throw new Error(`the imported model does not parse: ${text}`);
  return formatted.text;
};

export const importFolder = async (
  io: Io,
  version: string,
  name: string,
  options: ImportOptions,
): Promise<number> => {
  const source = resolve(io.cwd, name);
  checkFolder(source, name);
  const path = weightsIn(source, name);
  const out = resolve(io.cwd, options.out ?? join(basename(source), "model.arch"));
  if (!out.endsWith(".arch"))
    throw new CliError(`${options.out ?? out} is no .arch file`, [
      `name the file, the weights go beside it: -o ${join(options.out ?? out, "model.arch")}`,
    ]);
  const folder = dirname(out);
  const title = basename(source);
  if (options.name !== undefined && !/^[A-Za-z_]\w*$/.test(options.name))
    throw new CliError(`${options.name} is no name for a model: letters, digits and _ make one`);
  const config = withSettings(readObject(join(source, CONFIG), join(name, CONFIG)), options.set);

  const file = await openWeights(nodeHost(), path);
  try {
    const imported = importConfig(config, {
      file: shownPath(io.cwd, join(source, CONFIG)),
      tensors: new Set(file.infos.keys()),
      name: options.name ?? modelName(title),
      doc: (family, model) => {
        const sizes = [...shapesOf(model).values()];
        const total = sizes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
        return [
          `${title}, ${anArchitecture(family.architecture)} (${family.source}) of ${count(total)} parameters.`,
          `Imported by specc ${version}; config.json beside it keeps what no key of this file says.`,
        ];
      },
    });
    const { family, model } = imported;
    const idle = Object.keys(options.set ?? {}).find((key) => imported.kept.includes(key));
    if (idle !== undefined)
      throw new CliError(`--set ${idle}: ${family.name} has no such key in config.json`);
    const stored = withPrefix(file, family.prefix);
    const ours = shapesOf(model);
    const layout = layoutFor(family, ours);
    const account = accountOf(family, layout, ours, stored.infos, model.head["tied"] === true);
    const wrong = problems(account, options);
    if (wrong.length > 0) {
      if (options.json === true) io.out(report(imported, account, undefined));
      io.err(`error: ${name} does not hold the model of its config.json\n`);
      for (const line of wrong) io.err(`  ${line}\n`);
      throw new Stop(1);
    }
    if (account.dropped.some((tensor) => tensor.name === TIED_COPY))
      await checkTiedCopy(stored, layout);

    const replace = options.overwrite === true;
    const text = await archFile(imported.text);
    if (!replace && isFile(out) && readText(out) !== text)
      throw new CliError(`${shownPath(io.cwd, out)} exists already and says something else`, [
        "choose another place with -o, or replace it with --overwrite",
      ]);
    const weights = await placeWeights(
      { path, shards: file.shards?.values() ?? [], stored, layout, ours, account },
      folder,
      replace,
    );
    for (const companion of companionsIn(source))
      if (source !== folder)
        await linkFile(join(source, companion), join(folder, companion), replace);
    if (options.set === undefined && source !== folder)
      await linkFile(join(source, CONFIG), join(folder, CONFIG), replace);
    else if (options.set !== undefined) writeFile(join(folder, CONFIG), configText(config));
    writeFile(out, text);

    const shown = shownPath(io.cwd, out);
    const place = { arch: shown, weights };
    const tokens = await tokenizerAccount(folder, model.vocab_size);
    const notices = tokens === undefined ? [] : [tokens];
    if (options.json === true) io.out(report(imported, account, { ...place, notices }));
    if (options.quiet !== true) {
      tell(io, imported, account, place);
      for (const notice of notices) io.err(`${notice}\n`);
    }
    return 0;
  } finally {
    await file.close();
  }
};

interface Place {
  readonly arch: string;
  readonly weights: Written;
}
/** @param made undefined: nothing was */
const report = (
  imported: Imported,
  account: Account,
  made: (Place & { readonly notices: readonly string[] }) | undefined,
): string =>
  `${JSON.stringify(
    {
      formatVersion: "1.0",
      family: imported.family.name,
      model: imported.model.name,
      ...made,
      config: { kept: imported.kept },
      tensors: account,
    },
    null,
    2,
  )}\n`;

const tell = (io: Io, { family, model, kept }: Imported, account: Account, place: Place): void => {
  const { same, converted, dropped, unexpected } = account;
  io.err(`${place.arch}: ${model.name}, ${anArchitecture(family.architecture)}\n`);
  const parts = [`${same.length} tensors as they are`];
  if (converted.length > 0) {
    const ways = [...new Set(converted.map(({ how }) => how))].join("; ");
    parts.push(`${converted.length} converted (${ways})`);
  }
  io.err(`weights ${place.weights}: ${parts.join(", ")}\n`);
  for (const why of new Set(dropped.map((tensor) => tensor.why))) {
    const names = dropped.flatMap((tensor) => (tensor.why === why ? [tensor.name] : []));
    io.err(`left behind, ${why}: ${listed(names)}\n`);
  }
  if (unexpected.length > 0)
    io.err(`left behind, as allowed, though no part of the model: ${listed(unexpected)}\n`);
  if (kept.length > 0) io.err(`kept in config.json, without a meaning here: ${listed(kept)}\n`);
};
