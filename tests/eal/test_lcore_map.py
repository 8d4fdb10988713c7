import pytest
from hypothesis import given, strategies as st

from pydpdk.eal.lcores import format_lcores, parse_lcores


@pytest.mark.parametrize(
    ("spec", "lcores"),
    [
        ("0", {0: {0}}),
        ("0-2", {0: {0}, 1: {1}, 2: {2}}),
        ("2-0", {0: {0}, 1: {1}, 2: {2}}),
        ("0,3-4", {0: {0}, 3: {3}, 4: {4}}),
        ("0@3", {0: {3}}),
        ("0@(0-1)", {0: {0, 1}}),
        ("(0-1)@(2-3)", {0: {2, 3}, 1: {2, 3}}),
        ("(0,6)", {0: {0, 6}, 6: {0, 6}}),
        ("1@0-1", {1: {0, 1}}),
        (" 0 , 1 ", {0: {0}, 1: {1}}),
        ("( 0 - 1 ) @ ( 2,\t3 )\n", {0: {2, 3}, 1: {2, 3}}),
        ("0@(0-1),(1-2)@3", {0: {0, 1}, 1: {3}, 2: {3}}),
        ((0, 2), {0: {0}, 2: {2}}),
        ([5], {5: {5}}),
    ],
)
def test_a_valid_list_is_read(spec: str, lcores: dict[int, set[int]]):
    assert parse_lcores(spec) == lcores


@pytest.mark.parametrize(
    "spec",
    ["", " ", ",", "0,", ",0", "0,,1", "a", "-1", "1-", "0x1", "0@", "@0", "()", "(0", "0)", "0@@1",
     "((0))", "0-1@0", "0,0", "(0,0-1),1", "0-9999999", "0-99999@0", "1.5", "0\0", (), [-1],
     "1 2", "0 1@0", "0@(1 2)", "\u0661", "0-\u0661", "0\u00a0"],
)  # fmt: skip
def test_invalid_lists_raise(spec: str):
    with pytest.raises(ValueError, match=r"list|twice|range"):
        parse_lcores(spec)


@pytest.mark.parametrize("spec", [5, None, [None], [[1]]])
def test_a_non_list_raises(spec: str):
    with pytest.raises(TypeError):
        parse_lcores(spec)


maps = st.dictionaries(
    st.integers(0, 127), st.frozensets(st.integers(0, 200), min_size=1), min_size=1, max_size=8
)


@given(maps)
def test_a_written_list_reads_the_same(lcores: dict[int, frozenset[int]]):
    text = format_lcores(lcores)
    assert parse_lcores(text) == lcores
    assert format_lcores(parse_lcores(text)) == text


@given(st.text(alphabet="0123456789-,()@ ", max_size=12))
def test_any_text_is_read_or_raises(text: str):
    try:
        lcores = parse_lcores(text)
    except ValueError:
        return
    assert lcores
    assert all(lcores.values())


def test_the_written_form_is_canonical():
    assert format_lcores({1: frozenset({3, 2}), 0: frozenset({0})}) == "0@0,1@(2,3)"
