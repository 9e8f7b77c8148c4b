"""Text that came from an answer, made fit to be shown: short, printable, whatever it was."""

LONGEST = 300


def short(text: str, limit: int = LONGEST) -> str:
    """`text`, cut to `limit` characters.

    >>> short("abcdef", 3)
    'abc …'
    """
    return text if len(text) <= limit else text[:limit] + " …"


def readable(text: str) -> str:
    """`text` with what no screen can show (control characters, broken Unicode) replaced.

    >>> readable("a\\x00b")
    'a\ufffdb'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def class_name(kind: type) -> str:
    """The name of a class, cut; read past its metaclass, which may answer anything.

    >>> class_name(ValueError)
    'ValueError'
    """
    return short(str.__str__(type.__dict__["__name__"].__get__(kind)), 100)
