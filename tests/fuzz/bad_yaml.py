"""Invalid files, made from valid ones by mutation.

`bad_files()` yields the same files in the same order on every run and every host.
"""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CONFIGS = Path(__file__).parents[2] / "configs"

FULL = """\
eal: {hugepages: auto, memory_mb: 64, file_prefix: fuzz, proc_type: primary, in_memory: false,
      vdevs: ["net_null9,size=64"], log_level: notice, telemetry: true, extra: []}
memzones: {zone: {size: 64K, align: 128, socket_id: any}}
mempools:
  rx: {n: 8191, cache_size: 256, priv_size: 8, data_room_size: 2176, socket_id: 0,
       ops_name: ring_mp_mc}
  small: {n: 255, cache_size: 0, data_room_size: 256}
rings: {work: {size: 1024, element: mbuf, producer: single, consumer: multi, exact_size: false}}
ports:
  p0: {device: "net_null0,size=64", nb_rx_queues: 2, nb_tx_queues: 2, nb_rx_desc: 512,
       nb_tx_desc: 512, mempool: rx, mtu: 1500, promiscuous: true, rss: [IP, UDP],
       rx_offloads: [], tx_offloads: [MULTI_SEGS]}
  p1: {device: net_ring0, mempool: small}
app:
  generate: {ports: [p0], burst: 32, rate_pps: 1000, packet: {src_mac: "02:00:00:00:00:01",
             dst_ip: 198.18.0.2, src_port: 7, length: 64}}
"""
"""A good file with nearly every key."""

_NUMBER = ["many", "", -1, 1.5, float("nan"), float("inf"), 10**30, [1], {"a": 1}]
_TEXT = [17, ["x"], {"a": 1}, "", "\0"]
_NAME = ["a b", "a/b", "100%", "x" * 64, "n\u00e4me", "tab\t", "\ud7ff"]
_CHOICE = ["bogus", "", 3, [], {}]
_SOCKET = ["all", -1, 32, 1.5, []]

