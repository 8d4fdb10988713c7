"""A running file: the objects that it names, and the apps that move its packets."""

from pydpdk.app.session import App as App, open_file as open  # noqa: A004, F401  # pydpdk.open
