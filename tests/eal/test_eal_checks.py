"""Checks of options; those of single options are in `tests/eal/test_eal.py`."""

import os
import resource

import pytest

from pydpdk.eal import checks
from pydpdk.eal.checks import problems
from pydpdk.eal.options import EalOptions


def test_the_defaults_are_valid():
    assert list(problems(EalOptions())) == []


@pytest.mark.parametrize(
    "options",
    [
        {"allow": ("0000:01:00.0", "1:2.3,key=value")},
        {"vdevs": ("net_null0,size=64", "net_tap_a,iface=b", "crypto_null0")},
        {"memory_mb": (64, 0)},
        {"in_memory": True},
        {"proc_type": "secondary", "file_prefix": "a"},
        {"log_level": ("8", "pmd.*:debug", "lib.eal,info")},
        {"extra": ("-n", "4", "--legacy-mem", "-r", "2", "--huge-unlink=never")},
        {"file_prefix": "x" * 64},
        {"base_virtaddr": 1 << 32},
    ],
)
def test_options_are_valid(options: dict[str, object]):
    assert list(problems(EalOptions(**options))) == []


@pytest.mark.parametrize("argument", ["-h", "-vh", "--help", "--he", "--log-level=help", "help"])
def test_a_request_for_help_is_found(argument: str):
    (found,) = problems(EalOptions(extra=(argument,)))
    assert (found.option, found.value) == ("extra", argument)


@pytest.mark.parametrize("argument", ["-nh", "-mhelp", "--huge-dir=/h", "--huge-unlink", "-r4"])
def test_a_value_with_an_h_is_no_request_for_help(argument: str):
    assert list(problems(EalOptions(extra=(argument,)))) == []


def test_unavailable_cpus_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 3})
    (found,) = problems(EalOptions(lcores="1-3"))
    assert "CPU 1 is outside the CPUs that this process may use (2-3)" in str(found)
    assert list(problems(EalOptions(lcores="0@2,1@(2-3)"))) == []


def test_descriptors_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (70, 70))
    (found,) = problems(EalOptions(lcores="0"))
    assert "ulimit -n" in found.allowed
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert list(problems(EalOptions(lcores="0"))) == []


def test_a_problem_prints_as_a_sentence():
    (found,) = problems(EalOptions(memory_mb=0))
    assert str(found) == f"memory_mb=0: {found.allowed}"


def test_nothing_here_needs_libdpdk():
    assert not hasattr(checks, "lib")
