"""A LLaMA training step in PyTorch: Hugging Face's model, bf16 autocast, global-norm clip, fused AdamW; eager or compiled.

    python3 torch_llama.py '{"hidden": 512, "layers": 12, "heads": 8, "ffn": 1368, "vocab": 32000,
                             "batch": 16, "sequence": 256, "compile": false, "warmup": 4, "steps": 20}'

Prints one JSON object. Times are of whole steps, the device awaited after each block of steps.
"""

import json
import sys

import torch
from measure import measure
from transformers import LlamaConfig, LlamaForCausalLM


def main(c):
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = True
    config = LlamaConfig(
        vocab_size=c["vocab"],
        hidden_size=c["hidden"],
        intermediate_size=c["ffn"],
        num_hidden_layers=c["layers"],
        num_attention_heads=c["heads"],
        max_position_embeddings=max(1024, c["sequence"]),
    )
    config._attn_implementation = "sdpa"
    model = LlamaForCausalLM(config).cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    parameters = sum(p.numel() for p in model.parameters())
    run = torch.compile(model) if c["compile"] else model
    ids = torch.randint(0, c["vocab"], (c["batch"], c["sequence"]), device="cuda")

    def step():
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = run(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    timed = measure(
        step, lambda _: torch.cuda.synchronize(), c["warmup"], c["steps"], torch.cuda.reset_peak_memory_stats
    )
    return {
        "peer": "PyTorch compiled" if c["compile"] else "PyTorch eager",
        "version": torch.__version__,
        "parameters": parameters,
        **timed,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
        "reserved_gib": torch.cuda.max_memory_reserved() / 2**30,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
