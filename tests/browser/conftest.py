"""What a failed browser test leaves behind: a picture of the page, and what its console said."""

from collections.abc import Generator

import pytest

from tools.lab import OpenNotebook


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    notebook = getattr(item, "funcargs", {}).get("notebook")
    if report.failed and isinstance(notebook, OpenNotebook):
        report.sections.append(("The page", notebook.save_evidence(item.name)))
    return report
