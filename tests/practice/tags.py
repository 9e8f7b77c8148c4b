"""Read HTML as XML, whose tags have to close in order."""

from xml.etree import ElementTree


def read_html(piece: str) -> tuple[list[ElementTree.Element], str]:
    """Return the elements of a piece of HTML, in order, and its text."""
    body = ElementTree.fromstring(f"<body>{piece}</body>")
    return [*body.iter()][1:], "".join(body.itertext())
