"""The command `course train`: train a network from the command line, in one process or in many.

The same line runs alone, under `mpirun` or `srun`, in an indexed job of Kubernetes or on a TPU pod.
Here are its options and its exit status; `run_training` does the rest.
"""

import re
import sys
from pathlib import Path
from typing import Any

import click

from course.cli import devices
from course.cli.run_training import Settings, run
from course.paths import folder_path, write_fault

OPTIMIZERS = ("adam", "sgd")
BACKENDS = ("pmap", "sharded")
NETWORKS = {"digits": (128, 128)}
LAYERS = 64  # hidden ones; a program for thousands would take the compiler an hour


def read_network(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, ...]:
    """Return the sizes of the hidden layers: a name of NETWORKS, or mlp-H-H-..., at most LAYERS."""
    if value in NETWORKS:
        return NETWORKS[value]
    if not re.fullmatch(r"mlp(-[1-9][0-9]{0,4})+", value):
        raise click.BadParameter(f"{value!r} is neither digits nor such as mlp-128-128")
    sizes = tuple(int(size) for size in value.split("-")[1:])
    if len(sizes) > LAYERS:
        raise click.BadParameter(f"{len(sizes)} hidden layers are too many: {LAYERS} at most")
    return sizes


def read_folder(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> Path | None:
    """Return the folder for checkpoints, expanded, before anything is done."""
    if value is None:
        return None
    try:
        return folder_path("--checkpoint", value)
    except ValueError as error:
        raise click.ClickException(f"{error}.") from error


def check_folder(folder: Path) -> None:
    """Raise if checkpoints cannot be written into a folder, or something of others is in the way.

    Raises:
        OSError: with a sentence that names it.
    """
    from course.training.scale.checkpoint_folder import refuse_foreign

    if fault := write_fault(folder):
        raise PermissionError(f"--checkpoint: {fault}: choose another folder")
    refuse_foreign(folder)


def read_address(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    """Return host and port of process 0; at a port that cannot be, all would wait for nobody."""
    port = (value or "").rpartition(":")[2]
    if port.isdecimal() and not 0 < int(port) < 65536:
        raise click.BadParameter(f"the port of {value!r} is not in 1 to 65535")
    return value


def read_devices(context: click.Context, option: click.Parameter, value: str) -> int | str:
    """Return a number of devices, or "all"."""
    if value == "all":
        return value
    return int(click.IntRange(min=1)(value, option, context))


@click.command()
@click.argument("network", callback=read_network)
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
@click.option(
    "--devices", default="all", show_default=True, callback=read_devices, help="How many."
)
@click.option("--backend", default="pmap", show_default=True, type=click.Choice(BACKENDS))
@click.option("--simulate", type=click.IntRange(min=1), help="Make so many devices of this CPU.")
@click.option("--checkpoint", callback=read_folder, metavar="FOLDER", help="Keep the run here.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, if there is one.")
@click.option("--keep", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--save-every",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds between two checkpoints.",
)
@click.option(
    "--coordinator",
    callback=read_address,
    help="Host and port of process 0, where no launcher tells it.",
)
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

    NETWORK is digits, or mlp-H-H-... with the sizes of its hidden layers, 64 of them at most
    (digits is mlp-128-128). Started by mpirun, srun or as an indexed job, the processes find each
    other and share the work.
    """
    settings = Settings(**options)
    if settings.resume and not settings.checkpoint:
        raise click.UsageError("--resume needs --checkpoint: where is the run kept?")
    from course.training.interrupts import StopSignal
    from course.training.results import Stopped
    from course.training.scale import parallel, processes

    rank = processes.Rank(0, 1)
    try:
        # Both settle what JAX sees as its devices, so they come before anything else of JAX.
        if simulate:
            parallel.simulate_devices(simulate)
        rank = processes.join(coordinator, count, index)
        devices.start()
        # Process 0 alone writes; where the others run there may be no such folder.
        if settings.checkpoint and rank.index == 0:
            check_folder(settings.checkpoint)
        with StopSignal() as stop:
            stopped = run(settings, rank, stop)
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        # One of several processes must not wait for the others at its exit.
        if rank.count > 1:
            processes.exit_with_reason(rank, error, plain=True)
        raise click.ClickException(f"{str(error).removesuffix('.')}.") from error
    except AssertionError as error:  # what JAX raises, without a word, where a device is missing
        raise click.ClickException(f"{devices.explain(error)}.") from error
    except KeyboardInterrupt:
        if rank.count > 1:
            processes.exit_now(f"{str(rank).capitalize()} ends: interrupted", 130)
        raise
    if stopped == Stopped.FINISHED:
        return
    if stopped == Stopped.INTERRUPTED:
        sys.exit(stop.status or 130)
    # The loss broke in all processes at the same step: one of them says so.
    if rank.index:
        sys.exit(1)
    raise click.ClickException(f"{stopped}: try a smaller --rate.")
