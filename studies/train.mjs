// One model from one seed, by the command line as a user has it: build, train, eval, forward. What is done already stays done:
// a run that was cut off goes on from its checkpoint, and one that is finished is read.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { readSafetensors, writeSafetensors, loadData } =
  await import("../dist/src/runtime/index.js");
const { nodeHost } = await import("../dist/src/runtime/node/index.js");

const MANIFEST = "specc-manifest.json";
/** Windows of held-out text that `forward` sees: enough for means, few enough to hold the logits of several heads. */
const WINDOWS = 128;

const specc = (...args) => {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "bin", "specc.js"), ...args],
    { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26, stdio: ["ignore", "pipe", "pipe"] },
  );
  if (status === 0) return stdout;
  console.error(`specc ${args.join(" ")} ended with ${signal ?? status}\n${stderr}`);
  process.exit(status ?? 130);
};

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Held-out windows, evenly spread: [WINDOWS, T]. */
const heldOut = async (data) => {
  const { validation } = await loadData(data, nodeHost({ root }));
  const spread = Array.from({ length: WINDOWS }, (_, i) => ({
    index: Math.floor(((i + 0.5) * validation.count) / WINDOWS),
  }));
  return validation.batch(spread, WINDOWS).input_ids;
};

/** The bundle of an arm, and its manifest. */
export const buildArm = (study, arm, engine) => {
  const folder = join(root, "runs", "studies", study, arm);
  const bundle = join(folder, "bundle");
  rmSync(bundle, { recursive: true, force: true });
  const engines = engine === "tensorflow" ? "tensorflow" : "tfjs";
  specc("build", `studies/${study}.arch`, "--model", arm, "-o", bundle, "--engine", engines, "-q");
  return { folder, bundle, manifest: readJson(join(bundle, MANIFEST)) };
};

/** Whether there is a checkpoint of this very spec. */
const isBegun = (run, { specHash }) =>
  existsSync(join(run, MANIFEST)) &&
  readJson(join(run, MANIFEST)).specHash === specHash &&
  readdirSync(run).some((name) => /^checkpoint-\d+$/.test(name));

/** { seed, loss, ...measured }: read, or trained and measured. */
export const runOf = async ({ folder, bundle, manifest }, seed, { engine, measure, say }) => {
  const run = join(folder, `seed-${seed}`);
  const file = join(run, "record.json");
  if (existsSync(file)) {
    const known = readJson(file);
    if (known.specHash === manifest.specHash) return known;
    rmSync(run, { recursive: true });
  }
  const resume = isBegun(run, manifest) ? ["--resume-from-checkpoint", "latest"] : ["--overwrite"];
  say(resume[0] === "--overwrite" ? "training" : "going on");
  const how = ["--engine", engine, "-q"];
  specc("train", bundle, "--out-dir", run, "--seed", String(seed), ...resume, ...how);
  const { loss, tokens } = JSON.parse(specc("eval", run, "--json", ...how));
  let measured = {};
  if (measure !== undefined) {
    const inputs = await heldOut(manifest.training.data);
    const [given, found] = ["inputs", "outputs"].map((name) => join(run, `${name}.safetensors`));
    writeFileSync(given, writeSafetensors({ input_ids: inputs }));
    specc("forward", run, "--inputs", given, "--out", found, ...how);
    measured = measure(readSafetensors(readFileSync(found), found).tensors, inputs.data);
    rmSync(found);
  }
  const record = { seed, loss, tokens, ...measured, specHash: manifest.specHash };
  writeFileSync(file, `${JSON.stringify(record)}\n`);
  return record;
};
