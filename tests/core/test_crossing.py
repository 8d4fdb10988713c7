"""`_crossing` as a module: a state of its own, types that stay, and cycles that are collected."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec
from typing import Any

import pytest

from pydpdk import _crossing
from pydpdk._core.objects import RingBase
from pydpdk._crossing import Buffer, Fixed, Locked, Once, Undo


def another() -> Any:
    """Make another module object of the library, as another interpreter would."""
    name, path = _crossing.__name__, _crossing.__file__
    loader = ExtensionFileLoader(name, path)
    module = module_from_spec(ModuleSpec(name, loader, origin=path))
    loader.exec_module(module)
    return module


def types(module: Any) -> dict[str, type]:
    return {name: value for name, value in vars(module).items() if isinstance(value, type)}


class Pot:
    """Something that a cycle goes through, and that a weak reference can watch."""

    def __init__(self) -> None:
        self.contents: Any = None

    def __call__(self, *_: object) -> None:
        """Be what a block calls."""

    acquire = release = __call__


def made_once(init: Callable[..., None]) -> Any:
    class Made(Fixed):
        __slots__ = ("_begun",)
        __init__ = Once(init)  # type: ignore[assignment]

    return Made


def test_each_module_object_has_its_own_types():
    other = another()
    assert types(other).keys() == types(_crossing).keys()
    assert not set(types(other).values()) & set(types(_crossing).values())


def test_a_type_serves_the_objects_of_its_own_module():
    other = another()

    class Made(other.Fixed):  # type: ignore[misc, name-defined]
        pass

    other.Once(lambda _: None)(Made())
    with pytest.raises(TypeError, match="takes an object to be made"):
        Once(lambda _: None)(Made())  # type: ignore[operator]


def test_a_module_object_is_freed_with_its_types():
    other = another()
    watched = [weakref.ref(other), *map(weakref.ref, types(other).values())]
    del other
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


def test_a_module_object_stays_while_it_has_objects():
    other = another()
    init = other.Once(lambda made: setattr(made, "_said", 1))
    made = type("Made", (other.Fixed,), {"__init__": init})()
    freed = weakref.ref(other)
    del other, init
    gc.collect()
    assert freed() is not None
    assert type(made)()._said == 1
    with pytest.raises(RuntimeError, match="was made already"):
        made.__init__()
    del made
    gc.collect()
    assert freed() is None


@pytest.mark.parametrize("name", sorted(types(_crossing)))
def test_a_type_cannot_be_changed(name: str):
    with pytest.raises(TypeError, match="immutable type"):
        setattr(getattr(_crossing, name), "__init__", None)  # noqa: B010
    assert getattr(_crossing, name).__module__ == "pydpdk._crossing"


def fixed(pot: Pot) -> Any:
    made = type("Made", (Fixed,), {})()
    made.pot = pot
    return made


def class_of(pot: Pot) -> Any:
    """Give an object whose class refers to it: the object visits its class."""
    made = type("Made", (Buffer,), {"__slots__": (), "pot": pot})()
    type(made).made = made
    return made


def kept(pot: Pot) -> Any:
    made = type("Made", (RingBase,), {})()
    made._keep(pot)
    return made


def once(pot: Pot) -> Any:
    made = Once(lambda _: pot.__call__())
    made.pot = pot  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    "make",
    [
        fixed,
        class_of,
        kept,
        once,
        lambda pot: Locked(pot),
        lambda pot: Locked(threading.Lock(), pot),
        lambda pot: Locked(threading.Lock(), None, pot),
        lambda pot: Undo(pot),
        lambda pot: Undo(print, pot),
    ],
)
def test_a_cycle_is_collected(make: Callable[[Pot], Any]):
    pot = Pot()
    pot.contents = make(pot)
    freed = weakref.ref(pot)
    del pot
    gc.collect()
    assert freed() is None


def test_a_block_that_is_never_resumed_gives_back_its_lock():
    """Its frame is in a cycle, so the collector ends it."""
    lock = threading.Lock()

    class Waiting:
        def block(self) -> Iterator[None]:
            with Locked(lock, self.check):
                yield

        def check(self) -> None:
            """Refer to the object."""

    waiting: Any = Waiting()
    waiting.running = waiting.block()
    next(waiting.running)
    assert lock.locked()
    del waiting
    gc.collect()
    assert not lock.locked()


def test_what_a_freed_block_does_may_collect_and_raise():
    """With an exception that is under way: it stays what it is."""
    done = []

    def undo() -> None:
        gc.collect()
        done.append(gc.collect())
        raise ValueError

    block = Undo(undo)
    block.__enter__()
    with pytest.raises(KeyError, match="first"):
        try:
            raise KeyError("first")
        finally:
            del block
    assert done


def test_a_constructor_runs_once_also_with_other_objects_in_its_record():
    """The record is a tuple of constructors; anything else is replaced."""
    made = made_once(lambda *_: None)()
    with pytest.raises(RuntimeError, match="was made already"):
        made.__init__()
    made._begun = [1]
    made.__init__()
    assert isinstance(made._begun, tuple)