VALUES: dict[str, list[object]] = {
    "eal.lcores": ["", "x", "1-", "0,,1", "-1", "0-1-2", "4000", "0,0", [0, "a"], {"0": 1}, "(0"],
    "eal.main_lcore": ["x", 100_000, -1, [0]],
    "eal.hugepages": ["maybe", 17, [True]],
    "eal.memory_mb": [0, -5, "lots", 10**12, [-1], {"a": 1}],
    "eal.file_prefix": ["", "a/b", "100%", "x" * 65, "..", 5, "n\u00e4me"],
    "eal.proc_type": ["tertiary", 1, None],
    "eal.iova_mode": ["xa", 1],
    "eal.in_memory": ["perhaps", []],
    "eal.allow": ["0000:01:00.0", ["zz"], [5], ["0000:01:00.9"]],
    "eal.vdevs": ["net_null0", [""], [5], ["0net"], ["net_null9", "net_null9"], ["net_null0"]],
    "eal.log_level": ["loud", "pmd.*:", 5, ["notice", "x"]],
    "eal.base_virtaddr": ["x", 1, 1 << 60],
    "eal.extra": ["-h", ["--help"], ["-h"], ["--log-level=help"], [3]],
    "memzones.zone.size": [0, "64Q", "K", "1T", None, *_NUMBER],
    "memzones.zone.align": [0, 3, 100, "3K", "x"],
    "memzones.zone.socket_id": _SOCKET,
    "mempools.rx.n": [0, 1 << 31, 300, None, *_NUMBER],
    "mempools.rx.cache_size": [513, 10_000, *_NUMBER],
    "mempools.rx.priv_size": [7, 65536, *_NUMBER],
    "mempools.rx.data_room_size": [0, 128, 65536, 150, *_NUMBER],
    "mempools.rx.socket_id": _SOCKET,
    "mempools.rx.ops_name": [*_NAME, *_TEXT],
    "rings.work.size": [0, 1, 1000, (1 << 30) + 1, 1 << 31, None, *_NUMBER],
    "rings.work.element": _CHOICE,
    "rings.work.producer": _CHOICE,
    "rings.work.exact_size": ["perhaps", 1, []],
    "ports.p0.device": [
        *_TEXT, "net null", ",size=64", "net_null0,,size=1", "net_null0,size=many", "net_null0,",
        "net_null0,size=-1", "net_null0,size=2049", "net_null9", "net_ring0", "0000:01:00",
        "0000:01:00.8", "0000:xx:00.0", "n" * 64, "net_null0,iface=\u0007", "\u7f51", "12:34",
    ],
    "ports.p0.nb_rx_queues": [1025, True, *_NUMBER],
    "ports.p0.nb_tx_queues": [0, 1025, *_NUMBER],
    "ports.p0.nb_rx_desc": [0, 65536, *_NUMBER],
    "ports.p0.mempool": ["nope", "RX", *_NAME, *_TEXT],
    "ports.p0.mtu": [0, 67, 65536, 100_000, *_NUMBER],
    "ports.p0.promiscuous": ["perhaps", 1, None],
    "ports.p0.rss": ["IP", ["ip"], ["IPX"], [1], [["IP"]], {"IP": 1}],
    "ports.p0.rx_offloads": ["VLAN_STRIP", ["vlan_strip"], ["RTE_ETH_RX_OFFLOAD_SCATTER"], [2]],
    "ports.p0.tx_offloads": [["VLAN_STRIP"], 1],
    "app": [[], "forward", {}, {"forward": {}, "drop": {}}, {"python": "x"}, {"python": "m:"},
            {"python": ":f"}, {"python": "m:f:g"}, {"python": "a b:c"}, {"python": 5},
            {"drop": {"ports": ["p0", "p0"]}}, {"drop": {"ports": "p0"}}, {"run": {}}],
    "app.forward": [{}, {"pairs": [["p0", "p1"]]}],  # beside generate: two apps
    "app.generate.ports": ["p0", ["p9"], ["p0", "p0"], [1], ["p1", "nope"]],
    "app.generate.burst": [0, 4097, True, *_NUMBER],
    "app.generate.lcore": [1024, *_NUMBER],
    "app.generate.rate_pps": [0, 10**10, *_NUMBER],
    "app.generate.packet": ["", "zz", "00", "0" * 27, 5, [], "00" * 3000, {"length": 3000}],
    "app.generate.packet.src_mac": ["02:00", "02:00:00:00:00:zz", 5, ""],
    "app.generate.packet.dst_ip": ["300.1.1.1", "::1", "host", 5],
    "app.generate.packet.src_port": [65536, *_NUMBER],
    "app.generate.packet.length": [41, 65536, *_NUMBER],
}  # fmt: skip
"""Bad values for keys of `FULL`."""

_TAILS = {
    "tab": "\tx: 1\n", "unclosed list": "x: [1, 2\n", "unclosed map": "x: {a: 1\n",
    "unclosed quote": 'x: "abc\n', "wrong bracket": "x: [}\n", "list item": "- x\n",
    "no key": ": : :\n", "NUL": "x: \0\n", "bell": "x: \x07\n", "second file": "---\nx: 1\n",
    "unknown alias": "x: *nowhere\n", "own alias": "x: &a [*a]\n", "bad escape": 'x: "\\q"\n',
    "beyond Unicode": 'x: "\\UFFFFFFFF"\n', "python": "x: !!python/object/apply:os.getcwd []\n",
    "tag": "x: !int 5\n", "list as key": "? [a, b]\n: 1\n", "long number": f"x: {'9' * 5000}\n",
    "merged text": "<<: text\n", "repeated section": "ports: {}\n", "not a key": "x\n",
}  # fmt: skip

