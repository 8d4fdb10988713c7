"""Every C file states its licence, as in DPDK."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for folder in ("pydpdk", "tests", "scripts")
    for suffix in ("c", "h")
    for path in (ROOT / folder).rglob(f"*.{suffix}")
)


def test_c_files_are_found():
    assert len(FILES) > 100


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_c_file_states_its_licence(file: Path):
    first = file.read_text().partition("\n")[0]
    assert first == "/* SPDX-License-Identifier: BSD-3-Clause */"
