"""The tables of `pytest --fast` name tests that exist, also when one is renamed."""

import fast
import pytest


@pytest.mark.parametrize("key", [*fast.SLOW, *fast.THINNED])
def test_a_key_is_a_folder_a_file_or_a_test(key: str):
    place, _, name = key.partition("::")
    assert (fast.TESTS / place).exists()
    assert not name or f"def {name}(" in (fast.TESTS / place).read_text()


@pytest.mark.parametrize("folder", sorted(fast.SAME_MEMORY))
def test_a_folder_exists(folder: str):
    assert (fast.TESTS / folder).is_dir()
