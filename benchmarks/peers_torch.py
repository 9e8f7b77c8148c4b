"""PyTorch, eager: `nn.Sequential`, its losses and its Adam, on the same device as JAX."""

from collections.abc import Iterator

import jax
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.cases import B1, B2, EPS, RATE, Case
from benchmarks.measure import Run


def device() -> torch.device:
    """Where to train: on the GPU, if that is where JAX does it."""
    return torch.device("cuda" if jax.default_backend() == "gpu" else "cpu")


def first_model(case: Case) -> nn.Sequential:
    """The network with the case's first parameters."""
    layers: list[nn.Module] = []
    for w, b in case.start:
        layer = nn.Linear(*w.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(w.T))
            layer.bias.copy_(torch.from_numpy(b))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(device())


def prepare(case: Case, *, loader: bool = False, fused: bool = False) -> Run:
    """Batches taken by index, or by a `DataLoader`; Adam as it comes, or its fused form."""
    inputs, targets = torch.from_numpy(case.inputs), torch.from_numpy(case.targets)
    there = device()
    # PyTorch wants class numbers as int64, and a target for each output.
    targets = targets.long() if case.classes else targets[:, None]
    loss = nn.CrossEntropyLoss() if case.classes else nn.BCEWithLogitsLoss()

    def by_index(seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        x, y = inputs.to(there), targets.to(there)  # small enough to lie there as a whole
        orders = torch.from_numpy(case.orders(seed)).long().to(there)
        for rows in orders.reshape(-1, case.batch):
            yield x[rows], y[rows]

    def by_loader(seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        shuffle = torch.Generator().manual_seed(seed)
        batches = DataLoader(
            TensorDataset(inputs, targets),
            batch_size=case.batch,
            shuffle=True,
            drop_last=True,
            generator=shuffle,
        )
        for _ in range(case.epochs):
            for x, y in batches:
                yield x.to(there), y.to(there)

    def run(seed: int) -> np.ndarray:
        model = first_model(case)
        optimizer = torch.optim.Adam(
            model.parameters(), RATE, betas=(B1, B2), eps=EPS, fused=fused or None
        )
        losses = []
        for x, y in (by_loader if loader else by_index)(seed):
            optimizer.zero_grad()
            cost = loss(model(x), y)
            cost.backward()
            optimizer.step()
            losses.append(cost.detach())
        return torch.stack(losses).cpu().numpy()

    return run
