// The runtime on Node: a host and the opening of bundles.
export { openBundle } from "./bundle.ts";
export { nodeHost, type NodeHostOptions } from "./host.ts";
export { tensorflowEngine, type TensorflowOptions } from "./tensorflow/engine.ts";
