from typing import Any

import pytest

from pydpdk.eal.options import DEFAULT_NO_HUGE_MB, EalOptions, build_argv


def argv(*, hugepages: bool = True, **options: Any) -> list[str]:
    built = build_argv(EalOptions(**options), hugepages=hugepages, file_prefix="x")
    assert built[0] == "pydpdk"
    return built[1:]


def has(parts: list[str], *wanted: str) -> bool:
    n = len(wanted)
    return any(tuple(parts[i : i + n]) == wanted for i in range(len(parts)))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"lcores": "1-2"}, ("--lcores", "1@1,2@2")),
        ({"lcores": (3,)}, ("--lcores", "3@3")),
        ({"main_lcore": 2}, ("--main-lcore", "2")),
        ({}, ("--file-prefix", "x")),
        ({}, ("--proc-type", "primary")),
        ({"proc_type": "secondary"}, ("--proc-type", "secondary")),
        ({"memory_mb": 64}, ("-m", "64")),
        ({"memory_mb": (64, 0)}, ("--socket-mem", "64,0")),
        ({"in_memory": True}, ("--in-memory",)),
        ({"single_file_segments": True}, ("--single-file-segments",)),
        ({}, ("--no-pci",)),
        ({}, ("--iova-mode=va",)),
        ({"iova_mode": "pa"}, ("--iova-mode=pa",)),
        ({"allow": ("01:00.0,a=b", "02:00.0")}, ("-a", "01:00.0,a=b", "-a", "02:00.0")),
        ({"block": ("01:00.0",)}, ("-b", "01:00.0")),
        ({"vdevs": ("net_null0,size=64",)}, ("--vdev=net_null0,size=64",)),
        ({"log_level": ("debug", "pmd.*:info")}, ("--log-level=debug", "--log-level=pmd.*:info")),
        ({"telemetry": False}, ("--no-telemetry",)),
        ({"in_memory": True}, ("--no-telemetry",)),
        ({"base_virtaddr": 1 << 32}, ("--base-virtaddr=0x100000000",)),
        ({"extra": ("-n", "4")}, ("-n", "4")),
    ],
)
def test_option_becomes(options: dict[str, Any], wanted: tuple[str, ...]):
    assert has(argv(**options), *wanted)


@pytest.mark.parametrize(
    ("options", "unwanted"),
    [
        ({}, "--lcores"),
        ({}, "-m"),
        ({}, "--no-huge"),
        ({}, "--no-telemetry"),
        ({"pci": True}, "--no-pci"),
        ({"pci": True}, "--iova-mode=va"),
        ({"allow": ("01:00.0",)}, "--no-pci"),
        ({"proc_type": "secondary"}, "--iova-mode=va"),
    ],
)
def test_option_is_left_out(options: dict[str, Any], unwanted: str):
    assert unwanted not in argv(**options)


def test_without_hugepages():
    parts = argv(hugepages=False)
    assert has(parts, "--no-huge", "--no-shconf", "-m", str(DEFAULT_NO_HUGE_MB))
    assert "--no-telemetry" in parts
    assert has(argv(hugepages=False, memory_mb=64), "-m", "64")
    assert "--single-file-segments" not in argv(hugepages=False, single_file_segments=True)


def test_extra_comes_last():
    assert argv(extra=("-n", "4"), vdevs=("net_null0",))[-2:] == ["-n", "4"]
