"""`--notebook NN`, by which `make check` leaves the tests of one notebook and what it uses."""

import pytest

from tests.support.one_notebook import mirror_of, modules, numbered
from tests.support.repository import ROOT


def test_a_notebook_uses_what_it_imports_its_demo_and_its_exercises() -> None:
    entropy = numbered("02")
    used = {str(file.relative_to(ROOT / "course")) for file in modules(entropy)}
    assert {"maths/information.py", "maths/coding.py", "show/figures.py"} <= used
    assert {"show/demos/entropy.py", "practice/exercises/entropy.py"} <= used
    assert "training/optimizers.py" not in used


def test_the_tests_of_a_module_mirror_it() -> None:
    found = mirror_of(ROOT / "course" / "maths" / "bayes.py")
    assert found == ROOT / "tests" / "maths" / "test_bayes.py"
    assert found.exists()


@pytest.mark.parametrize("number", ["99", "2", "*", ""])
def test_a_number_that_no_notebook_has_is_refused(number: str) -> None:
    with pytest.raises(pytest.UsageError, match="expected the number of one"):
        numbered(number)
