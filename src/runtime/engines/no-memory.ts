// What an engine says of a tensor that it has no memory for.
import { EngineFault } from "../../bundle/engine.ts";

export const noMemory = (engine: "wasm" | "cpu", shape: readonly number[]): EngineFault =>
  new EngineFault(
    `${engine}: there is no memory for a tensor of ${shape.join(" × ")}`,
    engine === "wasm"
      ? "WebAssembly holds 4 GiB at the most: make model or batch smaller, or take the tensorflow engine"
      : "make model or batch smaller",
  );
