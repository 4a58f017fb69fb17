"""What the peers in JAX have in common: AdamW after a clip of the global norm, one jitted step with donated buffers, and its report."""

import functools

import jax
import jax.numpy as jnp
from measure import measure


def training(params, loss_of):
    """params, both moments and the step; loss_of(params, ids) gives what gradients are of, and the loss to tell."""

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(params, m, v, t, ids):
        (_, loss), grads = jax.value_and_grad(loss_of, has_aux=True)(params, ids)
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


def report(peer, c, params, m, v, step):
    """Times the step on one batch of random ids."""
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
        "peer": peer,
        "version": jax.__version__,
        "parameters": parameters,
        **timed,
        "peak_gib": memory.get("peak_bytes_in_use", 0) / 2**30,
    }
