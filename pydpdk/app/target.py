"""Functions of the user's, named in a file."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable

from pydpdk.app.session import App
from pydpdk.errors import ConfigError


def load_target(target: str, where: str) -> Callable[[App], object]:
    """Import `module:function`, from the working directory too.

    Parameters
    ----------
    where
        The place in the file, for the message.

    Raises
    ------
    ConfigError
        It cannot be imported, or is not callable.
    """
    module_name, _, name = target.partition(":")
    here = os.getcwd()  # noqa: PTH109  # sys.path wants text
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError([f"{where}: {target!r}: {error}"]) from error
    if not callable(function):
        raise ConfigError([f"{where}: {target!r} is not callable"])
    return function  # type: ignore[no-any-return]
