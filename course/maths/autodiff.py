"""Reverse-mode automatic differentiation: one pass backwards gives the gradients of all inputs.

    x = Value(3.0)
    y = x * x + 2 * x
    y.backward()                # x.grad is dy/dx = 2x + 2 = 8

Every operation computes a result y and, for each input x, a *vjp* (vector-Jacobian product): the
function that takes the gradient g of y to that of x, which is g times the Jacobian dy/dx. The table
below has them all. A `Value` remembers the values that it was computed from, with their vjps.
`backward` follows them from the result to the leaves, and adds up what arrives at each: a value
that is used twice gets two shares.

Conventions

- NumPy float64 of any shape. Integers, float32, lists and JAX arrays are converted; all are copied.
- `backward()` starts from ones: for a result that is no single number, it differentiates the sum.
- It computes every gradient afresh, so calling it twice changes nothing. A value shared by several
  results holds the gradient of the last one that was asked; for both, ask `(a + b).backward()`.
- Change `data` (a step of learning) only between `backward()` and the next expression.
- relu has slope 0 at 0; 0**0 is 1, and its slopes are 0.
- Everything stays finite. What would be NaN or infinite raises a ValueError that names operation
  and shapes: log of 0, division by 0, exp of 1000, the slope of a square root at 0, and the slope
  for an exponent that is a Value over a negative base. What is too small for a float becomes 0.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from course.checks import (
    MOST_AXES,
    MOST_NUMBERS,
    Arguments,
    ArraySpec,
    check_range,
    checked,
    count,
    flag,
    refusal,
    sequence,
    text,
)

Array: TypeAlias = Float[np.ndarray, "..."]
Vjp: TypeAlias = Callable[[Array], Array]  # the gradient of a result -> that of one input
Outcome: TypeAlias = tuple[Any, ...]  # the result, then a vjp for each input

NUMBERS = ArraySpec(numpy=True, kind="float", axes=("...",))
MOST = float(np.finfo(np.float64).max)


def _read(name: str, value: Any) -> Array:
    """Return finite numbers as a float64 array, or refuse them under this name."""
    with np.errstate(over="ignore"):  # a long double may be too large
        array = NUMBERS.convert(NUMBERS.read(name, value, {}))
    return check_range(name, array, -MOST, MOST, "finite numbers")


def _axes(name: str, value: Any, arguments: Arguments) -> int | tuple[int, ...]:
    """Rule for an axis, or several."""
    axis = count(-MOST_AXES, MOST_AXES)
    if isinstance(value, tuple | list):
        return tuple(axis(name, one, arguments) for one in value)
    whole: int = axis(name, value, arguments)
    return whole


def _sizes(shape: Any) -> tuple[int, ...]:
    """Return a shape as integers; one of them may be -1, for what is left."""
    size = count(-1, MOST_NUMBERS)
    several = isinstance(shape, tuple | list) or (isinstance(shape, np.ndarray) and shape.ndim)
    sizes = sequence("shape", shape, "integers", MOST_AXES) if several else (shape,)
    return tuple(size("shape", one, {}) for one in sizes)


def _operation(
    sign: str,
    compute: Callable[..., Outcome],
    *,
    fits: str = "shapes that broadcast",
    gives: str = "a finite result",
) -> Callable[..., "Value"]:
    """Return an operation on values, made from a function of arrays."""

    def operate(*operands: Any, **options: Any) -> "Value":
        values = [v if isinstance(v, Value) else Value(_read(sign, v)) for v in operands]
        arrays = [value.data for value in values]
        # NumPy's warnings are off: what is not finite is refused below, with a better message.
        try:
            with np.errstate(all="ignore"):
                y, *vjps = compute(*arrays, **options)
        except (TypeError, ValueError, MemoryError) as error:
            # NumPy's own errors do not name the operation.
            shapes = " and ".join(f"shape {array.shape}" for array in arrays)
            given = "".join(f", {name}={option}" for name, option in options.items())
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise refusal(sign, fits, shapes + given, kind) from None
        _check_finite(y, sign, gives, arrays)
        result = Value(y)
        result.operation = sign
        # A plain number became a Value just now: a constant, which needs no gradient.
        result.inputs = tuple(
            (value, vjp if value is operand else None)
            for value, operand, vjp in zip(values, operands, vjps, strict=True)
        )
        return result

    return operate


def _check_finite(result: Any, name: str, expected: str, inputs: list[Array]) -> None:
    """Refuse a result that is not finite, naming the range and shape of the inputs."""
    finite = np.isfinite(result)
    if not finite.all():
        ends = [dict.fromkeys(f"{end:.6g}" for end in (x.min(), x.max())) for x in inputs]
        got = [f"{' to '.join(e)} in shape {x.shape}" for e, x in zip(ends, inputs, strict=True)]
        wrong = np.asarray(result)[~finite].flat[0]
        raise refusal(name, expected, f"{' and '.join(got)}, giving {wrong}")


def _unbroadcast(gradient: Any, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an input of this shape was broadcast."""
    new = np.ndim(gradient) - len(shape)
    repeated = (axis for axis, size in enumerate(shape, start=new) if size == 1)
    total = np.sum(gradient, axis=(*range(new), *repeated), keepdims=True)
    return np.asarray(total).reshape(shape)


