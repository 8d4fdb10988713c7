"""One function over queues of ports, rings of mbufs and channels: `BurstSource`, `BurstSink`."""

from collections.abc import Callable, Iterator

import pytest

from pydpdk import Burst, BurstSink, BurstSource, Channel, Mempool, Port, Ring

PACKETS = [bytes([i]) * 60 for i in range(8)]
Pipe = tuple[BurstSink, BurstSource]


def through(sink: BurstSink, source: BurstSource, pool: Mempool) -> list[bytes]:
    """Send packets in and return what came out, by the two interfaces alone."""
    with Burst(8) as burst:
        burst.alloc(pool, len(PACKETS))
        burst.fill(PACKETS)
        assert sink.tx(burst) == len(PACKETS)
        assert (len(burst), source.rx(burst)) == (0, len(PACKETS))
        came = [burst.bytes(i) for i in range(len(burst))]
        burst.free()
    return came


@pytest.fixture
def port_pipe(loop: Port) -> Pipe:
    return loop.tx_queues[0], loop.rx_queues[0]


@pytest.fixture
def ring_pipe(name: str) -> Iterator[Pipe]:
    with Ring.create(name, 16, element="mbuf") as ring:
        yield ring, ring


@pytest.fixture
def channel_pipe(name: str) -> Iterator[Pipe]:
    with Channel.create(name, 16, message_bytes=60) as channel:
        yield channel, channel


@pytest.mark.parametrize("kind", ["port", "ring", "channel"])
def test_a_function_runs_unchanged_on_ports_rings_and_channels(
    kind: str, pool: Mempool, request: pytest.FixtureRequest
) -> None:
    sink, source = request.getfixturevalue(f"{kind}_pipe")
    assert isinstance(sink, BurstSink) and isinstance(source, BurstSource)
    assert through(sink, source, pool) == PACKETS


def test_what_does_not_fit_stays_at_the_front(ring_pipe: Pipe, pool: Mempool) -> None:
    sink, source = ring_pipe
    with Burst(20) as burst:
        burst.alloc(pool, 20)
        burst.fill([bytes([i]) for i in range(20)])
        assert sink.tx(burst) == 15
        assert [burst.bytes(i)[0] for i in range(len(burst))] == [15, 16, 17, 18, 19]
        burst.free()
        assert source.rx(burst) == 15
        burst.free()


def test_other_objects_are_neither(pool: Mempool, loop: Port) -> None:
    makers: list[Callable[[], object]] = [lambda: pool, lambda: loop, lambda: loop.rx_queues]
    for make in makers:
        assert not isinstance(make(), BurstSource | BurstSink)
