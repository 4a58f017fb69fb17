"""Generation in PyTorch: Hugging Face's `generate` of a LLaMA in bf16 with a static cache; eager, or with the forward compiled.

    python3 torch_generate.py '{"hidden": 512, "layers": 12, "heads": 8, "ffn": 1368, "vocab": 32000, "batch": 1,
                                "shortest": 64, "longest": 128, "tokens": 256, "compile": false, "sampling": {}}'

`sampling` is what `generate` takes: {"do_sample": true, "temperature": 0.8, "top_k": 50, "top_p": 0.9}; greedy without.
Prompts of different lengths are padded on the left. Prints one JSON object.
"""

import json
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM


def main(c):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=c["vocab"],
        hidden_size=c["hidden"],
        intermediate_size=c["ffn"],
        num_hidden_layers=c["layers"],
        num_attention_heads=c["heads"],
        max_position_embeddings=c["longest"] + c["tokens"],
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    config._attn_implementation = "sdpa"
    model = LlamaForCausalLM(config).to("cuda", torch.bfloat16).eval()
    if not c["compile"]:
        # a static cache alone makes `generate` compile its forward
        model.generation_config.disable_compile = True
    B, longest, shortest = c["batch"], c["longest"], c["shortest"]
    ids = torch.randint(1, c["vocab"], (B, longest), device="cuda")
    mask = torch.ones_like(ids)
    for row in range(1, B):
        length = round(longest - (longest - shortest) * row / (B - 1))
        mask[row, : longest - length] = 0
        ids[row, : longest - length] = 0
    sampling = c.get("sampling") or {"do_sample": False}

    def timed(count):
        torch.cuda.synchronize()
        began = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=mask,
                cache_implementation="static",
                max_new_tokens=count,
                min_new_tokens=count,
                **sampling,
            )
        torch.cuda.synchronize()
        assert out.shape == (B, longest + count), out.shape
        return time.perf_counter() - began

    first = timed(c["tokens"])
    timed(c["tokens"])
    begin = min(timed(1) for _ in range(4))
    whole = min(timed(c["tokens"]) for _ in range(4))
    return {
        "peer": "PyTorch compiled generate" if c["compile"] else "PyTorch eager generate",
        "version": f"torch {torch.__version__}, transformers {transformers.__version__}",
        "batch": B,
        "sampling": sampling,
        "prefill_ms": begin * 1e3,
        "ms_per_token": (whole - begin) * 1e3 / (c["tokens"] - 1),
        "tokens_per_s": B * c["tokens"] / whole,
        "first_s": first,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
