"""Folders that `specc export` writes, loaded by transformers: same logits, same loss, nothing missing or left over.

    pip install transformers==5.23.0 torch==2.13.0 safetensors
    npm run build && python test/parity/python/verify_export.py

With transformers==4.57.6 in the environment the folders are exported for it (--compat v4). Each golden checkpoint is imported, its config forgotten (so that every key of config.json comes from the .arch file), exported
and loaded. A model that specc trained itself, with a tokenizer of its own, is exported and loaded as well.
"""

import pathlib
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from common import DATA, check, finish, specc

TOLERANCE = 5e-5
COMPAT = ["--compat", "v4"] if transformers.__version__.startswith("4.") else []
# Its softmax scale leaves out mscale_all_dim, so it is not exported to.
NEWER = ["deepseek_v2-qlora-group"] if COMPAT else []


def load(folder):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    return model.eval(), info


def verify_logits(what, arch, exported, ids, work):
    save_file({"input_ids": ids.to(torch.int32)}, work / "inputs.safetensors")
    specc("forward", arch, "--inputs", "inputs.safetensors", "--out", "ours.safetensors", "-q", cwd=work)
    model, info = load(exported)
    left = {key: list(value) for key, value in info.items() if value and key != "error_msgs"}
    check(f"{what}: every tensor loaded", not left, str(left) if left else "")
    with torch.no_grad():
        theirs = model(input_ids=ids, labels=ids)
    ours = load_file(work / "ours.safetensors")
    worst = (ours["logits"] - theirs.logits).abs().max().item()
    check(f"{what}: logits", worst < TOLERANCE, f"{worst:.1e}")
    return model


ARCH = """spec 1
export model Tiny {
  vocab_size = 300
  hidden_size = 32
  context = 32
  blocks 2 {
    norm = pre(rmsnorm())
    attention = gqa(heads: 4, kv: 2, position: rope())
    ffn = swiglu(intermediate: 48)
  }
}
recipe Train for Tiny {
  data = text("text.txt", tokenizer: bpe("tokenizer.json"), sequence: 32)
  optimizer = adamw(lr: 1e-2)
  batch = 4 sequences
  length = 20 steps
}
"""
TEXT = "It's a café: naïve 12345 and <|endoftext|>, 日本語 🙂\n\tindented   text. "


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for source in sorted((DATA / "hf").iterdir()):
            if not (source / "model.safetensors").exists() or not (source / "golden.safetensors").exists():
                continue
            name = source.name
            if name in NEWER:
                continue
            specc("import", source, "-o", f"{name}/model.arch", "-q", cwd=work)
            (work / name / "config.json").unlink()
            specc("export", f"{name}/model.arch", "-o", f"out-{name}", "-q", *COMPAT, cwd=work)
            golden = load_file(source / "golden.safetensors")
            verify_logits(name, f"{name}/model.arch", work / f"out-{name}", golden["input_ids"].long(), work)

        (work / "package.json").write_text("{}")
        (work / "text.txt").write_text((TEXT + "The quick brown fox jumps over the lazy dog. ") * 80)
        (work / "tiny.arch").write_text(ARCH)
        specc("train", "tiny.arch", "--out-dir", "run", "-q", cwd=work)
        specc("export", "run", "-o", "out", "-q", *COMPAT, cwd=work)
        tokenizer = AutoTokenizer.from_pretrained(work / "out")
        ids = torch.tensor([tokenizer(TEXT)["input_ids"][:32]])
        check("trained by specc: text comes back", tokenizer.decode(tokenizer(TEXT)["input_ids"]) == TEXT)
        model = verify_logits("trained by specc", "run", work / "out", ids, work)
        prompt = tokenizer("The quick", return_tensors="pt").input_ids
        theirs = model.generate(prompt, max_new_tokens=12, do_sample=False)[0, prompt.shape[1] :]
        ours = specc("generate", "run", "--prompt", "The quick", "--max-new-tokens", "12", "--greedy", "-q", cwd=work)
        text = "The quick" + tokenizer.decode(theirs, skip_special_tokens=True)
        check("trained by specc: greedy text", ours.rstrip("\n") == text, repr(ours))
    finish()


main()
