// index.js of a bundle: its programs, its manifest and the runtime, joined. In Node it reads beside itself, in a browser it
// fetches; the parameters of each function are typed by index.d.ts.
import { WEIGHTS } from "../../bundle/names.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { SAVED_MODEL_FOLDER } from "../../bundle/saved-model.ts";

const isForTfjs = (engines: Manifest["engines"]): boolean => engines.includes("wasm");
const identifier = (program: string): string => program.replaceAll(/\W/g, "_");

/** The functions that give the engines, and what a bundle holds for them. */
const enginesText = ({ engines, programs }: Manifest): string => {
  const modules = isForTfjs(engines) ? programs : [];
  const hasTensorflow = engines.includes("tensorflow");
  return `${modules.map(({ name }) => `import * as ${identifier(name)} from "./programs/${name}.js";`).join("\n")}

const programs = { ${modules.map(({ name }) => `${JSON.stringify(name)}: ${identifier(name)}`).join(", ")} };
${
  hasTensorflow
    ? `/** Where this folder lies on a disk, TensorFlow can read it. */
const savedModelFolder = async () => {
  const url = new URL("${SAVED_MODEL_FOLDER}", import.meta.url);
  if (url.protocol !== "file:" || !inNode) return undefined;
  return { folder: (await import("node:url")).fileURLToPath(url) };
};
`
    : `const savedModelFolder = async () => undefined;
`
}const enginesHere = async (wasmFolder) => [
${
  hasTensorflow
    ? `  ...(inNode ? [(await import("./runtime/node/index.js")).tensorflowEngine()] : []),
`
    : ""
}${
    isForTfjs(engines)
      ? `  wasmEngine(wasmFolder === undefined ? {} : { wasmFolder }),
  cpuEngine(),
`
      : ""
  }];`;
};

export const entryModule = (manifest: Manifest): string => `
import { checkOptions, createModel as open, ${isForTfjs(manifest.engines) ? "cpuEngine, wasmEngine, " : ""}readTokenizerJson } from "./runtime/index.js";
import validate from "./validate-manifest.js";
${enginesText(manifest)}
const beside = (name) => new URL(name, import.meta.url);
const inNode = typeof process === "object" && process.versions?.node !== undefined;

/** The bytes of a file of this bundle; undefined when there is none. */
const read = async (name) => {
  const url = beside(name);
  if (url.protocol === "file:" && inNode) {
    const { readFile } = await import("node:fs/promises");
    return readFile(url).then((bytes) => new Uint8Array(bytes), (error) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
  }
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(\`\${url}: \${response.status} \${response.statusText}\`);
  return new Uint8Array(await response.arrayBuffer());
};
const text = async (name) => {
  const bytes = await read(name);
  return bytes && new TextDecoder().decode(bytes);
};

/** Where there are no files: what needs them says so. */
const pageHost = () => {
  const refuse = async () => {
    throw new Error("there is no file system here: train and save in Node, or use saveWeights()");
  };
  return {
    root: "/",
    readFile: refuse, openRange: refuse, writeFile: refuse, appendFile: refuse, rename: refuse, remove: refuse, makeFolder: refuse, hold: refuse,
    list: async () => undefined,
    packageFolder: async () => undefined,
    now: () => performance.now(),
    pause: () => new Promise((done) => setTimeout(done)),
    log: (message) => console.warn(message),
  };
};
const hostFor = async (root) => {
  if (!inNode) return pageHost();
  const { nodeHost } = await import("./runtime/node/index.js");
  return nodeHost(root === undefined ? {} : { root });
};

let known;
/** specc-manifest.json, checked. */
export const readManifest = async () => {
  if (known !== undefined) return known;
  const manifest = JSON.parse((await text("specc-manifest.json")) ?? "null");
  if (!validate(manifest)) {
    const [first] = validate.errors ?? [];
    throw new Error(\`specc-manifest.json is damaged: \${first?.instancePath ?? ""} \${first?.message ?? ""}\`);
  }
  return (known = manifest);
};

/** ${manifest.model.name} with the weights beside this file, with others, or with none yet. */
export const createModel = async (options = {}) => {
  checkOptions("createModel", options, ["weights", "engine", "seed", "root", "wasmFolder"]);
  const { weights, engine, seed, root, wasmFolder } = options;
  const bundle = { manifest: await readManifest(), programs, savedModel: await savedModelFolder() };
  const model = await open({
    bundle,
    host: await hostFor(root),
    engine,
    engines: await enginesHere(wasmFolder),
    weights: weights ?? (await read("${WEIGHTS}")),
    seed,
    beside: { where: "", read: text },
  });
  return {
    ...model,
${manifest.model.kind === "decoder" ? "    forward: (ids) => model.forward(Array.isArray(ids[0]) ? ids : [ids]),\n" : ""}${
  manifest.training === null
    ? "    trainer: undefined,\n"
    : `    trainer: () => {
      const trainer = model.trainer();
      return { ...trainer, fit: (options = {}) => trainer.fit({ outDir: "runs/${manifest.training.recipe}", ...options }) };
    },
`
}  };
};
export default createModel;
`;
