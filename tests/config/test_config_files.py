"""The files in `configs/`, and the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from pydpdk.config import kinds, schema
from pydpdk.config.load import load
from pydpdk.config.plan import make_plan
from pydpdk.config.report import render
from pydpdk.ethdev import info

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "configs").glob("*.yaml"))
NAMES = (
    "af_packet af_xdp bonding capture memif_client memif_server null ovs pcap pcap_interface"
    " quickstart ring tap vfio vhost virtio_user worker"
)


def test_every_file_that_the_docs_name_exists():
    assert [file.stem for file in FILES] == NAMES.split()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_planned_and_needs_no_better_pool(file):
    plan = make_plan(load(file))
    assert not [warning for warning in plan.warnings if warning.startswith("mempools")]
    assert plan.polls
    assert all(pool.spare >= 0 for pool in plan.pools)
    assert render(plan)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_its_schema_and_explains_itself(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../pydpdk/config/schema.json"
    assert lines[2].startswith("# ")
    assert (file.parent / "../pydpdk/config/schema.json").resolve().is_file()


def test_the_committed_schema_is_current():
    """Made by `python -m pydpdk.config.schema > pydpdk/config/schema.json`."""
    committed = ROOT / "pydpdk/config/schema.json"
    assert json.loads(committed.read_text(encoding="utf-8")) == schema.json_schema()


def _maps():
    found = schema.json_schema()
    maps = {name: part for name, part in found["$defs"].items() if "enum" not in part}
    return {"": found, **maps}


@pytest.mark.parametrize("name", _maps())
def test_every_key_is_described_and_no_other_is_accepted(name):
    section = _maps()[name]
    assert section["additionalProperties"] is False
    assert section["description"]
    for key, value in section["properties"].items():
        assert value.get("description"), f"{name}.{key}"


def test_offloads_and_hashes_are_those_of_the_binding():
    for names, flags in (
        (kinds.RssHash, info.RssHf),
        (kinds.RxOffload, info.RxOffload),
        (kinds.TxOffload, info.TxOffload),
    ):
        assert set(get_args(names)) <= set(flags.__members__)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("ports", "any name", "nb_rx_desc"), "a whole number from 1 to 65535"),
        (("ports", "x", "rss", 3), "one of 'IP', 'TCP', 'UDP', 'SCTP'"),
        (("eal", "lcores"), "text, or a list, each a whole number"),
        (("mempools", "x", "socket_id"), "'any', or a whole number from 0 to 31"),
        (("app", "forward", "pairs"), "a list that is not empty, each a list of 2 values"),
        (("app", "forward", "pairs", 0, 1), "text"),
        (("mempools",), "a map of names"),
        (("nothing", "there"), "nothing"),
    ],
)
def test_errors_describe_what_is_allowed(path, words):
    assert schema.words(path) == words
