"""The file of a secondary names what the primary made; nothing in it is made again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pydpdk
from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan

PRIMARY = """
eal: {{file_prefix: {0}, lcores: "0@0", hugepages: true}}
memzones: {{notes: {{size: 4096}}}}
mempools: {{packets: {{n: 2047}}}}
rings: {{work: {{size: 64, element: mbuf}}}}
ports: {{a: {{device: "net_null0,size=64", nb_rx_queues: 2, nb_tx_queues: 2}}}}
"""
SECONDARY = """\
eal: {{file_prefix: {0}, proc_type: secondary}}
memzones: {{notes: {{size: 4096}}}}
mempools: {{packets: {{n: 2047}}}}
rings: {{work: {{size: 64, element: mbuf}}}}
ports:
  a:
    device: net_null0
    nb_rx_queues: 2
    nb_tx_queues: 2
app: {{drop: {{}}}}
"""


@pytest.fixture
def primary(second, name: str, tmp_path: Path):
    prefix = f"test-{os.getpid()}-{name}"
    file = tmp_path / "primary.yaml"
    file.write_text(PRIMARY.format(prefix))
    other = second(f"with pydpdk.open({str(file)!r}): wait()", prefix)
    other.until_ready()
    yield prefix
    assert other.end() == ""


def run(file: Path, text: str) -> "subprocess.CompletedProcess[str]":
    file.write_text(text)
    command = [sys.executable, "-m", "pydpdk", "run", str(file), "--duration", "0.2", "--json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.hugepages
def test_it_runs_on_what_the_primary_made(primary: str, tmp_path: Path):
    done = run(tmp_path / "s.yaml", SECONDARY.format(primary))
    assert done.returncode == 0, done.stderr
    assert '"proc_type": "secondary"' in done.stdout
    packets = int(done.stdout.partition('"rx_packets": ')[2].partition(",")[0])
    assert packets > 0


@pytest.mark.hugepages
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("packets:", "paket:", "s.yaml:3: mempools.paket: the primary has none of that name;"
         " there are: packets"),
        ("n: 2047", "n: 511", "s.yaml:3: mempools.packets.n: 511: the primary's has 2047"),
        ("notes:", "other:", "s.yaml:2: memzones.other: the primary has none of that name"),
        ("element: mbuf", "element: uint64", "s.yaml:4: rings.work: element='uint64'"),
        ("net_null0", "net_null1", "s.yaml:6: ports.a: the primary has none of that name;"
         " there are: net_null0"),
        ("nb_rx_queues: 2", "nb_rx_queues: 3", "s.yaml:8: ports.a.nb_rx_queues: 3: the primary"
         " has set up 2"),
    ],
)  # fmt: skip
def test_errors_name_what_is_missing_and_its_line(
    primary: str, tmp_path: Path, old: str, new: str, said: str
):
    done = run(tmp_path / "s.yaml", SECONDARY.format(primary).replace(old, new))
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("mtu: 1500", "4: ports.a.mtu: 1500, allowed: nothing: the port is configured by the"),
        ("rss: [IP]", "4: ports.a.rss: ['IP'], allowed: nothing"),
        ("promiscuous: true", "4: ports.a.promiscuous: true, allowed: nothing"),
        ("nb_rx_desc: 64", "4: ports.a.nb_rx_desc: 64, allowed: nothing"),
    ],
)
def test_keys_for_the_primary_only_raise(keys: str, said: str):
    text = (
        "eal: {proc_type: secondary, file_prefix: x}\nmempools: {p: {n: 511}}\n"
        f"ports:\n  a: {{device: net_null0, {keys}}}\n"
    )
    with pytest.raises(pydpdk.ConfigError, match=r"x.yaml:") as caught:
        loads(text, name="x.yaml")
    assert f"x.yaml:{said}" in str(caught.value)


def test_device_arguments_raise_in_a_secondary():
    text = "eal: {proc_type: secondary, file_prefix: x}\nmempools: {p: {n: 511}}\n"
    with pytest.raises(pydpdk.ConfigError, match="net_null0 alone: the device is the primary's"):
        loads(text + "ports: {a: {device: 'net_null0,size=64'}}\n")


def test_the_plan_of_a_secondary_needs_no_device():
    text = "eal: {proc_type: secondary, file_prefix: x}\nmempools: {p: {n: 511}}\n"
    plan = make_plan(loads(text + "ports: {a: {device: net_null0}}\n"))
    assert plan.options.vdevs == ()
    assert "--vdev" not in " ".join(plan.argv)


@pytest.mark.hugepages
def test_auto_makes_what_is_missing_and_finds_the_rest(second, name: str, tmp_path: Path):
    prefix = f"test-{os.getpid()}-{name}"
    text = PRIMARY.format(prefix).replace("eal: {", "eal: {proc_type: auto, ")
    first, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(text)
    other.write_text(text.replace('"0@0"', '"1@0"'))
    code = "with pydpdk.open({!r}) as app: print(app.eal.proc_type, app.mempools); wait()"
    one = second(code.format(str(first)), prefix)
    assert one.until_ready()[0].startswith("primary")
    two = second(code.format(str(other)), prefix)
    (said,) = two.until_ready()
    assert said.startswith("secondary")
    assert "<Mempool 'packets' n=2047" in said
    assert (two.end(), one.end()) == ("", "")
