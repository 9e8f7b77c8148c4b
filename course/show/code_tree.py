"""Tree of a prefix code: every question, with the probability that it is asked."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from course.checks import Arguments, checked, probabilities, refusal
from course.show.drawing import styled
from course.show.lines import axes, texts
from course.show.style import BELIEF, GROUND, MUTED, SMALL

MOST_LEAVES: Final = 16  # that can be told apart
# How the words of a node are written.
NODE: Final = dict[str, Any](ha="center", va="center", fontsize=SMALL, bbox=GROUND)


def _words(name: str, value: Any, arguments: Arguments) -> tuple[str, ...]:
    """Rule for the words of a prefix code, one for each probability."""
    words = texts(name, value, arguments)
    if any(set(word) - {"0", "1"} for word in words):
        raise refusal(name, "words of 0 and 1", ", ".join(words)[:99])
    if any(one != other and other.startswith(one) for one in words for other in words):
        raise refusal(name, "words of which none begins another", ", ".join(words)[:99])
    return words


@checked(ax=axes, p=probabilities(), words=_words, labels=texts)
@styled
def code_tree(
    ax: Axes,
    p: Float[np.ndarray, " outcomes"],
    words: Sequence[str],
    labels: Sequence[str],
    questions: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the questions of a prefix code, from the first one at the top to the outcomes.

    A branch to the left is the answer 0, one to the right 1. A node shows the probability of
    coming there, which is the sum of the probabilities below it.

    Args:
        p: probability of each outcome.
        words: code word of each outcome, strings of 0 and 1.
        labels: of the outcomes.
        questions: what is asked, by the answers so far: the first one's are "".
    """
    for name, given in (("words", words), ("labels", labels)):
        if len(given) != len(p):
            raise refusal(name, f"{len(p)}, one for each probability", len(given))
    if len(p) > MOST_LEAVES:
        raise refusal("p", f"at most {MOST_LEAVES} outcomes", len(p))

    # The leaves stand side by side in the order of their words, a node midway over its two parts.
    ordered = sorted(range(len(p)), key=lambda i: words[i])
    place = {words[i]: float(x) for x, i in enumerate(ordered)}
    chance = dict(zip(words, p.tolist(), strict=True))
    nodes = {word[:end] for word in words for end in range(len(word))}
    for node in sorted(nodes, key=len, reverse=True):
        below = [node + answer for answer in "01" if node + answer in place]
        place[node] = float(np.mean([place[part] for part in below]))
        chance[node] = sum(chance[part] for part in below)

    for node, x in place.items():
        if node:
            above = place[node[:-1]]
            ax.plot([above, x], [1 - len(node), -len(node)], "-", color=MUTED, linewidth=1.5)
            ax.text((above + x) / 2, 0.5 - len(node), node[-1], color=BELIEF, weight="bold", **NODE)
    asked = dict(questions or {})
    if unknown := sorted(asked.keys() - nodes):
        raise refusal("questions", f"answers among {sorted(nodes)}", unknown)
    for node in nodes:
        said = f"{chance[node]:.2f}"
        ax.text(
            place[node], -len(node), "\n".join([*filter(None, [asked.get(node)]), said]), **NODE
        )
    for i, word in enumerate(words):
        said = f"{labels[i]}\n{p[i]:.2f}"
        ax.text(place[word], -len(word), said, **NODE | {"va": "top"})

    depth = max(map(len, words), default=0)
    ax.set(xlim=(-0.6, len(p) - 0.4), ylim=(-depth - 0.7, 0.35))
    ax.set_axis_off()
    return ax
