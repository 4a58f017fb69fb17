"""Mixtures and chains of experts on the DeepSeek-V2 backbone in JAX: f32 parameters and moments, bf16 products, plain
attention, sequence-wise balance loss, clip, AdamW, one jitted step with donated buffers. The chain is the one of arXiv
2506.18945 as its code has it: the normalised state takes the place of the stream.

    python3 jax_moe.py '{"iterations": 2, "top_k": 4, "experts": 63, "batch": 32, "sequence": 512, "dispatch": "ragged"}'

dispatch: ragged    rows sorted by expert, `jax.lax.ragged_dot`
          capacity  [experts, capacity, D] at 1.25 times the mean; DROPS what does not fit
          blocks    runs padded to blocks of 128 rows, each with its expert's matrix
          dense     every expert on every token, one after the other

Prints one JSON object.
"""

import json
import sys

import jax
import jax.numpy as jnp
from jax_training import report, training

CASE = {
    "layers": 4, "hidden": 1024, "heads": 8, "rank": 512, "nope": 128, "rope": 64, "v": 128, "width": 704,
    "experts": 63, "shared": 1, "top_k": 4, "iterations": 2, "vocab": 102400, "batch": 32, "sequence": 512,
    "dispatch": "ragged", "warmup": 3, "steps": 16, "balance": 0.001,
}  # fmt: skip

low = lambda x: x.astype(jnp.bfloat16)


def experts_ragged(x, picks, weights, w, c):
    n, k = picks.shape
    flat = picks.reshape(-1)
    order = jnp.argsort(flat)
    token = order // k
    sizes = jnp.bincount(flat, length=c["experts"])
    rows = x[token]
    dot = lambda a, b: jax.lax.ragged_dot(a, low(b), sizes)
    y = dot(jax.nn.silu(dot(rows, w["gate"])) * dot(rows, w["up"]), w["down"])
    return jnp.zeros_like(x).at[token].add(y * low(weights.reshape(-1)[order])[:, None])


def experts_capacity(x, picks, weights, w, c):
    n, k = picks.shape
    e = c["experts"]
    most = int(1.25 * n * k / e)
    flat = picks.reshape(-1)
    order = jnp.argsort(flat)
    token, expert = order // k, flat[order]
    sizes = jnp.bincount(flat, length=e)
    rank = jnp.arange(n * k) - (jnp.cumsum(sizes) - sizes)[expert]
    slot = jnp.where(rank < most, expert * most + rank, e * most)
    rows = jnp.zeros((e * most + 1, x.shape[1]), x.dtype).at[slot].set(x[token])[:-1].reshape(e, most, -1)
    dot = lambda a, b: jnp.einsum("ecd,edf->ecf", a, low(b))
    y = dot(jax.nn.silu(dot(rows, w["gate"])) * dot(rows, w["up"]), w["down"]).reshape(e * most, -1)
    y = jnp.concatenate([y, jnp.zeros((1, y.shape[1]), y.dtype)])
    return jnp.zeros_like(x).at[token].add(y[slot] * low(weights.reshape(-1)[order])[:, None])


