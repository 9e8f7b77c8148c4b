"""The command `course train`: train a network from the command line, in one process or in many.

The same line runs alone, under `mpirun` or `srun`, in an indexed job of Kubernetes or on a TPU pod.
"""

import hashlib
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from jaxtyping import PyTree

    from course.training.scale.checkpoint import OrbaxStore
    from course.training.scale.processes import Rank, StopSignal

# JAX and what stands on it are imported when a training begins: `course --help` has no use for it.
OPTIMIZERS = ("adam", "sgd")
BACKENDS = ("pmap", "sharded")
NETWORKS = {"digits": (128, 128)}
PIXELS, CLASSES = 64, 10


class Network(click.ParamType):  # type: ignore[type-arg]  # not generic in older versions
    """A name of NETWORKS, or mlp-H-H-... with the sizes of the hidden layers."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in NETWORKS:
            return NETWORKS[value]
        if not re.fullmatch(r"mlp(-[1-9][0-9]{0,4})+", str(value)):
            self.fail(f"{value!r} is neither digits nor such as mlp-128-128", param, ctx)
        return tuple(int(size) for size in value.split("-")[1:])


class Devices(click.ParamType):  # type: ignore[type-arg]
    """A number, or "all"."""

    name = "devices"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "all" else click.IntRange(min=1).convert(value, param, ctx)


class Settings(NamedTuple):
    """The options of a training."""

    network: tuple[int, ...]
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


@click.command()
@click.argument("network", type=Network())
@click.option("--epochs", default=30, show_default=True, type=click.IntRange(min=1))
@click.option("--batch-size", default=64, show_default=True, type=click.IntRange(min=1))
@click.option("--optimizer", default="adam", show_default=True, type=click.Choice(OPTIMIZERS))
@click.option("--rate", default=0.001, show_default=True, help="Learning rate.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(0, 2**32 - 1),
    help="Settles all that is random.",
)
@click.option("--devices", default="all", show_default=True, type=Devices(), help="How many.")
@click.option("--backend", default="pmap", show_default=True, type=click.Choice(BACKENDS))
@click.option("--simulate", type=click.IntRange(min=1), help="Make so many devices of this CPU.")
@click.option(
    "--checkpoint", type=click.Path(file_okay=False, path_type=Path), help="Keep the run here."
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, if there is one.")
@click.option("--keep", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--save-every",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds between two checkpoints.",
)
@click.option("--coordinator", help="Host and port of process 0, where no launcher tells it.")
@click.option("--processes", "count", type=click.IntRange(min=1), help="How many there are.")
@click.option("--process-id", "index", type=click.IntRange(min=0), help="Which this is, from 0.")
def train(
    simulate: int | None,
    coordinator: str | None,
    count: int | None,
    index: int | None,
    **options: Any,
) -> None:
    """Train a network on the handwritten digits.

    NETWORK is digits, or mlp-H-H-... with the sizes of its hidden layers (digits is mlp-128-128).
    Started by mpirun, srun or as an indexed job, the processes find each other and share the work.
    """
    settings = Settings(**options)
    if settings.resume and not settings.checkpoint:
        raise click.UsageError("--resume needs --checkpoint: where is the run kept?")
    from course.training import loop
    from course.training.scale import parallel, processes

    rank = processes.Rank(0, 1)
    try:
        if simulate:
            parallel.simulate_devices(simulate)
        rank = processes.join(coordinator, count, index)
        with processes.StopSignal() as stop:
            outcome = run(settings, rank, stop)
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        if rank.count > 1:
            processes.exit_with_reason(rank, error, plain=True)
        raise click.ClickException(f"{str(error).removesuffix('.')}.") from error
    except KeyboardInterrupt:
        if rank.count > 1:
            processes.exit_now(f"{str(rank).capitalize()} ends: interrupted", 130)
        raise
    if outcome == loop.FINISHED:
        return
    if outcome.startswith(loop.INTERRUPTED):
        sys.exit(stop.status or 130)
    if rank.index:
        sys.exit(1)
    raise click.ClickException(f"{outcome}: try a smaller --rate.")


def run(settings: Settings, rank: "Rank", stop: "StopSignal") -> str:
    """Train, tell how it went, and return why the training ended."""
    import jax

    from course.data import splits, tables
    from course.maths.losses import softmax_cross_entropy_with_integer_labels as loss
    from course.models.mlp import mlp
    from course.training import loop, optimizers, steps
    from course.training.scale import parallel, processes
    from course.training.scale.checkpoint import OrbaxStore

    def say(text: str) -> None:
        if rank.index == 0:
            click.echo(text)

    def tell(text: str) -> None:
        if rank.index == 0:  # on a line of its own, not at the end of the progress bar
            click.echo(f"\n{text[:1].upper()}{text[1:]}.", err=True)

    kept = OrbaxStore(settings.checkpoint, keep=settings.keep) if settings.checkpoint else None
    if kept:
        before = processes.broadcast(lambda: look(kept))
        if before and not settings.resume:
            raise FileExistsError(
                f"{kept.folder} holds the checkpoint of step {before[-1]}: add --resume to go on "
                "from there, or name another folder"
            )
        if settings.resume:
            say(f"Going on from step {before[-1]}." if before else "No checkpoint: from the start.")
    learned, held_out = splits.random_split(tables.digits(), (0.8, 0.2), seed=0)
    sizes = (PIXELS, *settings.network, CLASSES)
    alone = rank.count == 1 and settings.devices == "all" and len(jax.devices()) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("always", RuntimeWarning)
        warnings.showwarning = lambda message, *_, **__: tell(str(message))
        result = loop.fit(
            mlp(sizes),
            loss,
            getattr(optimizers, settings.optimizer)(settings.rate),
            learned,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            key=jax.random.key(settings.seed),
            devices=None if alone else settings.devices,
            backend=settings.backend,
            checkpoint=kept,
            save_every=settings.save_every,
            stop=stop,
        )
    taken = len(result.history.loss)
    score = steps.evaluate(mlp(sizes), jax.tree_util.Partial(loss), result.params, held_out)
    devices = len(jax.devices()) if settings.devices == "all" else settings.devices
    across = f", {rank.count} processes" if rank.count > 1 else ""
    say(
        f"{'-'.join(map(str, sizes))}: {taken} steps of {settings.batch_size} examples on "
        f"{parallel.described(int(devices))}{across}"
    )
    say(f"loss {float(score.loss):.4f}, {float(score.accuracy):.1%} of images never seen before")
    say(f"parameters {fingerprint(result.params)}")
    if kept:
        last = (processes.broadcast(lambda: kept.steps) or [0])[-1]
        say(f"checkpoints in {kept.folder}, the last one of step {last}")
        if last < taken and (
            result.stopped == loop.FINISHED or result.stopped.startswith(loop.INTERRUPTED)
        ):
            raise OSError(f"what was learned after step {last} could not be kept in {kept.folder}")
    # A launcher ends all when one has ended: not before this is said.
    processes.max_over_processes(0.0)
    return result.stopped


def look(kept: "OrbaxStore") -> list[int]:
    """The steps of the checkpoints that are there, if there can be more.

    Raises:
        PermissionError: if nothing can be written into the folder.
    """
    kept.folder.mkdir(parents=True, exist_ok=True)
    if not os.access(kept.folder, os.W_OK):
        raise PermissionError(f"{kept.folder} cannot be written to: choose another folder")
    return kept.steps


def fingerprint(params: "PyTree") -> str:
    """A few digits that only the very same parameters have."""
    import jax
    import numpy as np

    sha = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        sha.update(np.asarray(leaf).tobytes())
    return sha.hexdigest()[:16]
