"""Progress bars are shown, silenced, or made by the caller's class."""

from typing import Any

import pytest
from tqdm import auto, std

from course.training.progress_bar import QUIET, bar


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
    monkeypatch.setenv(QUIET, quiet)
    with bar(progress, total=3, what="fit") as shown:
        shown.update(2)
        assert shown.disable is silent
    assert type(shown) is kind
    assert ("fit:  67%" in capsys.readouterr().err) is not silent
