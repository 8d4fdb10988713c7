"""Import the user's functions that a file names."""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from pydpdk.app.session import App
from pydpdk.errors import ConfigError

_IMPORTING = re.compile(
    rf"{re.escape(__file__)}|<frozen importlib|{re.escape(str(Path(importlib.__file__).parent))}"
)
"""Frames of the import itself."""


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
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the module's code may raise anything, SystemExit too
        raise ConfigError([f"{where}: {target!r}: {_explain(error, module_name)}"]) from error
    if not callable(function):
        raise ConfigError([f"{where}: {target!r} is not callable"])
    return function  # type: ignore[no-any-return]


def _explain(error: BaseException, module: str) -> str:
    """Describe an error in one line, with its file and line."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{error.filename}:{error.lineno or 1}: {error.msg}"
    text = " ".join(traceback.format_exception_only(error)[-1].split())
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _IMPORTING.match(frame.filename)]
    if own:
        return f"{own[-1].filename}:{own[-1].lineno}: {text}"
    if isinstance(error, ModuleNotFoundError):
        return str(error)
    files = _files(module)
    if isinstance(error, AttributeError) and len(files) > 1:
        return f"{error}: {files[0]} is imported, and not {files[-1]}, which has the same name"
    return f"{files[0]}: {error}" if files else str(error)


def _files(module: str) -> list[Path]:
    """Return the files that a module's name may stand for, the imported one first."""
    loaded = getattr(sys.modules.get(module), "__file__", None)
    parts = module.split(".")
    places = [Path(directory or ".", *parts) for directory in sys.path]
    found = [
        file
        for place in places
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py"))
        if file.is_file()
    ]
    return list(dict.fromkeys([Path(loaded), *found] if loaded else found))
