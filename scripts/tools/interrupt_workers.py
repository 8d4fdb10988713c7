"""Cases of workers, Forward, Meter and dynamic fields."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from interrupt_cases import Case, closable, close_all, null_port

from pydpdk import DynField, DynFlag, Eal, Forward, Meter, lcore, worker
from pydpdk.lcore import job
from pydpdk.memory import dynfield

job.PATIENCE_S = 20.0  # on a loaded machine a worker may need longer than `close` waits

FIELD, FLAG = "interrupt_field", "interrupt_flag"


@worker
def moves(rxq, txq, burst, counters):  # noqa: ANN001, ANN201
    """Forward until asked to stop."""
    while lcore.running():
        counters[0] += rxq.rx(burst)
        txq.tx(burst)
        burst.free()
    return counters[0]


def _started(eal: Eal) -> dict[str, Any]:
    made = null_port(eal)
    made["port"].configure(mempool=made["pool"], nb_rx_desc=16, nb_tx_desc=16)
    made["port"].start()
    made["counters"] = np.zeros(1, np.int64)
    return made


def _end(eal: Eal, made: dict[str, Any]) -> None:
    assert made["port"].rx_queues[0].rx(made["burst"]) == 8
    made["burst"].free()
    for what in ("port", "burst", "pool"):
        closable(made[what])
    eal.remove_device(made["device"])


# Compiled workers.


def _launch(made: dict[str, Any]) -> Any:
    port = made["port"]
    return moves.launch(port.rx_queues[0], port.tx_queues[0], made["burst"], made["counters"])


def _stop_and_wait(made: dict[str, Any]) -> None:
    made["job"].cancel()
    made["job"].result()


def _launch_and_leave(made: dict[str, Any]) -> None:
    with _launch(made):
        pass


def _launch_again(made: dict[str, Any]) -> None:
    """Check that the lcore and the leased objects are free again."""
    close_all(lcore.Job)
    before = int(made["counters"][0])
    with _launch(made) as job:
        _counts_on(made, before, job)
    assert job.result() == made["counters"][0]


def _counts_on(made: dict[str, Any], before: int, job: lcore.Job) -> None:
    while made["counters"][0] == before:
        assert job.running()


def worker_cases(eal: Eal) -> list[Case]:
    """Return the cases of compiled workers."""

    def started() -> dict[str, Any]:
        return _started(eal)

    def launched() -> dict[str, Any]:
        made = _started(eal)
        return {**made, "job": _launch(made)}

    def end(made: dict[str, Any]) -> None:
        _end(eal, made)

    return [
        Case("launch worker", started, _launch, _launch_again, end),
        Case("stop worker", launched, lambda made: made["job"].cancel(), _launch_again, end),
        Case("wait for worker", launched, _stop_and_wait, _launch_again, end),
        Case("close worker", launched, lambda made: made["job"].close(), _launch_again, end),
        Case("launch and leave worker", started, _launch_and_leave, _launch_again, end),
    ]


# Forward.


def _hops(made: dict[str, Any]) -> list[Any]:
    return [(made["port"].rx_queues[0], made["port"].tx_queues[0])]


def _drop_forward(made: dict[str, Any]) -> None:
    del made["forward"]


def _step_again(made: dict[str, Any]) -> None:
    for forward in (made.get("forward"), Forward(made["burst"], _hops(made))):
        if forward is not None:
            assert forward.step() == 8
    made.pop("forward", None)
    assert not made["burst"]


def forward_cases(eal: Eal) -> list[Case]:
    """Return the cases of bound rounds."""

    def started() -> dict[str, Any]:
        return _started(eal)

    def bound() -> dict[str, Any]:
        made = _started(eal)
        return {**made, "forward": Forward(made["burst"], _hops(made), "macswap")}

    def bind(made: dict[str, Any]) -> None:
        made["forward"] = Forward(made["burst"], _hops(made))

    def end(made: dict[str, Any]) -> None:
        _end(eal, made)

    return [
        Case("make forward", started, bind, _step_again, end),
        Case("step", bound, lambda made: made["forward"].step(), _step_again, end),
        Case("drop forward", bound, _drop_forward, _step_again, end),
        Case("close burst of forward", bound, lambda made: made["burst"].close(),
             _step_or_closed, _end_closed(eal)),
    ]  # fmt: skip


def _step_or_closed(made: dict[str, Any]) -> None:
    if made["burst"].closed:
        with suppress(Exception):
            made["forward"].step()
            raise SystemError("a forward goes on without its burst")
    else:
        assert made["forward"].step() == 8
    assert made["pool"].in_use_count == 0


def _end_closed(eal: Eal) -> Any:
    def end(made: dict[str, Any]) -> None:
        for what in ("burst", "port", "pool"):
            closable(made[what])
        eal.remove_device(made["device"])

    return end


# Objects that are only memory of this process, or that stay in every mbuf.


def _color(box: list[Meter]) -> None:
    flows = np.zeros(2, np.uint32)
    for meter in box:
        meter.color(flows, np.ones(2, np.uint32))
        assert meter.color(flows, np.full(2, 1 << 30, np.uint32)).tolist() == [2, 2]


def _same_field(_: Any) -> None:
    """Check that there is one field, at one place, for all calls that register or find it."""
    fields = DynField.register(FIELD, "u2"), DynField.lookup(FIELD, "u2")
    flags = DynFlag.register(FLAG), DynFlag.lookup(FLAG)
    assert fields[0].offset == fields[1].offset
    assert flags[0].bitnum == flags[1].bitnum
    assert dynfield.rx_timestamp()[0].offset == dynfield.rx_timestamp()[0].offset


def _registered() -> list[Any]:
    _same_field(None)
    return []


def small_cases() -> list[Case]:
    """Return the cases of meters and dynamic fields."""
    return [
        Case("make meter", list, lambda box: box.append(Meter(1, 100, n=4)), _color),
        Case("color", lambda: [Meter(1, 100, n=4)], _color, _color),
        Case("register field", list, lambda box: DynField.register(FIELD, "u2"), _same_field),
        Case("look up field", _registered, lambda box: DynField.lookup(FIELD), _same_field),
        Case("register flag", list, lambda box: DynFlag.register(FLAG), _same_field),
        Case("look up flag", _registered, lambda box: DynFlag.lookup(FLAG), _same_field),
        Case("timestamps", list, lambda box: dynfield.rx_timestamp(), _same_field),
    ]
