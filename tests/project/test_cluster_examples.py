"""The examples for clusters: what Slurm, Kubernetes and a reader would stumble over.

Neither Slurm nor Kubernetes is needed: the script is read as bash and sbatch read it, the manifest
is held against the types of the Kubernetes API and of JobSet.
"""

import copy
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from kubeflow_trainer_api.models.io_k8s_api_core_v1_persistent_volume_claim import (
    IoK8sApiCoreV1PersistentVolumeClaim,
)
from kubeflow_trainer_api.models.jobset_v1alpha2_job_set import JobsetV1alpha2JobSet

from course.cli import main as cli
from course.training.scale import processes
from tests.support.repository import ROOT

FOLDER = ROOT / "examples" / "cluster"
MANIFEST, SCRIPT, GUIDE, RECIPE = (
    (FOLDER / name).read_text(encoding="utf-8")
    for name in ("jobset.yaml", "train.slurm", "README.md", "Dockerfile")
)
TYPES: dict[tuple[str, str], Any] = {
    ("v1", "PersistentVolumeClaim"): IoK8sApiCoreV1PersistentVolumeClaim,
    ("jobset.x-k8s.io/v1alpha2", "JobSet"): JobsetV1alpha2JobSet,
}
# Of the long options of sbatch, as `sbatch --help` lists them, those that a training may want.
SBATCH = """
account array chdir constraint cpus-per-gpu cpus-per-task dependency error exclude exclusive export
gpu-bind gpus gpus-per-node gpus-per-task gres hold job-name licenses mail-type mail-user mem
mem-per-cpu mem-per-gpu nodelist nodes no-requeue ntasks ntasks-per-node open-mode output partition
qos requeue reservation signal switches time time-min
"""


# Every `course train` is one that the command takes.


def trainings(text: str) -> list[list[str]]:
    """The arguments of every `course train` in a text, as the shell would hand them over."""
    joined = re.sub(r"\\\n\s*", " ", text).replace('"$course"', "course")
    return [shlex.split(words) for words in re.findall(r"\bcourse train ([^`'|;&#\n]+)", joined)]


def in_blocks(text: str) -> str:
    """The commands in a Markdown file: the code blocks that are marked as such."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.S))


def container(which: str = "containers") -> dict[str, Any]:
    """A container of the JobSet's pods."""
    return pod()[which][0]


def pod() -> dict[str, Any]:
    return job()["template"]["spec"]


def job() -> dict[str, Any]:
    (replicated,) = documents(MANIFEST)["JobSet"]["spec"]["replicatedJobs"]
    return replicated["template"]["spec"]


