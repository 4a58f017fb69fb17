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
  readonly bf16: boolean;
}
const missing = (await tensorflowEngine().available()) !== undefined;

export const SUBJECTS: readonly Subject[] = [
  { name: "wasm", engine: wasmEngine(), missing: false, bf16: false },
  { name: "cpu", engine: cpuEngine(), missing: false, bf16: false },
  { name: "tensorflow", engine: tensorflowEngine({ xla: false }), missing, bf16: true },
  { name: "tensorflow with XLA", engine: tensorflowEngine({ xla: true }), missing, bf16: true },
];
