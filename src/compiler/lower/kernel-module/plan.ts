// The plan of a program: its calls, with every buffer freed right after its last use. Invariants, tested: each buffer made by the
// run is freed once or handed out, and never read after.
import { sizeOf } from "../../../bundle/tensor.ts";
import { plainGraph, type TfGraph as Lowered } from "../tf-nodes.ts";
import { copySpec, type Draft, type Plan, type Step } from "./calls.ts";
import { draftsOf } from "./drafts.ts";
import { writtenInPlace } from "./in-place.ts";
import { prepare } from "./prepare.ts";
import { rolesOf } from "./roles.ts";

const bytesOf = (step: Pick<Step, "shape" | "dtype">): number =>
  sizeOf(step.shape) * (step.dtype === "bool" ? 1 : 4);

/** Frees after last uses; `outlive`: buffers that are handed out or not this phase's own. */
const withFrees = (drafts: readonly Draft[], outlive: ReadonlySet<number>): readonly Step[] => {
  const last = new Map<number, number>();
  drafts.forEach((step, i) => {
    if (step.makes !== undefined && step.call.kind !== "input" && step.call.kind !== "state")
      last.set(step.makes, i);
    for (const buffer of [...step.reads, ...("target" in step.call ? [step.call.target] : [])])
      if (last.has(buffer)) last.set(buffer, i);
  });
  const frees = drafts.map((): number[] => []);
  for (const [buffer, i] of last) if (!outlive.has(buffer)) frees[i]!.push(buffer);
  return drafts.map((step, i) => ({ ...step, frees: frees[i]! }));
};

export const plan = (lowered: Lowered): Plan => {
  const graph = prepare(plainGraph(lowered, "the tfjs engine"));
  const results = [
    ...graph.outputs.map(({ name, node }) => ({ name, node, kind: "outputs" as const })),
    ...graph.updates.map(({ state, node }) => ({ name: state, node, kind: "updates" as const })),
  ];
  const roles = rolesOf(
    graph,
    results.map((r) => r.node),
  );
  const inPlace = writtenInPlace(graph, roles);
  let drafts: ReturnType<typeof draftsOf>;
  do drafts = draftsOf(graph, roles, inPlace);
  while (drafts === undefined);

  // a result must be a buffer of its own: what is an input, state, a constant or another result is copied; state that was
  // written in place is its own new value
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const run = [...drafts.run];
  const own = new Set(
    run.flatMap((s) =>
      s.makes === undefined || s.call.kind === "input" || s.call.kind === "state" ? [] : [s.makes],
    ),
  );
  const taken = new Set<number>();
  let count = 1 + Math.max(-1, ...[...drafts.constants, ...run].map((s) => s.makes ?? -1));
  const named = {
    outputs: [] as Plan["outputs"][number][],
    updates: [] as Plan["outputs"][number][],
  };
  for (const { name, node, kind } of results) {
    const { shape, dtype } = byName.get(node)!;
    let buffer = drafts.bufferOf(node);
    const stays = kind === "updates" && inPlace.get(roles.owner(byName.get(node)!)) === name;
    if ((!own.has(buffer) && !stays) || taken.has(buffer)) {
      run.push({
        name: node,
        call: { kind: "loop", spec: copySpec(shape, dtype) },
        reads: [buffer],
        shapes: [shape],
        makes: count,
        dtype,
        shape,
      });
      buffer = count++;
    }
    taken.add(buffer);
    named[kind].push({ name, buffer, shape });
  }

  const made = new Set(drafts.constants.map((s) => s.makes));
  const keeps = [...new Set(run.flatMap((s) => s.reads).filter((b) => made.has(b)))].sort(
    (a, b) => a - b,
  );
  const constants = withFrees(drafts.constants, new Set(keeps));
  const steps = withFrees(run, taken);
  const bytes = new Map([...constants, ...steps].map((s) => [s.makes ?? -1, bytesOf(s)]));
  let live = keeps.reduce((sum, b) => sum + bytes.get(b)!, 0);
  let peakBytes = live;
  for (const step of steps) {
    if (step.makes !== undefined) live += bytesOf(step);
    peakBytes = Math.max(peakBytes, live);
    for (const buffer of step.frees) live -= bytes.get(buffer)!;
  }
  return { name: graph.name, constants, keeps, steps, ...named, peakBytes };
};