WHOLE = {
    "empty": "", "blank": " \n\n", "comment": "# nothing\n", "null": "null\n", "end": "---\n",
    "text": "ports\n", "number": "5\n", "list": "- ports\n", "nan": ".nan\n", "BOM": "\ufeff",
    "deep lists": "x: " + "[" * 5000, "deep maps": "x: " + "{a: " * 3000,
    "deep blocks": "\n".join(" " * i + "a:" for i in range(200)),
    "alias bomb": "a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n"
        for a, b in itertools.pairwise("abcdefghi")
    ),
    "merge bomb": "a: &a {x: 1}\n" + f"b: {{<<: [{', '.join(['*a'] * 30_000)}]}}\n",
    "too long": "#" * 300_000, "directive": "%YAML 9.9\n---\nports: {}\n",
    "surrogate": 'ports: {"\\uD800": {device: net_null0}}\nmempools: {p: {n: 255}}\n',
}  # fmt: skip
"""Bad files that need no good one."""

_COMBINATIONS = 40


def good_files() -> Iterator[tuple[str, str]]:
    """Yield the files that the mutants are made from."""
    yield "full", FULL
    for path in sorted(CONFIGS.glob("*.yaml")):
        yield path.stem, path.read_text(encoding="utf-8")


def bad_files() -> Iterator[tuple[str, str]]:
    """Yield label and text of every bad file."""
    yield from WHOLE.items()
    full = yaml.safe_load(FULL)
    for key, values in VALUES.items():
        for i, value in enumerate(values):
            yield f"full: {key} #{i}", _dump(_set(full, key, value))
    for name, text in good_files():
        for label, tail in _TAILS.items():
            yield f"{name}: {label}", text + tail
        yield from (
            (f"{name}: {label}", _dump(d)) for label, d in _structures(yaml.safe_load(text))
        )
    yield from _several_at_once(full)


def _structures(data: Any) -> Iterator[tuple[str, Any]]:
    """Break the shape of a file at each of its keys."""
    unnamed = {
        name: {key: value for key, value in port.items() if key != "mempool"}
        for name, port in data["ports"].items()
    }
    two = {"x": {"n": 511}, "y": {"n": 511}}
    yield "which mempool", {**data, "mempools": two, "ports": unnamed}
    for section in ("mempools", "ports"):
        for name in ("", "x" * 64, "n\u00e4me\u0007", "a\nb"):
            entry = next(iter(data[section].values()))
            yield f"{section} named {name!r}", _set(data, f"{section}|{name}", entry, "|")
    for path, value in list(_walk(data, ())):
        key = "|".join(path)
        yield f"{key} is a map", _set(data, key, {"bogus": {"a": 1}}, "|")
        if isinstance(value, dict):
            yield f"{key} is text", _set(data, key, "oops", "|")
            yield f"{key} is a list", _set(data, key, [1], "|")
        if isinstance(value, dict) and not (len(path) == 1 and path[0] not in ("eal", "app")):
            yield f"{key}: unknown key", _set(data, f"{key}|bogus", 1, "|")
        needed = path[-1] in ("device", "n", "size")
        paired = len(path) == 2 and path[0] == "ports" and "forward" in data["app"]
        if needed or paired:
            yield f"{key} is gone", _set(data, key, None, "|", remove=True)


def _several_at_once(full: Any) -> Iterator[tuple[str, str]]:
    """Combine bad values of several keys, always the same ones."""
    rng = random.Random(2211)
    keys = [key for key in VALUES if not key.startswith("app")]
    for i in range(_COMBINATIONS):
        data = full
        for key in sorted(rng.sample(keys, rng.randint(2, 6))):
            data = _set(data, key, rng.choice(VALUES[key]))
        yield f"full: several #{i}", _dump(data)


def _walk(data: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in data.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from _walk(value, (*path, key))


def _set(data: Any, key: str, value: object, separator: str = ".", *, remove: bool = False) -> Any:
    """Copy a file with one key replaced, added or removed."""
    changed = copy.deepcopy(data)
    *above, last = key.split(separator)
    node = changed
    for part in above:
        node = node[part]
    if remove:
        del node[last]
    else:
        node[last] = copy.deepcopy(value)
    return changed


def _dump(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