def _sum_vjp(axis: Any, keepdims: bool, x: Array, share: float) -> Vjp:
    """Return the vjp of a sum: every term gets the whole gradient (of a mean, a share of it)."""
    lost = () if keepdims or axis is None else axis
    return lambda g: share * np.broadcast_to(np.expand_dims(g, lost), x.shape)


def _matrix_product(a: Array, b: Array) -> Outcome:
    """Return a @ b and its two vjps."""
    # A vector counts as a row on the left and as a column on the right.
    rows = a[np.newaxis, :] if a.ndim == 1 else a
    columns = b[:, np.newaxis] if b.ndim == 1 else b
    y = rows @ columns
    return (
        np.squeeze(y, (-2,) * (a.ndim == 1) + (-1,) * (b.ndim == 1)),
        lambda g: _unbroadcast(g.reshape(y.shape) @ columns.mT, rows.shape).reshape(a.shape),
        lambda g: _unbroadcast(rows.mT @ g.reshape(y.shape), columns.shape).reshape(b.shape),
    )


# The operations: the result, then the vjp of each input. A vjp may leave the gradient in the shape
# of the result, as if no input had been broadcast: `flow_back` takes care of that.
# fmt: off
_add = _operation("+", lambda a, b: (a + b, lambda g: g, lambda g: g))
_subtract = _operation("-", lambda a, b: (a - b, lambda g: g, lambda g: -g))
_multiply = _operation("*", lambda a, b: (a * b, lambda g: g * b, lambda g: g * a))
_divide = _operation("/", lambda a, b: (y := a / b, lambda g: g / b, lambda g: -g * y / b))
_power = _operation("**", lambda a, b: (
    y := a**b,
    lambda g: g * b * a ** np.where(b == 0, 1, b - 1),
    lambda g: g * y * np.log(np.where(a == 0, 1, a)),
))
_matmul = _operation("@", _matrix_product, fits="shapes like (..., n, k) and (..., k, m)")
_negative = _operation("-", lambda x: (-x, lambda g: -g))
_exp = _operation("exp", lambda x: (y := np.exp(x), lambda g: g * y))
_log = _operation("log", lambda x: (np.log(x), lambda g: g / x), gives="positive numbers")
_tanh = _operation("tanh", lambda x: (y := np.tanh(x), lambda g: g * (1 - y**2)))
_relu = _operation("relu", lambda x: (np.maximum(x, 0), lambda g: g * (x > 0)))
_sum = _operation("sum", lambda x, axis, keepdims: (
    np.sum(x, axis, keepdims=keepdims), _sum_vjp(axis, keepdims, x, 1.0),
), fits="an axis of the array")
_mean = _operation("mean", lambda x, axis, keepdims: (
    y := np.mean(x, axis, keepdims=keepdims), _sum_vjp(axis, keepdims, x, y.size / x.size),
), fits="an axis of the array")
_reshape = _operation("reshape", lambda x, shape: (
    x.reshape(*shape), lambda g: g.reshape(x.shape),
), fits="a shape for as many entries")
# fmt: on


