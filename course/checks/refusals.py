"""Words of a refusal: what was expected of an argument, and what came."""

LONGEST = 60  # characters of a text that a message repeats


def refusal(name: str, expected: str, got: object, kind: type[Exception] = ValueError) -> Exception:
    """Error for a refused argument, in the one form that all messages have."""
    return kind(f"{name}: expected {expected}, got {got}")


def is_refusal(error: Exception) -> bool:
    """Return True for an error that has that form already."""
    return isinstance(error, TypeError | ValueError) and ": expected " in str(error)


def describe_text(value: str) -> str:
    """Return a text in quotation marks, a long one cut."""
    plain = str.__str__(value)  # what a subclass holds, whatever it says about itself
    return repr(plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…")


def describe_integer(value: int) -> str:
    """Return an integer in digits, or one that no sentence can hold by its size."""
    return str(value) if value.bit_length() < 100 else f"an integer of {value.bit_length()} bits"


def describe_error(error: Exception) -> str:
    """Return the class of an error, and the beginning of its first line."""
    try:
        said = str(error).strip().partition("\n")[0]
    except Exception:  # an error may refuse to say anything
        said = ""
    return type(error).__name__ + (f" ({said[: 2 * LONGEST]})" if said else "")
