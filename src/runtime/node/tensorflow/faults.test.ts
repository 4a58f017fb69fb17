// Messages as TensorFlow 2.21 gives them through tfjs-node, and what a user is told.
import { expect, test } from "vitest";
import { EngineFault } from "../../../bundle/engine.ts";
import { toyManifest } from "../../toy.test.helper.ts";
import { explain, notFiniteNode } from "./faults.ts";

const manifest = { ...toyManifest(), places: { "blocks.0/ffn": "toy.arch:7" } };

test("a node is told with its line, whichever function or call it stands in", () => {
  for (const node of [
    "blocks.0/ffn/gate/MatMul_2",
    "train_step/call/blocks.0/ffn/gate/MatMul_2",
    "train_step/call/xla/pass/3/blocks.0/ffn/gate/MatMul_2",
  ])
    expect(
      explain(
        manifest,
        new Error(
          `Session fail to run with error: 2 root error(s) found.\n  (0) INVALID_ARGUMENT: Matrix size-incompatible: In[0]: [2,3], In[1]: [4,3]\n\t [[{{node ${node}}}]]`,
        ),
      ),
    ).toMatchObject({
      name: "EngineFault",
      message:
        "tensorflow: blocks.0/ffn/gate/MatMul_2 (toy.arch:7): INVALID_ARGUMENT: Matrix size-incompatible: In[0]: [2,3], In[1]: [4,3]",
    });
});

test("a message without nodes stays as it is; memory has a help", () => {
  const plain = explain(manifest, new Error("Session fail to run with error: something else"));
  expect(plain).toBeInstanceOf(EngineFault);
  expect([plain.message, plain.help]).toEqual(["tensorflow: something else", undefined]);
  const full = "OOM when allocating tensor with shape[8,8] and type float on /device:GPU:0";
  expect(explain(manifest, new Error(full)).help).toContain("micro");
});

test("the node that a check stopped at", () => {
  const text =
    "Session fail to run with error: blocks.0/ffn/Log : Tensor had NaN values\n\t [[{{function_node specc_train_step_check}}{{node check/69}}]]";
  expect(notFiniteNode(new Error(text))).toBe("blocks.0/ffn/Log");
  expect(notFiniteNode(new Error("Session fail to run with error: OOM"))).toBeUndefined();
});
