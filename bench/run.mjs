// All benches, one after the other: `npm run bench`, or `node bench/run.mjs [rounds]` after a build.
import { trainStep } from "./train-step.mjs";

await trainStep({ rounds: Number(process.argv[2] ?? 5) });
