"""Arguments that messages reject before they call DPDK, and errors where there is no channel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pydpdk
from pydpdk import messages
from pydpdk.process.messages import wire


def _bad(call: Callable[..., object]) -> list[tuple[Callable[[], object], type[Exception], str]]:
    return [
        (lambda: call(""), ValueError, r"1\.\.56 printable"),
        (lambda: call("x" * 57), ValueError, r"1\.\.56 printable"),
        (lambda: call("a b"), ValueError, r"1\.\.56 printable"),
        (lambda: call("a\0b"), ValueError, r"1\.\.56 printable"),
        (lambda: call("é"), ValueError, r"1\.\.56 printable"),
        (lambda: call(b"x"), TypeError, r"a string of 1\.\.56"),
        (lambda: call(None), TypeError, r"a string of 1\.\.56"),
    ]


def _bad_bytes(
    call: Callable[..., object], most: int
) -> list[tuple[Callable[[], object], type[Exception], str]]:
    return [
        (lambda: call("x", b"x" * 257), ValueError, r"0\.\.256 bytes \(got 257\)"),
        (lambda: call("x", np.zeros(33, "u8")), ValueError, r"0\.\.256 bytes \(got 264\)"),
        (lambda: call("x", "text"), TypeError, "bytes or a buffer"),
        (lambda: call("x", 5), TypeError, "bytes or a buffer"),
        (lambda: call("x", fds=[0] * (most + 1)), ValueError, rf"len\(fds\) must be 0\.\.{most} "),
        (lambda: call("x", fds=[-1]), ValueError, r"fds must be 0\.\..*got -1"),
        (lambda: call("x", fds=[2**31]), ValueError, r"0\.\.2147483647"),
        (lambda: call("x", fds=[999999]), ValueError, "999999 is not open"),
        (lambda: call("x", fds=["0"]), TypeError, "an integer"),
        (
            lambda: call("x", timeout=-1),
            ValueError,
            r"timeout must be at least 0, or None \(got -1\)",
        ),
        (lambda: call("x", timeout=float("nan")), ValueError, "timeout must be at least 0"),
        (lambda: call("x", timeout="1"), TypeError, "timeout must be a number"),
        (lambda: call("x", timeout=True), TypeError, "timeout must be a number"),
    ]


REJECTED = [
    *_bad(messages.send), *_bad(messages.request), *_bad(messages.request_sync),
    *_bad(lambda name: messages.handle(name, print)),
    *_bad_bytes(messages.send, wire.FDS_MAX), *_bad_bytes(messages.request, wire.FDS_MAX - 1),
    *_bad_bytes(messages.request_sync, wire.FDS_MAX),
    (lambda: messages.handle("x", None), TypeError, "must be callable with an MpMessage"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(REJECTED)))
def test_arguments_that_dpdk_does_not_check_raise(eal: pydpdk.Eal, number: int):
    call, kind, text = REJECTED[number]
    with pytest.raises(kind, match=text):
        call()


def test_messages_raise_without_shared_memory(run_script):
    done = run_script("""
        from pydpdk import messages
        init(hugepages=False)
        for call in (lambda: messages.send("x"), lambda: messages.request("x"),
                     lambda: messages.request_sync("x"), lambda: messages.handle("x", print)):
            try:
                call()
            except pydpdk.NotSupportedError as error:
                print(error)
    """)
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    assert all("no process can attach to this EAL: it needs hugepages" in line for line in lines)


def test_messages_raise_without_an_eal(run_script):
    done = run_script("""
        from pydpdk import messages
        for call in (messages.send, messages.request, messages.request_sync,
                     lambda name: messages.handle(name, print)):
            try:
                call("x")
            except pydpdk.ClosedError as error:
                print(error)
    """)
    assert done.stdout.splitlines() == ["no EAL is running: call pydpdk.init() first"] * 4
