// A bundle's state and programs in a session of TensorFlow. State lives in variables on the device and comes to the host when it
// is asked for; a program is one run, and so is an update of several passes.
import type { Draws, Drawn, LoadedBundle, Session } from "../../../bundle/engine.ts";
import type { CardKernel, HostState, Manifest, ProgramEntry } from "../../../bundle/manifest.ts";
import {
  assignDone,
  assignNode,
  CACHES_DONE,
  doneNode,
  DRAWN,
  drawResult,
  GROUP,
  groupInput,
  groupResult,
  INIT_DONE,
  inputNode,
  isGrouped,
  readNode,
  resultNode,
  wholeStep,
  type RunForm,
} from "../../../bundle/saved-model.ts";
import { sizeOf, type HostTensor, type Tensors } from "../../../bundle/tensor.ts";
import type { Device } from "./device.ts";
import { drawFeeds } from "./draws.ts";
import { unalignedCopy, type Feeds } from "./graph-session.ts";
import { isTraining, type Forms } from "./forms.ts";
import { explain, lacksCardKernel, notFiniteNode, reasonOf } from "./faults.ts";

/** Values written wait until there are so many bytes of them or a program runs: each group written is a graph of its own. */
const GROUP_BYTES = 256 * 2 ** 20;

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
  { manifest }: LoadedBundle,
  folder: string,
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
  const { session } = await device.ask("open", { folder });
  const pending = new Map<string, HostTensor>();
  let pendingBytes = 0;
  let hasCaches = false;
  let liveTensors = 0;
  let closed = false;
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
  const graph = async (
    feeds: Feeds,
    fetches: readonly string[],
    transfer?: readonly ArrayBuffer[],
  ): Promise<readonly HostTensor[]> => {
    try {
      const answer = await device.ask("run", { session, feeds, fetches }, transfer);
      liveTensors = answer.liveTensors;
      return answer.results;
    } catch (error) {
      throw explain(manifest, error);
    }
  };
  /** A form is refused when it is compiled, before anything has changed. */
  const inForm = async (
    program: ProgramEntry,
    feeds: Feeds,
    fetches: (form: RunForm) => readonly string[],
  ): Promise<readonly HostTensor[]> => {
    const form = isTraining(program, manifest) ? forms.training : forms.others;
    if (form !== "cudnn") return graph(feeds, fetches(form));
    try {
      const answer = await device.ask("run", { session, feeds, fetches: fetches(form) });
      liveTensors = answer.liveTensors;
      return answer.results;
    } catch (error) {
      if (!lacksCardKernel(error)) throw explain(manifest, error);
      forms = { ...forms, training: "xla", others: "xla" };
      notice(`${without(manifest)}: the device refuses: ${reasonOf(error)}`);
      return inForm(program, feeds, fetches);
    }
  };
  const flush = async (): Promise<void> => {
    if (pending.size === 0) return;
    const values = [...pending];
    pending.clear();
    pendingBytes = 0;
    await graph(
      values.map(([name, value]) => [assignNode(name), value]),
      values.map(([name]) => assignDone(name)),
      // copies that nobody else holds, made where the worker needs no other
      values.map(([, { data }]) => data.buffer as ArrayBuffer),
    );
  };
  /** Caches take memory only where something is generated. */
  const beginCaches = async ({ reads }: ProgramEntry): Promise<void> => {
    if (hasCaches || !caches.some((name) => reads.includes(name))) return;
    hasCaches = true;
    await graph([], [CACHES_DONE]);
  };
  const clear = async (): Promise<void> => {
    pending.clear();
    pendingBytes = 0;
    hasCaches = false;
    await graph([], [INIT_DONE]);
  };
  const feedsOf = ({ name, inputs }: ProgramEntry, given: Tensors): Feeds =>
    inputs.map((input) => {
      const value = given[input.name];
      if (value === undefined) throw new Error(`program "${name}" needs the input ${input.name}`);
      return [inputNode(name, input.name), value];
    });
  await clear();

  const groupSize = (name: string): number =>
    isGrouped(name) && manifest.programs.some((p) => p.name === name) ? GROUP : 1;
  const runGroup = async (name: string, given: readonly Tensors[]): Promise<readonly Tensors[]> => {
    const program = programOf(name);
    const runs = given.map((inputs) => feedsOf(program, inputs));
    const feeds: Feeds = program.inputs.map((input, i) => [
      groupInput(name, input.name),
      stack(runs.map((feed) => feed[i]![1])),
    ]);
    await flush();
    await beginCaches(program);
    const results = await inForm(program, feeds, (as) =>
      program.outputs.map((_, i) => groupResult(name, as, i)),
    );
    return given.map((_, run) =>
      Object.fromEntries(
        program.outputs.map((output, i) => [output.name, slice(results[i]!, run)]),
      ),
    );
  };

  const runDraw = async (name: string, draws: Draws): Promise<Drawn> => {
    const program = programOf(name);
    const feeds = drawFeeds(program, draws);
    await flush();
    await beginCaches(program);
    const rule = draws.rules.temperature === 0 ? "greedy" : "sampled";
    const results = await inForm(program, feeds, (as) =>
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
      const feeds = feedsOf(program, inputs);
      await flush();
      await beginCaches(program);
      const results = await inForm(program, feeds, (as) =>
        program.outputs.length > 0
          ? program.outputs.map((_, i) => resultNode(name, as, i))
          : [doneNode(name, as)],
      );
      return Object.fromEntries(program.outputs.map((output, i) => [output.name, results[i]!]));
    },
    ...(wanted.groups
      ? {
          group: { size: groupSize, run: runGroup },
          draw: { tokens: DRAWN, run: runDraw },
        }
      : {}),
    clearState: clear,
    readState: async (names) => {
      const nodes = names.map((name) => readNode(stateOf(name).name));
      await flush();
      const values = nodes.length === 0 ? [] : await graph([], nodes);
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
    liveBuffers: () => (closed ? 0 : states.size + (hasCaches ? caches.length : 0)) + liveTensors,
    firstNonFinite: async (name, inputs) => {
      const program = programOf(name);
      const feeds = feedsOf(program, inputs);
      await flush();
      await beginCaches(program);
      try {
        await device.ask("run", { session, feeds, fetches: [doneNode(name, "check")] });
        return undefined;
      } catch (error) {
        const node = notFiniteNode(error);
        if (node === undefined) throw explain(manifest, error);
        return node;
      }
    },
    close: async () => {
      pending.clear();
      closed = true;
      await device.ask("close", { session });
    },
  };
};
