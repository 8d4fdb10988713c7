"""`eal.extra` of a file: options of the EAL that no key stands for."""

import pytest

from pydpdk.config.load import loads
from pydpdk.errors import ConfigError


def faults(extra: list[str], eal: str = "") -> list[str]:
    lines = "".join(f"  - {entry!r}\n" for entry in extra)
    try:
        loads(f"eal:\n extra:\n{lines}{eal}")
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    "extra",
    [
        ["-n", "4", "-r2", "--huge-unlink=never", "--legacy-mem"],
        ["-d", "/a.so", "--driver-path=/b.so", "--no-shconf", "--match-alloc"],
        ["--socket-limit", "64", "--trace=lib.*", "--trace-dir", "/tmp", "--syslog"],
        ["--vdev=net_null9,size=64", "--vdev", "net_tap9", "--log-timestamp=iso", "--no-hpet"],
    ],
)
def test_options_without_a_key_are_valid(extra: list[str]):
    assert faults(extra) == []


@pytest.mark.parametrize(
    ("extra", "allowed"),
    [
        ("--in-memory", "the key eal.in_memory instead of --in-memory"),
        ("--no-huge", "the key eal.hugepages instead of --no-huge"),
        ("--no-tele", "the key eal.telemetry instead of --no-telemetry"),
        ("--socket-mem=64", "the key eal.memory_mb"),
        ("-m64", "the key eal.memory_mb"),
        ("-a0000:01:00.0", "the key eal.allow"),
        ("-l0-3", "the key eal.lcores"),
        ("--file-prefix=x", "the key eal.file_prefix"),
        ("--log-level=help", "the key eal.log_level"),
        ("--proc-type=auto", "the key eal.proc_type"),
        ("-S1", "no service lcores: pydpdk has none"),
        ("--help", "no request for help: the EAL would exit the process"),
        ("-hv", "no request for help"),
        ("-v", "no request for the version, which `pydpdk --version` prints"),
        ("--version", "no request for the version"),
        ("--trace=help", "no request for help"),
        ("--foo", "options of the EAL: --create-uio-dev, --driver-path,"),
        ("--huge-dri=/x", "did you mean --huge-dir?"),
        ("--no-", "options of the EAL"),  # of several
        ("-x", "options of the EAL"),
        ("--", "options of the EAL"),
        ("-", "options of the EAL"),
        ("", "options of the EAL; a value follows"),
        ("64", "options of the EAL; a value follows"),
        ("--no-hpet=1", "--no-hpet without a value"),
        ("--huge-dir", "--huge-dir with a value after it"),
        ("-n", "--memory-channels with a value after it"),
        ("--vdev=net_null0,size=0", "size=<1..4294967294 bytes>, not 'size=0'"),
        ("--vdev=net_vhost0", "net_vhost needs it"),
        ("--vdev=,", "for example"),
    ],
)
def test_an_option_that_does_not_belong_here(extra: str, allowed: str):
    [found] = faults(["--no-shconf", extra])
    assert found.startswith(f"<string>:4: eal.extra[1]: {extra!r}, allowed: ")
    assert allowed in found


def test_the_value_of_an_option_is_no_option():
    assert faults(["--huge-dir", "--in-memory"]) == []
    [found] = faults(["--vdev", "net_memif0,role=sever"])
    assert "did you mean server?" in found


@pytest.mark.parametrize(
    ("extra", "eal", "fault"),
    [
        (
            ["--legacy-mem", "--match-allocations"],
            "",
            "extra[1]: '--match-allocations', allowed: n",
        ),
        (["--socket-limit=64", "--legacy-mem"], "", "extra[0]: '--socket-limit=64', allowed: noth"),
        (["--legacy-mem"], " in_memory: true", "nothing with eal.in_memory"),
        (["--huge-unlink=never"], " in_memory: true", "nothing with eal.in_memory"),
        (["--huge-unlink"], " single_file_segments: true", "nothing with eal.single_file_segments"),
        (["--huge-unlink"], " hugepages: false", "nothing without hugepages"),
        (["--match-allocations"], " hugepages: false", "nothing without hugepages"),
        (["--vdev=net_null0"], " vdevs: [net_null0]", "a device that eal.vdevs does not name"),
        (
            ["--vdev=net_null0"],
            "ports: {a: {device: net_null0, nb_rx_queues: 0}}",
            "ports.a.device: 'net_null0', allowed: a device that eal.extra[0] does not name",
        ),
    ],
)
def test_options_that_contradict(extra: list[str], eal: str, fault: str):
    [found] = faults(extra, eal)
    assert fault in found
