"""Four classification problems in the plane, which no straight line solves.

    circle   1 inside a radius of 0.5,      0 in a ring from 0.7 to 1
    xor      1 where x and y differ in sign, 0 where they agree; both at least 0.05 from zero
    moons    two interleaved half-circles
    spiral   two arms that wind around each other one and a half times

Without noise the classes are separated by at least a gap (see GAPS), and all points lie within
-1..1 along both axes. `noise` is the standard deviation of a normal number added to each
coordinate; it can move points across the gap and out of the square. Labels alternate, 0, 1, 0, 1:
the classes are of equal size, and more examples of the same seed begin with the same examples.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from course.checks import Rule, checked, count, number
from course.checks import seed as any_seed

# Least distance between the classes without noise.
GAPS: Mapping[str, float] = MappingProxyType(
    {"circle": 0.2, "xor": 0.1, "moons": 0.33, "spiral": 0.29}
)
TURNS = 1.5  # of an arm of the spiral around the middle

MOST_POINTS = 2**22  # about 400 MB while they are drawn

Places = tuple[np.ndarray, np.ndarray]  # x and y
RULES: Mapping[str, Rule] = {
    "examples": count(1, MOST_POINTS),
    "noise": number("a standard deviation from 0 to 1e30", 0.0, 1e30),
    "seed": any_seed,
}


class Points(NamedTuple):
    """Points in the plane with the class of each: the pair (inputs, labels) for `fit`."""

    inputs: Float[np.ndarray, "examples 2"]
    """x and y, float32."""
    labels: Int[np.ndarray, " examples"]
    """0 or 1, int32."""


@checked(**RULES)
def circle(examples: int, *, noise: float = 0.0, seed: int) -> Points:
    """Draw a disc of one class within a ring of the other.

        radius = sqrt(uniform on 0..0.25) for 1, sqrt(uniform on 0.49..1) for 0;  any angle

    Args:
        examples: number of points, from 1 to 2^22.
        noise: standard deviation of the noise in each coordinate.
        seed: an integer from 0; equal seeds give equal points.

    Returns:
        Points, uniform over the area of disc and ring.

    >>> inputs, labels = circle(4, seed=0)
    >>> (np.hypot(*inputs.T) < 0.5).tolist(), labels.tolist()
    ([False, True, False, True], [0, 1, 0, 1])
    """

    def place(u: np.ndarray, v: np.ndarray, label: np.ndarray) -> Places:
        radius = np.sqrt(np.where(label == 1, 0.25 * u, 0.49 + 0.51 * u))
        return radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)

    return _points(place, examples, noise, seed)


@checked(**RULES)
def xor(examples: int, *, noise: float = 0.0, seed: int) -> Points:
    """Draw four squares, those of one class diagonally opposite.

        label = 1 if x and y differ in sign, else 0

    Args:
        examples: number of points, from 1 to 2^22.
        noise: standard deviation of the noise in each coordinate.
        seed: an integer from 0; equal seeds give equal points.

    Returns:
        Points, uniform over the four squares.

    >>> inputs, labels = xor(4, seed=0)
    >>> (inputs[:, 0] * inputs[:, 1] < 0).tolist(), labels.tolist()
    ([False, True, False, True], [0, 1, 0, 1])

    Reference: M. Minsky and S. Papert, Perceptrons (1969): what one neuron cannot compute.
    """

    def place(u: np.ndarray, v: np.ndarray, label: np.ndarray) -> Places:
        x = 2 * u - 1
        sign = np.where(x < 0, -1, 1)
        return sign * (0.05 + 0.95 * abs(x)), sign * np.where(label == 1, -1, 1) * (0.05 + 0.95 * v)

    return _points(place, examples, noise, seed)


@checked(**RULES)
def moons(examples: int, *, noise: float = 0.0, seed: int) -> Points:
    """Draw two interleaved half-circles, one open below and one above.

        (x, y) = (cos t, sin t) for 0, (1 - cos t, 1/2 - sin t) for 1,    t uniform on 0..pi

    moved so that the middle is at (0, 0), and divided by 1.5.

    Args:
        examples: number of points, from 1 to 2^22.
        noise: standard deviation of the noise in each coordinate.
        seed: an integer from 0; equal seeds give equal points.

    Returns:
        Points on the two half-circles.

    >>> moons(100, noise=0.1, seed=0).inputs.shape
    (100, 2)

    Reference: `make_moons` of scikit-learn, but for the scale and the random t.
    """

    def place(u: np.ndarray, _v: np.ndarray, label: np.ndarray) -> Places:
        x, y = np.cos(np.pi * u), np.sin(np.pi * u)
        inner = label == 1
        return (np.where(inner, 1 - x, x) - 0.5) / 1.5, (np.where(inner, 0.5 - y, y) - 0.25) / 1.5

    return _points(place, examples, noise, seed)


@checked(**RULES)
def spiral(examples: int, *, noise: float = 0.0, seed: int) -> Points:
    """Draw two arms that wind around each other from the middle outwards.

        radius uniform on 0.15..1,    angle = 2 pi TURNS radius, and half a turn more for 1

    Args:
        examples: number of points, from 1 to 2^22.
        noise: standard deviation of the noise in each coordinate.
        seed: an integer from 0; equal seeds give equal points.

    Returns:
        Points on the two arms.

    >>> spiral(100, noise=0.02, seed=0).labels.mean()
    np.float64(0.5)

    Reference: K. Lang and M. Witbrock, Learning to Tell Two Spirals Apart, Proceedings of the 1988
    Connectionist Models Summer School, 52-59.
    """

    def place(u: np.ndarray, _v: np.ndarray, label: np.ndarray) -> Places:
        radius = 0.15 + 0.85 * u
        angle = 2 * np.pi * TURNS * radius + np.pi * label
        return radius * np.cos(angle), radius * np.sin(angle)

    return _points(place, examples, noise, seed)


# The four by name.
TOYS: Mapping[str, Callable[..., Points]] = MappingProxyType(
    {"circle": circle, "xor": xor, "moons": moons, "spiral": spiral}
)


def _points(place: Callable[..., Places], examples: int, noise: float, seed: int) -> Points:
    """Return points at `place(u, v, label)`, for u and v uniform on 0..1, plus noise."""
    # Separate random streams: more noise moves every point further in the same direction.
    for_place, for_noise = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2))
    labels = np.arange(examples, dtype=np.int32) % 2
    exact = np.stack(place(*for_place.random((examples, 2)).T, labels), axis=1)
    moved = exact + noise * for_noise.standard_normal((examples, 2))
    return Points(moved.astype(np.float32), labels)
