"""Exercises and predictions of notebook 10."""

from typing import Any

import jax
import numpy as np

from course.data.tables import digits
from course.models.mlp import mlp
from course.practice.engine import Exercise, Mistake
from course.practice.predict import Prediction, Revealed

NOTEBOOK = "10_gradient_descent"
TITLE = "Gradient descent"

FLOAT = 4  # bytes of a number in float32
PAIRS = 10  # that L-BFGS keeps


def bowl(rng: np.random.Generator, size: int) -> np.ndarray:
    """A random Hessian of a bowl: symmetric, with curvatures 0.5 to 20 along random directions."""
    directions: np.ndarray = np.linalg.qr(rng.normal(size=(size, size)))[0]
    hessian: np.ndarray = directions @ np.diag(rng.uniform(0.5, 20, size=size)) @ directions.T
    return hessian


def slopes(rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Places, gradients of random bowls, and rates."""

    def slope_of(size: int):
        hessian, lowest = bowl(rng, size), rng.normal(size=size)

        def slope(w):
            return hessian @ (np.asarray(w) - lowest)

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
    solution=one_step,
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
            "always as far",
            lambda w, slope, rate: w - rate * slope(w) / np.linalg.norm(slope(w)),
            (
                "You walked equally far at every slope. The step is proportional to the gradient: "
                "it becomes short by itself where the ground is flat."
            ),
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


def largest_safe_rate(hessian):
    """The learning rate up to which gradient descent converges on a bowl with this Hessian."""
    return 2 / np.linalg.eigvalsh(hessian).max()


def _largest(hessian):
    return np.linalg.eigvalsh(hessian).max()


q2 = Exercise(
    name="gradient_descent.q2",
    title="The largest safe rate",
    difficulty=2,
    minutes=6,
    solution=largest_safe_rate,
    cases=lambda rng: [(bowl(rng, size),) for size in (1, 2, 3, 3, 5)],
    mistakes=[
        Mistake(
            "oscillation",
            lambda hessian: 1 / _largest(hessian),
            (
                "Above this rate steps begin to jump over the minimum, but they still come closer. "
                "They do so until the multiplier reaches −1."
            ),
        ),
        Mistake(
            "flattest direction",
            lambda hessian: 2 / np.linalg.eigvalsh(hessian).min(),
            (
                "This is the border of the flattest direction. Long before it the steepest one "
                "diverges, and one rate serves all."
            ),
        ),
        Mistake(
            "diagonal",
            lambda hessian: 2 / np.diag(hessian).max(),
            (
                "The diagonal holds the curvatures along the axes. The steepest direction may lie "
                "between them: take the eigenvalues."
            ),
        ),
        Mistake(
            "trace",
            lambda hessian: 2 / np.trace(hessian),
            (
                "You divided by the sum of all curvatures. That is safe, but the largest safe rate "
                "depends on the steepest direction alone."
            ),
        ),
        Mistake(
            "Frobenius norm",
            lambda hessian: 2 / np.linalg.norm(hessian),
            (
                "`np.linalg.norm` of a matrix mixes all curvatures into one number; the largest "
                "safe rate depends on the steepest direction alone."
            ),
        ),
        Mistake(
            "mean curvature",
            lambda hessian: 2 / np.linalg.eigvalsh(hessian).mean(),
            "You took the mean curvature. The steepest direction diverges before that.",
        ),
        Mistake(
            "fastest rate",
            lambda hessian: (
                2 / (np.linalg.eigvalsh(hessian).max() + np.linalg.eigvalsh(hessian).min())
            ),
            (
                "That is the rate that converges fastest: steepest and flattest direction then "
                "shrink equally. Larger ones still converge."
            ),
        ),
        Mistake(
            "upside down",
            lambda hessian: _largest(hessian) / 2,
            "Upside down: the steeper the bowl, the smaller the rate must be.",
        ),
        Mistake(
            "curvature",
            _largest,
            "This is the largest curvature λ. For which rate is |1 − rate · λ| equal to 1?",
        ),
    ],
    hints=[
        (
            "Along a direction of curvature λ a step multiplies the distance by 1 − rate · λ. For "
            "which direction does that fall below −1 first?"
        ),
        "`np.linalg.eigvalsh(hessian)` returns the curvatures of all eigendirections.",
        "Divide 2 by the largest of them.",
    ],
    praise="The steepest direction decides for all of them.",
)


def regressions(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Parameters, inputs and targets of several sizes; one batch also comes twice over."""
    drawn = [
        (rng.normal(size=width), rng.normal(size=(size, width)), rng.normal(size=size))
        for size, width in ((1, 3), (4, 2), (6, 3), (10, 1))
    ]
    w, inputs, targets = drawn[1]
    return [*drawn, (w, np.concatenate([inputs, inputs]), np.concatenate([targets, targets]))]


def batch_gradient(w, inputs, targets):
    """Gradient at w of the mean of (x @ w - y)**2 / 2 over the rows x of inputs and their y."""
    return inputs.T @ (inputs @ w - targets) / len(targets)


q3 = Exercise(
    name="gradient_descent.q3",
    title="The gradient of a batch",
    difficulty=2,
    minutes=8,
    solution=batch_gradient,
    cases=regressions,
    mistakes=[
        Mistake(
            "sum",
            lambda w, inputs, targets: inputs.T @ (inputs @ w - targets),
            (
                "Your gradient grows with the batch: it is the sum over the examples. Divide by "
                "how many there are, and a rate suits batches of every size."
            ),
        ),
        Mistake(
            "twice",
            lambda w, inputs, targets: 2 * inputs.T @ (inputs @ w - targets) / len(targets),
            "Twice too large: the 2 from the square cancels against the half in front.",
        ),
        Mistake(
            "twice the sum",
            lambda w, inputs, targets: 2 * inputs.T @ (inputs @ w - targets),
            (
                "Your gradient grows with the batch: it is a sum, and twice too large besides. The "
                "2 from the square cancels against the half in front."
            ),
        ),
        Mistake(
            "uphill and downhill",
            lambda w, inputs, targets: inputs.T @ (targets - inputs @ w) / len(targets),
            "The sign is wrong: this points downhill, and the gradient points uphill.",
        ),
        Mistake(
            "divided by the parameters",
            lambda w, inputs, targets: inputs.T @ (inputs @ w - targets) / len(w),
            "You divided by the number of parameters. The mean is over the examples.",
        ),
        Mistake(
            "mean of everything",
            lambda w, inputs, targets: np.mean(inputs.T * (inputs @ w - targets)),
            "You averaged over the parameters too. The gradient has one entry for each of them.",
        ),
        Mistake(
            "residual without its input",
            lambda w, inputs, targets: np.mean(inputs @ w - targets) * np.ones_like(w),
            "The chain rule asks for one more factor: how much x @ w changes with w.",
        ),
        Mistake(
            "first example only",
            lambda w, inputs, targets: inputs[0] * (inputs[0] @ w - targets[0]),
            "This is the gradient of the first example. Average over all of the batch.",
        ),
        Mistake(
            "the cost",
            lambda w, inputs, targets: np.mean((inputs @ w - targets) ** 2) / 2,
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
    solution=memory_of,
    cases=lambda rng: [(int(n),) for n in rng.integers(2, 50_000, size=4)],
    mistakes=[
        Mistake(
            "numbers",
            lambda parameters: [parameters, 20 * parameters, parameters**2],
            "You counted numbers. Each takes four bytes in float32.",
        ),
        Mistake(
            "float64",
            lambda parameters: [8 * parameters, 160 * parameters, 8 * parameters**2],
            "You counted eight bytes a number, as float64 takes. In float32 it is four.",
        ),
        Mistake(
            "bits",
            lambda parameters: [32 * parameters, 640 * parameters, 32 * parameters**2],
            "You counted bits. A byte holds eight of them.",
        ),
        Mistake(
            "vectors for pairs",
            lambda parameters: [4 * parameters, 40 * parameters, 4 * parameters**2],
            "L-BFGS keeps ten pairs: ten steps, and ten changes of the gradient.",
        ),
        Mistake(
            "triangle",
            lambda parameters: [
                4 * parameters,
                80 * parameters,
                2 * parameters * (parameters + 1),
            ],
            (
                "You kept half of the Hessian, which is enough since it is symmetric. The question "
                "was for all of it."
            ),
        ),
    ],
    hints=[
        "A gradient has as many numbers as there are parameters. How many does a pair have?",
        "The Hessian is a square table with a row and a column for each parameter.",
    ],
    praise="Twenty vectors or a million: that is why large models are trained with the first.",
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
