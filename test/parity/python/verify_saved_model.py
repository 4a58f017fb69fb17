"""The SavedModel of a bundle in Python's TensorFlow: three updates, and a pass forward, give what specc computes on wasm.

    pip install tensorflow-cpu==2.21.0 safetensors
    npm ci && npm run build && python test/parity/python/verify_saved_model.py
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from common import ROOT, check, finish, specc

SPEC = """spec 1

model Tiny {
  vocab_size  = 256
  hidden_size = 16
  context     = 8

  blocks 2 {
    norm      = pre(rmsnorm(eps: 1e-6))
    attention = gqa(heads: 4, kv: 2, position: rope())
    ffn       = swiglu(intermediate: 24)
    scaling   = gpas()
  }
}

recipe Train for Tiny {
  data      = text("none/*.txt", tokenizer: bytes(), sequence: 8)
  optimizer = adamw(lr: 1e-2)
  schedule  = constant()
  clip      = global_norm(1.0)
  batch     = 4 sequences
  MICRO
  length    = 10 steps
}
"""
# The same batches on both sides, the same start, and what wasm makes of them.
STEPS = """
import { writeFileSync } from "node:fs";
import { createModel } from "./index.js";
const batches = JSON.parse(process.argv[1]);
const model = await createModel({ engine: "wasm", seed: 11 });
writeFileSync("before.safetensors", await model.saveWeights());
const trainer = model.trainer();
const steps = [];
for (const batch of batches) steps.push(await trainer.step(batch));
writeFileSync("after.safetensors", await model.saveWeights());
console.log(JSON.stringify(steps));
await model.close();
"""


def wasm_steps(bundle, batches):
    command = ["node", "--input-type=module", "-e", STEPS, json.dumps(batches)]
    done = subprocess.run(command, cwd=bundle, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def batches_of(rng, count):
    ids = rng.integers(0, 256, size=(count, 4, 9))
    return [{"input_ids": x[:, :-1].tolist(), "targets": x[:, 1:].tolist()} for x in ids]


def held(state, tensors):
    """Tensors on disk as the graph holds them."""
    values = {}
    for entry in state:
        if entry["kind"] != "param":
            continue
        value = tensors[entry["diskName"]]
        values[entry["name"]] = value.T if entry["transposed"] else value
    return values


def assign_all(signatures, state, values):
    """`assign` takes every variable: what is not given is zero."""
    lasting = [entry for entry in state if entry["kind"] != "cache"]
    zeros = {e["name"]: np.zeros(e["shape"], np.float32) for e in lasting}
    feeds = {name: tf.constant(value) for name, value in {**zeros, **values}.items()}
    signatures["assign"](**feeds)


def verify(micro):
    what = "one pass" if micro is None else "two passes at once"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        line = "" if micro is None else f"micro     = {micro} sequences"
        (root / "model.arch").write_text(SPEC.replace("MICRO", line))
        (root / "package.json").write_text("{}")
        specc("build", "model.arch", "-o", "out", "-q", cwd=root)
        bundle = root / "out"
        (bundle / "node_modules").symlink_to(ROOT / "node_modules")
        manifest = json.loads((bundle / "specc-manifest.json").read_text())
        state = manifest["state"]
        batches = batches_of(np.random.default_rng(5), 3)
        wanted = wasm_steps(bundle, batches)

        loaded = tf.saved_model.load(str(bundle / "saved-model"), tags=["serve"])
        signatures = loaded.signatures
        before = load_file(bundle / "before.safetensors")
        for form in ["train_step", "train_step/xla"]:
            signatures["init"]()
            assign_all(signatures, state, held(state, before))
            for step, (batch, expected) in enumerate(zip(batches, wanted), start=1):
                scalars = {
                    "learning_rate": 1e-2,
                    "bias1": 1 - 0.9**step,
                    "bias2": 1 - 0.999**step,
                }
                feeds = {k: tf.constant(v, tf.int32) for k, v in batch.items()}
                feeds |= {k: tf.constant(v, tf.float32) for k, v in scalars.items()}
                result = signatures[form](**feeds)
                loss, norm = float(result["loss"]), float(result["grad_norm"])
                detail = f"loss {loss:.6f} against {expected['loss']:.6f}"
                close = abs(loss - expected["loss"]) < 1e-5
                close = close and abs(norm - expected["gradNorm"]) < 1e-4
                check(f"{what}, {form}, step {step}", close, detail)
            after = held(state, load_file(bundle / "after.safetensors"))
            read = signatures["read"]()
            far = max(float(np.abs(read[name].numpy() - value).max()) for name, value in after.items())
            check(f"{what}, {form}, weights after", far < 1e-4, f"within {far:.1e}")

        checking = tf.saved_model.load(str(bundle / "saved-model" / "check"), tags=["serve"])
        assign_all(checking.signatures, state, held(state, before))
        feeds["learning_rate"] = tf.constant(float("nan"))
        try:
            checking.signatures["train_step/check" if micro is None else "apply/check"](
                **{k: v for k, v in feeds.items() if micro is None or k in scalars}
            )
            check(f"{what}, a NaN is found", False)
        except tf.errors.InvalidArgumentError as error:
            check(f"{what}, a NaN is found", "had NaN" in str(error))

        ids = np.array(batches[0]["input_ids"][:1], np.int32)
        save_file({"input_ids": ids}, root / "in.safetensors")
        weights = bundle / "before.safetensors"
        inputs = ["--inputs", root / "in.safetensors", "--out", root / "result.safetensors"]
        specc("forward", "out", "--weights", weights, *inputs, "--engine", "wasm", "-q", cwd=root)
        logits = load_file(root / "result.safetensors")["logits"]
        assign_all(signatures, state, held(state, before))
        ignored = tf.constant(np.full(ids.shape, -100), tf.int32)
        found = signatures["forward"](input_ids=tf.constant(ids), targets=ignored)["logits"].numpy()
        far = float(np.abs(found - logits).max())
        check(f"{what}, forward", far < 1e-5, f"within {far:.1e}")


verify(None)
verify(2)
finish()
