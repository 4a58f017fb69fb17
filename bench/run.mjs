// `npm run bench -- [name ...] [rounds]`, or `node bench/run.mjs …` after a build: the named benches, else all, one after the other.
import { compileBench } from "./compile.mjs";
import { gpasStep } from "./gpas.mjs";
import { trainStep } from "./train-step.mjs";

const benches = { compile: compileBench, step: trainStep, gpas: gpasStep };
const given = process.argv.slice(2);
const names = given.filter((word) => !/^\d+$/.test(word));
const rounds = Number(given.find((word) => /^\d+$/.test(word)) ?? 5);
const unknown = names.find((name) => !(name in benches));
if (unknown !== undefined) {
  console.error(`no bench ${unknown}; there are ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
for (const name of names.length === 0 ? Object.keys(benches) : names)
  await benches[name]({ rounds });
