"""A running file: the objects that it names, and the apps that move its packets."""

from pydpdk.app.session import App, open_file as open  # noqa: A004, F401  # as in `pydpdk.open`

__all__ = ["App"]  # without `open`: a star import must not shadow the builtin
