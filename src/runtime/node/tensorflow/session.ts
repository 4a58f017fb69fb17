// A bundle's state and programs in a session of TensorFlow. State lives in variables on the device and comes to the host when it
// is asked for; a program is one run, and so is an update of several passes.
import type { Draws, Drawn, SavedModelSource, Session } from "../../../bundle/engine.ts";
import type { CardKernel, HostState, Manifest, ProgramEntry } from "../../../bundle/manifest.ts";
import {
  CACHES_DONE,
  doneNode,
  drawResult,
  drawSizes,
  isDrawn,
  GROUP,
  groupInput,
  groupResult,
  INIT_DONE,
  inputNode,
  isGrouped,
  isTraining,
  outputsFrom,
  readNode,
  resultNode,
  resultsOf,
  wholeStep,
  type RunForm,
} from "../../../bundle/saved-model.ts";
import { sizeOf, type HostTensor, type Tensors } from "../../../bundle/tensor.ts";
import type { Device } from "./device.ts";
import { drawFeeds } from "./draws.ts";
import { unalignedCopy, type Feeds } from "./graph-session.ts";
import { fileFor, type Forms } from "./forms.ts";
import { explain, lacksCardKernel, notFiniteNode, reasonOf } from "./faults.ts";
import { assign, GROUP_BYTES, moveState, openModel } from "./open-model.ts";

/** Tensors of one shape along a new first axis. */
const stack = (parts: readonly HostTensor[]): HostTensor => {
  const [{ dtype, shape, data }] = parts as readonly [HostTensor];
  const all = new (data.constructor as new (size: number) => HostTensor["data"])(
    data.length * parts.length,
  );
  parts.forEach((part, i) => all.set(part.data, i * data.length));
  return { dtype, shape: [parts.length, ...shape], data: all };
};
const slice = ({ dtype, shape, data }: HostTensor, at: number): HostTensor => {
  const [, ...rest] = shape;
  const size = sizeOf(rest);
  return { dtype, shape: rest, data: data.slice(at * size, (at + 1) * size) };
};
const KERNELS: Readonly<Record<CardKernel, string>> = {
  "cudnn-attention": "cuDNN's attention",
  "grouped-products": "grouped products",
};
const aboutForm = (form: RunForm, kernels: readonly CardKernel[]): string => {
  if (form === "plain") return "";
  const own = kernels.map((kernel) => KERNELS[kernel]).join(" and ");
  return `, compiled by XLA${form === "cudnn" ? ` with ${own}` : ""}`;
};

const without = ({ cardKernels }: Manifest): string =>
  `without ${cardKernels.map((kernel) => KERNELS[kernel]).join(" and ")}`;
/** What is known before anything runs. */
const lacking = (manifest: Manifest, onCard: boolean, form: RunForm): readonly string[] => {
  if (!onCard) return [];
  const { cardKernels, refusedKernels, numerics } = manifest;
  const repeats = numerics.deterministic && cardKernels.includes("cudnn-attention");
  return [
    ...refusedKernels.map((reason) => `some attention without cuDNN's kernel: ${reason}`),
    ...(form !== "cudnn" && repeats
      ? [
          `${without(manifest)}: with deterministic = true, as the kernel's gradients do not repeat their bits`,
        ]
      : []),
  ];
};