def documents(text: str) -> dict[str, dict[str, Any]]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What `course train` would make of its arguments; nothing is trained."""
    train = cli.main.commands["train"]
    return train.make_context("train", list(arguments)).params


def test_all_trainings_are_found() -> None:
    assert len(trainings(in_blocks(GUIDE))) == 3
    assert len(trainings(SCRIPT)) == 1
    assert container()["command"][:2] == ["course", "train"]


@pytest.mark.parametrize(
    "arguments",
    [*trainings(in_blocks(GUIDE)), *trainings(SCRIPT), container()["command"][2:]],
    ids=" ".join,
)
def test_every_training_is_one_that_the_command_takes(arguments: list[str]) -> None:
    options = parsed(arguments)
    assert options["network"] == (128, 128)
    assert options["checkpoint"]
    assert options["batch_size"] % 2 == 0


def test_a_wrong_option_would_be_noticed() -> None:
    with pytest.raises(click.UsageError, match="--checkpoints"):
        parsed(["digits", "--checkpoints", "runs"])


def test_what_is_started_again_resumes() -> None:
    assert all(parsed(arguments)["resume"] for arguments in trainings(SCRIPT))
    assert parsed(container()["command"][2:])["resume"]


# The script for Slurm.


def options(script: str) -> dict[str, str]:
    """The options that sbatch reads in a script: those before its first command."""
    head = re.split(r"^[^#\n]", script, maxsplit=1, flags=re.M)[0]
    lines = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert lines == [line for line in head.splitlines() if line.startswith("#SBATCH")]
    found = [re.fullmatch(r"#SBATCH --([a-z-]+)(?:=(\S+))?", line) for line in lines]
    assert all(found), lines
    return {match[1]: match[2] or "" for match in found if match}


def test_sbatch_knows_every_option() -> None:
    with_gpus = re.sub("^##SBATCH", "#SBATCH", SCRIPT, flags=re.M)
    assert {*options(with_gpus)} == {*options(SCRIPT), "gpus-per-node"}
    assert {*options(with_gpus)} <= {*SBATCH.split()}
    assert "requeued" in options(SCRIPT.replace("--requeue", "--requeued"))


def test_the_processes_get_the_signal_in_time() -> None:
    """Without the `B:` of `--signal=B:TERM@60`, which would reach nobody but the script."""
    asked = options(SCRIPT)
    assert re.fullmatch(r"TERM@\d+", asked["signal"])
    assert "requeue" in asked
    assert asked["open-mode"] == "append"  # what the first attempt wrote stays
    assert "--kill-on-bad-exit=1" in SCRIPT


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize(("broken", "status"), [("", 0), ("\nif then", 2)])
def test_bash_reads_the_script(broken: str, status: int) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=SCRIPT + broken, text=True, capture_output=True, check=False
    )
    assert done.returncode == status, done.stderr


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="there is no bash")
@pytest.mark.parametrize("status", [0, 1, 137, 143])
def test_only_a_run_that_was_stopped_is_requeued(status: int, tmp_path: Path) -> None:
    for name, body in (("srun", f"exit {status}"), ("scontrol", 'echo "$@"')):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", SCRIPT],
        text=True,
        capture_output=True,
        check=False,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "SLURM_JOB_ID": "7",
            "SLURM_CPUS_PER_TASK": "1",
        },
    )
    assert done.returncode == status
    assert done.stdout == ("requeue 7\n" if status == 143 else "")
    assert not done.stderr


# The manifest for Kubernetes.


def check_types(manifest: dict[str, dict[str, Any]]) -> None:
    """Raise where a manifest has a field that there is not, or one of another type."""
    for document in manifest.values():
        read = TYPES[document["apiVersion"], document["kind"]].from_dict(document)
        assert read.to_dict() == document, "a field is unknown"  # reading has dropped it


def test_the_manifest_is_one_of_kubernetes() -> None:
    manifest = documents(MANIFEST)
    assert list(manifest) == ["PersistentVolumeClaim", "JobSet"]
    check_types(manifest)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("failurePolicy:", "failurePolicies:"),
        ("maxRestarts: 10", "maxRestarts: ten"),
        ("completions: 2", 'completions: "2"'),
        ("restartPolicy:", "restartpolicy:"),
        ("fieldPath:", "path:"),
        ("claimName:", "claim:"),
        ("mountPath:", "mountpath:"),
        ("- name: process", "- title: process"),
        ("accessModes:", "accessMode:"),
        ("storage: 1Gi", "storage: [1Gi]"),
    ],
)
def test_a_typo_in_the_manifest_is_noticed(right: str, wrong: str) -> None:
    assert right in MANIFEST
    with pytest.raises((AssertionError, ValueError)):
        check_types(documents(MANIFEST.replace(right, wrong)))


def environment() -> dict[str, Any]:
    """The variables of the processes, without the one that counts the pods."""
    variables = copy.deepcopy(container()["env"])
    (index,) = [variable for variable in variables if variable["name"] == "JAX_PROCESS_ID"]
    annotation = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert index.pop("valueFrom") == {"fieldRef": {"fieldPath": annotation}}
    variables.remove(index)
    return {variable["name"]: variable["value"] for variable in variables}


def test_the_processes_can_find_each_other() -> None:
    jobset = documents(MANIFEST)["JobSet"]
    (replicated,) = jobset["spec"]["replicatedJobs"]
    host = f"{jobset['metadata']['name']}-{replicated['name']}-0-0"
    address = environment()["JAX_COORDINATOR_ADDRESS"]
    assert re.fullmatch(rf"{host}\.{jobset['spec']['network']['subdomain']}:\d+", address)
    assert jobset["spec"]["network"]["enableDNSHostnames"]
    # Before they are ready: process 0 is waited for while it starts.
    assert jobset["spec"]["network"]["publishNotReadyAddresses"]
    assert replicated["replicas"] == 1
    assert job()["completionMode"] == "Indexed"
    count = int(environment()["JAX_NUM_PROCESSES"])
    assert job()["completions"] == job()["parallelism"] == count
    # Long enough for a node to pull the image.
    assert float(environment()["COURSE_ANSWER_SECONDS"]) >= 300


def test_the_course_reads_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def initialize(*arguments: Any, **_: Any) -> None:
        asked.extend(arguments)

    monkeypatch.setattr(processes.jax.distributed, "initialize", initialize)
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))  # given back afterwards
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JAX_PROCESS_ID", "1")
    processes.join()
    assert asked == ["digits-process-0-0.digits:1234", 2, 1]


def test_one_failure_restarts_all_and_the_checkpoints_stay() -> None:
    manifest = documents(MANIFEST)
    assert manifest["JobSet"]["spec"]["failurePolicy"]["maxRestarts"] > 0
    assert (pod()["restartPolicy"], job()["backoffLimit"]) == ("Never", 0)
    (mount,) = container()["volumeMounts"]
    (volume,) = pod()["volumes"]
    assert mount["name"] == volume["name"]
    claim = manifest["PersistentVolumeClaim"]["metadata"]["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    kept = parsed(container()["command"][2:])["checkpoint"]
    assert kept.as_posix().startswith(mount["mountPath"] + "/")


# What the reader fills in, and the recipe of the image.


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (SCRIPT, {"ACCOUNT", "PARTITION", "/PATH/TO/"}),
        (MANIFEST, {"STORAGE-CLASS", "REGISTRY/"}),
        (RECIPE, {"REGISTRY/"}),
    ],
    ids=["script", "manifest", "recipe"],
)
def test_what_is_to_be_filled_in_stands_in_capitals(text: str, marked: set[str]) -> None:
    assert all(name in text for name in marked)


def test_the_recipe_copies_what_there_is() -> None:
    copied = [line.split()[1:-1] for line in RECIPE.splitlines() if line.startswith("COPY")]
    assert all((ROOT / name).exists() for names in copied for name in names)
    groups = re.findall(r"\.\[([a-z0-9,]+)\]", RECIPE + GUIDE)
    named = {extra for group in groups for extra in group.split(",")}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", project, flags=re.M) for extra in named)
    assert "scale" in named


def test_the_guide_names_files_that_exist() -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", GUIDE)
    assert all((FOLDER / link).exists() for link in links)
    assert processes.STALL in GUIDE
