"""Call `rte_eal_init`, and explain a failure."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

from pydpdk import log
from pydpdk._core.lifetime import Undo
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.options import EalOptions
from pydpdk.eal.resolve import Resolved, needs_of
from pydpdk.errors import EalInitError
from pydpdk.host import runtime

_kept: list[Any] = []  # argv: getopt and the EAL point into it until the process ends


def start(resolved: Resolved) -> tuple[frozenset[int], list[str]]:
    """Call `rte_eal_init`; return the CPUs of the main lcore and the lines that were logged.

    Raises
    ------
    EalInitError
        It failed.
    """
    argv, options = resolved.argv, resolved.options
    texts = [ffi.new("char[]", argument.encode()) for argument in argv]
    c_argv = ffi.new("char *[]", [*texts, ffi.NULL])
    _kept.extend((texts, c_argv))
    _check_parser(c_argv, len(texts), options)
    affinity = os.sched_getaffinity(0)
    recorder = log.Recorder()
    with Undo(recorder.__exit__, None, None, None), recorder:
        try:
            result = lib.pyd_eal_init(len(texts), c_argv)
            number = lib.pyd_rte_errno()
            main_cpus = frozenset(os.sched_getaffinity(0))
        finally:
            os.sched_setaffinity(0, affinity)
    if result < 0:
        runtime.unlock_mounts()
        raise _init_error(number, [*recorder.lines, *_complaints(argv[0])], options)
    return main_cpus, recorder.lines


def _check_parser(c_argv: Any, argc: int, options: EalOptions) -> None:
    """Check the user's extra arguments with the EAL's parser, which may exit the process later."""
    if not options.extra:
        return
    errors = ffi.string(lib.pyd_eal_rejection(argc, c_argv)).decode(errors="replace")
    if errors:
        raise _init_error(errno.EINVAL, errors.splitlines(), options)


def _complaints(program: str) -> list[str]:
    """Return getopt's error messages, which it prints instead of logging."""
    printed = ffi.string(lib.pyd_eal_printed()).decode(errors="replace")
    lines = (line for line in printed.splitlines() if line.startswith(f"{program}: "))
    return list(dict.fromkeys(lines))


_HINTS = (
    ("Cannot create lock on", "another primary runs under this file_prefix: choose another name"),
    ("failed to parse device", "no driver of that name: is its PMD package installed?"),
    ("Cannot init config", "another primary runs under this file_prefix, or it cannot be written"),
    ("disable ASLR", "the address is taken: start the process again, or set base_virtaddr"),
    ("Cannot open hugepage_data", "the primary has no hugepages, so nothing can attach to it"),
)


def _init_error(number: int, lines: Sequence[str], options: EalOptions) -> EalInitError:
    from pydpdk.host import doctor  # here: it has many modules, and a start rarely fails

    text = "\n".join(lines)
    findings = doctor.failures(needs_of(options))
    hints = [*(hint for sign, hint in _HINTS if sign in text), *map(str, findings)]
    # 0 after a failure: only a lock that is held by another process fails without an errno
    number = number or errno.EBUSY
    what = f"{errno.errorcode.get(number, number)}: {os.strerror(number)}"
    error = init_error(number, what, lines, hints)
    error.findings = tuple(findings)
    return error


def init_error(
    number: int, what: str, lines: Sequence[str], hints: Sequence[str] = ()
) -> EalInitError:
    """Build the error for a failed start, with the lines that were logged."""
    remedies = (f"what to do: {hint}" for hint in hints)
    error = EalInitError(number, "\n  ".join([f"rte_eal_init: {what}", *lines, *remedies]))
    error.call, error.lines, error.hints = "rte_eal_init", tuple(lines), tuple(hints)
    return error