export const openSession = async (
  device: Device,
  manifest: Manifest,
  source: SavedModelSource,
  wanted: Forms,
  onNotice: (notice: string) => void = () => undefined,
): Promise<Session> => {
  const whole = wholeStep(manifest.programs, manifest.training)?.entry;
  const programs = new Map(
    [...manifest.programs, ...(whole === undefined ? [] : [whole])].map((p) => [p.name, p]),
  );
  const caches = manifest.state.filter(({ kind }) => kind === "cache").map(({ name }) => name);
  const states = new Map(
    manifest.state.filter((entry) => entry.kind !== "cache").map((entry) => [entry.name, entry]),
  );
  let model = await openModel(device, source, fileFor(wanted));
  /** Written when there are GROUP_BYTES of them, or something runs. */
  const pending = new Map<string, HostTensor>();
  let pendingBytes = 0;
  let hasCaches = false;
  /** The run that made all state zero, while nothing has changed since. */
  let zeroed: Promise<unknown> | undefined;
  let closing: Promise<void> | undefined;
  /** Of the programs; until the device refuses kernels. */
  let forms = wanted;
  const notices: string[] = [];
  const notice = (text: string): void => {
    notices.push(text);
    onNotice(text);
  };
  for (const reason of lacking(
    manifest,
    device.onCard && wanted.training !== "plain",
    wanted.training,
  ))
    notice(reason);

  const programOf = (name: string): ProgramEntry => {
    const program = programs.get(name);
    if (program !== undefined) return program;
    throw new Error(
      `no program "${name}" in this bundle (it has ${[...programs.keys()].join(", ")})`,
    );
  };
  const stateOf = (name: string): HostState => {
    const entry = states.get(name);
    if (entry !== undefined) return entry;
    throw new Error(`no state "${name}" in this bundle`);
  };
  /** TensorFlow's complaints in the terms of the model. */
  const told = async <T>(run: Promise<T>): Promise<T> => {
    try {
      return await run;
    } catch (error) {
      throw explain(manifest, error);
    }
  };
  /** It begins at once, and what comes after it waits in the worker: the host goes on meanwhile. */
  const clear = (): void => {
    pending.clear();
    pendingBytes = 0;
    if (zeroed !== undefined) return;
    hasCaches = false;
    zeroed = model.run([], [INIT_DONE]);
    // told by whatever comes next; then it can be tried again
    zeroed.catch(() => undefined);
  };
  const flush = async (): Promise<void> => {
    if (zeroed !== undefined) {
      const zeroing = zeroed;
      await told(zeroing).catch((error: unknown) => {
        if (zeroed === zeroing) zeroed = undefined;
        throw error;
      });
    }
    if (pending.size === 0) return;
    const values = [...pending];
    pending.clear();
    pendingBytes = 0;
    zeroed = undefined;
    await told(assign(model, values));
  };
  const readsCaches = ({ reads }: ProgramEntry): boolean =>
    caches.some((name) => reads.includes(name));
  /** What a program reads is there: caches take memory only where something is generated. */
  const prepare = async (program: ProgramEntry): Promise<void> => {
    await flush();
    if (hasCaches || !readsCaches(program)) return;
    hasCaches = true;
    zeroed = undefined;
    await told(model.run([], [CACHES_DONE]));
  };
  /** On with the programs that any card can run; what caches hold stays behind, as the host cannot see it. */
  const goWithout = async (reason: string): Promise<void> => {
    forms = { ...forms, training: "xla", others: "xla" };
    notice(`${without(manifest)}: the device refuses: ${reason}`);
    const other = await openModel(device, source, fileFor(forms));
    await other.run([], [INIT_DONE]);
    await moveState(model, other, [...states.values()]);
    await model.close();
    model = other;
    hasCaches = false;
  };
  const formOf = (program: ProgramEntry): RunForm =>
    isTraining(program, manifest) ? forms.training : forms.others;
  const runProgram = async (
    program: ProgramEntry,
    feeds: Feeds,
    fetches: (form: RunForm) => readonly string[],
  ): Promise<readonly HostTensor[]> => {
    await prepare(program);
    if (program.writes.length > 0) zeroed = undefined;
    const form = formOf(program);
    try {
      return await model.run(feeds, fetches(form));
    } catch (error) {
      // a form is refused when it is compiled, before anything has changed
      if (form !== "cudnn" || !lacksCardKernel(error)) throw explain(manifest, error);
      await told(goWithout(reasonOf(error)));
      await prepare(program);
      return told(model.run(feeds, fetches(formOf(program))));
    }
  };
  const feedsOf = ({ name, inputs }: ProgramEntry, given: Tensors): Feeds =>
    inputs.map((input) => {
      const value = given[input.name];
      if (value === undefined) throw new Error(`program "${name}" needs the input ${input.name}`);
      return [inputNode(name, input.name), value];
    });
  clear();

  const groupSize = (name: string): number =>
    isGrouped(name) && manifest.programs.some((p) => p.name === name) ? GROUP : 1;
  const runGroup = async (name: string, given: readonly Tensors[]): Promise<readonly Tensors[]> => {
    const program = programOf(name);
    const runs = given.map((inputs) => feedsOf(program, inputs));
    const feeds: Feeds = program.inputs.map((input, i) => [
      groupInput(name, input.name),
      stack(runs.map((feed) => feed[i]![1])),
    ]);
    const results = await runProgram(program, feeds, (as) =>
      resultsOf(program.outputs).map((_, i) => groupResult(name, as, i)),
    );
    return given.map((_, run) =>
      outputsFrom(
        program.outputs,
        results.map((result) => slice(result, run)),
      ),
    );
  };

  const drawn = manifest.programs.find(({ name }) => isDrawn(name));
  const runDraw = async (name: string, draws: Draws): Promise<Drawn> => {
    const program = programOf(name);
    const rule = draws.rules.temperature === 0 ? "greedy" : "sampled";
    const results = await runProgram(program, drawFeeds(program, draws), (as) =>
      [0, 1].map((i) => drawResult(name, as, rule, i)),
    );
    return { ids: results[0]!.data, finite: results[1]!.data };
  };

  return {
    engine: "tensorflow",
    get about() {
      return `TensorFlow ${device.version} on ${device.onCard ? "the GPU" : "the CPU"}${aboutForm(forms.training, manifest.cardKernels)}`;
    },
    notices,
    inBackground: true,
    offers: (name) => programs.has(name),
    run: async (name, inputs) => {
      const program = programOf(name);
      const results = await runProgram(program, feedsOf(program, inputs), (as) =>
        program.outputs.length > 0
          ? resultsOf(program.outputs).map((_, i) => resultNode(name, as, i))
          : [doneNode(name, as)],
      );
      return outputsFrom(program.outputs, results);
    },
    ...(wanted.groups
      ? {
          group: { size: groupSize, run: runGroup },
          ...(drawn === undefined
            ? {}
            : { draw: { tokens: drawSizes(drawn).count, run: runDraw } }),
        }
      : {}),
    clearState: async () => clear(),
    readState: async (names) => {
      const nodes = names.map((name) => readNode(stateOf(name).name));
      await flush();
      const values = nodes.length === 0 ? [] : await told(model.run([], nodes));
      return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
    },
    writeState: async (values) => {
      for (const [name, tensor] of Object.entries(values)) {
        const { shape, dtype } = stateOf(name);
        if (sizeOf(shape) !== tensor.data.length)
          throw new Error(
            `state "${name}" holds ${shape.join("x")} values, got ${tensor.shape.join("x")}`,
          );
        pendingBytes -= pending.get(name)?.data.byteLength ?? 0;
        pending.set(name, { shape, dtype, data: unalignedCopy(tensor.data) });
        pendingBytes += tensor.data.byteLength;
        if (pendingBytes >= GROUP_BYTES) await flush();
      }
    },
    liveBuffers: () =>
      (closing === undefined ? states.size + (hasCaches ? caches.length : 0) : 0) +
      model.liveTensors(),
    firstNonFinite: async (name, inputs) => {
      const program = programOf(name);
      const feeds = feedsOf(program, inputs);
      await flush();
      const check = await openModel(device, source, "check");
      try {
        await moveState(
          model,
          check,
          program.reads.flatMap((read) => states.get(read) ?? []),
        );
        if (readsCaches(program)) await check.run([], [CACHES_DONE]);
        await check.run(feeds, [doneNode(name, "check")]);
        return undefined;
      } catch (error) {
        const node = notFiniteNode(error);
        if (node === undefined) throw explain(manifest, error);
        return node;
      } finally {
        await check.close();
      }
    },
    close: () => {
      pending.clear();
      return (closing ??= model.close());
    },
  };
};
