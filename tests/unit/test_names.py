"""Public names: no two classes of the package share one."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pydpdk"


def test_no_two_public_classes_share_a_name() -> None:
    files: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].add(str(path.relative_to(PACKAGE)))
    assert len(files) > 100, "the classes were not found"
    assert {name: paths for name, paths in files.items() if len(paths) > 1} == {}
