"""Live figure of notebook 00: two spam filters, week by week, while the spammers change tactics."""

from functools import lru_cache
from itertools import pairwise

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course.data import messages
from course.models import spam
from course.show import figures
from course.show.live import LiveFigure

WEEKS = 16
MESSAGES_A_WEEK = 200
SEED = 3


@lru_cache(maxsize=256)
def mail(week: int, tactic: int) -> messages.Messages:
    """Labelled mail of one week; week 0 came before the reader's first."""
    return messages.generate(
        jax.random.fold_in(jax.random.key(SEED), week), MESSAGES_A_WEEK, tactic=tactic
    )


@lru_cache(maxsize=256)
def caught(week: int, tactic: int, learned_week: int | None, learned_tactic: int) -> float:
    """Share of a week's spam caught by a filter trained on another week, or (None) by the rules."""
    inbox = mail(week, tactic)
    if learned_week is None:
        said = np.array([spam.keyword_rules(text) for text in inbox.text])
    else:
        examples = mail(learned_week, learned_tactic)
        said = spam.classify(spam.train(examples.text, examples.spam), inbox.text)
    return float(said[inbox.spam].mean())


class Weeks:
    """Weeks so far, and what a reader can do to add another."""

    def __init__(self) -> None:
        # For each week the spammers' tactic, and the week that the filter was trained on, where 0
        # is the one before the first. One list, so that no interrupt leaves half of a week.
        self._weeks = [(0, 0), (0, 0), (0, 0), (1, 0), (1, 0), (1, 5)]

    @property
    def tactics(self) -> list[int]:
        """Tactic of the spammers in each week."""
        return [tactic for tactic, _ in self._weeks]

    @property
    def trained_on_week(self) -> list[int]:
        """Week that the filter of each week was trained on."""
        return [learned for _, learned in self._weeks]

    def next_week(self) -> None:
        """Add a week with everything as it is."""
        self._add()

    def change_tactics(self) -> None:
        """Add a week in which the spammers use new words."""
        self._add(new_tactic=True)

    def retrain(self) -> None:
        """Train the filter anew on the last week's mail, then add a week."""
        self._add(retrained=True)

    def start_again(self) -> None:
        """Go back to the first week."""
        del self._weeks[1:]

    def _add(self, *, new_tactic: bool = False, retrained: bool = False) -> None:
        """Add a week; after the last one, start again."""
        if len(self._weeks) == WEEKS:
            self.start_again()
        tactic, learned = self._weeks[-1]
        self._weeks.append((tactic + new_tactic, len(self._weeks) if retrained else learned))

    def shares(self) -> tuple[list[float], list[float]]:
        """Return the share of spam caught in each week, by the trained filter and by the rules."""
        past = [0, *self.tactics]
        weeks = list(enumerate(self.tactics, 1))
        trained = [
            caught(week, tactic, learned, past[learned])
            for (week, tactic), learned in zip(weeks, self.trained_on_week, strict=True)
        ]
        return trained, [caught(week, tactic, None, 0) for week, tactic in weeks]


def mailbox() -> LiveFigure:
    """Spam caught by rules and by a trained filter; the reader changes the tactics and retrains."""
    so_far = Weeks()
    figure, ax = _picture()
    trained, ruled, *changes = ax.lines

    def draw() -> str:
        by_model, by_rules = so_far.shares()
        weeks = range(1, len(by_model) + 1)
        trained.set_data(weeks, by_model)
        ruled.set_data(weeks, by_rules)
        # All lines and texts are there from the start: new ones would not be repainted.
        for line, changed in zip(changes, _changes(so_far.tactics), strict=True):
            line.set_visible(changed)
        for text, changed in zip(ax.texts, _changes(so_far.trained_on_week), strict=True):
            text.set_visible(changed)
        shares = f"trained filter {by_model[-1]:.0%}, rules {by_rules[-1]:.0%}"
        now = f"week {len(by_model)}: {shares} of the spam caught"
        ax.title.set_text(now)
        # Without a picture, the changes are what explains a fall.
        count = sum(_changes(so_far.tactics))
        times = f"{count} {'change' if count == 1 else 'changes'}"
        return f"Spam caught week by week, after {times} of tactics. In {now}."

    new_tactics = "Another week, in which the spammers use new words"
    retrain = "Train the filter anew on the last week's mail, then another week"
    actions = {
        "Next week": (so_far.next_week, "Another week with everything as it is"),
        "Tactics change": (so_far.change_tactics, new_tactics),
        "Retrain": (so_far.retrain, retrain),
        "Start again": (so_far.start_again, "Back to the first week"),
    }
    return LiveFigure(figure, draw, {}, moving=[*ax.lines, *ax.texts, ax.title], actions=actions)


def _changes(weekly: list[int]) -> list[bool]:
    """Return True for each week in which something differs from the week before, else False."""
    changed = [False, *(one != other for one, other in pairwise(weekly))]
    return changed + [False] * (WEEKS - len(changed))


def _picture() -> tuple[Figure, Axes]:
    """Draw two empty curves, and for each week a line and a text that `mailbox` shows or hides."""
    figure, ax = figures.new(width=7.2, height=3.8)
    weeks = range(1, WEEKS + 1)
    ax.plot([], [], "o-", color=figures.BELIEF, label="trained filter")
    ax.plot([], [], "s:", color=figures.MUTED, label="rules by hand")
    for week in weeks:
        ax.axvline(week - 0.5, color=figures.TRUTH, ls="--", lw=1.2)
        height = 1.068 if week % 2 else 1.02  # neighbours are wider than a week
        ax.text(week - 0.5, height, "retrained", color=figures.BELIEF, ha="center", size=9)
    ax.set(xlim=(0.4, WEEKS + 0.6), ylim=(0, 1.1), xticks=weeks, ylabel="share of spam caught")
    ax.set(xlabel="week (dashed: the spammers changed tactics)", title=" ")
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.3), frameon=False)
    return figure, ax
