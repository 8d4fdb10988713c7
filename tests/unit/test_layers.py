"""Imports, includes and calls (docs/architecture.md): only downward, no cycle."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pydpdk"
NATIVE = PACKAGE / "_native"

# from the top; a module may import what is to its right in its row
ROWS = [
    ["__main__", "cli", "testing"],
    ["app"],
    ["config", "explorer"],
    ["jit", "process"],
    ["tables"],
    ["burst"],
    ["ethdev"],
    ["ring"],
    ["memory"],
    ["lcore"],
    ["eal"],
    ["gil", "cycles", "log", "choices", "_core", "errors", "version", "exceptions", "limits"],
    ["_crossing", "_dpdk"],
]
# packages whose modules are rows too: each may import what is to its right
INSIDE = {
    "memory": [
        "live", "mbuf", "mempool", "outstanding", "trace", "extmem", "dynfield", "objects",
        "objects_map", "objects_kind", "pool_base", "memzone", "heap", "events", "address",
        "memseg", "hugepage", "_rows", "flags",
    ],
    "eal": [
        "portable", "", "lifecycle", "instance", "peers", "waits", "deaths", "foreign", "attach",
        "mempool_ops", "devices", "start", "resolve", "needs", "options", "checks", "lcores",
    ],
    "_core": [
        "objects", "eventfd", "lifetime", "fixed", "callbacks", "choice", "frozen",
        "near", "show", "hooks", "signals", "timeouts", "verbs",
    ],
}  # fmt: skip
LEAVES = {"memory": {"", "mbuf_owner", "critical"}, "eal": set()}
"""Modules of such a package that any other in it may import; its __init__ as a rule."""
ROW = {package: i for i, row in enumerate(ROWS) for package in row}
PURE = {
    "eal.lcores", "eal.checks", "eal.options", "eal.resolve", "choices", "exceptions",
    "limits", "_core.choice", "_core.frozen", "_core.near", "_core.show", "_core.hooks",
    "_core.signals", "_core.timeouts", "_core.verbs",
}  # fmt: skip  # text and options, without libdpdk
C_ROWS = range(ROW["jit"], ROW["errors"] + 1)  # where ffi and lib may be touched
GROUND = "host"
LAZY = ""  # pydpdk/__init__.py, which loads a public name at its first use

# folders of C, from the top; `python` is a separate extension and includes none of them
C_FOLDERS = [
    "objects", "worker", "recovery", "process", "channel", "tables", "ring", "ethdev",
    "columns", "burst", "memory", "eal", "core", "", "decl",
]  # fmt: skip


def modules() -> dict[str, ast.Module]:
    """All modules by their dotted name below pydpdk."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = ast.parse(path.read_text())
    return found


MODULES = modules()


def is_for_types(node: ast.AST) -> bool:
    """Whether this is a block that only type checkers read."""
    return isinstance(node, ast.If) and ast.unparse(node.test).lstrip("_") == "TYPE_CHECKING"


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports of pydpdk, as dotted names below it; not for types alone."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types(node):
            continue
        if isinstance(node, ast.ImportFrom):
            yield from of_from(node)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("pydpdk."):
                    yield alias.name.removeprefix("pydpdk.")
        else:
            yield from imports(node)


def of_from(node: ast.ImportFrom) -> Iterator[str]:
    """Yield modules, not the names in them: `from pydpdk.eal import checks` gives `eal.checks`."""
    assert node.level == 0, "imports are absolute"
    if node.module != "pydpdk" and not (node.module or "").startswith("pydpdk."):
        return
    package = (node.module or "").removeprefix("pydpdk").removeprefix(".")
    for alias in node.names:
        name = f"{package}.{alias.name}".lstrip(".")
        yield name if name in MODULES or not package else package


def package_of(module: str) -> str:
    return module.split(".")[0]


NAMES = [name for name in MODULES if name]


def test_every_package_has_its_row():
    assert {package_of(name) for name in NAMES} - {GROUND} <= set(ROW)
    for package, inside in INSIDE.items():
        mine = {name.partition(".")[2] for name in NAMES if package_of(name) == package}
        assert mine - {""} - set(inside) <= (
            {"mbuf_owner", "critical"} if package == "memory" else set()
        )


@pytest.mark.parametrize("module", NAMES)
def test_imports_go_downward(module: str):
    package = package_of(module)
    others = {package_of(name) for name in imports(MODULES[module])} - {package, GROUND}
    if package == GROUND:
        assert others == set()
        return
    row = ROWS[ROW[package]]
    to_the_right = set(row[row.index(package) + 1 :])
    assert others <= {other for other in ROW if ROW[other] > ROW[package]} | to_the_right


