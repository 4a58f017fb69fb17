"""The same LLaMA training step in JAX, the strongest peer (the same compiler, XLA): f32 parameters and moments, bf16 products and
residual stream, cuDNN attention or plain, clip, AdamW, one jitted step with donated buffers.

    python3 jax_llama.py '{"hidden": 512, "layers": 12, "heads": 8, "ffn": 1368, "vocab": 32000,
                           "batch": 16, "sequence": 256, "attention": "cudnn", "warmup": 4, "steps": 20}'

Prints one JSON object.
"""

import json
import sys

import jax
import jax.numpy as jnp
from jax_training import report, training


def build(c):
    D, F, L, H, V = c["hidden"], c["ffn"], c["layers"], c["heads"], c["vocab"]
    B, T = c["batch"], c["sequence"]
    d = D // H
    keys = iter(jax.random.split(jax.random.PRNGKey(0), 8 * L + 4))
    normal = lambda *shape: 0.02 * jax.random.normal(next(keys), shape)
    block = lambda: {
        "q": normal(D, D), "k": normal(D, D), "v": normal(D, D), "o": normal(D, D),
        "gate": normal(D, F), "up": normal(D, F), "down": normal(F, D),
        "norm1": jnp.ones(D), "norm2": jnp.ones(D),
    }  # fmt: skip
    params = {
        "embedding": normal(V, D),
        "head": normal(D, V),
        "norm": jnp.ones(D),
        "blocks": [block() for _ in range(L)],
    }
    half = jnp.arange(d // 2)
    angles = jnp.arange(T)[:, None] * 10000.0 ** (-2 * half / d)
    table = lambda f: jnp.concatenate([f(angles)] * 2, 1).astype(jnp.bfloat16)[None, :, None]
    cos, sin = table(jnp.cos), table(jnp.sin)
    low = lambda x: x.astype(jnp.bfloat16)

    def norm(x, gain):
        y = x.astype(jnp.float32)
        return low(y * jax.lax.rsqrt(jnp.mean(jnp.square(y), -1, keepdims=True) + 1e-6) * gain)

    def rope(x):
        return x * cos + jnp.concatenate([-x[..., d // 2 :], x[..., : d // 2]], -1) * sin

    def loss_of(params, ids):
        x = low(params["embedding"])[ids]
        for b in params["blocks"]:
            y = norm(x, b["norm1"])
            heads = lambda name: (y @ low(b[name])).reshape(B, T, H, d)
            mixed = jax.nn.dot_product_attention(
                rope(heads("q")), rope(heads("k")), heads("v"), is_causal=True, implementation=c["attention"]
            )
            x = x + mixed.reshape(B, T, D) @ low(b["o"])
            z = norm(x, b["norm2"])
            x = x + (jax.nn.silu(z @ low(b["gate"])) * (z @ low(b["up"]))) @ low(b["down"])
        logits = (norm(x, params["norm"]) @ low(params["head"])).astype(jnp.float32)[:, :-1].reshape(-1, V)
        targets = ids[:, 1:].reshape(-1)
        picked = jnp.take_along_axis(logits, targets[:, None], 1)[:, 0]
        loss = jnp.mean(jax.nn.logsumexp(logits, 1) - picked)
        return loss, loss

    return training(params, loss_of)


def main(c):
    return report(f"JAX {c['attention']} attention", c, *build(c))


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
