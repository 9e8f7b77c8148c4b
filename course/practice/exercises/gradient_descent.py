"""Exercises and predictions of notebook 10."""

from typing import Any

import jax
import numpy as np

from course.data.tables import digits
from course.models.mlp import mlp
from course.practice.exercise import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "10_gradient_descent"
TITLE = "Gradient descent"
MINUTES = 100

FLOAT = 4  # bytes of a number in float32


def bowl(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random Hessian of a bowl: symmetric, with curvatures 0.5 to 20 along random directions."""
    directions: np.ndarray = np.linalg.qr(rng.normal(size=(size, size)))[0]
    half: np.ndarray = directions @ np.diag(rng.uniform(0.25, 10, size=size)) @ directions.T
    hessian: np.ndarray = half + half.T  # symmetric to the last digit
    return hessian


def slopes(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Places, gradients of random bowls, and rates."""

    def slope_of(size: int):
        hessian = bowl(rng, size)
        there = hessian @ rng.normal(size=size)

        def slope(w):  # of any kind: a list, an array, what `jax.jit` traces with
            return hessian @ w - there

        return slope

    return [
        (rng.normal(size=size), slope_of(size), float(rng.uniform(0.01, 0.3)))
        for size in (1, 2, 2, 5)
    ]


def one_step(w, slope, rate):
    """Where one step of gradient descent leads from w; slope(w) is the gradient at w."""
    return w - rate * slope(w)


q1 = Exercise(
    name="gradient_descent.q1",
    title="One step",
    difficulty=1,
    minutes=4,
    reference=one_step,
    cases=slopes,
    mistakes=[
        Mistake(
            "uphill",
            lambda w, slope, rate: w + rate * slope(w),
            "You went uphill: the gradient points to where the cost grows. Go against it.",
        ),
        Mistake(
            "no rate",
            lambda w, slope, rate: w - slope(w),
            "You walked the whole gradient. The learning rate says which part of it to walk.",
        ),
        Mistake(
            "the step alone",
            lambda w, slope, rate: -rate * slope(w),
            "This is the step. Where does it lead from w?",
        ),
        Mistake(
            "the change, uphill",
            lambda w, slope, rate: rate * slope(w),
            "This is the rate times the gradient. A step starts at w and goes against it.",
        ),
        Mistake(
            "the gradient",
            lambda w, slope, rate: slope(w),
            "This is the gradient at w. A step starts at w and goes against it, times the rate.",
        ),
        Mistake(
            "always as far",
            lambda w, slope, rate: w - rate * slope(w) / np.linalg.norm(slope(w)),
            "You walked equally far at every slope. Where it is flat, steps should be short.",
        ),
        Mistake(
            "divided by the rate",
            lambda w, slope, rate: w - slope(w) / rate,
            "A small rate should make a small step: multiply by it.",
        ),
    ],
    hints=[
        "The gradient at w is `slope(w)`. In which direction does the cost fall?",
        "Take w, and subtract the learning rate times the gradient.",
    ],
    praise="That is the whole of gradient descent; the rest of the notebook is about the rate.",
)


def unsorted(rng: np.random.Generator, size: int) -> np.ndarray:
    """A bowl of which `eigvals` lists the extreme curvatures neither first nor last."""
    while True:
        hessian = bowl(rng, size)
        values = np.linalg.eigvals(hessian).real
        ends = values[[0, -1]]
        if max(ends) < 0.9 * max(values) and min(ends) > 1.1 * min(values):
            return hessian


def bowls(rng: np.random.Generator) -> list[tuple[np.ndarray]]:
    """Hessians of several sizes."""
    return [*((bowl(rng, size),) for size in (1, 2, 3)), *((unsorted(rng, 5),) for _ in range(2))]


def largest_safe_rate(hessian):
    """The learning rate up to which gradient descent converges on a bowl with this Hessian."""
    return 2 / np.linalg.eigvalsh(hessian).max()


_eigvals = np.linalg.eigvalsh  # in ascending order
_ANY_ORDER = "You took one end of a list of eigenvalues, which come in no particular order."
_MIXED = "You mixed all curvatures into one number. The steepest direction alone decides."

q2 = Exercise(
    name="gradient_descent.q2",
    title="The largest safe rate",
    difficulty=2,
    minutes=6,
    reference=largest_safe_rate,
    cases=bowls,
    tolerance=1e-5,  # of the rate itself: 1.9998 / λ is refused, float32 is precise enough
    least=0.0,
    mistakes=[
        Mistake(
            "oscillation",
            lambda h: 1 / _eigvals(h)[-1],
            "Above this rate steps jump over the minimum, but still come closer: up to which rate?",
        ),
        Mistake(
            "flattest direction",
            lambda h: 2 / _eigvals(h)[0],
            "That is the flattest direction's border. Long before it the steepest one diverges.",
        ),
        Mistake("first of a list", lambda h: 2 / np.linalg.eigvals(h)[0].real, _ANY_ORDER),
        Mistake("last of a list", lambda h: 2 / np.linalg.eigvals(h)[-1].real, _ANY_ORDER),
        Mistake(
            "all directions",
            lambda h: 2 / _eigvals(h),
            "These are the borders of all directions. One rate serves all of them: which?",
        ),
        Mistake(
            "diagonal",
            lambda h: 2 / np.diag(h).max(),
            "The diagonal has curvatures along the axes. The steepest may lie between them.",
        ),
        Mistake("trace", lambda h: 2 / np.trace(h), _MIXED),
        Mistake("Frobenius norm", lambda h: 2 / np.linalg.norm(h), _MIXED),
        Mistake("mean curvature", lambda h: 2 / _eigvals(h).mean(), _MIXED),
        Mistake(
            "fastest rate",
            lambda h: 2 / (_eigvals(h)[-1] + _eigvals(h)[0]),
            "This rate converges fastest: both ends shrink equally. Larger ones still converge.",
        ),
        Mistake(
            "condition number",
            lambda h: _eigvals(h)[-1] / _eigvals(h)[0],
            "This is the condition number. The largest safe rate depends on the steepest alone.",
        ),
        Mistake(
            "upside down",
            lambda h: _eigvals(h)[-1] / 2,
            "Upside down: the steeper the bowl, the smaller the rate must be.",
        ),
        Mistake(
            "curvature",
            lambda h: _eigvals(h)[-1],
            "This is the largest curvature λ. For which rate is |1 − rate · λ| equal to 1?",
        ),
    ],
    hints=[
        "Along curvature λ, distances are multiplied by 1 − rate · λ. Where is that −1 first?",
        "`np.linalg.eigvalsh(hessian)` returns the curvatures of all eigendirections.",
        "Divide 2 by the largest of them.",
    ],
    praise="The steepest direction decides for all of them.",
)


def regressions(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Parameters, inputs, targets; one batch is another twice over. Two shapes: JAX compiles."""
    w, inputs, targets = rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=6)
    twice = [0, 1, 2, 0, 1, 2]
    sets = (inputs[:1], targets[:1]), (inputs, targets), (inputs[twice], targets[twice])
    return [(w, *one) for one in sets]


def batch_gradient(w, inputs, targets):
    """Gradient at w of the mean of (x @ w - y)**2 / 2 over the rows x of inputs and their y."""
    return inputs.T @ (inputs @ w - targets) / len(targets)


_ROWS = "The sum is divided by another number than that of the examples, the rows of `inputs`."

q3 = Exercise(
    name="gradient_descent.q3",
    title="The gradient of a batch",
    difficulty=2,
    minutes=8,
    reference=batch_gradient,
    cases=regressions,
    mistakes=[
        Mistake(
            "sum",
            lambda w, x, y: x.T @ (x @ w - y),
            "This is the sum, which grows with the batch. Divide by how many examples there are.",
        ),
        Mistake(
            "twice",
            lambda w, x, y: 2 * batch_gradient(w, x, y),
            "Twice too large: the 2 from the square cancels against the half in front.",
        ),
        Mistake(
            "twice the sum",
            lambda w, x, y: 2 * x.T @ (x @ w - y),
            "This is a sum, and twice too large besides: the 2 of the square cancels the half.",
        ),
        Mistake(
            "uphill and downhill",
            lambda w, x, y: -batch_gradient(w, x, y),
            "The sign is wrong: this points downhill, and the gradient points uphill.",
        ),
        Mistake(
            "product of averages",
            lambda w, x, y: x.mean(axis=0) * (x @ w - y).mean(),
            "You multiplied two averages. Each residual belongs to its own row: average products.",
        ),
        Mistake(
            "a step",
            lambda w, x, y: w - batch_gradient(w, x, y),
            "You took a step with it. The question is for the gradient alone.",
        ),
        Mistake("by the parameters", lambda w, x, y: x.T @ (x @ w - y) / len(w), _ROWS),
        Mistake("by all entries", lambda w, x, y: x.T @ (x @ w - y) / x.size, _ROWS),
        Mistake(
            "mean of everything",
            lambda w, x, y: np.mean(x.T * (x @ w - y)),
            "You averaged over the parameters too. The gradient has one entry for each of them.",
        ),
        Mistake(
            "residual without its input",
            lambda w, x, y: np.mean(x @ w - y) * np.ones_like(w),
            "The chain rule asks for one more factor: how much x @ w changes with w.",
        ),
        Mistake(
            "first example only",
            lambda w, x, y: x[0] * (x[0] @ w - y[0]),
            "This is the gradient of the first example. Average over all of the batch.",
        ),
        Mistake(
            "the cost",
            lambda w, x, y: np.mean((x @ w - y) ** 2) / 2,
            "This is the cost itself. Its gradient has one entry for each parameter.",
        ),
    ],
    hints=[
        "For one example the gradient is its residual, x @ w - y, times x.",
        "Average that over the rows: `inputs @ w - targets` are all residuals at once.",
        "`inputs.T @ residuals` adds up residual times input. What is left to do?",
    ],
    praise="An average over the batch, so its size does not depend on how many examples there are.",
)


def memory_of(parameters):
    """Bytes of a gradient, of L-BFGS's ten pairs of vectors, and of a Hessian, in float32."""
    gradient = 4 * parameters
    return [gradient, 10 * 2 * gradient, 4 * parameters**2]


q4 = Exercise(
    name="gradient_descent.q4",
    title="What must be kept",
    difficulty=1,
    minutes=5,
    reference=memory_of,
    cases=lambda rng: [(int(n),) for n in rng.integers(2, 2000, size=4)],
    tolerance=1e-6,  # all numbers are below 2**24, which float32 counts exactly
    mistakes=[
        Mistake(
            "numbers", lambda n: [n, 20 * n, n**2], "You counted numbers. Each takes four bytes."
        ),
        Mistake(
            "float64", lambda n: [8 * n, 160 * n, 8 * n**2], "In float32 a number takes four bytes."
        ),
        Mistake("bits", lambda n: [32 * n, 640 * n, 32 * n**2], "These are bits: eight to a byte."),
        Mistake(
            "vectors", lambda n: [4 * n, 40 * n, 4 * n**2], "Each of the ten pairs has two vectors."
        ),
        Mistake(
            "one vector", lambda n: [4 * n, 4 * n, 4 * n**2], "L-BFGS keeps ten pairs of vectors."
        ),
        Mistake(
            "bytes squared",
            lambda n: [4 * n, 80 * n, (4 * n) ** 2],
            "You squared the bytes too. The Hessian has d² numbers, of four bytes each.",
        ),
        Mistake(
            "triangle",
            lambda n: [4 * n, 80 * n, 2 * n * (n + 1)],
            "Half of a symmetric Hessian would be enough. The question was for all of it.",
        ),
        Mistake(
            "diagonal", lambda n: [4 * n, 80 * n, 4 * n], "A Hessian is more than its diagonal."
        ),
        Mistake(
            "reversed", lambda n: [4 * n**2, 80 * n, 4 * n], "Right numbers, in another order."
        ),
    ],
    hints=[
        "A gradient has as many numbers as there are parameters. How many does a pair have?",
        "The Hessian is a square table with a row and a column for each parameter.",
    ],
    praise="A Hessian of d parameters is as large as d gradients: too much to store.",
)


def _multiplied() -> Revealed:
    w = [1.0]
    for _ in range(40):
        w.append(w[-1] - 1.9 * w[-1])  # the slope of w²/2 is w
    if abs(w[-1]) > 1:
        right = "They run away"
    else:
        right = "They jump to and fro, and close in" if w[1] < 0 else "They go straight to 0"
    return Revealed(
        right,
        f"the first steps lead to {w[1]:.2f}, {w[2]:.2f}, {w[3]:.2f}; the fortieth to {w[40]:.2f}.",
    )


p1 = Prediction(
    name="gradient_descent.p1",
    question="J(w) = w²/2, start at w = 1, and the learning rate is 1.9. What do the steps do?",
    options=("They go straight to 0", "They jump to and fro, and close in", "They run away"),
    reveal=_multiplied,
)


def _noise() -> Revealed:
    # At w = 0 a softmax believes all ten digits equally likely, so gradients are written down.
    table = digits()
    wrong = 0.1 - np.eye(10)[np.asarray(table.labels)]
    gradients = (np.asarray(table.inputs)[:, :, None] * wrong[:, None, :]).reshape(len(wrong), -1)
    rng = np.random.default_rng(0)

    def error(size: int) -> float:
        batches = [rng.choice(len(gradients), size, replace=False) for _ in range(300)]
        off = [gradients[batch].mean(axis=0) - gradients.mean(axis=0) for batch in batches]
        return float(np.sqrt(np.mean([one @ one for one in off])))

    ratio = error(64) / error(16)
    right = "It falls to a quarter" if ratio < 0.35 else "It falls to a half"
    return Revealed(
        right if ratio < 0.75 else "It hardly changes",
        f"with 64 digits instead of 16 the typical error is {ratio:.1f} of what it was.",
    )


p2 = Prediction(
    name="gradient_descent.p2",
    question=(
        "The gradient of a random batch misses the gradient of all examples by a typical error. "
        "Take batches four times as large. What happens to the error?"
    ),
    options=("It falls to a quarter", "It falls to a half", "It hardly changes"),
    reveal=_noise,
)


def _hessian() -> Revealed:
    params = mlp((64, 128, 128, 10)).init(jax.random.key(0))
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    size = FLOAT * count**2 / 1e9
    options = {0.01: "About 1 megabyte", 0.5: "About 100 megabytes"}
    right = next((said for most, said in options.items() if size < most), "Nearly 3 gigabytes")
    return Revealed(
        right,
        f"{count:,} parameters, squared, at {FLOAT} bytes each, are {size:.1f} gigabytes.",
    )


p3 = Prediction(
    name="gradient_descent.p3",
    question=(
        "A small network for digits has 26,122 parameters, a tenth of a megabyte. How much does "
        "its Hessian take, the table of all second derivatives?"
    ),
    options=("About 1 megabyte", "About 100 megabytes", "Nearly 3 gigabytes"),
    reveal=_hessian,
)
