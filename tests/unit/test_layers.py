"""Who may import whom (docs/architecture.md): only downward, and some rows nothing at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pydpdk"

# from the top; inside a row one may import what is to its right
ROWS = [
    ["__main__", "cli", "testing"],
    ["app"],
    ["config", "explorer"],
    ["jit", "process"],
    ["burst"],
    ["ethdev"],
    ["ring"],
    ["memory"],
    ["lcore", "lcore.job"],
    [
        "eal.portable",
        "eal",
        "eal.instance",
        "eal.peers",
        "eal.waits",
        "eal.deaths",
        "eal.foreign",
        "eal.attach",
        "eal.mempool_ops",
        "eal.devices",
        "eal.start",
        "eal.needs",
        "eal.options",
        "eal.checks",
        "eal.lcores",
    ],
    [
        "cycles",
        "log",
        "_core.lifetime",
        "_core.fastcall",
        "_core.fixed",
        "errors",
        "version",
        "exceptions",
        "limits",
        "_core.callbacks",
        "_core.frozen",
        "_core.signals",
    ],
    ["_crossing", "_dpdk"],
]
MEMORY = [
    "live", "mbuf", "mbuf_meta", "mbuf_data", "mempool", "ledger", "trace", "extmem", "dynfield",
    "objects", "objects_memory", "objects_map", "objects_kind", "pool_counts", "memzone", "heap",
    "events", "address", "memseg", "hugepage", "mempool_info", "_rows", "flags",
]  # fmt: skip
ROW = {room: i for i, row in enumerate(ROWS) for room in row}
PURE = {
    "eal.lcores",
    "eal.checks",
    "eal.needs",
    "eal.options",
    "exceptions",
    "limits",
    "_core.frozen",
    "_core.signals",
}  # text and options, without libdpdk
C_ROWS = range(ROW["jit"], ROW["errors"] + 1)  # where ffi and lib may be touched
GROUND = "host"


def modules() -> dict[str, ast.Module]:
    """All modules by their dotted name below pydpdk."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = ast.parse(path.read_text())
    return found


MODULES = modules()


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.AST) -> Iterator[str]:
    """What a module imports of pydpdk, as dotted names below it; types alone do not count."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types(node):
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "pydpdk":
                yield from (alias.name for alias in node.names)
            elif node.module and node.module.startswith("pydpdk."):
                yield node.module.removeprefix("pydpdk.")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("pydpdk."):
                    yield alias.name.removeprefix("pydpdk.")
        else:
            yield from imports(node)


def room_of(module: str) -> str:
    return module.split(".")[0]


ROOMS = [name for name in MODULES if name]


def test_every_room_has_its_row():
    assert {room_of(name) for name in ROOMS} - {GROUND} <= set(ROW)


@pytest.mark.parametrize("module", ROOMS)
def test_imports_go_downward(module: str):
    room = room_of(module)
    others = {room_of(name) for name in imports(MODULES[module])} - {room, GROUND}
    if room == GROUND:
        assert others == set()
        return
    row = ROWS[ROW[room]]
    to_the_right = set(row[row.index(room) + 1 :])
    assert others <= {other for other in ROW if ROW[other] > ROW[room]} | to_the_right


@pytest.mark.parametrize("module", [m for m in ROOMS if m.startswith("memory.")])
def test_the_chain_is_imported_link_by_link(module: str):
    links = {n.split(".")[1] for n in imports(MODULES[module]) if n.startswith("memory.")}
    name = module.split(".")[1]
    if name in MEMORY:
        assert links & set(MEMORY) <= set(MEMORY[MEMORY.index(name) + 1 :])


@pytest.mark.parametrize("module", ROOMS)
def test_only_the_rows_of_the_binding_touch_c(module: str):
    room = room_of(module)
    touches = any(room_of(name) == "_dpdk" for name in imports(MODULES[module]))
    if room == GROUND or ROW[room] not in C_ROWS or module in PURE:
        assert not touches


@pytest.mark.parametrize("module", ROOMS)
def test_no_star_imports(module: str):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names)


PROGRAMS = {m for m in ROOMS if room_of(m) in ("cli", "app", "config")} | {"process.child"}


@pytest.mark.parametrize("module", sorted(set(ROOMS) - PROGRAMS))
def test_the_binding_reads_no_arguments_and_prints_nothing(module: str):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("sys.argv", "sys.exit", "os._exit")
        elif isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("print", "exit", "quit")


@pytest.mark.parametrize("module", ROOMS)
def test_no_object_is_freed_by_the_collector(module: str):
    """No `ffi.gc`, no finalizer that calls DPDK: it may run after cleanup or in a fork."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("ffi.gc", "weakref.finalize")
        elif isinstance(node, ast.FunctionDef) and node.name == "__del__":
            assert "lib." not in ast.unparse(node)


def test_dpdk_release_differences_are_in_one_file():
    for path in sorted((PACKAGE / "_native").rglob("*.[ch]")):
        conditions = [line for line in path.read_text().splitlines() if line.startswith("#if")]
        assert path.name == "compat.h" or "RTE_VERSION" not in " ".join(conditions), path
