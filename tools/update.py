"""Take the newest version of the course, and keep what the reader wrote into its notebooks.

    python tools/update.py        (or: make update)

Where a notebook is new and the reader has changed it, the new one takes the name, and the reader's
own stays beside it: `02_entropy.ipynb` and `02_entropy_mine.ipynb`. Whatever else the reader has
changed stays as it is. If something is in the way, a sentence says so and nothing is changed. The
progress file is not touched.
"""

import io
import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Files of git's that are there while a merge, a rebase or the like waits for the user.
UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
# Nobody would see a question, for a password say; a path is a path; reasons are in English.
SURROUNDINGS = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C",
}  # fmt: skip
NO_CLONE = (
    "This folder was not made by `git clone` and cannot be updated: get the course anew in another "
    "folder, and copy your notebooks into it under names of your own."
)


class UpdateError(Exception):
    """What is in the way, in a sentence."""


def git(*arguments: str) -> str:
    """What git prints.

    Raises:
        UpdateError: it failed, or there is no git.
    """
    return os.fsdecode(git_bytes(*arguments)).strip()


def git_bytes(*arguments: str) -> bytes:
    """The same, byte by byte."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            env=os.environ | SURROUNDINGS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise UpdateError(f"Git cannot be started ({error.strerror}): install it.") from error
    if done.returncode:
        said = os.fsdecode(done.stderr).strip().splitlines() or ["it gives no reason"]
        reason = said[0].removeprefix("fatal: ").removeprefix("error: ").rstrip(".:")
        raise UpdateError(f"`git {arguments[0]}` failed: {reason}.")
    return done.stdout


def asked(*arguments: str) -> str:
    """What git prints; "" if it fails."""
    try:
        return git(*arguments)
    except UpdateError:
        return ""


def listed(*arguments: str) -> set[str]:
    """The paths that git lists."""
    return {name for name in os.fsdecode(git_bytes(*arguments, "-z")).split("\0") if name}


def check_clone() -> None:
    """Refuse a folder that is no clone, or in which git waits for the user."""
    git("--version")
    ask = git if (ROOT / ".git").exists() else asked  # a clone may belong to somebody else
    top = ask("rev-parse", "--show-toplevel")
    if not top or not os.path.samefile(top, ROOT) or not asked("rev-parse", "HEAD"):
        raise UpdateError(NO_CLONE)
    if listed("diff", "--name-only", "--diff-filter=U") or any(
        (ROOT / git("rev-parse", "--git-path", name)).exists() for name in UNFINISHED
    ):
        raise UpdateError("Git is in the middle of a merge or a rebase here: finish it first.")


def newest() -> str:
    """The commit to update to, which is fetched: of the branch's own remote, or of `origin`.

    Raises:
        UpdateError: there is no such branch, or it cannot be reached.
    """
    branch = asked("rev-parse", "--abbrev-ref", "@{upstream}")
    remote = branch.partition("/")[0] or "origin"
    if remote != "." and remote not in git("remote").splitlines():
        raise UpdateError("This clone knows no place to fetch a newer version from.")
    try:
        git("fetch", "--quiet", remote)
    except UpdateError as error:
        raise UpdateError(f"The newest version cannot be reached: {error}") from error
    # A tag or a single commit was checked out, or a branch that only this clone has.
    branch = branch or asked("rev-parse", "--abbrev-ref", "origin/HEAD") or "origin/main"
    found = asked("rev-parse", "--verify", f"{branch}^{{commit}}")
    if not found:
        raise UpdateError(f"There is no branch {branch} to update from: `git switch main` first.")
    return found


def changed_here() -> set[str]:
    """The paths of what the reader has changed, staged or added, and not committed."""
    tracked = listed("diff", "--name-only", "--no-renames", "HEAD")
    staged = listed("diff", "--name-only", "--no-renames", "--cached", "HEAD")
    return tracked | staged | listed("ls-files", "--others")


def keep_beside(path: str) -> list[Path]:
    """Copy the reader's own version of a notebook, and what is staged if that is a third one."""
    place = ROOT / path
    own = [place.read_bytes()] if place.is_file() else []
    if listed("ls-files", "--cached", "--", path):
        staged = git_bytes("show", f":{path}")
        committed = listed("ls-tree", "-r", "--name-only", "HEAD", "--", path)
        known = [git_bytes("show", f"HEAD:{path}")] if committed else []
        own += [staged] if staged not in own + known else []
    copies = []
    for content in own:
        numbers = ("" if number == 1 else f"_{number}" for number in count(1))
        names = (place.with_name(f"{place.stem}_mine{number}{place.suffix}") for number in numbers)
        copies.append(next(name for name in names if not os.path.lexists(name)))
        copies[-1].write_bytes(content)
    return copies


