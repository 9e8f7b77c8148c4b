"""The colours stand out from the ground and from each other, for every eye."""

import copy
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course.show.style import MUTED, ROLES

# Machado, Oliveira and Fernandes (2009): what an eye without one kind of cone sees, in linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> np.ndarray:
    """Linear RGB of an sRGB colour."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, where a distance of about 2 is just visible."""
    t = XYZ @ np.clip(rgb, 0, 1) / XYZ.sum(axis=1)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colour", [*ROLES.values(), MUTED])
def test_colours_stand_out_from_white(colour: str) -> None:
    assert 1.05 / (XYZ[1] @ linear(colour) + 0.05) >= 3.0


@pytest.mark.parametrize("vision", VISION)
def test_roles_differ_for_every_eye(vision: str) -> None:
    seen = {name: lab(np.array(VISION[vision]) @ linear(role)) for name, role in ROLES.items()}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)


@pytest.mark.parametrize("sign", ["line", "marker", "hatch"])
def test_roles_differ_without_colour(sign: str) -> None:
    assert len({getattr(role, sign) for role in ROLES.values()}) == len(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_roles_survive_copying(name: str) -> None:
    copied = copy.deepcopy(ROLES[name])
    assert copied == ROLES[name]
    assert vars(copied) == vars(ROLES[name])
