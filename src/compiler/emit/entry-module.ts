// index.js of a bundle: its programs, its manifest and the runtime, joined. In Node it reads beside itself, in a browser it
// fetches; the parameters of each function are typed by index.d.ts.
import type { Manifest } from "../../bundle/manifest.ts";

const identifier = (program: string): string => program.replaceAll(/\W/g, "_");

export const entryModule = ({ model, programs, training }: Manifest): string => `
import { createModel as open, cpuEngine, readTokenizerJson, wasmEngine } from "./runtime/index.js";
import validate from "./validate-manifest.js";
${programs.map(({ name }) => `import * as ${identifier(name)} from "./programs/${name}.js";`).join("\n")}

const programs = { ${programs.map(({ name }) => `${JSON.stringify(name)}: ${identifier(name)}`).join(", ")} };
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
    readFile: refuse, openRange: refuse, writeFile: refuse, appendFile: refuse, rename: refuse, remove: refuse, makeFolder: refuse,
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

/** ${model.name} with the weights beside this file, with others, or fresh from a seed. */
export const createModel = async ({ weights, engine, seed, root, wasmFolder } = {}) => {
  const bundle = { manifest: await readManifest(), programs };
  const tokenizerText = await text("tokenizer.json");
  const model = await open({
    bundle,
    host: await hostFor(root),
    engine,
    engines: [wasmEngine(wasmFolder === undefined ? {} : { wasmFolder }), cpuEngine()],
    weights: weights === "initial" ? undefined : (weights ?? (await read("model.safetensors"))),
    seed,
    tokenizer: tokenizerText && await readTokenizerJson(tokenizerText, "tokenizer.json"),
  });
  return {
    ...model,
    forward: (ids) => model.forward(Array.isArray(ids[0]) ? ids : [ids]),
${
  training === null
    ? "    trainer: undefined,\n"
    : `    trainer: () => {
      const trainer = model.trainer();
      return { ...trainer, fit: (options = {}) => trainer.fit({ outDir: "runs/${training.recipe}", ...options }) };
    },
`
}  };
};
export default createModel;
`;