class Value:
    """Array that remembers how it was computed.

    Args:
        data: a number or an array of any shape, not empty.
        name: label in a drawing of the graph; may be set later.

    >>> w, x = Value([1.0, -2.0]), Value([3.0, 2.0])
    >>> loss = (w @ x).tanh()
    >>> loss.backward()
    >>> print(loss.data.round(3), w.grad.round(3))
    -0.762 [1.26 0.84]

    Reference: S. Linnainmaa, Taylor Expansion of the Accumulated Rounding Error, BIT 16 (1976),
    146-160; D. Rumelhart, G. Hinton and R. Williams, Learning Representations by Back-Propagating
    Errors, Nature 323 (1986), 533-536.
    """

    # NumPy leaves `array * value` to `__rmul__` below, instead of multiplying entry by entry.
    __array_ufunc__ = None

    @checked(name=text)
    def __init__(self, data: Any, *, name: str = "") -> None:
        self.data = data
        self.grad: Array = np.zeros_like(self.data)
        """Derivative of the last result with respect to this value, of the same shape."""
        self.name = name
        self.operation = ""
        """Sign of the operation that it came from; "" for a leaf."""
        self.inputs: tuple[tuple[Value, Vjp | None], ...] = ()
        """Operands, each with its vjp; None for a constant, which gets no gradient."""

    @property
    def data(self) -> Array:
        """The array; an assigned one is checked and copied."""
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._data: Array = np.array(_read("data", data))

    @property
    def name(self) -> str:
        """Label in a drawing of the graph."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = text("name", name, {})

    def __repr__(self) -> str:
        name = f"name={self.name!r}, " if self.name else ""
        return f"Value({name}data={self.data}, grad={self.grad})"

    def backward(self) -> None:
        """Set `grad` of this value, and of all that it was computed from, to d self / d value."""
        *_, gradients = self.flow_back()
        for value, gradient in gradients.items():
            value.grad = gradient

    def flow_back(self) -> Iterator[dict["Value", Array]]:
        """Yield the gradients so far, one operation at a time; no value is changed.

            d self / d x = sum over all u = f(x, ...) of (d self / d u) (d u / d x)

        Returns:
            An iterator over gradients by value: first that of this value alone, then all so far
            after each operation. It is one dictionary that grows; a gradient is complete when every
            use of its value had its turn.

        Raises:
            ValueError: if a gradient is not finite.

        >>> x = Value(3.0)
        >>> [float(gradients.get(x, 0.0)) for gradients in (x * x + x).flow_back()]
        [0.0, 1.0, 7.0]
        """
        gradients = {self: np.ones_like(self.data)}
        yield gradients
        for value in reversed(self.topological_order()):
            arrays = [source.data for source, _ in value.inputs]
            for source, vjp in value.inputs:
                if vjp is not None:
                    with np.errstate(all="ignore"):
                        share = _unbroadcast(vjp(gradients[value]), source.data.shape)
                        gradients[source] = np.asarray(gradients.get(source, 0.0) + share)
                    name = f"backward of {value.operation}"
                    _check_finite(gradients[source], name, "a finite gradient", arrays)
            if value.inputs:
                yield gradients

    def topological_order(self) -> list["Value"]:
        """Return all that this value was computed from, inputs before their uses, itself last.

        The stack is a list: by recursion, Python would give up on a chain of 1,000 operations.

        >>> x = Value(3.0, name="x")
        >>> [value.name or value.operation for value in (x * x + x).topological_order()]
        ['x', '*', '+']
        """
        order: list[Value] = []
        seen: set[Value] = set()
        stack = [(self, False)]
        while stack:
            value, inputs_are_done = stack.pop()
            if inputs_are_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack.extend((source, False) for source, _ in reversed(value.inputs))
        return order

    __add__, __radd__ = _add, lambda self, other: _add(other, self)
    __sub__, __rsub__ = _subtract, lambda self, other: _subtract(other, self)
    __mul__, __rmul__ = _multiply, lambda self, other: _multiply(other, self)
    __truediv__, __rtruediv__ = _divide, lambda self, other: _divide(other, self)
    __pow__, __rpow__ = _power, lambda self, other: _power(other, self)
    __matmul__, __rmatmul__ = _matmul, lambda self, other: _matmul(other, self)
    __neg__ = _negative

    def exp(self) -> "Value":
        """Return e to the power of each entry."""
        return _exp(self)

    def log(self) -> "Value":
        """Return the natural logarithm of each entry; all must be positive."""
        return _log(self)

    def tanh(self) -> "Value":
        """Return the hyperbolic tangent of each entry."""
        return _tanh(self)

    def relu(self) -> "Value":
        """Return each entry if it is positive, otherwise 0."""
        return _relu(self)

    @checked(axis=_axes, keepdims=flag)
    def sum(self, axis: Any = None, *, keepdims: bool = False) -> "Value":
        """Return the sum of all entries, or along an axis or several."""
        return _sum(self, axis=axis, keepdims=keepdims)

    @checked(axis=_axes, keepdims=flag)
    def mean(self, axis: Any = None, *, keepdims: bool = False) -> "Value":
        """Return the mean of all entries, or along an axis or several."""
        return _mean(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> "Value":
        """Return the same entries in another shape."""
        given = shape[0] if len(shape) == 1 else shape
        return _reshape(self, shape=_sizes(given))
