"""Names of objects of the sweep."""

import itertools

_names = (f"h{i}" for i in itertools.count())


def name() -> str:
    """Return a free name."""
    return next(_names)
