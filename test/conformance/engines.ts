// The engines that the suites run on. TensorFlow is not part of `npm ci`: where it is missing, its share of the tests is skipped
// and counted as such.
import type { Engine } from "../../src/bundle/engine.ts";
import { cpuEngine, wasmEngine } from "../../src/runtime/engines/tfjs.ts";
import { tensorflowEngine } from "../../src/runtime/node/index.ts";

export interface Subject {
  readonly name: string;
  readonly engine: Engine;
  /** Whether it is not to be had here. */
  readonly missing: boolean;
}
const missing = (await tensorflowEngine().available()) !== undefined;

export const SUBJECTS: readonly Subject[] = [
  { name: "wasm", engine: wasmEngine(), missing: false },
  { name: "cpu", engine: cpuEngine(), missing: false },
  { name: "tensorflow", engine: tensorflowEngine({ xla: false }), missing },
  { name: "tensorflow with XLA", engine: tensorflowEngine({ xla: true }), missing },
];
