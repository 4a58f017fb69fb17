"""Rotary frequencies as transformers computes them, for src/compiler/model/rotary.test.ts: one set a case, of a sequence of
`length` tokens, and the factor of cos and sin.

    pip install torch==2.13.0 transformers==5.23.0
    python test/parity/python/make_rope.py

Writes test/parity/data/rope/cases.json.
"""

import json

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from common import DATA

SHORT, LONG = [1, 1.1, 1.3, 1.6, 2, 2.5, 3, 3.6], [1, 1.5, 2, 3, 5, 8, 12, 18]
ORIGINAL = "original_max_position_embeddings"


def scaling(name, theta, width, context, length, text, **parameters):
    """`text` is the same in the language."""
    config = LlamaConfig(
        hidden_size=4 * width,
        num_attention_heads=4,
        head_dim=width,
        max_position_embeddings=context,
        rope_parameters={"rope_type": name, "rope_theta": theta, **parameters},
    )
    frequencies, factor = ROPE_INIT_FUNCTIONS[name](config, "cpu", length)
    return {
        **{"scaling": text, "theta": theta, "width": width, "context": context, "length": length},
        **{"frequencies": frequencies.tolist(), "factor": float(factor)},
    }


def longrope(length, factor=None):
    own = {} if factor is None else {"attention_factor": factor}
    text = f"longrope({SHORT}, {LONG}, original: 16{'' if factor is None else f', attention_factor: {factor}'})"
    return scaling("longrope", 1e4, 16, 128, length, text, short_factor=SHORT, long_factor=LONG, **{ORIGINAL: 16}, **own)


def yarn(text, **own):
    return scaling("yarn", 1e4, 32, 256, 40, f"yarn(4, original: 64{text})", factor=4.0, **{ORIGINAL: 64}, **own)


def llama3(theta, low, high):
    text = f"llama3(8, original: 64, low_freq: {low}, high_freq: {high})"
    return scaling(
        *("llama3", theta, 16, 512, 40, text),
        **{"factor": 8.0, ORIGINAL: 64, "low_freq_factor": low, "high_freq_factor": high},
    )


# transformers counts a dynamic scaling from max_position_embeddings on
cases = [
    scaling("linear", 1e4, 16, 128, 40, "linear(4)", factor=4.0),
    scaling("dynamic", 1e4, 16, 16, 16, "dynamic(4, original: 16)", factor=4.0),
    scaling("dynamic", 1e4, 16, 16, 40, "dynamic(4, original: 16)", factor=4.0),
    scaling("dynamic", 500.0, 8, 16, 17, "dynamic(2, original: 16)", factor=2.0),
    llama3(500_000.0, 1, 4),
    llama3(100.0, 2, 8),
    yarn(""),
    yarn(", truncate: false", truncate=False),
    yarn(", beta_fast: 8, beta_slow: 2", beta_fast=8, beta_slow=2),
    yarn(", attention_factor: 1.5", attention_factor=1.5),
    yarn(", mscale: 0.7, mscale_all_dim: 0.5", mscale=0.7, mscale_all_dim=0.5),
    longrope(16),
    longrope(17),
    longrope(17, 1.5),
]
(DATA / "rope").mkdir(exist_ok=True)
rows = ",\n  ".join(json.dumps(case) for case in cases)
(DATA / "rope" / "cases.json").write_text(f"[\n  {rows}\n]\n")
print(f"{len(cases)} cases")
