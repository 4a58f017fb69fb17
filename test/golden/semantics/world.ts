// For tests: files in memory, and the small world the catalogue's examples stand in.
import { syntaxDiagnostics } from "../../../src/compiler/diagnostics/catalogue.ts";
import { render } from "../../../src/compiler/diagnostics/render.ts";
import { check, type CheckResult, type FileLoader } from "../../../src/compiler/semantics/check.ts";
import { shapeOf } from "../../../src/compiler/model/masks.ts";
import { parametersOf } from "../../../src/compiler/model/parameters-of.ts";
import type { Method } from "../../../src/compiler/model/sites.ts";
import type { ParameterShape, VocabularyPart } from "../../../src/compiler/semantics/schema.ts";
import type { ModelSpec } from "../../../src/compiler/semantics/spec.ts";
import { baseVocabulary } from "../../../src/compiler/semantics/vocabulary/index.ts";
import { mergeVocabulary } from "../../../src/compiler/semantics/vocabulary.ts";

/** A stand-in for a feature folder: this layer must not know the real ones. */
const scaling: VocabularyPart = {
  constructors: [
    {
      name: "gpas",
      of: "Scaling",
      doc: "a stand-in",
      keys: [
        {
          name: "gate",
          type: { kind: "word", words: [{ name: "silu", doc: "" }, { name: "tanh", doc: "" }] },
          doc: "the gate's function",
          default: "silu",
        },
        { name: "init", type: { kind: "float" }, doc: "where the gate starts", default: "0" },
      ],
    },
  ],
  words: ["gpas"],
};

const gates: Method = {
  name: "gpas",
  configOf: ({ scaling }) => (scaling?.is === "gpas" ? scaling : undefined),
  sites: {
    "residual.out": (h, _config, { b, param }) => {
      const init = { kind: "constant", value: 0 } as const;
      const gate = param({ name: "gpas.gate", diskName: "gpas_block.gate", shape: [], init, role: "gate" });
      return b.emit("mul", [h, gate], {});
    },
  },
};

export const testVocabulary = mergeVocabulary(baseVocabulary, [scaling]);

export const testParameters = (model: ModelSpec): readonly ParameterShape[] =>
  parametersOf(model, [gates]).map(shapeOf);

export const inMemory = (files: Readonly<Record<string, string>>): FileLoader => ({
  read: (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
  resolveImport: (_from, spec) =>
    spec.startsWith("./") ? { path: spec.slice(2) } : { fault: "it lies outside of the project" },
});

export const checkText = (
  text: string,
  files: Readonly<Record<string, string>> = {},
  set: readonly { readonly key: string; readonly value: string }[] = [],
): CheckResult => check("model.arch", inMemory({ ...files, "model.arch": text }), { vocabulary: testVocabulary, parametersOf: testParameters, set });

export const shown = ({ diagnostics, sources }: CheckResult): string =>
  render(diagnostics, sources, {
    format: "text",
    unicode: true,
    catalogue: [...syntaxDiagnostics, ...testVocabulary.diagnostics],
    version: "0.0.0",
  });
