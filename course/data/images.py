"""Data augmentation: pictures shifted by whole pixels.

Pixels that leave the frame are lost, and zeros enter it: nothing wraps around. Pictures have three
axes, (batch, height, width); digits stored as rows of 64 pixels must be reshaped first, with
`inputs.reshape(-1, 8, 8)`, and back afterwards.
"""

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from course.checks import Arguments, Rule, checked, count, finite, key, refusal

Images: TypeAlias = Float[Array, "batch height width"]
Pixels: TypeAlias = int | Int[Array, ""]


def _offset(axis: int) -> Rule:
    """Return a rule for whole pixels in either direction, fewer than `images` has on an axis."""

    def rule(name: str, value: Any, arguments: Arguments) -> Any:
        if isinstance(value, jax.core.Tracer):
            if value.shape or not jnp.issubdtype(value.dtype, jnp.integer):
                raise refusal(name, "an integer", value.aval, TypeError)
            return value
        most = arguments["images"].shape[axis] - 1
        return count(-most, most)(name, value, arguments)

    return rule


def _fewer_than_side(name: str, value: Any, arguments: Arguments) -> int:
    """Rule for whole pixels from 0, fewer than the smaller side of `images`."""
    return count(0, min(arguments["images"].shape[1:]) - 1)(name, value, arguments)


@checked(images=finite, down=_offset(1), right=_offset(2))
@jax.jit
def shift(images: Images, down: Pixels, right: Pixels) -> Images:
    """Shift all pictures by the same offset.

        y[i, j] = x[i - down, j - right],    0 where x has no such pixel

    Args:
        images: pictures (batch, height, width).
        down: pixels, negative for up; fewer than the height.
        right: pixels, negative for left; fewer than the width.

    Returns:
        Pictures of the same shape.

    >>> print(shift([[[1, 2], [3, 4]]], 0, 1)[0])
    [[0. 1.]
     [0. 3.]]
    """
    return jax.vmap(_shift, in_axes=(0, None, None))(images, down, right)


@checked(key=key, images=finite, most=_fewer_than_side)
@partial(jax.jit, static_argnames="most")
def random_shifts(key: PRNGKeyArray, images: Images, most: int = 1) -> Images:
    """Shift every picture by its own random pixels, up or down and left or right.

        down, right ~ uniform on {-most, ..., most}, independently for each picture

    Args:
        key: a JAX random key.
        images: pictures (batch, height, width).
        most: largest shift in pixels, from 0 and smaller than the picture; static under `jit`.

    Returns:
        Pictures of the same shape.

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
    """Return a window of the picture's size on a frame of zeros with the picture in the middle."""
    height, width = image.shape
    frame = jnp.pad(image, ((height, height), (width, width)))
    return jax.lax.dynamic_slice(frame, (height - down, width - right), image.shape)
