"""What config.json can say besides the goldens: folders that transformers writes, through import, forward and export.

    pip install transformers==5.24.0 torch==2.13.0 safetensors
    npm run build && python test/parity/python/verify_variants.py [a part of a name]

Each variant is a tiny model of random weights. What transformers computes from its folder, specc computes; what specc exports
has the same tensors byte for byte, and transformers computes the same from it, also when the .arch file alone says the model.
With transformers==4.57.6 in the environment the folders are as that version writes them, and exported for it (--compat v4).
"""

import json
import pathlib
import sys
import tempfile

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from common import check, finish, specc

TOLERANCE = 5e-5
V4 = transformers.__version__.startswith("4.")
TINY = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
}  # fmt: skip
LATENT = {
    "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": None, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4,
    "v_head_dim": 8, "n_routed_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 12, "n_shared_experts": 1,
    "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1,
}  # fmt: skip
FAMILIES = {
    "llama": {},
    "mistral": {"sliding_window": None},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "gemma2": {"head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8},
    "gemma3_text": {"head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8},
    "gpt2": {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64},
    "mixtral": {"num_local_experts": 4},
    "qwen3_moe": {"head_dim": 8, "num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 12},
    "olmoe": {"num_experts": 8, "num_experts_per_tok": 3},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LONG = {
    "rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.0, 2.0, 3.0, 4.5],
    "original_max_position_embeddings": 16,
}  # fmt: skip


def rope(theta=10000.0, **keys):
    if not V4:
        return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, **keys}}
    # Version 4 takes this length from outside alone.
    outside = {key: keys.pop(key) for key in ("original_max_position_embeddings",) if keys.get("rope_type") == "longrope"}
    return {"rope_theta": theta, "rope_scaling": keys or None, **outside}


def older(theta, **scaling):
    """As version 4 wrote it."""
    return {"rope_parameters": ..., "rope_theta": theta, "rope_scaling": scaling or None, "dtype": ..., "torch_dtype": "float32"}


# family, what it is called, keys of the config when the model is made, keys of the written config.json (...: left out).
VARIANTS = [
    ("llama", "tied, one kv head", {"tie_word_embeddings": True, "num_key_value_heads": 1}, {}),
    ("llama", "biases, wide heads", {"attention_bias": True, "mlp_bias": True, "head_dim": 12}, {}),
    ("llama", "padding", {"pad_token_id": -1}, {}),
    ("llama", "padding row", {"pad_token_id": 5, "initializer_range": 0.1, "rms_norm_eps": 1e-4}, {}),
    ("llama", "theta of version 4", {}, older(5000.0)),
    ("llama", "linear", rope(rope_type="linear", factor=3.0), {}),
    ("llama", "linear of version 4", {}, older(5000.0, type="linear", factor=3.0)),
    ("llama", "dynamic", rope(rope_type="dynamic", factor=2.0), {}),
    ("llama", "llama3", rope(500000.0, **LLAMA3), {}),
    ("llama", "yarn", rope(**YARN, beta_fast=16.0, beta_slow=2.0, truncate=False), {}),
    ("llama", "yarn, own factor", rope(**YARN, attention_factor=0.8), {}),
    ("llama", "yarn, scales", rope(**YARN, mscale=0.7, mscale_all_dim=1.3), {}),
    ("llama", "yarn of version 4", {}, older(5000.0, type="yarn", factor=4.0, original_max_position_embeddings=16)),
    ("llama", "longrope", rope(**LONG, factor=4.0), {}),
    ("llama", "longrope, another factor", rope(**LONG, factor=9.0), {}),
    ("llama", "theta beside rope_parameters", {}, {"rope_theta": 5000.0, "rope_parameters": {"rope_type": "linear", "factor": 2.0}}),
    ("llama", "original length beside rope_parameters", rope(**LLAMA3), {"original_max_position_embeddings": 32}),
    ("llama", "no keys with defaults", {}, {"attention_bias": ..., "mlp_bias": ..., "head_dim": ..., "rms_norm_eps": ..., "tie_word_embeddings": ..., "rope_parameters": ..., "initializer_range": ...}),
    ("mistral", "window", {"sliding_window": 4, "head_dim": 12}, {}),
    ("mistral", "window as long as the context", {"sliding_window": 64, "tie_word_embeddings": True}, {}),
    ("mistral", "no key", {}, {"sliding_window": ...}),
    ("qwen2", "windows above", {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}, {}),
    ("qwen2", "windows above, version 4", {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}, {"layer_types": ..., **older(1e6)}),
    ("qwen2", "windows off", {"use_sliding_window": False, "sliding_window": 4, "max_window_layers": 1, "tie_word_embeddings": True}, {}),
    ("qwen2", "windows in turn", {"use_sliding_window": True, "sliding_window": 4, "layer_types": ["full_attention", "sliding_attention", "full_attention"]}, {}),
    ("qwen2", "wide heads", {"head_dim": 12}, {}),
    ("qwen3", "bias, tied, window", {"attention_bias": True, "tie_word_embeddings": True, "head_dim": 12, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 2}, {}),
    ("qwen3", "yarn", rope(**YARN), {}),
    ("gemma2", "no caps, bias, untied", {"attn_logit_softcapping": None, "final_logit_softcapping": None, "attention_bias": True, "tie_word_embeddings": False}, {}),
    ("gemma2", "windows as asked", {"layer_types": ["full_attention", "sliding_attention", "sliding_attention"], "query_pre_attn_scalar": 20}, {}),
    ("gemma2", "scaled", rope(rope_type="linear", factor=2.0), {}),
    ("gemma3_text", "three to one", {"num_hidden_layers": 4, "sliding_window_pattern": 3}, {}),
    ("gemma3_text", "window longer than the context", {"num_hidden_layers": 4, "sliding_window_pattern": 2, "sliding_window": 4096}, {}),
    ("gemma3_text", "all full", {"layer_types": ["full_attention"] * 3}, {}),
    ("gemma3_text", "all slide", {"layer_types": ["sliding_attention"] * 3}, {}),
    ("gemma3_text", "cap, bias, untied", {"final_logit_softcapping": 10.0, "attention_bias": True, "tie_word_embeddings": False}, {}),
    ("gemma3_text", "both scaled", {"rope_parameters": {"full_attention": {"rope_theta": 5e5, **YARN}, "sliding_attention": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}}, "sliding_window_pattern": 2}, {}),
    ("gemma3_text", "version 4", {"sliding_window_pattern": 2}, {**older(5e5, rope_type="linear", factor=8.0), "rope_local_base_freq": 5000.0, "layer_types": ..., "sliding_window_pattern": 2, "_sliding_window_pattern": ...}),
    ("gpt2", "narrow, exact gelu, untied", {"n_inner": 40, "activation_function": "gelu", "tie_word_embeddings": False, "layer_norm_epsilon": 1e-4}, {}),
    ("gpt2", "version 4", {}, {"tie_word_embeddings": ..., "n_ctx": 64, "dtype": ...}),
    ("mixtral", "three of six, window, tied", {"num_local_experts": 6, "num_experts_per_tok": 3, "sliding_window": 4, "tie_word_embeddings": True, "head_dim": 12}, {}),
    ("mixtral", "no theta", {}, {"rope_parameters": ...}),
    ("qwen3_moe", "dense layers between", {"decoder_sparse_step": 2, "norm_topk_prob": True, "attention_bias": True}, {}),
    ("qwen3_moe", "dense layers named, window", {"mlp_only_layers": [0, 2], "use_sliding_window": True, "sliding_window": 4}, {}),
    ("olmoe", "renormalised, bias, tied", {"norm_topk_prob": True, "attention_bias": True, "tie_word_embeddings": True}, {}),
    ("deepseek_v2", "groups, scaled, low-rank queries", {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2, "q_lora_rank": 12, "routed_scaling_factor": 2.0, "attention_bias": True}, {}),
    ("deepseek_v2", "two shared, all mixtures", {"n_shared_experts": 2, "first_k_dense_replace": 0}, {}),
    ("deepseek_v2", "all dense", {"first_k_dense_replace": 3}, {}),
    ("deepseek_v2", "yarn of version 4", {}, older(10000.0, type="yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.707, mscale_all_dim=0.707, beta_fast=32, beta_slow=1)),
    ("deepseek_v2", "yarn without scales", rope(**YARN), {}),
    ("deepseek_v3", "groups, low-rank queries", {"n_group": 4, "topk_group": 2, "q_lora_rank": 12, "tie_word_embeddings": True}, {}),
    ("deepseek_v3", "not renormalised", {"norm_topk_prob": False, "routed_scaling_factor": 1.0}, {}),
    ("deepseek_v3", "yarn", rope(**YARN, mscale=1.0, mscale_all_dim=1.0), {}),
]  # fmt: skip
# What version 4 does not know, or computes otherwise.
NEWER = {
    "llama, padding": "it saves no such id",
    "llama, longrope, another factor": "it takes the ratio of the lengths instead, so import asks",
    "llama, theta beside rope_parameters": "it does not read these",
    "llama, original length beside rope_parameters": "it does not read these",
    "gemma3_text, both scaled": "it scales the positions of full attention alone",
    "deepseek_v2, yarn of version 4": "its softmax scale leaves out mscale_all_dim",
}
FORMATS = [("shards", {"max_shard_size": "20kB"}, None), ("bfloat16", {}, torch.bfloat16), ("float16", {}, torch.float16)]


def randomise(model):
    torch.manual_seed(5)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if tensor.is_floating_point() and "inv_freq" not in name:
                one = 1.0 if "norm" in name or "ln_" in name else 0.0
                tensor.copy_(one * (not name.endswith("bias")) + torch.randn(tensor.shape) * 0.2)


def write(folder, family, made, written, dtype=None, **save):
    keys = {**(TINY if family != "gpt2" else {"vocab_size": 96, "bos_token_id": 1, "eos_token_id": 2}), **FAMILIES[family], **made}
    config = AutoConfig.for_model(family, **json.loads(json.dumps(keys)))
    model = AutoModelForCausalLM.from_config(config)
    randomise(model)
    (model if dtype is None else model.to(dtype)).save_pretrained(folder, **save)
    path = folder / "config.json"
    kept = {**json.loads(path.read_text()), **written}
    path.write_text(json.dumps({key: value for key, value in kept.items() if value is not ...}))


def load(folder):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    return model.eval(), {key: list(value) for key, value in info.items() if value and key != "error_msgs"}


def tensors(folder):
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as handle:
            for name in handle.keys():
                found[name] = handle.get_tensor(name)
    return found


def same_tensors(a, b):
    return list(sorted(a)) == list(sorted(b)) and all(
        a[name].dtype == b[name].dtype and a[name].shape == b[name].shape and torch.equal(a[name], b[name]) for name in a
    )


def verify(what, source, work):
    torch.manual_seed(9)
    ids = torch.randint(0, 96, (2, 24))
    with torch.no_grad():
        reference, left = load(source)
        theirs = reference(input_ids=ids).logits
        save_file({"input_ids": ids.to(torch.int32)}, work / "inputs.safetensors")
        specc("import", source, "-o", "in/model.arch", "-q", cwd=work)
        specc("forward", "in/model.arch", "--inputs", "inputs.safetensors", "--out", "ours.safetensors", "-q", cwd=work)
        worst = (load_file(work / "ours.safetensors")["logits"] - theirs).abs().max().item()
        size = theirs.abs().max().item()
        check(f"{what}: logits", worst < TOLERANCE * max(1, size), f"{worst:.1e} of {size:.1f}")
        ways = [("out", V4), ("out-without-config", V4)]
        if not V4 and what not in NEWER:
            ways.insert(1, ("out-for-4", True))
        for how, older in ways:
            if how == "out-without-config":
                (work / "in" / "config.json").unlink()
            specc("export", "in/model.arch", "-o", how, "-q", *(["--compat", "v4"] if older else []), cwd=work)
            check(f"{what}: {how}: tensors", same_tensors(tensors(source), tensors(work / how)))
            again, left = load(work / how)
            check(f"{what}: {how}: loads whole", not left, str(left) if left else "")
            worst = (again(input_ids=ids).logits - theirs).abs().max().item()
            check(f"{what}: {how}: same logits", worst < 1e-5 * max(1, size), f"{worst:.1e}")


def main():
    logging.disable_progress_bar()
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    cases = [(f"{family}, {name}", family, made, written, {}, None) for family, name, made, written in VARIANTS]
    cases += [(f"{family}, {name}", family, {}, {}, save, dtype) for family in FAMILIES for name, save, dtype in FORMATS]
    for what, family, made, written, save, dtype in cases:
        if part not in what:
            continue
        if V4 and what in NEWER:
            print(f"skip {what}: {NEWER[what]}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            try:
                write(work / "hub", family, made, written, dtype, **save)
                verify(what, work / "hub", work)
            except (Exception, SystemExit) as error:
                check(what, False, f"{type(error).__name__}: {error}"[:600])
    finish()


main()
