"""DPDK's error conventions, on its own functions; these need no EAL."""

import errno

import pytest

from pydpdk._dpdk import lib
from pydpdk.errors import (
    BusyError,
    ClosedError,
    ConfigError,
    DpdkError,
    EalInitError,
    InUseError,
    NameTakenError,
    NoRoomError,
    NotFoundError,
    NotSupportedError,
    SecondaryError,
    TimedOutError,
    VersionError,
    check_name,
    check_range,
    make_error,
)


@pytest.mark.parametrize(
    ("number", "kind", "also"),
    [
        (errno.ENOMEM, NoRoomError, MemoryError),
        (errno.ENOBUFS, NoRoomError, MemoryError),
        (errno.ENOSPC, NoRoomError, MemoryError),
        (errno.ENOENT, NotFoundError, LookupError),
        (errno.ENODEV, NotFoundError, LookupError),
        (errno.EEXIST, NameTakenError, FileExistsError),
        (errno.ENOTSUP, NotSupportedError, OSError),
        (errno.EBUSY, BusyError, OSError),
        (errno.ETIMEDOUT, TimedOutError, TimeoutError),
        (errno.EINVAL, DpdkError, OSError),
    ],
)
def test_an_errno_has_its_class(number: int, kind: type[DpdkError], also: type[Exception]):
    error = make_error("rte_call", number, "detail", "what DPDK logged")
    assert type(error) is kind
    assert isinstance(error, also)
    assert isinstance(error, DpdkError)
    assert (error.errno, error.call, error.log) == (number, "rte_call", "what DPDK logged")
    assert str(error).startswith(f"[Errno {number}] rte_call: detail: {errno.errorcode[number]}")
    assert str(error).endswith("[DPDK: what DPDK logged]")


def test_an_errno_of_dpdks_own():
    error = make_error("rte_call", lib.E_RTE_SECONDARY)
    assert type(error) is SecondaryError
    assert "secondary" in str(error).lower()


def test_a_failure_without_an_errno_is_no_success():
    assert "Success" not in str(make_error("rte_call", 0))


def test_other_errnos_are_plain_os_errors():
    assert issubclass(EalInitError, DpdkError)
    assert issubclass(ClosedError, RuntimeError)
    assert issubclass(InUseError, BufferError)
    assert issubclass(VersionError, ImportError)
    assert issubclass(ConfigError, ValueError)


def test_config_error_lists_all():
    error = ConfigError(["a.yaml:1: x", "a.yaml:2: y"])
    assert error.problems == ("a.yaml:1: x", "a.yaml:2: y")
    assert str(error) == "a.yaml:1: x\na.yaml:2: y"


class Index:
    def __index__(self) -> int:
        return 3


def test_range():
    assert check_range("n", 3, 1, 5) == check_range("n", Index(), 1, 5) == 3
    for bad in (0, 6, 1 << 70):
        with pytest.raises(ValueError, match=rf"n must be 1\.\.5 mbufs \(got {bad}\)"):
            check_range("n", bad, 1, 5, " mbufs")
    for other in (True, 3.0, "3", None, [3]):
        with pytest.raises(TypeError, match=r"n must be an integer, 1\.\.5"):
            check_range("n", other, 1, 5)


def test_name():
    assert check_name("ring", "a" * 28, 28) == b"a" * 28
    for bad in ("", "a" * 29, "a b", "a/b", "a%b", "é", "a\0", "a\n"):
        with pytest.raises(ValueError, match="ring name"):
            check_name("ring", bad, 28)
    for other in (None, 5, b"a"):
        with pytest.raises(TypeError, match="ring name"):
            check_name("ring", other, 28)
