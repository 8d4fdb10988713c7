"""A bad file raises a `ConfigError` that shows the place, and nothing else."""

from __future__ import annotations

import re

import pytest
import yaml
from bad_yaml import bad_files, good_files
from hypothesis import given, settings, strategies as st

from pydpdk.config.load import loads
from pydpdk.config.model import Config
from pydpdk.config.plan import make_plan
from pydpdk.errors import ConfigError

BAD = dict(bad_files())
LINE = re.compile(r"bad\.yaml:[1-9][0-9]*: [^\n]+")


def test_there_are_many_bad_files_with_different_labels():
    assert len(list(bad_files())) == len(BAD) >= 200
    assert dict(bad_files()) == BAD


@pytest.mark.parametrize(("name", "text"), list(good_files()))
def test_the_unchanged_files_are_valid(name, text):
    make_plan(loads(text))


@pytest.mark.parametrize("label", BAD)
def test_a_bad_file_raises_with_places(label):
    with pytest.raises(ConfigError) as caught:
        make_plan(loads(BAD[label], name="bad.yaml"))
    assert caught.value.problems
    for line in caught.value.problems:
        assert LINE.fullmatch(line), line
        assert len(line) < 1000
        line.encode()


def _accepts(text: str) -> None:
    try:
        make_plan(loads(text))
    except ConfigError as error:
        assert error.problems


_KEYS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [*Config.model_fields, "n", "size", "device", "p0", "forward", "pairs", "mempool", "vdevs"]
    ),
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9),
    st.sampled_from(["p0", "net_null0", "any", "64K", "0000:01:00.0", "io"]),
)  # fmt: skip
_TREES = st.recursive(
    _SCALARS,
    lambda t: st.lists(t, max_size=4) | st.dictionaries(_KEYS, t, max_size=6),
    max_leaves=30,
)


@settings(derandomize=True, database=None, max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(Config.model_fields)), _TREES, max_size=6))
def test_any_tree_loads_or_raises_config_error(data):
    _accepts(yaml.safe_dump(data))


@settings(derandomize=True, database=None, max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_loads_or_raises_config_error(text):
    _accepts(text)


@settings(derandomize=True, database=None, max_examples=200, deadline=None)
@given(st.data())
def test_a_good_file_with_changed_characters_loads_or_raises_config_error(data):
    text = data.draw(st.sampled_from([text for _, text in good_files()]))
    at = data.draw(st.integers(0, len(text)))
    _accepts(text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 5)) :])
