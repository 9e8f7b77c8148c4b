"""Five colours with fixed meanings, and one style for every figure."""

from typing import Any, Final

from cycler import cycler

DashStyle = str | tuple[int, tuple[float, ...]]


class Role(str):
    """Colour with a meaning, and the line, marker and hatch that carry it without colour.

    It is a string, so that matplotlib takes it wherever it takes a colour.

    >>> BELIEF, BELIEF.marker
    ('#0072B2', 'o')
    """

    line: DashStyle
    """Style of lines, as matplotlib takes it."""
    marker: str
    """Of points."""
    hatch: str
    """Of areas."""

    def __new__(
        cls, colour: str, *, line: DashStyle = "-", marker: str = "o", hatch: str = ""
    ) -> "Role":
        role = super().__new__(cls, colour)
        role.line, role.marker, role.hatch = line, marker, hatch
        return role


# Okabe and Ito's colours, which people with any common colour vision tell apart. Orange and
# vermillion are darker than theirs: on white their orange has too little contrast (2.2 : 1), and
# vermillion must stay apart from the darker orange.
TRUTH: Final = Role("#222222", line="--", marker="s", hatch="")
BELIEF: Final = Role("#0072B2", line="-", marker="o", hatch="//")
DATA: Final = Role("#C68400", line=":", marker="D", hatch="..")
COST: Final = Role("#AC3B00", line="-.", marker="^", hatch="xx")
GRADIENT: Final = Role(
    "#009E73", line=(0, (6.0, 1.5, 1.0, 1.5, 1.0, 1.5)), marker=">", hatch="\\\\"
)

ROLES: Final = {"truth": TRUTH, "belief": BELIEF, "data": DATA, "cost": COST, "gradient": GRADIENT}
SMALL: Final = 10.5  # points, of text in a picture; the smallest there is
MUTED: Final = "#595959"  # ticks, notes: 7 : 1 on white

PIXELS_PER_INCH: Final = 100  # a figure 6.4 inches wide appears 640 CSS pixels wide

# Behind text that may come to lie on a line or a coloured area.
GROUND: Final = {"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 1.5}

STYLE: Final[dict[Any, Any]] = {
    # A white ground is part of the picture, so that it reads the same in a dark theme.
    "figure.facecolor": "white",
    "figure.dpi": PIXELS_PER_INCH,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": "#222222",
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(
        color=[str(role) for role in (BELIEF, DATA, COST, GRADIENT, TRUTH)],
        linestyle=[role.line for role in (BELIEF, DATA, COST, GRADIENT, TRUTH)],
    ),
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 11,
    "text.hinting": "none",  # letters keep their true widths, and are drawn faster
    "hatch.linewidth": 1.0,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "lines.markersize": 7.0,
    "xtick.color": MUTED,
    "xtick.labelcolor": "#222222",
    "xtick.labelsize": SMALL,
    "ytick.color": MUTED,
    "ytick.labelcolor": "#222222",
    "ytick.labelsize": SMALL,
}
