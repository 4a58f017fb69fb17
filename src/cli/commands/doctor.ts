// `specc doctor`: what this machine offers, and what is in the way of the rest.
import { availableParallelism, totalmem } from "node:os";
import type { Engine } from "../../bundle/engine.ts";
import { painter, wantsColor } from "../color.ts";
import type { Io } from "../io.ts";
import { bytesText, table } from "../numbers.ts";
import type { ColorChoice } from "../program.ts";

interface Finding {
  readonly name: string;
  readonly works: boolean;
  readonly detail: string;
}

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
const engineFinding = async (engine: Engine): Promise<Finding> => {
  const reason = await engine.available();
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
  for (const engine of engines) findings.push(await engineFinding(engine));
  findings.push(...(await libraryFindings(io)));
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
  return findings.every((f) => f.works || f.name.startsWith("engine ")) && auto !== undefined
    ? 0
    : 1;
};
