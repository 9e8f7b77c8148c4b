"""Equinox and Flax's nnx as their documentation uses them: a compiled step in a Python loop."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.cases import B1, B2, EPS, RATE, Case
from benchmarks.measure import Run
from benchmarks.peers_jax import mean_loss


def adam() -> optax.GradientTransformation:
    """Optax's Adam with the numbers that every peer uses."""
    return optax.adam(RATE, b1=B1, b2=B2, eps=EPS)


def prepare_equinox(case: Case) -> Run:
    """`eqx.nn.MLP`, batched by `vmap`; `filter_jit` around a step that donates what it is given."""
    import equinox as eqx

    loss, optimizer = mean_loss(case), adam()
    inside = case.sizes[1:-1]
    mlp = eqx.nn.MLP(case.sizes[0], case.sizes[-1], inside[0], len(inside), key=jax.random.key(0))
    weights = [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in case.start]

    def parameters(model: eqx.nn.MLP) -> list[jax.Array]:
        return [part for layer in model.layers for part in (layer.weight, layer.bias)]

    def first_model() -> eqx.nn.MLP:
        return eqx.tree_at(parameters, mlp, [part.copy() for layer in weights for part in layer])

    @eqx.filter_jit(donate="all")
    def step(model, state, x, y):
        cost, grads = eqx.filter_value_and_grad(lambda m: loss(jax.vmap(m)(x), y))(model)
        updates, state = optimizer.update(grads, state)
        return eqx.apply_updates(model, updates), state, cost

    def run(seed: int) -> np.ndarray:
        model = first_model()
        state = optimizer.init(eqx.filter(model, eqx.is_array))
        losses = []
        for rows in case.orders(seed).reshape(-1, case.batch):
            model, state, cost = step(model, state, case.inputs[rows], case.targets[rows])
            losses.append(cost)
        jax.block_until_ready(eqx.filter(model, eqx.is_array))
        return np.asarray(losses)

    return run


def prepare_nnx(case: Case, *, cached: bool = False) -> Run:
    """`nnx.Linear` layers and `nnx.Optimizer`; `nnx.jit` around a step that changes both."""
    from flax import nnx

    loss, optimizer = mean_loss(case), adam()

    class Mlp(nnx.Module):
        """The case's network."""

        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.layers = nnx.List(nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(case.sizes))
            for layer, (w, b) in zip(self.layers, case.start, strict=True):
                layer.kernel[...], layer.bias[...] = jnp.asarray(w), jnp.asarray(b)

        def __call__(self, x: jax.Array) -> jax.Array:
            for layer in self.layers[:-1]:
                x = nnx.relu(layer(x))
            return self.layers[-1](x)

    @nnx.jit
    def step(model, state, x, y):
        cost, grads = nnx.value_and_grad(lambda m: loss(m(x), y))(model)
        state.update(model, grads)
        return cost

    def run(seed: int) -> np.ndarray:
        model = Mlp()
        state = nnx.Optimizer(model, optimizer, wrt=nnx.Param)
        losses = []
        # Looks at the structure of both once, not in each step.
        act = (nnx.cached_partial if cached else partial)(step, model, state)
        for rows in case.orders(seed).reshape(-1, case.batch):
            losses.append(act(case.inputs[rows], case.targets[rows]))
        jax.block_until_ready(nnx.state(model))
        return np.asarray(losses)

    return run
