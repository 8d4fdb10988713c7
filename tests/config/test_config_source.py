"""YAML text: scalars, lines, aliases, and what is no YAML."""

from __future__ import annotations

import math

import pytest

from pydpdk.config.source import MAX_BYTES, UnreadableError, parse, read_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0000:01:00.0", "0000:01:00.0"),  # 60.0 in YAML 1.1
        ("01:00.0", "01:00.0"),
        ("10:11:12:13:14:15", "10:11:12:13:14:15"),
        ("0-3,6", "0-3,6"),
        ("no", "no"),  # false in YAML 1.1
        ("010", 10),  # 8 in YAML 1.1
        ("1_000", "1_000"),
        ("0x10", 16),
        ("0o17", 15),
        ("-5", -5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ('"5"', "5"),
        ("'~'", "~"),
        ("!!str 5", "5"),
        ("[1, [2]]", (1, (2,))),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    data = parse(f"key: {text}\n").data
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_keys_are_text():
    assert parse("1: a\ntrue: b\n~: c\n").data == {"1": "a", "true": "b", "~": "c"}


def test_every_key_and_item_has_its_line():
    source = parse("a:\n  b: 1\n\n  c:\n  - x\n  - y: 2\n")
    assert source.line(("a",)) == 1
    assert source.line(("a", "b")) == 2
    assert source.line(("a", "c", 1)) == 6
    assert source.line(("a", "c", 1, "y")) == 6
    assert source.line(("a", "missing", "deeper")) == 1
    assert source.line(("nowhere",)) == 1


def test_merge_adds_the_keys_that_a_map_lacks():
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nall: {<<: [*b, *o], x: 0}\n"
    source = parse(text)
    assert source.data["all"] == {"x": 0, "y": 2, "z": 4}
    assert source.data["base"] == {"x": 1, "y": 2}
    assert not source.faults


@pytest.mark.parametrize(
    ("text", "line", "allowed"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "once, as on line 1"),
        ("a: {b: 1,\n b: 2}\n", 2, "once, as on line 1"),
        ("a: 1\nb: !!int many\n", 2, "text that can be read as int"),
        ("a: !!binary eHg=\n", 1, "no tags"),
        ("a: 1\n!foo b: 1\n", 2, "no tags on keys"),
        ("a: 1\n!!str b: 1\n", 2, "no tags on keys"),
        ("a: 1\n&x !!int 5: 1\n", 2, "no tags on keys"),
        ("a: 1\n! 'b': 1\n", 2, "no tags on keys"),
        ("a: 1\n!!merge b: {c: 1}\n", 2, "no tags on keys"),
        (
            "a: &a {b: 1}\nc:\n  <<: *a\n  <<: {d: 1}\n",
            4,
            "once, as on line 3: a list merges several maps",
        ),
        ("? [x]\n: 1\n", 1, "text as a key"),
        ("a: 1\n<<: 5\n", 2, "an alias of a map"),
        ('a: "\\uDC00"\n', 1, "text that can be read as str"),
        ('"\\uDC00": 1\n', 1, "a key of whole characters"),
        ("a: &a {<<: *a}\n", 1, "an alias of a map"),
    ],
)
def test_faults_that_leave_the_rest_readable(text, line, allowed):
    (fault,) = parse(text).faults
    assert (fault.line, fault.allowed) == (line, allowed)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("a: 1\n\tb: 2\n", 2, r"'\\t'"),
        ("a: [1,\n2\n", 3, "flow sequence"),
        ("a: 1\nb: \0\n", 2, "x00"),
        ("a: &a\n  b: *a\n", 2, "alias"),
        ("a: " + "[" * 100_000, 1, "in one another"),
        ("a: 1\n---\nb: 2\n", 2, "single document"),
        ("a: " + "1" * MAX_BYTES, 1, "longer"),
    ],
)
def test_invalid_yaml_is_reported_with_its_line(text, line, message):
    with pytest.raises(UnreadableError, match=message) as caught:
        parse(text)
    assert caught.value.line == line


def test_aliases_cannot_expand_without_limit():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(UnreadableError, match="more than 20000 values"):
        parse("\n".join(lines))


def test_text_is_utf_8_with_or_without_a_mark(tmp_path):
    file = tmp_path / "file.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa4\n")
    assert parse(read_text(file)).data == {"a": "ä"}
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UnreadableError, match="0xff is not UTF-8") as caught:
        read_text(file)
    assert caught.value.line == 2


def test_a_merged_map_may_itself_merge():
    source = parse("""
        a: &a {one: 1, two: 1}
        b: &b {<<: *a, two: 2}
        c: {<<: *b, three: 3}
        d: {<<: [{one: 0}, *b]}
    """)
    assert source.faults == []
    assert source.data["c"] == {"one": 1, "two": 2, "three": 3}
    assert source.data["d"] == {"one": 0, "two": 2}


@pytest.mark.parametrize(
    "text",
    ["a: &a {<<: *a}", "a: &a {b: &b {<<: *a}, <<: *b}", "a: &a {<<: [{x: 1}, {<<: *a}]}"],
)
def test_a_merge_of_itself_is_a_fault(text):
    assert "an alias of a map" in [fault.allowed for fault in parse(text).faults]


def test_chains_of_merges_have_an_end():
    chain = "\n".join(f"m{i + 1}: &m{i + 1} {{<<: *m{i}}}" for i in range(60))
    allowed = [fault.allowed for fault in parse(f"m0: &m0 {{x: 1}}\n{chain}").faults]
    assert "at most 32 in one another" in allowed
