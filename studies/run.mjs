// `npm run studies`, or `node studies/run.mjs [study ...] [--seeds n] [--engine name]` after a build: trains what is not trained
// yet below runs/studies/, one seed of all arms after the other; then writes results/<study>.json, and RESULTS.md from all of
// these.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { resultsText } from "./results.mjs";
import { STUDIES } from "./studies.mjs";
import { buildArm, runOf } from "./train.mjs";

const usage = () => {
  const names = STUDIES.map(({ name }) => name).join(", ");
  console.error(`usage: npm run studies -- [${names}] [--seeds n] [--engine name]`);
  process.exit(2);
};
const optionsOf = () => {
  const options = {
    seeds: { type: "string", default: "3" },
    engine: { type: "string", default: "tensorflow" },
  };
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch {
    return usage();
  }
};
const { values, positionals } = optionsOf();
const seeds = Number(values.seeds);
const isUnknown = (name) => STUDIES.every((study) => study.name !== name);
if (positionals.some(isUnknown) || !Number.isInteger(seeds) || seeds < 1) usage();
const wanted = STUDIES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

/** { study, arms } with every run of every arm. */
const resultOf = async (study) => {
  const arms = study.arms.map((arm) => ({
    name: arm,
    built: buildArm(study.name, arm, values.engine),
    runs: [],
  }));
  for (let seed = 1; seed <= seeds; seed++)
    for (const { name, built, runs } of arms) {
      const say = (what) => console.log(`${study.name}: ${name}, seed ${seed}: ${what}`);
      const { measure } = study;
      const run = await runOf(built, seed, { engine: values.engine, measure, say });
      say(`held-out loss ${run.loss.toFixed(4)}`);
      runs.push(run);
    }
  return {
    study: study.name,
    machine: { ...machine, specc: arms[0].built.manifest.generator.version },
    arms: arms.map(({ name, built: { manifest }, runs }) => ({ name, ...sizesOf(manifest), runs })),
  };
};
const sizesOf = ({ model, training: { totalSteps, batch, data } }) => ({
  parameters: model.parameters,
  flopsPerToken: model.flopsPerToken,
  updates: totalSteps,
  tokens: totalSteps * batch * data.sequence,
});
const machine = {
  date: new Date().toISOString().slice(0, 10),
  engine: values.engine,
  node: process.version,
  processor: cpus()[0]?.model ?? "unknown",
};

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
mkdirSync(here("results"), { recursive: true });
for (const study of wanted) {
  const result = await resultOf(study);
  writeFileSync(here(`results/${study.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}
const known = STUDIES.flatMap((study) => {
  const file = here(`results/${study.name}.json`);
  return existsSync(file) ? [{ study, result: JSON.parse(readFileSync(file, "utf8")) }] : [];
});
const page = here("RESULTS.md");
const style = await resolveConfig(page);
writeFileSync(page, await format(resultsText(known), { ...style, parser: "markdown" }));
