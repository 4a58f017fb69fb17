"""The same LLaMA training step in JAX, the strongest peer (the same compiler, XLA): f32 parameters and moments, bf16 products and
residual stream, cuDNN attention or plain, clip, AdamW, one jitted step with donated buffers.

    python3 jax_llama.py '{"hidden": 512, "layers": 12, "heads": 8, "ffn": 1368, "vocab": 32000,
                           "batch": 16, "sequence": 256, "attention": "cudnn", "warmup": 4, "steps": 20}'

Prints one JSON object.
"""

import functools
import json
import sys

import jax
import jax.numpy as jnp
from measure import measure


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
        return jnp.mean(jax.nn.logsumexp(logits, 1) - picked)

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(params, m, v, t, ids):
        loss, grads = jax.value_and_grad(loss_of)(params, ids)
        total = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (total + 1e-6)), grads)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
        v = jax.tree.map(lambda a, g: 0.95 * a + 0.05 * g * g, v, grads)
        move = lambda p, a, b: p - 1e-3 * (
            (a / (1 - 0.9**t)) / (jnp.sqrt(b / (1 - 0.95**t)) + 1e-8) + 0.1 * p
        )
        return jax.tree.map(move, params, m, v), m, v, loss

    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    return params, zeros(), zeros(), step


def main(c):
    params, m, v, step = build(c)
    ids = jax.random.randint(jax.random.PRNGKey(1), (c["batch"], c["sequence"]), 0, c["vocab"])
    parameters = sum(x.size for x in jax.tree.leaves(params))
    t = 0.0

    def update():
        nonlocal params, m, v, t
        t += 1
        params, m, v, loss = step(params, m, v, t, ids)
        return loss

    timed = measure(update, jax.block_until_ready, c["warmup"], c["steps"])
    memory = jax.devices()[0].memory_stats() or {}  # a CPU keeps none
    return {
        "peer": f"JAX {c['attention']} attention",
        "version": jax.__version__,
        "parameters": parameters,
        **timed,
        "peak_gib": memory.get("peak_bytes_in_use", 0) / 2**30,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
