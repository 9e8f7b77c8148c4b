"""Rules for single things."""

import functools
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from course.checks import (
    count,
    flag,
    function,
    instance,
    key,
    known_key,
    number,
    one_of,
    seed,
    text,
)
from tests.checks.accept import INF, NAN, accept


def test_counts_are_python_integers():
    for value in (3, np.int32(3), np.array(3), jnp.array(3)):
        assert type(accept(count(), value)) is int
    assert accept(count(0), 0) == 0
    with pytest.raises(ValueError, match=r"^x: expected an integer of at least 1, got 0$"):
        accept(count(), 0)
    with pytest.raises(ValueError, match=r"^x: expected an integer of at most 5, got 6$"):
        accept(count(1, 5), 6)
    for value in (1.0, True, "1", None, [1], np.array([1, 2])):
        with pytest.raises(TypeError, match=r"^x: expected an integer, got "):
            accept(count(), value)


def test_numbers_become_python_floats():
    for value in (2, 2.0, np.float32(2), np.array(2), jnp.array(2), jnp.bfloat16(2)):
        seen = accept(number(), value)
        assert type(seen) is float
        assert seen == 2
    assert accept(number("a share", 0.0, 1.0), 0) == 0
    for value, got in [(0, "0"), (-1.5, "-1.5"), (NAN, "nan"), (INF, "inf")]:
        with pytest.raises(ValueError, match=rf"^x: expected a number above 0, got {got}$"):
            accept(number(), value)
    for value, got in [("1", "str"), (True, "bool"), (1j, "complex"), ([1, 2], r"shape \(2,\)")]:
        with pytest.raises(TypeError, match=rf"^x: expected a number above 0, got {got}$"):
            accept(number(), value)


def test_a_traced_number_stays_one():
    def step(rate):
        seen = accept(number(), rate)
        assert isinstance(seen, jax.core.Tracer)
        assert seen.dtype == np.float32
        return seen

    assert jax.jit(step)(3) == 3
    assert jax.jit(step)(-3.0) == -3  # its value is not known
    with pytest.raises(TypeError, match=r"^x: expected a number above 0, got shape \(2,\)"):
        jax.jit(step)(jnp.ones(2))


def test_one_of_a_few_words():
    rule = one_of("bits", "nats")
    assert accept(rule, "nats") == "nats"
    with pytest.raises(ValueError, match=r"^x: expected 'bits' or 'nats', got 'bit'$"):
        accept(rule, "bit")
    for value in (2, None, ["bits"], np.zeros(3)):
        with pytest.raises(TypeError, match=r"^x: expected 'bits' or 'nats', got "):
            accept(rule, value)


def test_keys():
    one, several = jax.random.key(0), jax.random.split(jax.random.key(0), 3)
    assert accept(key, one) is one
    assert accept(key, jax.random.PRNGKey(0)).shape == (2,)
    for value in (several, jax.vmap(jax.random.key_data)(several)):
        with pytest.raises(ValueError, match=r"^x: expected one key .*got shape"):
            accept(key, value)
    for value in (0, None, np.zeros(2, np.uint32), jnp.zeros(2)):
        with pytest.raises(TypeError, match=r"^x: expected a key like jax.random.key"):
            accept(key, value)
    assert jax.jit(functools.partial(accept, key))(one) == one


@pytest.mark.parametrize(
    ("rule", "right", "wrong", "message"),
    [
        (instance(Decimal), Decimal(1), 1.0, "Decimal, got float"),
        (instance(int | None, "a number or nothing"), None, "1", "a number or nothing, got str"),
        (flag, np.bool_(True), 1, "True or False, got int"),
        (text, "one", ["one"], "a string, got list"),
        (function("a function (x, y)"), max, "max", r"a function \(x, y\), got str"),
    ],
)
def test_things_of_one_class(rule, right, wrong, message):
    assert accept(rule, right) is right
    with pytest.raises(TypeError, match=f"^x: expected {message}$"):
        accept(rule, wrong)


class Raises:
    """An object that raises whenever it is asked for a number."""

    def __index__(self):
        raise RuntimeError("no")

    __float__ = __array__ = __len__ = __iter__ = __index__


def test_counts_have_an_end():
    assert accept(count(), 2**24) == 2**24
    assert accept(seed, 2**70) == 2**70
    for value in (2**24 + 1, 2**31, 2**62, 2**63, 2**64):
        with pytest.raises(
            ValueError, match=rf"^x: expected an integer of at most 16777216, got {value}"
        ):
            accept(count(), value)
    for value in (10**400, 10**5000):  # the second has more digits than Python writes
        with pytest.raises(ValueError, match=r"at most 16777216, got an integer of \d+ bits$"):
            accept(count(), value)


@pytest.mark.parametrize(
    "value",
    [
        Raises(), np.ma.array(3, mask=True), np.ma.array(3), np.timedelta64(1, "D"), np.array(True),
        np.array(1, "m8[D]"), np.array(True, object), jnp.array(True), type("I", (), {}),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)  # fmt: skip
def test_what_only_gives_an_integer_is_none(value):
    with pytest.raises(TypeError, match=r"^x: expected an integer, got \w+$"):
        accept(count(0), value)


def test_numbers_are_known_to_their_last_bit():
    for value in (Raises(), np.timedelta64(1, "D"), np.ma.array(0.5, mask=True), Decimal("0.5")):
        with pytest.raises(TypeError, match=r"^x: expected .*, got "):
            accept(number(), value)
    with pytest.raises(
        TypeError, match=r"^x: expected a number above 0, got an integer of 1329 bits"
    ):
        accept(number(), 10**400)
    with pytest.raises(ValueError, match=r"^x: expected a number above 0, got inf$"):
        accept(number(), np.float16("inf"))


@pytest.mark.parametrize("length", [0, 1, 3, 4, 7])
def test_a_raw_key_has_two_numbers(length):
    with pytest.raises(ValueError, match=rf"^x: expected one key .* got shape \({length},\)$"):
        accept(key, jnp.zeros(length, jnp.uint32))


def test_a_traced_key_is_no_known_one():
    one = jax.random.key(0)
    assert accept(known_key, one) is one
    with pytest.raises(TypeError, match=r"^x: expected a key that is not traced, got .*Tracer"):
        jax.jit(functools.partial(accept, known_key))(one)


class Word(str):
    """A text that is not what it says."""

    def __eq__(self, _other):
        raise RuntimeError("no")

    def __hash__(self):
        return 0

    __repr__ = __str__ = __eq__


def test_a_word_is_the_text_that_it_holds():
    assert type(accept(one_of("bits", "nats"), Word("nats"))) is str
    assert type(accept(text, Word("nats"))) is str
    with pytest.raises(ValueError, match=r"^x: expected 'bits' or 'nats', got 'x+…'$"):
        accept(one_of("bits", "nats"), "x" * 20_000)


def test_a_function_can_be_called_with_as_many_values():
    rule = function("a function (x, y)", 2)
    for right in (max, lambda x, y: x, lambda *values: 0, lambda x, y, z=0: x, np.add):
        assert accept(rule, right) is right
    for wrong in (lambda: 0, lambda x: x, lambda x, y, z: x, lambda x, y, *, z: x):
        with pytest.raises(
            TypeError, match=r"^x: expected a function \(x, y\), got one that takes"
        ):
            accept(rule, wrong)
