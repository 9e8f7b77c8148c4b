"""Train a network on the digits as `course train` is told to, and print how it went.

JAX and what stands on it are imported when a training begins: `course --help` has no use for it.
"""

import hashlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from jaxtyping import PyTree

    from course.training.interrupts import StopSignal
    from course.training.results import FitResult, Stopped
    from course.training.scale.checkpoint import OrbaxStore
    from course.training.scale.processes import Rank

PIXELS, CLASSES = 64, 10


class Settings(NamedTuple):
    """Options of a training."""

    network: tuple[int, ...]
    """Sizes of the hidden layers."""
    epochs: int
    batch_size: int
    optimizer: str
    rate: float
    seed: int
    devices: int | str
    backend: str
    checkpoint: Path | None
    resume: bool
    keep: int
    save_every: float

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of all layers, from pixels to classes."""
        return (PIXELS, *self.network, CLASSES)


class Terminal(NamedTuple):
    """Output of process 0; the other processes print nothing."""

    is_main: bool

    def say(self, text: str) -> None:
        """Print a line."""
        if self.is_main:
            click.echo(text)

    def warn(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """Print a warning below the progress bar; takes the arguments of `warnings.showwarning`."""
        if self.is_main:
            text = str(message)
            click.echo(f"\n{text[:1].upper()}{text[1:]}.", err=True)


def run(settings: Settings, rank: "Rank", stop: "StopSignal") -> "Stopped":
    """Train, print how well the network has learned, and return why the training ended."""
    from course.training import interrupts

    terminal = Terminal(is_main=rank.index == 0)
    with interrupts.answered_at_once(stop, terminal.warn):
        return train_and_print(settings, rank, stop, terminal)


def train_and_print(
    settings: Settings, rank: "Rank", stop: "StopSignal", terminal: Terminal
) -> "Stopped":
    """Do what `run` does, silently where a signal comes."""
    import jax

    from course.data import splits, tables
    from course.maths.losses import softmax_cross_entropy_with_integer_labels as loss
    from course.models.mlp import mlp
    from course.training import loop, optimizers, steps
    from course.training.scale import processes

    store = open_store(settings, terminal)
    (images, labels), held_out = splits.random_split(tables.digits(), (0.8, 0.2), seed=0)
    model = mlp(settings.sizes)
    # A single device needs no program for several.
    single = rank.count == 1 and settings.devices == "all" and len(jax.devices()) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = terminal.warn
        result = loop.fit(
            model,
            loss,
            getattr(optimizers, settings.optimizer)(settings.rate),
            (images, labels),
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            key=jax.random.key(settings.seed),
            devices=None if single else settings.devices,
            backend=settings.backend,
            checkpoint=store,
            save_every=settings.save_every,
            stop=stop,
        )
    # The accuracy that counts is that on images the network was not trained on.
    metrics = steps.evaluate(model, loss, result.params, (held_out[0], held_out[1]))
    terminal.say(describe(settings, rank, len(result.history.loss)))
    terminal.say(
        f"loss {float(metrics.loss):.4f}, {float(metrics.accuracy):.1%} of images never seen before"
    )
    terminal.say(f"parameters {fingerprint(result.params)}")
    if store:
        check_saved(store, result, terminal)
    # A launcher ends all processes when one has ended: not before all of this is printed.
    processes.max_over_processes(0.0)
    return result.stopped


def describe(settings: Settings, rank: "Rank", steps: int) -> str:
    """Return a sentence with the network, the steps, and the devices that took them."""
    import jax

    from course.training.scale.parallel import count_devices

    count = len(jax.devices()) if settings.devices == "all" else int(settings.devices)
    across = f", {rank.count} processes" if rank.count > 1 else ""
    sizes = "-".join(map(str, settings.sizes))
    examples = f"{steps} steps of {settings.batch_size} examples"
    return f"{sizes}: {examples} on {count_devices(count)}{across}"


def open_store(settings: Settings, terminal: Terminal) -> "OrbaxStore | None":
    """Return the store of checkpoints that the settings name, if they name one.

    Raises:
        FileExistsError: if it holds a run that is not to be resumed.
        PermissionError: if nothing can be written into the folder.
    """
    if not settings.checkpoint:
        return None
    from course.training.scale import processes
    from course.training.scale.checkpoint import OrbaxStore

    store = OrbaxStore(settings.checkpoint, keep=settings.keep)

    def look() -> list[int]:
        store.folder.mkdir(parents=True, exist_ok=True)
        if not os.access(store.folder, os.W_OK):
            raise PermissionError(f"{store.folder} cannot be written to: choose another folder")
        return store.steps

    saved = processes.broadcast(look)
    if saved and not settings.resume:
        raise FileExistsError(
            f"{store.folder} holds the checkpoint of step {saved[-1]}: add --resume to go on "
            "from there, or name another folder"
        )
    if settings.resume:
        text = f"Going on from step {saved[-1]}." if saved else "No checkpoint: from the start."
        terminal.say(text)
    return store


def check_saved(store: "OrbaxStore", result: "FitResult", terminal: Terminal) -> None:
    """Print the step of the last checkpoint.

    Raises:
        OSError: if the run has gone well beyond it, so that what was learned since is lost.
    """
    from course.training.results import Stopped
    from course.training.scale import processes

    steps = len(result.history.loss)
    last = (processes.broadcast(lambda: store.steps) or [0])[-1]
    terminal.say(f"checkpoints in {store.folder}, the last one of step {last}")
    # A run whose loss broke ends at its last finite state, some steps before its last loss.
    if last < steps and result.stopped != Stopped.NOT_FINITE:
        raise OSError(f"what was learned after step {last} could not be kept in {store.folder}")


def fingerprint(params: "PyTree") -> str:
    """Return 16 hexadecimal digits that only the very same parameters have."""
    import jax
    import numpy as np

    sha = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        sha.update(np.asarray(leaf).tobytes())
    return sha.hexdigest()[:16]
