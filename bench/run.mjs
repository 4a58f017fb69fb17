// All benches, one after the other: `npm run bench`, or `node bench/run.mjs [rounds]` after a build.
import { compileBench } from "./compile.mjs";
import { trainStep } from "./train-step.mjs";

const rounds = Number(process.argv[2] ?? 5);
compileBench({ rounds });
await trainStep({ rounds });
