"""Shifting pictures by whole pixels, to make more of the few that one has.

What leaves the frame is gone, and what enters it is empty: nothing wraps around. Pictures have
three axes, (batch, height, width); digits stored as rows of 64 pixels must be reshaped first, with
`inputs.reshape(-1, 8, 8)`, and back afterwards.
"""

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from course.legacy_checks import Arguments, Count, Finite, Key, checked, refusal

Images: TypeAlias = Float[Array, "batch height width"]
Pixels: TypeAlias = int | Int[Array, ""]

IMAGES = Finite(ndim=3)


class _Offset:
    """Whole pixels in either direction, fewer than `images` has along one of its axes."""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def __call__(self, name: str, value: Any, arguments: Arguments) -> Any:
        if isinstance(value, jax.core.Tracer):
            if value.shape or not jnp.issubdtype(value.dtype, jnp.integer):
                raise refusal(name, "an integer", value.aval, TypeError)
            return value
        most = arguments["images"].shape[self.axis] - 1
        return Count(minimum=-most, maximum=most)(name, value, arguments)


class _Most:
    """Whole pixels from 0, fewer than the smaller side of `images`."""

    def __call__(self, name: str, value: Any, arguments: Arguments) -> int:
        return Count(0, min(arguments["images"].shape[1:]) - 1)(name, value, arguments)


@checked(images=IMAGES, down=_Offset(1), right=_Offset(2))
@jax.jit
def shift(images: Images, down: Pixels, right: Pixels) -> Images:
    """Shift all pictures alike.

        y[i, j] = x[i - down, j - right],    0 where x has no such pixel

    Args:
        images: pictures (batch, height, width).
        down: pixels, negative for up; fewer than the height.
        right: pixels, negative for left; fewer than the width.

    Returns:
        Pictures of the same shape.

    Raises:
        TypeError, ValueError: if `images` has not three axes, or an offset is not a whole number
            smaller than the picture.

    >>> print(shift([[[1, 2], [3, 4]]], 0, 1)[0])
    [[0. 1.]
     [0. 3.]]

    Reference: none; it is a change of indices.
    """
    return jax.vmap(_shift, in_axes=(0, None, None))(images, down, right)


@checked(key=Key(), images=IMAGES, most=_Most())
@partial(jax.jit, static_argnames="most")
def random_shifts(key: PRNGKeyArray, images: Images, most: int = 1) -> Images:
    """Shift every picture by its own random pixels, up or down and left or right.

        down, right ~ uniform on {-most, ..., most}, independently for each picture

    Args:
        key: a JAX random key.
        images: pictures (batch, height, width).
        most: the largest shift in pixels, from 0 and smaller than the picture; fixed under `jit`.

    Returns:
        Pictures of the same shape.

    Raises:
        TypeError, ValueError: if `images` has not three axes, or `most` is not a whole number from
            0 that is smaller than the picture.

    >>> random_shifts(jax.random.key(0), jnp.ones((5, 8, 8)), 2).shape
    (5, 8, 8)

    Reference: C. Shorten and T. Khoshgoftaar, A Survey on Image Data Augmentation for Deep
    Learning, Journal of Big Data 6, 60 (2019).
    """
    offsets = jax.random.randint(key, (2, len(images)), -most, most + 1)
    return jax.vmap(_shift)(images, *offsets)


def _shift(
    image: Float[Array, "height width"], down: Pixels, right: Pixels
) -> Float[Array, "height width"]:
    """A window of the picture's size on a frame of zeros with the picture in the middle."""
    height, width = image.shape
    frame = jnp.pad(image, ((height, height), (width, width)))
    return jax.lax.dynamic_slice(frame, (height - down, width - right), image.shape)