def experts_blocks(x, picks, weights, w, c):
    n, k = picks.shape
    e, b = c["experts"], 128
    blocks = n * k // b + e
    flat = picks.reshape(-1)
    order = jnp.argsort(flat)
    token, expert = order // k, flat[order]
    sizes = jnp.bincount(flat, length=e)
    padded = (sizes + b - 1) // b * b
    at = (jnp.cumsum(padded) - padded)[expert] + jnp.arange(n * k) - (jnp.cumsum(sizes) - sizes)[expert]
    owner = jnp.searchsorted(jnp.cumsum(padded // b), jnp.arange(blocks), side="right").clip(0, e - 1)
    rows = jnp.zeros((blocks * b, x.shape[1]), x.dtype).at[at].set(x[token]).reshape(blocks, b, -1)
    dot = lambda a, m: jnp.einsum("nbd,ndf->nbf", a, low(m)[owner])
    y = dot(jax.nn.silu(dot(rows, w["gate"])) * dot(rows, w["up"]), w["down"]).reshape(blocks * b, -1)
    return jnp.zeros_like(x).at[token].add(y[at] * low(weights.reshape(-1)[order])[:, None])


def experts_dense(x, picks, weights, w, c):
    gates = jnp.zeros((x.shape[0], c["experts"]), x.dtype)
    gates = gates.at[jnp.arange(x.shape[0])[:, None], picks].add(low(weights))

    @jax.checkpoint
    def one(y, given):
        gate, up, down, g = given
        return y + g[:, None] * ((jax.nn.silu(x @ low(gate)) * (x @ low(up))) @ low(down)), None

    return jax.lax.scan(one, jnp.zeros_like(x), (w["gate"], w["up"], w["down"], gates.T))[0]


EXPERTS = {"ragged": experts_ragged, "capacity": experts_capacity, "blocks": experts_blocks, "dense": experts_dense}


def build(c):
    D, L, H, V = c["hidden"], c["layers"], c["heads"], c["vocab"]
    B, T, E, F, S = c["batch"], c["sequence"], c["experts"], c["width"], c["shared"]
    r, dn, dr, dv = c["rank"], c["nope"], c["rope"], c["v"]
    keys = iter(jax.random.split(jax.random.PRNGKey(0), 16 * L + 4))
    normal = lambda *shape: 0.02 * jax.random.normal(next(keys), shape)
    mlp = lambda *lead, f: {"gate": normal(*lead, D, f), "up": normal(*lead, D, f), "down": normal(*lead, f, D)}
    block = lambda: {
        "q": normal(D, H * (dn + dr)), "kv_a": normal(D, r + dr), "kv_b": normal(r, H * (dn + dv)), "o": normal(H * dv, D),
        "routers": normal(c["iterations"], D, E), "experts": mlp(E, f=F), "shared": mlp(f=S * F),
        "norm1": jnp.ones(D), "norm2": jnp.ones(D), "norm_kv": jnp.ones(r),
    }  # fmt: skip
    params = {
        "embedding": normal(V, D),
        "head": normal(D, V),
        "norm": jnp.ones(D),
        "blocks": [block() for _ in range(L)],
    }
    half = jnp.arange(dr // 2)
    angles = jnp.arange(T)[:, None] * 10000.0 ** (-2 * half / dr)
    table = lambda f: jnp.concatenate([f(angles)] * 2, 1).astype(jnp.bfloat16)[None, :, None]
    cos, sin = table(jnp.cos), table(jnp.sin)
    rope = lambda x: x * cos + jnp.concatenate([-x[..., dr // 2 :], x[..., : dr // 2]], -1) * sin

    def norm(x, gain):
        y = x.astype(jnp.float32)
        return low(y * jax.lax.rsqrt(jnp.mean(jnp.square(y), -1, keepdims=True) + 1e-6) * gain)

    def attention(x, b):
        q = (x @ low(b["q"])).reshape(B, T, H, dn + dr)
        latent = x @ low(b["kv_a"])
        kv = (norm(latent[..., :r], b["norm_kv"]) @ low(b["kv_b"])).reshape(B, T, H, dn + dv)
        shared = jnp.broadcast_to(rope(latent[..., None, r:]), (B, T, H, dr))
        q = jnp.concatenate([q[..., :dn], rope(q[..., dn:])], -1)
        k = jnp.concatenate([kv[..., :dn], shared], -1)
        # values are narrower than queries and keys, which neither cuDNN's attention nor JAX's own function takes
        scores = jnp.einsum("bthd,bshd->bhts", q, k, preferred_element_type=jnp.float32) / (dn + dr) ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((T, T), bool)), scores, -1e9)
        y = jnp.einsum("bhts,bshd->bthd", low(jax.nn.softmax(scores, -1)), kv[..., dn:])
        return y.reshape(B, T, H * dv) @ low(b["o"])

    def mixture(x, b, t):
        flat = x.reshape(B * T, D)
        scores = jax.nn.softmax(flat.astype(jnp.float32) @ b["routers"][t], -1)
        weights, picks = jax.lax.top_k(scores, c["top_k"])
        y = EXPERTS[c["dispatch"]](flat, picks, weights, b["experts"], c)
        w = b["shared"]
        y = y + (jax.nn.silu(flat @ low(w["gate"])) * (flat @ low(w["up"]))) @ low(w["down"])
        chosen = jax.vmap(lambda p: jnp.bincount(p.reshape(-1), length=E))(picks.reshape(B, T, -1))
        share = chosen * (E / (T * c["top_k"]))
        balance = jnp.mean(jnp.sum(jax.lax.stop_gradient(share) * scores.reshape(B, T, E).mean(1), -1))
        return y.reshape(B, T, D), balance

    def loss_of(params, ids):
        x = low(params["embedding"])[ids]
        balance = 0.0
        for b in params["blocks"]:
            x = x + attention(norm(x, b["norm1"]), b)
            y = norm(x, b["norm2"])
            for t in range(c["iterations"]):
                made, term = mixture(y, b, t)
                y = y + made
                balance = balance + term
            x = y
        logits = (norm(x, params["norm"]) @ low(params["head"])).astype(jnp.float32)[:, :-1].reshape(-1, V)
        targets = ids[:, 1:].reshape(-1)
        picked = jnp.take_along_axis(logits, targets[:, None], 1)[:, 0]
        loss = jnp.mean(jax.nn.logsumexp(logits, 1) - picked)
        return loss + c["balance"] * balance, loss

    return training(params, loss_of)


def main(given):
    c = {**CASE, **given}
    return report(f"JAX {c['dispatch']} {c['iterations']}x{c['top_k']}/{c['experts'] + c['shared']}", c, *build(c))


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
