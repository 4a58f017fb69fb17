// `specc forward`: what a model computes for given inputs, for people who compare with their own code.
import { dirname, resolve } from "node:path";
import type { Session } from "../../bundle/engine.ts";
import { diskNames, toDisk } from "../../bundle/disk.ts";
import type { StateEntry } from "../../bundle/manifest.ts";
import { readSafetensors, writeSafetensors } from "../../bundle/safetensors.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import { compile, type Target } from "../../compiler/compile.ts";
import { CliError } from "../errors.ts";
import { readBytes, shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";
import type { ChoiceOptions } from "../program.ts";
import { nodeHost } from "../../runtime/node/index.ts";
import { loadCompiled, needWeights, withModel, type EngineName } from "../runtime.ts";
import { bundleTarget, checkedTarget, placeOf, refuseChoice } from "../target.ts";

export interface ForwardOptions extends ChoiceOptions {
  readonly weights?: string;
  readonly inputs: string;
  readonly out: string;
  readonly grad?: boolean;
  readonly engine: EngineName;
}

const IGNORED = -100;

const table = (tensors: Tensors, name: string, file: string): HostTensor | undefined => {
  const tensor = tensors[name];
  if (tensor === undefined) return undefined;
  if (tensor.shape.length !== 2)
    throw new CliError(
      `${file}: ${name} is [${tensor.shape.join(", ")}], expected [batch, positions]`,
      [],
      1,
    );
  if (!tensor.data.every((x) => Number.isInteger(x)))
    throw new CliError(`${file}: ${name} holds numbers that are no integers`, [], 1);
  return tensor;
};
const sameShape = (x: HostTensor, ids: HostTensor, name: string, file: string): HostTensor => {
  if (x.shape.join() === ids.shape.join()) return x;
  throw new CliError(
    `${file}: ${name} is [${x.shape.join(", ")}], input_ids is [${ids.shape.join(", ")}]`,
    [],
    1,
  );
};

interface Inputs {
  readonly batch: number;
  readonly sequence: number;
  readonly ids: Int32Array;
  /** Shifted by one: what each position should predict. */
  readonly targets: Int32Array;
}

/** A causal model sees no position to the right, so a mask that only cuts off ends changes no kept position. */
const checkMask = (mask: HostTensor, sequence: number, file: string): void => {
  for (let i = 0; i < mask.data.length; i++) {
    const first = i % sequence === 0;
    if (mask.data[i] !== 0 && mask.data[i] !== 1)
      throw new CliError(`${file}: attention_mask holds ${mask.data[i]!}; expected 0 and 1`, [], 1);
    if (mask.data[i] === 1 && !first && mask.data[i - 1] === 0)
      throw new CliError(
        `${file}: attention_mask hides positions before visible ones`,
        ["pad on the right: zeros may only stand at the end of a row"],
        1,
      );
  }
};

const readInputs = (path: string, shown: string, vocabSize: number, context: number): Inputs => {
  const { tensors } = readSafetensors(readBytes(path, shown), shown);
  const ids = table(tensors, "input_ids", shown);
  if (ids === undefined)
    throw new CliError(
      `${shown}: no tensor input_ids`,
      [`it holds ${Object.keys(tensors).join(", ")}`],
      1,
    );
  const [batch = 0, sequence = 0] = ids.shape;
  if (batch === 0 || sequence === 0) throw new CliError(`${shown}: input_ids is empty`, [], 1);
  if (sequence > context)
    throw new CliError(
      `${shown}: ${sequence} positions, but the model's context is ${context}`,
      [`--set context=${sequence} tries it nevertheless`],
      1,
    );
  const foreign = ids.data.find((id) => id < 0 || id >= vocabSize);
  if (foreign !== undefined)
    throw new CliError(
      `${shown}: input_ids holds ${foreign}, outside of the vocabulary of ${vocabSize}`,
      [],
      1,
    );
  const mask = table(tensors, "attention_mask", shown);
  if (mask !== undefined) checkMask(sameShape(mask, ids, "attention_mask", shown), sequence, shown);
  const given = table(tensors, "labels", shown);
  const labels = given === undefined ? ids : sameShape(given, ids, "labels", shown);
  const label = (i: number): number =>
    given === undefined && mask?.data[i] === 0 ? IGNORED : labels.data[i]!;
  const targets = Int32Array.from(ids.data, (_id, i) =>
    (i + 1) % sequence === 0 ? IGNORED : label(i + 1),
  );
  const wrong = targets.find((id) => id !== IGNORED && (id < 0 || id >= vocabSize));
  if (wrong !== undefined)
    throw new CliError(`${shown}: labels holds ${wrong}, neither ${IGNORED} nor a token`, [], 1);
  return { batch, sequence, ids: Int32Array.from(ids.data), targets };
};

/** Gradients go by the parameter's name on disk and lie as it does. */
const named = (results: Tensors, state: readonly StateEntry[]): Tensors => {
  const entries = new Map(state.map((entry) => [`grad.${entry.name}`, entry]));
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, tensor]) => {
      const entry = entries.get(name);
      if (entry === undefined) return [[name, tensor]];
      const parts = toDisk(entry, tensor);
      return diskNames(entry).map((diskName, i) => [`grad.${diskName}`, parts[i]!]);
    }),
  );
};

const runOnce = async (
  session: Session,
  { batch, sequence, ids, targets }: Inputs,
): Promise<Tensors> => {
  const shape = [batch, sequence];
  return session.run("forward", {
    input_ids: { dtype: "i32", shape, data: ids },
    targets: { dtype: "i32", shape, data: targets },
  });
};

export const forward = async (
  io: Io,
  version: string,
  name: string,
  options: ForwardOptions,
): Promise<number> => {
  const place = placeOf(io, name);
  if (place.kind === "bundle") refuseChoice(name, options);
  const found: Target =
    place.kind === "arch"
      ? checkedTarget(io, version, place.path, options, false)
      : bundleTarget(place.path);
  const target = { ...found, recipe: undefined };
  const weights = needWeights(
    io,
    options.weights,
    place.kind === "arch" ? dirname(place.path) : place.path,
    name,
  );
  const inputs = readInputs(
    resolve(io.cwd, options.inputs),
    options.inputs,
    target.model.vocab_size,
    target.model.context,
  );

  const { batch, sequence } = inputs;
  const compilation = compile(target, {
    programs: ["forward"],
    forward: { batch, sequence },
    gradients: options.grad === true,
  });
  const bundle = await loadCompiled(compilation, version);
  return withModel(io, { bundle, host: nodeHost(), weights }, options, async ({ session }) => {
    const results = named(await runOnce(session, inputs), bundle.manifest.state);
    const out = resolve(io.cwd, options.out);
    writeFile(
      out,
      writeSafetensors(results, { format: "pt", specc: version, engine: session.engine }),
    );
    const loss = results["loss"]?.data[0];
    if (options.quiet !== true)
      io.err(
        `loss ${loss?.toPrecision(7) ?? "?"}; ${Object.keys(results).length} tensors in ${shownPath(io.cwd, out)}\n`,
      );
    return 0;
  });
};
