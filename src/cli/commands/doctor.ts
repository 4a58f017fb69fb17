// `specc doctor`: what this machine offers, and what is in the way of the rest.
import { availableParallelism, totalmem } from "node:os";
import type { Engine } from "../../bundle/engine.ts";
import { CARD_KERNELS, type CardKernel, type Numerics } from "../../bundle/manifest.ts";
import { refusalOf, triedNumerics } from "../card-kernels.ts";
import { painter, wantsColor } from "../color.ts";
import type { Io } from "../io.ts";
import { bytesText } from "../../bundle/numbers.ts";
import { table } from "../table.ts";
import type { ColorChoice } from "../options.ts";

interface Finding {
  readonly name: string;
  readonly works: boolean;
  readonly detail: string;
}
/** What a machine may well be without. */
const isOptional = ({ name }: Finding): boolean => /^(engine|card)\b/.test(name);

const NODE_FLOOR = [20, 19] as const;
const nodeFinding = (): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const works = major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1]);
  return {
    name: "node",
    works,
    detail: `${process.versions.node}${works ? "" : `, specc needs ${NODE_FLOOR.join(".")} or newer`}`,
  };
};

const ABOUT: Readonly<Record<string, string>> = {
  tensorflow: "whole programs as graphs of TensorFlow: the fastest",
  wasm: "TensorFlow.js on WebAssembly, with the generated loops of specc; needs nothing",
  cpu: "TensorFlow.js in plain JavaScript: slow, works everywhere",
};
const engineFinding = async (engine: Engine, numerics: Numerics): Promise<Finding> => {
  const reason = await engine.available(numerics);
  return {
    name: `engine ${engine.name}`,
    works: reason === undefined,
    detail: reason ?? ABOUT[engine.name] ?? "",
  };
};

/** What the tensorflow engine runs on. Where there is none, the engine itself says so, and which command gets it. */
const libraryFindings = async (io: Io): Promise<readonly Finding[]> => {
  const { findLibrary } = await import("../../runtime/node/tensorflow/library.ts");
  const found = await findLibrary({ env: io.env, project: io.cwd });
  if ("reason" in found) return [];
  const { tensorflow, tfjsNode, gpu, folder } = found;
  const detail = `TensorFlow ${tensorflow} (${gpu ? "GPU" : "CPU"}) for tfjs-node ${tfjsNode}, ${folder}`;
  return [{ name: "library tensorflow", works: true, detail }];
};

const KERNELS: Readonly<Record<CardKernel, { readonly name: string; readonly runs: string }>> = {
  "cudnn-attention": {
    name: "card: cuDNN's attention",
    runs: "attention of bf16 is one kernel",
  },
  "grouped-products": {
    name: "card: grouped products",
    runs: "experts of bf16 cost what their rows do",
  },
};
/** Whether there is a card that the tensorflow engine uses, and which kernels that bundles have for cards run on it. */
const cardFindings = async (
  io: Io,
  version: string,
  engine: Engine,
): Promise<readonly Finding[]> => {
  const none = (detail: string): readonly Finding[] => [{ name: "card", works: false, detail }];
  const { hasCard } = await import("../../runtime/node/tensorflow/card.ts");
  if (!hasCard())
    return none(
      "none: no NVIDIA driver is loaded; attention and experts run without the kernels for cards",
    );
  const { findLibrary } = await import("../../runtime/node/tensorflow/library.ts");
  const found = await findLibrary({ env: io.env, project: io.cwd });
  if ("reason" in found || !found.gpu)
    return none("an NVIDIA card is not used yet (specc backend add tensorflow --gpu)");
  if ((await engine.available(triedNumerics())) !== undefined) return none("not tried");
  const { openDevice } = await import("../../runtime/node/tensorflow/device.ts");
  if (!(await openDevice(found, {})).onCard)
    return none("TensorFlow does not find it (specc backend list --verify says more)");
  const findings: Finding[] = [{ name: "card", works: true, detail: "TensorFlow uses it" }];
  for (const kernel of CARD_KERNELS) {
    const { name, runs } = KERNELS[kernel];
    const refusal = await refusalOf(engine, kernel, version);
    findings.push({ name, works: refusal === undefined, detail: refusal ?? runs });
  }
  return findings;
};

export const doctor = async (
  io: Io,
  version: string,
  options: ColorChoice & { readonly json?: boolean },
): Promise<number> => {
  const engines = (await import("../runtime.ts")).enginesHere(io);
  const findings: Finding[] = [
    { name: "specc", works: true, detail: version },
    nodeFinding(),
    {
      name: "machine",
      works: true,
      detail: `${process.platform} ${process.arch}, ${availableParallelism()} cores, ${bytesText(totalmem())}`,
    },
  ];
  for (const engine of engines) findings.push(await engineFinding(engine, triedNumerics()));
  findings.push(...(await libraryFindings(io)));
  const tensorflow = engines.find(({ name }) => name === "tensorflow");
  if (tensorflow !== undefined) findings.push(...(await cardFindings(io, version, tensorflow)));
  const auto = findings
    .find((f) => f.works && f.name.startsWith("engine "))
    ?.name.slice("engine ".length);
  const variables = Object.keys(io.env)
    .filter((name) => name.startsWith("SPECC_"))
    .sort();
  if (options.json === true) {
    io.out(
      `${JSON.stringify({ formatVersion: "1.0", version, auto: auto ?? null, findings, environment: variables }, null, 2)}\n`,
    );
  } else {
    const paint = painter(wantsColor(io, options.color, "out"));
    const rows = findings.map((f) => [f.works ? "ok" : "no", f.name, f.detail]);
    io.out(
      `${table(rows, [])
        .split("\n")
        .map((line) =>
          line.startsWith("ok")
            ? `${paint.green("ok")}${line.slice(2)}`
            : `${paint.red("no")}${line.slice(2)}`,
        )
        .join("\n")}\n\n`,
    );
    io.out(`--engine auto takes ${auto ?? "none: nothing works here"}.\n`);
    io.out(
      variables.length === 0
        ? "No SPECC_ variable is set; none changes what a spec means.\n"
        : `Set: ${variables.join(", ")}.\n`,
    );
  }
  return findings.every((f) => f.works || isOptional(f)) && auto !== undefined ? 0 : 1;
};
