"""The examples for clusters, as far as they can be tried without Slurm and Kubernetes."""

import os
import re
import shlex
import shutil
import subprocess
from typing import Any

import click
import pytest
import yaml

from course.cli import main as cli
from course.training.scale import processes
from tests.support.repository import ROOT

FOLDER = ROOT / "examples" / "cluster"
MANIFEST, SCRIPT, GUIDE, RECIPE = (
    (FOLDER / name).read_text(encoding="utf-8")
    for name in ("jobset.yaml", "train.slurm", "README.md", "Dockerfile")
)
CLAIM, JOBSET = yaml.safe_load_all(MANIFEST)
(REPLICATED,) = JOBSET["spec"]["replicatedJobs"]
JOB = REPLICATED["template"]["spec"]
POD = JOB["template"]["spec"]
(CONTAINER,) = POD["containers"]
# The variables of the processes; a pod's own number stands in an annotation, not here.
VARIABLES = {each["name"]: each["value"] for each in CONTAINER["env"] if "value" in each}


def trainings(text: str) -> list[list[str]]:
    """The arguments of every `course train` in a text, as the shell would hand them over."""
    joined = re.sub(r"\\\n\s*", " ", text).replace('"$course"', "course")
    joined = joined.replace('"$runs"', "runs/digits")
    return [shlex.split(words) for words in re.findall(r"\bcourse train ([^`'|;&#\n]+)", joined)]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What `course train` would make of its arguments; nothing is trained."""
    return cli.main.commands["train"].make_context("train", list(arguments)).params


IN_GUIDE = trainings("\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.S)))
IN_JOBS = [*trainings(SCRIPT), CONTAINER["command"][2:]]


def test_all_trainings_are_found() -> None:
    assert (len(IN_GUIDE), len(IN_JOBS)) == (3, 2)
    assert CONTAINER["command"][:2] == ["course", "train"]
    with pytest.raises(click.UsageError, match="--checkpoints"):
        parsed(["digits", "--checkpoints", "runs"])


@pytest.mark.parametrize("arguments", [*IN_GUIDE, *IN_JOBS], ids=" ".join)
def test_every_training_is_one_that_the_command_takes(arguments: list[str]) -> None:
    options = parsed(arguments)
    assert options["network"] == (128, 128)
    assert options["checkpoint"]
    assert options["resume"] or arguments in IN_GUIDE  # a job may be started again


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="there is no bash")
def test_bash_reads_the_script() -> None:
    done = subprocess.run(["bash", "-n"], input=SCRIPT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_processes_of_slurm_get_the_signal_in_time() -> None:
    """Without the `B:` of `--signal=B:TERM@60`, which would reach nobody but the script."""
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", SCRIPT, flags=re.M))
    assert re.fullmatch(r"TERM@\d+", options["signal"])
    assert "requeue" in options
    assert options["open-mode"] == "append"  # what the first attempt wrote stays
    assert "--kill-on-bad-exit=1" in SCRIPT


def test_the_processes_of_kubernetes_find_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    name, network = JOBSET["metadata"]["name"], JOBSET["spec"]["network"]
    host = f"{name}-{REPLICATED['name']}-0-0.{network['subdomain']}"
    assert VARIABLES["JAX_COORDINATOR_ADDRESS"].rpartition(":")[0] == host
    assert network["enableDNSHostnames"]
    assert JOB["completions"] == JOB["parallelism"] == int(VARIABLES["JAX_NUM_PROCESSES"])
    asked: list[Any] = []
    monkeypatch.setattr(
        processes.jax.distributed, "initialize", lambda *given, **_: asked.extend(given)
    )
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))  # given back afterwards
    for variable, value in (VARIABLES | {"JAX_PROCESS_ID": "1"}).items():
        monkeypatch.setenv(variable, value)
    processes.join()
    assert asked == [VARIABLES["JAX_COORDINATOR_ADDRESS"], JOB["completions"], 1]


def test_one_failure_restarts_all_and_the_checkpoints_stay() -> None:
    assert JOBSET["spec"]["failurePolicy"]["maxRestarts"] > 0
    assert (POD["restartPolicy"], JOB["backoffLimit"]) == ("Never", 0)
    (mount,) = CONTAINER["volumeMounts"]
    (volume,) = POD["volumes"]
    assert mount["name"] == volume["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]
    kept = parsed(CONTAINER["command"][2:])["checkpoint"]
    assert kept.as_posix().startswith(mount["mountPath"] + "/")


def test_pods_do_not_run_as_root() -> None:
    pod, container = POD["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert re.findall(r"^USER (\d+):(\d+)$", RECIPE, flags=re.M) == [
        (str(pod["runAsUser"]), str(pod["runAsGroup"]))
    ]
    assert pod["runAsUser"] > 0
    assert pod["fsGroup"] == pod["runAsGroup"]  # who may write to the volume
    assert RECIPE.index("RUN pip") < RECIPE.index("USER ")
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"]["drop"] == ["ALL"]


def test_the_guide_names_the_variable_that_keeps_a_proxy_out() -> None:
    assert "no_proxy" in GUIDE


def test_recipe_and_guide_name_what_there_is() -> None:
    copied = [line.split()[1:-1] for line in RECIPE.splitlines() if line.startswith("COPY")]
    assert all((ROOT / name).exists() for names in copied for name in names)
    groups = re.findall(r"\.\[([a-z0-9,]+)\]", RECIPE + GUIDE)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in {extra for group in groups for extra in group.split(",")}:
        assert re.search(rf"^{extra} = \[", project, flags=re.M), extra
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", GUIDE)
    assert all((FOLDER / link).exists() for link in links)
    assert processes.STALL in GUIDE
