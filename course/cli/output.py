"""Output in every encoding: a sign that a terminal or a file has not is written in ASCII."""

import codecs
import sys

# Signs that the commands print, in ASCII.
NEAREST = {
    "∞": "inf", "×": "x", "…": "...", "→": "->", "≤": "<=", "≥": ">=", "−": "-", "–": "-",
    "“": '"', "”": '"', "²": "^2",
}  # fmt: skip
HANDLER = "course.nearest"


def nearest(error: UnicodeError) -> tuple[str, int]:
    """Return the nearest ASCII for what cannot be encoded, and the place to go on from.

    >>> codecs.register_error(HANDLER, nearest)
    >>> "1 × cpu, cost ∞, 学".encode("ascii", HANDLER)
    b'1 x cpu, cost inf, ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(NEAREST.get(sign, "?") for sign in signs), error.end


def allow_every_encoding() -> None:
    """Let what this process prints never fail for want of a sign."""
    codecs.register_error(HANDLER, nearest)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stand-in may have none
        if reconfigure is not None:
            reconfigure(errors=HANDLER)
