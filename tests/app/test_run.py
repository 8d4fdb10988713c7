"""`pydpdk run` on every file of configs/ that can run on this machine."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
from pathlib import Path

import pytest
from waiting import until

KEYS = {
    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes",
    "rx_pps", "tx_pps", "rx_missed", "tx_dropped", "rx_malformed", "errors",
}  # fmt: skip


def _run(command, cwd, **options):
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=cwd, check=False, **options
    )


def _report(command, cwd):
    finished = _run(command, cwd)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.parametrize("file", ["quickstart.yaml", "null.yaml", "ring.yaml"])
def test_virtual_ports_forward(command, tmp_path, on_hugepages, file):
    report = _report(command(file, "--duration", "0.5", "--json"), tmp_path)
    assert report["hugepages"] is on_hugepages
    assert report["dpdk_version"].count(".") == 2
    assert report["duration_s"] > 0.4
    for port in report["ports"].values():
        assert set(port) == KEYS
        assert port["rx_packets"] > 0
        assert port["tx_packets"] > 0
        assert port["rx_missed"] == port["tx_dropped"] == 0
    assert all(pool["in_use"] == 0 for pool in report["mempools"].values() if file != "ring.yaml")


def test_report_shows_the_live_chain(command, tmp_path, on_hugepages):
    chain = _report(command("null.yaml", "--duration", "0.1", "--json"), tmp_path)["chain"]
    assert chain["hugepages"][0]["page_sz"] == (2 << 20 if on_hugepages else 4096)
    assert chain["memsegs"]["bytes"] >= sum(zone["len"] for zone in chain["memzones"])
    assert [pool["name"] for pool in chain["mempools"]] == ["packets"]
    packet = chain["packet"]
    zone = next(z for z in chain["memzones"] if z["name"] == packet["memzone"])
    assert zone["addr"] <= packet["data_addr"] < zone["addr"] + zone["len"]
    assert packet["page_addr"] <= packet["data_addr"] < packet["page_addr"] + packet["page_sz"]


def test_plain_output_has_chain_rates_and_table(command, tmp_path, children):
    run = children.start(command("null.yaml"), cwd=tmp_path)
    chain = "\n".join(run.lines_until("pps"))
    run.signal(signal.SIGTERM)
    finished = run.finish()
    assert finished.returncode == 0, finished.stderr
    for part in ("-> memsegs", "-> mempool", "-> packet"):
        assert part in chain
    for part in ("rx packets", "in use"):
        assert part in finished.stdout


def _write_pcap(path: Path) -> list[bytes]:
    packets = [
        bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + kind + bytes(i % 251 for i in range(length))
        for length in range(50, 1480, 13)
        for kind in (b"\x08\x00", b"\x86\xdd", b"\x08\x06", b"\x81\x00\x00\x07\x08\x00")
    ]
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    records = (struct.pack("<IIII", 1, 0, len(p), len(p)) + p for p in packets)
    path.write_bytes(header + b"".join(records))
    return packets


def _read_pcap(path: Path) -> list[bytes]:
    data, packets = path.read_bytes()[24:], []
    while data:
        length = struct.unpack("<IIII", data[:16])[2]
        packets.append(data[16 : 16 + length])
        data = data[16 + length :]
    return packets


def test_a_capture_file_is_written_as_it_was_read(command, tmp_path):
    packets = _write_pcap(tmp_path / "in.pcap")
    report = _report(command("pcap.yaml", "--duration", "0.5", "--json"), tmp_path)
    assert report["ports"]["files"]["tx_packets"] == len(packets)
    assert _read_pcap(tmp_path / "out.pcap") == packets


@pytest.mark.net_admin
@pytest.mark.usefixtures("tun")
def test_tap_devices_are_made_and_removed(command, tmp_path):
    finished = _run(command("tap.yaml", "--duration", "0.5", "--json"), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert set(json.loads(finished.stdout)["ports"]) == {"a", "b"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_cleanly(command, tmp_path, children, number):
    run = children.start(command("null.yaml"), cwd=tmp_path)
    run.lines_until("pps")
    run.signal(number)
    done = run.finish()
    assert done.returncode == 0, done.stderr
    assert "rx packets" in done.stdout


def _python_file(tmp_path, code):
    (tmp_path / "mine.py").write_text(code)
    file = tmp_path / "mine.yaml"
    file.write_text(
        "mempools: {packets: {n: 1023}}\n"
        "ports: {p0: {device: 'net_null0,size=64'}}\n"
        "app: {python: 'mine:main'}\n"
    )
    return file


def test_the_function_of_the_user_gets_the_open_file(command, tmp_path):
    file = _python_file(
        tmp_path,
        "import pydpdk\n"
        "def main(app):\n"
        "    burst = pydpdk.Burst(32)\n"
        "    while app.running:\n"
        "        app.ports['p0'].rx_queues[0].rx(burst)\n"
        "        app.ports['p0'].tx_queues[0].tx(burst)\n",
    )
    report = _report(command(file, "--duration", "0.3", "--json"), tmp_path)
    assert report["ports"]["p0"]["tx_packets"] > 0


def test_the_result_of_the_function_of_the_user_is_in_the_final_table(command, tmp_path):
    file = _python_file(tmp_path, "def main(app):\n    return {'flows': 12}\n")
    assert "python: {'flows': 12}" in _run(command(file, "--duration", "1"), tmp_path).stdout
    assert (
        _report(command(file, "--duration", "1", "--json"), tmp_path)["result"] == "{'flows': 12}"
    )


def test_a_function_that_raises_leaves_nothing_behind(command, tmp_path):
    file = _python_file(
        tmp_path,
        "import pydpdk\n"
        "def main(app):\n"
        "    burst = pydpdk.Burst(32)\n"
        "    app.ports['p0'].rx_queues[0].rx(burst)\n"
        "    view = burst[0]\n"
        "    raise RuntimeError('mine')\n",
    )
    finished = _run(command(file, "--duration", "5"), tmp_path)
    assert finished.returncode == 1
    assert "RuntimeError: mine" in finished.stderr


def test_a_function_that_does_not_look_hears_of_the_stop(command, tmp_path, children):
    file = _python_file(
        tmp_path,
        "import time\n"
        "from pathlib import Path\n"
        "def main(app):\n"
        "    while not Path('go').exists():\n"
        "        time.sleep(0.01)\n"
        "    return app.running\n",
    )
    run = children.start(command(file, "--duration", "0.1"), cwd=tmp_path)
    until(lambda: "has not returned 2 s after the stop" in run.errors)
    (tmp_path / "go").touch()
    done = run.finish()
    assert done.returncode == 0, done.stderr
    assert "python: False" in done.stdout
    assert done.stderr.count("has not returned") == 1


def test_a_missing_function_is_a_fault_of_the_file(command, tmp_path):
    file = _python_file(tmp_path, "")
    finished = _run(command(file, "--duration", "1"), tmp_path)
    assert finished.returncode == 2
    assert "app.python: 'mine:main'" in finished.stderr


def test_generate_does_not_exceed_its_rate(command, tmp_path):
    file = tmp_path / "rate.yaml"
    file.write_text(
        "mempools: {packets: {n: 8191}}\n"
        "ports: {p0: {device: 'net_null0'}}\n"
        "app: {generate: {rate_pps: 20000, burst: 32}}\n"
    )
    report = _report(command(file, "--duration", "1", "--json"), tmp_path)
    sent = report["ports"]["p0"]["tx_packets"]
    assert 0 < sent <= 20_000 * report["duration_s"] + 32


def test_an_unsupported_setting_of_a_device_is_a_fault_of_the_file(command, tmp_path):
    file = tmp_path / "many.yaml"
    file.write_text(
        "mempools: {packets: {n: 8191}}\n"
        "ports:\n"
        "  p0: {device: 'net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap', rss: [IP]}\n"
        "app: {drop: {}}\n"
    )
    _write_pcap(tmp_path / "in.pcap")
    finished = _run(command(file, "--duration", "1"), tmp_path)
    assert finished.returncode == 2, finished.stderr
    assert "ports.p0: rss on port 'net_pcap0' must be of nothing (got " in finished.stderr


@pytest.mark.parametrize("kept", [True, False])
def test_tracing_in_the_file_names_the_line_that_leaked(command, tmp_path, kept):
    file = _python_file(
        tmp_path,
        "import pydpdk\n"
        "KEPT = []\n"
        "def main(app):\n"
        "    burst = pydpdk.Burst(32)\n"
        "    burst.alloc(app.mempools['packets'], 7)\n"
        f"    {'KEPT.append(burst)' if kept else 'pass'}\n",
    )
    plain = _run(command(file), tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "LeakWarning: " in plain.stderr
    assert "Burst.alloc at" not in plain.stderr
    file.write_text(file.read_text() + "debug: {trace_mbufs: true}\n")
    traced = _run(command(file), tmp_path)
    assert traced.returncode == 0, traced.stderr
    where = f"Burst.alloc at {tmp_path / 'mine.py'}:5"
    report = f"<Burst 7 of 32>: it holds 7 mbufs: 7 taken by {where}"  # a forgotten one is kept
    assert "LeakWarning: " in traced.stderr
    assert report in traced.stderr


@pytest.mark.parametrize("app", ["forward: {}", "drop: {}", "generate: {burst: 32}"])
def test_tracing_finds_no_leak_in_our_apps(command, tmp_path, app):
    """A full ring leaves the generator a burst that it cannot send."""
    file = tmp_path / "app.yaml"
    file.write_text(
        "mempools: {packets: {n: 8191}}\n"
        "ports: {p0: {device: 'net_null0'}, p1: {device: 'net_ring0'}}\n"
        f"app: {{{app}}}\n"
        "debug: {trace_mbufs: true}\n"
    )
    finished = _run(command(file, "--duration", "0.2"), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "Warning" not in finished.stderr


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = 1\ndef main(app:\n", "mine.py:2: '(' was never closed"),
        ("x = 1\ny = x / 0\n", "mine.py:2: ZeroDivisionError: division by zero"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("x = 1\n", "has no attribute 'main'"),
        ("import sys\nsys.exit()\n", "mine.py:2: SystemExit"),
        ("class E(BaseException): pass\nraise E('no')\n", "mine.py:2: mine.E: no"),
        ("raise ValueError('one\\ntwo')\n", "mine.py:1: ValueError: one two\n"),
        (
            "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E\n",
            "mine.py:3: mine.E: <exception str() failed>",
        ),
        ("exec('def f(:')\n", "mine.py:1: SyntaxError: invalid syntax"),
        ("x = '\0'\n", "source code string cannot contain null bytes"),
        ("# coding: nonsense\n", ": nonsense"),
    ],
)
def test_a_function_that_cannot_be_imported_is_a_fault_of_the_file(command, tmp_path, code, says):
    finished = _run(command(_python_file(tmp_path, code), "--duration", "1"), tmp_path)
    assert finished.returncode == 2
    assert "mine.yaml:" in finished.stderr
    assert says in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_file_with_the_name_of_an_installed_module_is_named(command, tmp_path):
    file = _python_file(tmp_path, "def main(app): pass\n")
    file.write_text(file.read_text().replace("mine:main", "json:main"))
    (tmp_path / "json.py").write_text("def main(app): pass\n")
    finished = _run(command(file, "--duration", "1"), tmp_path)
    assert finished.returncode == 2
    assert "json/__init__.py is imported, and not " in finished.stderr
    assert "json.py, which has the same name" in finished.stderr


def test_local_files_do_not_replace_installed_modules(command, tmp_path):
    file = _python_file(tmp_path, "import helper\ndef main(app):\n    return helper.VALUE\n")
    (tmp_path / "helper.py").write_text("VALUE = 17\n")
    for name in ("numba", "numpy", "pydantic", "typer", "yaml", "cffi"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('another module')\n")
    finished = _run(command(file, "--duration", "1"), tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "python: 17" in finished.stdout
