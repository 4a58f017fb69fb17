// `specc forward`: what a model computes for given inputs, for people who compare with their own code.
import { dirname, resolve } from "node:path";
import { diskNames, toDisk } from "../../bundle/disk.ts";
import type { StateEntry } from "../../bundle/manifest.ts";
import { writeSafetensors } from "../../bundle/safetensors.ts";
import type { Tensors } from "../../bundle/tensor.ts";
import { compile, type Target } from "../../compiler/compile.ts";
import { refuseInput, shownPath, writeFile } from "../files.ts";
import { readInputs } from "../forward-inputs.ts";
import type { Io } from "../io.ts";
import type { ModelChoice } from "../options.ts";
import { nodeHost } from "../../runtime/node/index.ts";
import { loadCompiled, needWeights, withModel, type EngineName } from "../runtime.ts";
import { bundleTarget, checkedTarget, placeOf, refuseChoice } from "../target.ts";

export interface ForwardOptions extends ModelChoice {
  readonly weights?: string;
  readonly inputs: string;
  readonly out: string;
  readonly grad?: boolean;
  readonly engine: EngineName;
}

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
      ? checkedTarget(io, version, place.path, options, "unused")
      : bundleTarget(io, place.path);
  const target = { ...found, recipe: undefined };
  const weights = needWeights(
    io,
    options.weights,
    place.kind === "arch" ? dirname(place.path) : place.path,
    name,
  );
  const path = resolve(io.cwd, options.inputs);
  const { binding, tensors } = readInputs(path, options.inputs, target.model);
  const out = resolve(io.cwd, options.out);
  refuseInput(out, options.out, [place.path, path, weights]);
  const compilation = compile(target, {
    programs: ["forward"],
    forward: binding,
    gradients: options.grad === true,
  });
  const bundle = await loadCompiled(compilation, version);
  return withModel(io, { bundle, host: nodeHost(), weights }, options, async ({ session }) => {
    const results = named(await session.run("forward", tensors), bundle.manifest.state);
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
