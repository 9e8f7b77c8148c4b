"""The progress bar: where it is shown, and where not."""

from typing import Any

import pytest
from tqdm import auto, std

from course.training import monitor


@pytest.mark.parametrize(
    ("progress", "quiet", "kind", "silent"),
    [
        (True, "", auto.tqdm, False),
        (True, "0", auto.tqdm, False),
        (True, "1", std.tqdm, True),
        (False, "", std.tqdm, True),
        (std.tqdm, "", std.tqdm, False),
        (std.tqdm, "1", std.tqdm, True),
    ],
)
def test_a_bar_is_shown_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    progress: Any,
    quiet: str,
    kind: type,
    silent: bool,
) -> None:
    monkeypatch.setenv(monitor.QUIET, quiet)
    with monitor.progress_bar(progress, total=3, what="fit") as bar:
        bar.update(2)
        assert bar.disable is silent
    assert type(bar) is kind
    assert ("fit:  67%" in capsys.readouterr().err) is not silent