@pytest.mark.parametrize("module", [m for m in NAMES if package_of(m) in INSIDE])
def test_imports_inside_a_package_go_right(module: str):
    package, _, name = module.partition(".")
    inside = INSIDE[package]
    mine = [n.partition(".") for n in imports(MODULES[module])]
    links = {rest for first, _, rest in mine if first == package}
    if name in inside:
        assert links & set(inside) <= set(inside[inside.index(name) + 1 :])


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of nodes that form cycles: each node reaches every other one of its set."""

    @cache
    def reached(start: str) -> frozenset[str]:
        seen: set[str] = set()
        new = set(arrows.get(start, ()))
        while new:
            seen |= new
            new = {there for node in new for there in arrows.get(node, ())} - seen
        return frozenset(seen)

    found = {frozenset(n for n in reached(start) if start in reached(n)) for start in arrows}
    return [set(nodes) for nodes in found if nodes]


def test_no_cycle_of_modules():
    arrows = {module: set(imports(tree)) - {module} for module, tree in MODULES.items()}
    assert circles(arrows) == []


def test_no_cycle_of_packages():
    arrows: dict[str, set[str]] = {}
    for module in NAMES:
        arrows.setdefault(package_of(module), set()).update(
            {package_of(name) for name in imports(MODULES[module])} - {package_of(module)}
        )
    assert circles(arrows) == []


@pytest.mark.parametrize("module", NAMES)
def test_no_module_is_named_in_a_string(module: str):
    """Other tests here do not see an import by a string; a package may name itself."""
    named = {
        node.value.removeprefix("pydpdk.")
        for node in ast.walk(MODULES[module])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node.value.removeprefix("pydpdk.") in NAMES and node.value.startswith("pydpdk.")
    }
    assert named - {module.rpartition(".")[0]} == set()


def test_only_user_named_modules_are_imported_by_a_string():
    by_string = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if ast.unparse(node.func).rpartition(".")[2].lstrip("_") in ("import_module", "import__")
    }
    assert by_string == {LAZY, "app.target"}


def test_public_names_are_loaded_from_the_modules_of_the_type_imports():
    """The strings of pydpdk/__init__.py match the imports beside them."""
    (block,) = filter(is_for_types, MODULES[LAZY].body)
    typed = {alias.asname or alias.name: node.module for node in block.body for alias in node.names}
    table = next(
        node.value for node in MODULES[LAZY].body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME"
    )  # fmt: skip
    lazy = {
        name: module for module, names in ast.literal_eval(table).items() for name in names.split()
    }
    assert set(lazy) == set(typed)
    for name, module in lazy.items():
        assert f"{typed[name]}.".startswith(f"{module}."), name


@pytest.mark.parametrize("module", NAMES)
def test_only_the_rows_of_the_binding_touch_c(module: str):
    package = package_of(module)
    touches = any(package_of(name) == "_dpdk" for name in imports(MODULES[module]))
    if package == GROUND or ROW[package] not in C_ROWS or module in PURE:
        assert not touches


@pytest.mark.parametrize("module", sorted(PURE))
def test_modules_without_libdpdk_import_none_that_needs_it(module: str):
    for name in imports(MODULES[module]):
        assert name in PURE or package_of(name) == GROUND, name


@pytest.mark.parametrize("module", NAMES)
def test_no_star_imports(module: str):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ImportFrom):
            assert all(alias.name != "*" for alias in node.names)


PROGRAMS = {m for m in NAMES if package_of(m) in ("cli", "app", "config")} | {"process.child"}


@pytest.mark.parametrize("module", sorted(set(NAMES) - PROGRAMS - {"_core.show"}))
def test_the_binding_reads_no_arguments_and_prints_nothing(module: str):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("sys.argv", "sys.exit", "os._exit")
        elif isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in ("print", "exit", "quit")


@pytest.mark.parametrize("module", NAMES)
def test_no_object_is_freed_by_the_collector(module: str):
    """No `ffi.gc`, no finalizer that calls DPDK: it may run after cleanup or in a fork."""
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Attribute):
            assert ast.unparse(node) not in ("ffi.gc", "weakref.finalize")
        elif isinstance(node, ast.FunctionDef) and node.name == "__del__":
            assert "lib." not in ast.unparse(node)


def c_files() -> dict[str, str]:
    """Return all C files below pydpdk/_native by relative path, without comments."""
    return {
        str(path.relative_to(NATIVE)): re.sub(
            r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL
        )
        for path in sorted(NATIVE.rglob("*.[ch]"))
    }


C_FILES = c_files()
GENERATED = {"verbs_burst.h", "verbs_decl.h", "verbs_pools.h", "verbs_tables.h"}
"""Made by the build."""
OURS = [name for name in C_FILES if not name.startswith(("decl/", "python/"))]


def folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def included(name: str) -> set[str]:
    """Return our headers that a file includes, relative to _native; in `python` beside the file."""
    found = set(re.findall(r'^#include "([^"]+)"', C_FILES[name], re.MULTILINE)) - GENERATED
    return {f"python/{n}" if folder_of(name) == "python" else n for n in found}


def defined(name: str) -> set[str]:
    """Return the functions that other files may call: those of a header are inline."""
    barred = "" if name.endswith(".h") else "static|"
    pattern = rf"^(?!{barred}extern|typedef|#)\w[^;{{}}()=]*?\b(\w+)\([^;{{}}]*\)\s*\{{"
    return set(re.findall(pattern, C_FILES[name], re.MULTILINE))


NO_CALL = re.compile(r"^#include.*$|^\w[^;{}=]*\([^;{}]*\);", re.MULTILINE)


def calls() -> dict[str, set[str]]:
    """Return which C file calls functions of which other, without prototypes."""
    home = {function: name for name in OURS for function in defined(name)}
    words = {name: re.findall(r"\w+", NO_CALL.sub("", C_FILES[name])) for name in OURS}
    return {name: {home[word] for word in words[name] if word in home} - {name} for name in OURS}


def upward(arrows: Callable[[str], set[str]]) -> set[tuple[str, str]]:
    """Return the arrows from a folder to one above it."""
    level = C_FOLDERS.index
    return {
        (name, other)
        for name in OURS
        for other in arrows(name)
        if level(folder_of(other)) < level(folder_of(name))
    }


def test_every_c_file_has_its_folder():
    assert {folder_of(name) for name in C_FILES} - {"python"} == set(C_FOLDERS)
    assert {name for name in C_FILES if not folder_of(name)} == {"pyd.h", "compat.h"}
    for name in C_FILES:
        assert included(name) <= set(C_FILES), "headers are named by their path from _native"


def test_c_includes_and_calls_go_downward():
    called = calls()
    assert upward(included) == set()
    assert upward(lambda name: called.get(name, set())) == set()


def test_no_cycle_of_c_includes():
    assert circles({name: included(name) for name in C_FILES}) == []


def test_no_cycle_of_c_calls():
    """Inline functions of headers too."""
    assert circles(calls()) == []


def test_dpdk_release_differences_are_in_one_file():
    for name, text in C_FILES.items():
        conditions = [line for line in text.splitlines() if line.startswith("#if")]
        assert name == "compat.h" or "RTE_VERSION" not in " ".join(conditions), name


ARCHITECTURE = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")


def rows_after(words: str) -> list[list[str]]:
    """Return the next indented block of the document, a list for each line."""
    block = re.search(r"\n\n((?:    .*\n)+)", ARCHITECTURE[ARCHITECTURE.index(words) :])
    assert block is not None
    return [re.findall(r"[\w./]+", line.partition("(")[0]) for line in block[1].splitlines()]


def test_the_document_has_the_layers():
    programs = {"__main__", "testing"}
    rows = [sorted(set(row) - programs) for row in ROWS]
    assert list(map(sorted, rows_after("reads every import to keep it so"))) == rows
    folders = [row[0] for row in rows_after("by what is included and what is called")]
    assert folders == [*(f for f in C_FOLDERS if f not in ("", "decl")), "pyd.h"]


def test_the_document_has_every_package():
    tree = ARCHITECTURE[: ARCHITECTURE.index("## The layers")]
    python = tree[tree.index("    pydpdk/") : tree.index("      _native/")]
    named = set(re.findall(r"^ {6,8}(\w+)/ ", python, re.MULTILINE))
    assert named == {path.parent.name for path in PACKAGE.rglob("__init__.py")} - {"pydpdk"}
    files = set(re.findall(r"^ {6}(\w+)\.py ", python, re.MULTILINE))
    assert files == {path.stem for path in PACKAGE.glob("*.py")} - {"__main__"}
