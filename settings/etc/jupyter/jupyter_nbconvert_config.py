"""Let `jupyter nbconvert` show the pictures of live figures, which need no kernel and no network.

Every Python that shares this folder reads this file, also one that has no course.
"""

from contextlib import suppress

from traitlets.config import get_config

with suppress(ImportError):
    from course.cli.export import preprocess

    get_config().Exporter.preprocessors.append(preprocess)
