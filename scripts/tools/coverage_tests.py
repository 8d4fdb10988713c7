"""Citations and uses of a test, read from its source: the part of gen_coverage about tests.

A test uses `Class.member` where it names the member of an object of that class: one with the name
of the class (`ring.full`, `burst.mbuf(0).refcnt`), or whose class an annotation or a call shows.
`len(ring)` names `Ring.__len__`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOWN = 3
MAKERS = ("create", "create_extbuf", "lookup", "register", "reserve", "reserve_rest", "at")

Defs = dict[str, ast.FunctionDef | ast.ClassDef]


@dataclass
class Test:
    """A test, and the words in it, in its helpers in the file, and in its scripts."""

    name: str
    path: Path
    doc: str
    members: set[tuple[str, str]] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)

    @property
    def link(self) -> str:
        """Return its link, relative to docs/."""
        return f"[{self.name}](../{self.path.relative_to(ROOT)})"

    @property
    def mirrors(self) -> bool:
        """Whether it is one of the ports of DPDK's own tests."""
        return "oracle" in self.path.parts

    def cites(self, name: str) -> bool:
        """Whether its docstring contains the word."""
        return re.search(rf"\b{name}\b", self.doc) is not None

    def uses(self, name: str, module: str) -> bool:
        """Whether it uses a public name."""
        *owner, member = name.split(".")
        if owner and owner[-1][0].isupper():
            return (owner[-1].lower(), member) in self.members
        if member[0].isupper() or not owner:
            return member in self.names
        package = module.rpartition(".")[0]
        imported = not self.modules.isdisjoint((f"{module}.{member}", f"{package}.{member}"))
        return (imported and member in self.names) or (owner[-1], member) in self.members


class Words(ast.NodeVisitor):
    """Collect what a piece of code uses into a `Test`."""

    def __init__(self, test: Test, local: Defs, classes: dict[str, str]) -> None:
        self.test, self.local = test, local
        self.classes = dict(classes)
        self.seen: set[str] = set()

    def visit_arg(self, node: ast.arg) -> None:
        if node.annotation and (kind := last_word(node.annotation)) != "object":
            self.classes[node.arg] = kind
        self.follow(node.arg)

    def visit_Assign(self, node: ast.Assign) -> None:  # ast's name
        for target in node.targets:
            self.assign(target, node.value)
        self.generic_visit(node)

    def assign(self, target: ast.AST, value: ast.AST) -> None:
        """Remember the class of the names from here on."""
        if isinstance(target, ast.Name):
            self.classes[target.id] = self.kind(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, its in zip(target.elts, value.elts, strict=False):
                self.assign(one, its)

    def visit_withitem(self, node: ast.withitem) -> None:
        kind = self.kind(node.context_expr)
        self.test.members.add((kind.lower(), "close"))
        if isinstance(node.optional_vars, ast.Name):
            self.classes[node.optional_vars.id] = kind
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.test.members.add((self.kind(node.value).lower(), node.attr))
        self.test.names.add(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
            self.test.members.add((self.kind(node.args[0]).lower(), "__len__"))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.follow(node.id)

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str):
            return
        self.test.strings.add(node.value)
        if "\n" in node.value:
            try:
                script = ast.parse(textwrap.dedent(node.value))
            except (
                SyntaxError,
                ValueError,
            ):  # no code; a null byte raises either of them
                return
            self.test.modules |= imports(script)
            self.visit(script)

    def follow(self, name: str) -> None:
        """Follow a fixture or helper of the same file."""
        self.test.names.add(name)
        if name in self.local and name not in self.seen:
            self.seen.add(name)
            self.generic_visit(self.local[name])

    def kind(self, node: ast.AST) -> str:
        """Return the class of an expression; if unknown, its last word."""
        if isinstance(node, ast.Name):
            return self.classes.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return self.classes.get(node.attr, node.attr)
        if isinstance(node, ast.Subscript):
            return self.kind(node.value)
        if isinstance(node, ast.Call):
            made = isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS
            return self.kind(node.func.value if made else node.func)
        return ""


def tests() -> list[Test]:
    """Return the tests of all folders, those that mirror DPDK's first."""
    files = sorted((ROOT / "tests").rglob("*.py"))
    paths = [path for path in files if path.name.startswith("test_")]
    shared = [ast.parse(path.read_text()) for path in files if path not in paths]
    classes = {name: kind for tree in shared for name, kind in made_by(defs(tree)).items()}
    found = [test for path in paths for test in tests_of(path, classes)]
    return sorted(found, key=lambda test: not test.mirrors)


def tests_of(path: Path, classes: dict[str, str]) -> Iterator[Test]:
    """Yield the tests of a file; a test without a docstring has its class's."""
    tree = ast.parse(path.read_text())
    local = defs(tree)
    for node in local.values():
        group = node.body if isinstance(node, ast.ClassDef) else [node]
        for part in group:
            if isinstance(part, ast.FunctionDef) and part.name.startswith("test"):
                doc = ast.get_docstring(part) or ast.get_docstring(node) or ""
                test = Test(part.name, path, doc, modules=imports(tree))
                Words(test, local, {**classes, **made_by(local)}).visit(part)
                yield test


def defs(tree: ast.Module) -> Defs:
    """Return the functions and classes of a file."""
    return {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}


def made_by(local: Defs) -> dict[str, str]:
    """Return what fixtures make, as far as annotations show it."""
    made = {name: getattr(node, "returns", None) for name, node in local.items()}
    return {name: last_word(kind) for name, kind in made.items() if kind is not None}


def last_word(annotation: ast.AST) -> str:
    """Return the class in an annotation, as Ring of `Iterator[pydpdk.Ring]`."""
    nodes = list(ast.walk(annotation))
    names = [n.id for n in nodes if isinstance(n, ast.Name)]
    return ["", *names, *(n.attr for n in nodes if isinstance(n, ast.Attribute))][-1]


def imports(tree: ast.AST) -> set[str]:
    """Return the modules, and the names out of modules, that a file imports."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


def best(found: list[Test]) -> str:
    """Name a few tests, and say how many more there are."""
    more = len(found) - SHOWN
    return ", ".join(t.link for t in found[:SHOWN]) + (f" and {more} more" if more > 0 else "")
