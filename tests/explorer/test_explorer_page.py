"""The page of the explorer: self-contained, and safe whatever the names are."""

import json
import re
from html.parser import HTMLParser

import pytest

from pydpdk.explorer import page
from pydpdk.explorer.memory_map import HeapState, MemoryMap, Zone
from pydpdk.explorer.placement import PageRun, Piece, shares
from pydpdk.memory.live import PoolState, RingState
from pydpdk.memory.memseg import MemsegList
from pydpdk.memory.memzone import MemzoneInfo
from pydpdk.memory.objects_map import Chunk

PAGE = 1 << 21
BASE = 1 << 32
HOSTILE = ["</script><script>x()", "<!--", "{{data}}", "a&b'\"\u2028", "]]>", "${x}`"]
VOID = {"meta", "input", "br", "link", "img"}


def made_of(names: list[str], n_pages: int = 4) -> MemoryMap:
    """Make one zone per name, a page each; the rest is free."""
    zones = [MemzoneInfo(n, BASE + i * PAGE, 0, PAGE, PAGE, 0, 0) for i, n in enumerate(names)]
    pieces = [Piece(z.addr, z.len, "memzone", z.name, z.name) for z in zones]
    pieces += [Piece(BASE + i * PAGE, PAGE, "free", "free") for i in range(len(names), n_pages)]
    pool = PoolState(
        names[0], 1, 2, 100, 100, 164, 32, -1, True, "ring", {0: 3, 5: 7}, 80, 10,
        [Chunk(BASE, BASE, PAGE)],
    )  # fmt: skip
    return MemoryMap(
        taken="2026-01-01T00:00:00+00:00",
        dpdk_version="22.11",
        file_prefix=names[0],
        attached=True,
        iova_mode="va",
        lists=[MemsegList("list", BASE, PAGE, 8192 * PAGE, 0, False, True, 8192, n_pages)],
        pages=[PageRun(BASE, (1 << 64) - 1, n_pages, PAGE, 0)],
        heaps=[HeapState(0, n_pages * PAGE, 0, 0, 0, len(names))],
        zones=[Zone(zone, "memzone", zone.name) for zone in zones],
        pools=[pool],
        rings=[RingState("r", 77, 1023, 5)],
        pieces=pieces,
        shares=shares(pieces),
    )


class Reader(HTMLParser):
    """Check that opened tags close, and collect what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_loads_nothing():
    text = page.render(made_of(["zone"]))
    assert read(text).links == []
    assert not re.search(r"https?://|@import|url\(|import\(|fetch\(|XMLHttp|WebSocket", text)
    assert "default-src 'none'" in text


def test_the_html_is_well_formed_and_the_data_is_json():
    reader = read(page.render(made_of(["zone"])))
    (attrs, data), (_, script) = reader.scripts
    assert attrs == {"type": "application/json", "id": "data"}
    assert json.loads(data) == page.page_data(made_of(["zone"]))
    assert script.count("{") == script.count("}")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_data(name: str):
    plain = read(page.render(made_of(["zone", "other"])))
    reader = read(page.render(made_of([name, "other"])))
    assert len(reader.scripts) == 2
    assert reader.scripts[1] == plain.scripts[1]
    data = json.loads(reader.scripts[0][1])
    assert data["zones"][0][0] == data["pools"][0]["name"] == data["prefix"] == name


def test_names_are_shown_only_as_text():
    script = page._read("common.js") + page._read("map.js") + page._read("page.js")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_an_address_beyond_the_range_of_javascript_is_left_out():
    data = page.page_data(made_of(["zone"]))
    assert data["runs"] == [[BASE, None, 4, PAGE, 0]]


def test_a_map_of_8192_pages_is_small():
    text = page.render(made_of([f"zone{i}" for i in range(1000)], 8192))
    assert len(text) < 1_000_000
