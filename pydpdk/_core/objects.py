"""The heap types of the data path, a second module in the library of `_dpdk`.

They call C directly, so that it can be inlined; cffi's own module has another name and another
`PyInit`. Python finds modules by the names of files, so this one is loaded here.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from types import BuiltinMethodType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydpdk import _dpdk

T = TypeVar("T", bound=type)
F = TypeVar("F", bound=Callable[..., Any])


def _load(name: str) -> Any:
    path: str = _dpdk.__file__
    loader = ExtensionFileLoader(name, path)
    module = module_from_spec(ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    sys.modules[name] = module
    return module


if TYPE_CHECKING:
    from pydpdk import _objects
else:
    _objects = _load("pydpdk._objects")

BurstBase = _objects.Burst
QueueBase = _objects.Queue
RingBase = _objects.Ring
BoundBase = _objects.Bound
MempoolBase = _objects.Mempool
ObjectPoolBase = _objects.ObjectPool
RoutesBase = _objects.Routes
HashBase = _objects.Hash
MeterBase = _objects.Meter
BpfBase = _objects.Bpf
WhereBase = _objects.Where
rewritten = _objects.rewritten
"""Columns that were rewritten before, for C to find."""
ColumnBase = _objects.Column
ColumnsBase = _objects.Columns
known_columns = _objects.known_columns
"""Columns that C finds by name: those that were used before."""
known_headers = _objects.known_headers
"""C's numbers of headers that were used before."""
_GIL_MODES = ("auto", "keep", "release")
"""As `enum pyd_gil_mode` counts them."""


def install(kind: str, *, without: tuple[str, ...] = ()) -> Callable[[T], T]:
    """Give a class the methods that C has for its kind; its own are what they call for the rest."""

    def decorate(cls: T) -> T:
        methods = {name: getattr(cls, name) for name in _objects.names(kind) if name not in without}
        bare = {n: m.fget if isinstance(m, property) else m for n, m in methods.items()}
        written = {name: m for name, m in bare.items() if isinstance(m, FunctionType)}
        _objects.install(cls, kind, {name: _described(m) for name, m in written.items()})
        return cls

    return decorate


def _described(method: FunctionType) -> str:
    """Return signature and docstring in the form that C's methods have."""
    signature = inspect.signature(method)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    shown = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return f"{method.__name__}{shown.replace('(self', '($self')}\n--\n\n{method.__doc__ or ''}"


def checked_of(method: F) -> F:
    """Return a method as it is written in Python, also of one that C serves, or of a bound one."""
    if isinstance(method, BuiltinMethodType):
        method = getattr(type(method.__self__), method.__name__)
    return cast("F", inspect.unwrap(_objects.checked_of(method)))


def gil_mode() -> str:
    """Return when calls give up the GIL: see `pydpdk.gil`."""
    return _GIL_MODES[_objects.gil()]


def set_gil_mode(mode: str) -> None:
    """Set when calls give up the GIL."""
    _objects.set_gil(_GIL_MODES.index(mode))


def _from_environment() -> None:
    wish = os.environ.get("PYDPDK_GIL") or "auto"
    if wish not in _GIL_MODES:
        raise ValueError(f"PYDPDK_GIL must be one of {', '.join(_GIL_MODES)} (got {wish!r})")
    set_gil_mode(wish)


_from_environment()
