"""Names of what the sweep makes."""

import itertools

_names = (f"h{i}" for i in itertools.count())


def name() -> str:
    """A name that is free."""
    return next(_names)
