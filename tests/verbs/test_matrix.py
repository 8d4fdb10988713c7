"""Each verb of the table does the same in all of its forms, on packets of every kind.

The forms are the method in Python, the entry in C, and in a worker the verb of a burst and that of
one packet. The table has the arguments.
"""

from __future__ import annotations

import re
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from worker_packets import PACKETS

from pydpdk import Burst, worker
from pydpdk._core.objects import checked_of
from pydpdk._core.verbs import VERBS

FRAMES = [packet for packet in PACKETS if len(packet) >= 14]
N = len(FRAMES)
VALUES = {
    "u2": np.arange(N, dtype=np.uint16), "bits": np.arange(N, dtype=np.uint32) % 2,
    "rows": np.arange(N * 6, dtype=np.uint8).reshape(N, 6),
    "octets": np.arange(6, dtype=np.uint8), "long": np.zeros(200, np.uint8),
}  # fmt: skip
OF_PACKETS = {verb.name: verb for verb in VERBS if "packet" in verb.on}
EXAMPLES = [(v.name, example) for v in OF_PACKETS.values() for example in v.examples or ("",)]
REFUSED = [(v.name, example) for v in OF_PACKETS.values() for example in v.refused]
OF_BURST = "{result}burst.{name}({arguments})"
OF_PACKET = "for i in range(len(burst)): packet = burst[i]; {result}packet.{name}({arguments})"
RAISES = f"""
def acts(there, back, burst, out, failed, {", ".join(VALUES)}):
    there.rx(burst)
    {{act}}
"""
RETURNS = f"""
def acts(there, back, burst, out, failed, {", ".join(VALUES)}):
    there.rx(burst)
    try:
        {{act}}
    except Exception:
        failed[0] = True
    back.tx(burst)
"""


class After(NamedTuple):
    """The state that a verb leaves behind."""

    failed: bool
    masks: list[list[bool]]
    packets: list[bytes]
    lengths: list[tuple[int, ...]]
    tags: list[int]


def test_the_table_has_arguments_for_all():
    assert {"rewrite", "vlan_push", "vlan_pop", "prepend", "adj"} <= set(OF_PACKETS)
    for verb in OF_PACKETS.values():
        taken = [argument for argument in verb.takes if type(argument).__name__ != "Constant"]
        assert bool(taken) == bool(verb.examples) == bool(verb.refused), verb.name


def load(burst: Burst, pool: Any) -> None:
    burst.alloc(pool, N)
    burst.fill(FRAMES)


def after(burst: Burst, masks: list[Any], *, failed: bool) -> After:
    """Return what is in the burst, and empty it."""
    lengths = [tuple(burst.mbuf(i).tx_lengths) for i in range(len(burst))]
    packets = [burst.bytes(i) for i in range(len(burst))]
    tags = burst.columns["mbuf.vlan_tci"].tolist()
    burst.free()
    assert len(packets) == N
    return After(failed, [mask.tolist() for mask in masks], packets, lengths, tags)


def interpreted(pool: Any, name: str, example: str, *, in_python: bool) -> After:
    """Call the method, in Python as it is written, or as it is found on the class."""
    arguments = eval(f"({example},)" if example else "()", dict(VALUES))
    written = checked_of(getattr(Burst, name))
    method = written if in_python else getattr(Burst, name)
    codes: list[Any] = []
    failed, found = False, None
    with Burst(64) as burst:
        load(burst, pool)
        sys.setprofile(
            lambda frame, event, _: codes.append(frame.f_code) if event == "call" else None
        )
        try:
            found = method(burst, *arguments)
        except ValueError:
            failed = True
        finally:
            sys.setprofile(None)
        masks = [] if found is None else list(found) if isinstance(found, tuple) else [found]
        seen = after(burst, masks, failed=failed)
    if not in_python and not failed and example != "octets":  # the entry takes bytes
        assert written.__code__ not in codes
    return seen


def compiled(source: str, act: str, name: str, arguments: str) -> Any:
    """Return a worker that does the verb to what it receives."""
    place = "i" if act is OF_PACKET else ":len(burst)"
    places = [f"out[{mask}, {place}]" for mask in range(len(OF_PACKETS[name].gives))]
    scope: dict[str, Any] = {}
    result = f"{', '.join(places)} = " if places else ""
    act = act.format(name=name, arguments=arguments, result=result)
    exec(source.format(act=act), scope)
    return worker(scope["acts"])


def in_worker(pair: Any, pool: Any, acts: Any, name: str) -> After:
    """Launch it on all frames, which come back."""
    there, back = pair
    out, failed = np.zeros((2, N), np.bool_), np.zeros(1, np.bool_)
    with Burst(64) as ours, Burst(64) as its:
        load(ours, pool)
        assert there.tx(ours) == N
        acts.launch(there, back, its, out, failed, *VALUES.values()).result()
        assert back.rx(ours) == N
        masks = [] if failed[0] else list(out[: len(OF_PACKETS[name].gives)])
        return after(ours, masks, failed=bool(failed[0]))


def acts_in_worker(name: str, example: str) -> dict[str, tuple[str, str]]:
    """Return the forms in a worker, with the arguments; one packet has no arrays of three rows."""
    one = re.sub(r"\b(u2|bits|rows)\b", r"\1[i]", example)
    of_packet = {} if "[" in example else {"packet": (OF_PACKET, one)}
    return {"burst": (OF_BURST, example), **of_packet}


def in_all_forms(pair: Any, pool: Any, name: str, example: str) -> dict[str, After]:
    """Do a verb in each of its forms."""
    forms = {
        "Python": interpreted(pool, name, example, in_python=True),
        "C": interpreted(pool, name, example, in_python=False),
    }
    for form, (act, arguments) in acts_in_worker(name, example).items():
        forms[form] = in_worker(pair, pool, compiled(RETURNS, act, name, arguments), name)
    return forms


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_a_verb_does_the_same_in_all_forms(pair, pool, name: str, example: str):
    forms = in_all_forms(pair, pool, name, example)
    assert not forms["Python"].failed
    assert len(forms["Python"].masks) == len(OF_PACKETS[name].gives)
    for form, seen in forms.items():
        assert seen == forms["Python"], form
    assert len(forms) == 4


@pytest.mark.parametrize(("name", "example"), REFUSED)
def test_a_verb_refuses_the_same_in_all_forms(pair, pool, name: str, example: str):
    """Nothing is written; in Python and C only a ValueError counts as a refusal."""
    for form, seen in in_all_forms(pair, pool, name, example).items():
        assert (form, seen.failed) == (form, True)
        assert seen.packets == FRAMES, form
    there, back = pair
    for act, arguments in acts_in_worker(name, example).values():
        acts = compiled(RAISES, act, name, arguments)
        with Burst(64) as ours, Burst(64) as its:
            load(ours, pool)
            there.tx(ours)
            spare = np.zeros((2, N), np.bool_), np.zeros(1, np.bool_)
            with pytest.raises(ValueError):
                acts.launch(there, back, its, *spare, *VALUES.values()).result()