def merge(target: str, both: set[str]) -> None:
    """Move to the target, or merge with the reader's commits; of `both` the target's are taken."""
    if not git("rev-list", "--max-count=1", f"{target}..HEAD"):
        git("merge", "--quiet", "--ff-only", target)
        return
    try:
        git("merge", "--quiet", "--no-commit", "--no-ff", target)
    except UpdateError:  # of conflicts, those in notebooks are settled next
        if not asked("rev-parse", "--verify", "MERGE_HEAD"):
            raise
    for path in both:
        if listed("ls-tree", "-r", "--name-only", target, "--", path):
            git("checkout", target, "--", path)
        else:
            git("rm", "--quiet", "--force", "--ignore-unmatch", "--", path)
    if conflicts := sorted(listed("diff", "--name-only", "--diff-filter=U")):
        raise UpdateError(f"Your commits and the new ones change the same: {', '.join(conflicts)}.")
    git("commit", "--quiet", "--no-edit")


def update() -> list[str]:
    """Update the clone; the sentences to print.

    Raises:
        UpdateError: something is in the way; nothing is changed.
    """
    check_clone()
    target = newest()
    if not git("rev-list", "--max-count=1", f"HEAD..{target}"):
        return ["You have the newest version."]
    base = asked("merge-base", "HEAD", target)
    if not base:
        raise UpdateError("The new version has no common past with yours: clone it anew.")
    new = listed("diff", "--name-only", "--no-renames", base, target)
    uncommitted = changed_here() & new
    both = {
        path
        for path in listed("diff", "--name-only", "--no-renames", base, "HEAD") & new
        if path.endswith(".ipynb")
    }
    if other := sorted(path for path in uncommitted if not path.endswith(".ipynb")):
        raise UpdateError(f"Move or undo your changes of {', '.join(other)}: the update has them.")

    # From here on all is undone if anything fails; if this program is killed, the copies are there.
    # Ctrl-C would end git as well and leave its locks; what follows takes a second, and goes on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    copies: list[Path] = []
    stashed = False
    try:
        for path in sorted(uncommitted | both):
            copies += keep_beside(path)
        if uncommitted:
            git("stash", "push", "--quiet", "--all", "--", *sorted(uncommitted))
            stashed = True
        merge(target, both)
    except BaseException:
        if asked("rev-parse", "--verify", "MERGE_HEAD"):
            git("merge", "--abort")
        if stashed:
            git("stash", "pop", "--quiet", "--index")
        for copy in copies:
            copy.unlink()
        raise
    if stashed:
        git("stash", "drop", "--quiet")
    kept = [f"Your own is kept as {copy.relative_to(ROOT).as_posix()}." for copy in copies]
    return [f"This is now the newest version ({git('log', '-1', '--format=%as, %h')}).", *kept]


def main() -> int:
    """Update and print; the exit status is 1 if something was in the way, 130 if interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a name may hold signs that the terminal has not
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        print(*update(), sep="\n")
    except UpdateError as error:
        print(f"{error} Nothing was changed.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing was changed.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
