"""Import the user's functions that a file names."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable

from pydpdk.app.session import App
from pydpdk.errors import ConfigError


def load_target(target: str, where: str) -> Callable[[App], object]:
    """Import `module:function`; search the working directory last.

    A file there cannot replace an installed module.

    Parameters
    ----------
    where
        The place in the file, for the message.

    Raises
    ------
    ConfigError
        It cannot be imported, or is not callable. If its code fails, the message names the line.
    """
    module_name, _, name = target.partition(":")
    here = os.getcwd()  # noqa: PTH109  # sys.path wants text
    if here not in sys.path:
        sys.path.append(here)
    try:
        function = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # the module's code may raise anything
        raise ConfigError([f"{where}: {target!r}: {_explain(error)}"]) from error
    if not callable(function):
        raise ConfigError([f"{where}: {target!r} is not callable"])
    return function  # type: ignore[no-any-return]


def _explain(error: Exception) -> str:
    """Describe an error, with its file and line."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}"
    *_, last = traceback.extract_tb(error.__traceback__)
    if last.filename == __file__ or "importlib" in last.filename:
        return str(error)  # there is no such module or name
    return f"{last.filename}:{last.lineno}: {type(error).__name__}: {error}"
