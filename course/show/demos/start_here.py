"""Live figure of notebook 00: two spam filters, week by week, while the spammers change tactics."""

from functools import lru_cache
from itertools import pairwise

import ipywidgets as widgets
import jax
import numpy as np

from course.data import messages
from course.models import spam
from course.show import figures
from course.show.live import LiveFigure

WEEKS = 16
MESSAGES_A_WEEK = 200
SEED = 3


@lru_cache(maxsize=256)
def mail(week: int, tactic: int) -> messages.Messages:
    """The labelled mail of one week; week 0 came before the reader's first."""
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


def mailbox() -> LiveFigure:
    """Spam caught by rules and by a trained filter; the reader changes the tactics and retrains."""
    figure, ax = figures.new(width=7.2, height=3.8)
    weeks = range(1, WEEKS + 1)
    tactics = [0, 0, 0, 1, 1, 1]
    """The tactic of each week so far."""
    lessons = [0, 0, 0, 0, 0, 5]
    """The week that the filter of each week was trained on; 0 is the week before the first."""
    (trained,) = ax.plot([], [], "o-", color=figures.BELIEF, label="trained filter")
    (ruled,) = ax.plot([], [], "s:", color=figures.MUTED, label="rules by hand")
    changes = [ax.axvline(week - 0.5, color=figures.TRUTH, ls="--", lw=1.2) for week in weeks]
    retrained = [
        ax.text(week - 0.5, 1.02, "retrained", color=figures.BELIEF, ha="center", size=9)
        for week in weeks
    ]
    ax.set(xlim=(0.4, WEEKS + 0.6), ylim=(0, 1.1), xticks=weeks)
    ax.set(
        xlabel="week (dashed: the spammers changed tactics)",
        ylabel="share of spam caught",
        title=" ",
    )
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.3), frameon=False)

    def add(*, change: bool = False, retrain: bool = False) -> None:
        if len(tactics) == WEEKS:
            start_again()
        lessons.append(len(tactics) if retrain else lessons[-1])
        tactics.append(tactics[-1] + change)

    def next_week() -> None:
        """Another week with everything as it is"""
        add()

    def tactics_change() -> None:
        """Another week, in which the spammers use new words"""
        add(change=True)

    def retrain() -> None:
        """Train the filter anew on the last week's mail, then another week"""
        add(retrain=True)

    def start_again() -> None:
        """Back to the first week"""
        del tactics[1:], lessons[1:]

    def draw() -> str:
        past = [0, *tactics]
        by_model = [
            caught(week, t, lesson, past[lesson])
            for week, t, lesson in zip(weeks, tactics, lessons, strict=False)
        ]
        by_rules = [caught(week, t, None, 0) for week, t in zip(weeks, tactics, strict=False)]
        trained.set_data(weeks[: len(tactics)], by_model)
        ruled.set_data(weeks[: len(tactics)], by_rules)
        for i, (line, text) in enumerate(zip(changes, retrained, strict=True)):
            line.set_visible(0 < i < len(tactics) and tactics[i] != tactics[i - 1])
            text.set_visible(0 < i < len(tactics) and lessons[i] != lessons[i - 1])
        shares = f"trained filter {by_model[-1]:.0%}, rules {by_rules[-1]:.0%}"
        now = f"week {len(tactics)}: {shares} of the spam caught"
        ax.title.set_text(now)
        change_count = sum(a != b for a, b in pairwise(tactics))
        changed = f"{change_count} {'change' if change_count == 1 else 'changes'}"
        return f"Spam caught week by week, after {changed} of tactics. In {now}."

    actions = {
        "Next week": next_week,
        "Tactics change": tactics_change,
        "Retrain": retrain,
        "Start again": start_again,
    }
    controls: dict[str, widgets.Widget] = {}
    return LiveFigure(
        figure,
        draw,
        controls,
        moving=[trained, ruled, *changes, *retrained, ax.title],
        actions=actions,
    )
