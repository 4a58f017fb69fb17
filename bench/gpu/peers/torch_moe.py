"""Hugging Face's DeepSeek-V2 in PyTorch with the sizes of Chain-of-Experts (arXiv 2506.18945): MoE(8/64), four layers, bf16
autocast, global-norm clip, fused AdamW.

    python3 torch_moe.py '{"top_k": 8, "batch": 32, "sequence": 512, "experts_implementation": "grouped_mm"}'

experts_implementation: "eager" (a loop over experts), "grouped_mm", "batched_mm", as transformers names them; with "bf16":
true the weights themselves are bf16, which grouped_mm may ask for. Prints one JSON object.
"""

import contextlib
import json
import sys

import torch
from measure import measure
from transformers import AutoModelForCausalLM
from transformers.models.deepseek_v2 import DeepseekV2Config

CASE = {"top_k": 8, "experts": 63, "batch": 32, "sequence": 512, "experts_implementation": None, "bf16": False,
        "compile": False, "warmup": 3, "steps": 16}  # fmt: skip


def main(given):
    c = {**CASE, **given}
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = True
    config = DeepseekV2Config(
        vocab_size=102400, hidden_size=1024, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8,
        q_lora_rank=None, kv_lora_rank=512, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128,
        moe_intermediate_size=704, intermediate_size=5472, n_routed_experts=c["experts"], n_shared_experts=1,
        num_experts_per_tok=c["top_k"], first_k_dense_replace=0, topk_method="greedy", n_group=1, topk_group=1,
        max_position_embeddings=4096,
    )  # fmt: skip
    extra = {} if c["experts_implementation"] is None else {"experts_implementation": c["experts_implementation"]}
    dtype = torch.bfloat16 if c["bf16"] else torch.float32
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype, **extra)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    parameters = sum(p.numel() for p in model.parameters())
    run = torch.compile(model) if c["compile"] else model
    ids = torch.randint(0, 102400, (c["batch"], c["sequence"]), device="cuda")
    low = contextlib.nullcontext if c["bf16"] else lambda: torch.autocast("cuda", dtype=torch.bfloat16)

    def step():
        with low():
            loss = run(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    timed = measure(
        step, lambda _: torch.cuda.synchronize(), c["warmup"], c["steps"], torch.cuda.reset_peak_memory_stats
    )
    return {
        "peer": f"PyTorch DeepSeek-V2 {c['top_k']}/64 {c['experts_implementation']}" + (" bf16 weights" if c["bf16"] else ""),
        "version": torch.__version__,
        "parameters": parameters,
        **timed,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
