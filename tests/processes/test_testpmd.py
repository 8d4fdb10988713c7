"""Our secondary beside a testpmd that forwards: it finds and uses all, and harms nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from children import Child, python
from oracle.testpmd import LCORES, N_MBUFS, TESTPMD, Testpmd, running
from waiting import until

pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(TESTPMD is None, reason="dpdk-testpmd is not installed"),
]
SECONDARY = f"""
import json, sys
import pydpdk
from pydpdk import Burst, Mempool, Port, Ring
from waiting import until

with pydpdk.init(proc_type="secondary", file_prefix=sys.argv[1], lcores="64@{LCORES[0]}"):
    pool = Mempool.lookup("mb_pool_0")
    ports = [Port.lookup(name) for name in ("net_null0", "net_null1")]
    first = [port.stats().opackets for port in ports]
    # no other lcore uses the pool (net_null allocates and frees in each burst): it has mbufs for us
    with Burst(32) as burst, Ring.create("ours", 64, element="mbuf") as ring:
        burst.alloc(pool, length=60)
        burst.fill(bytes(range(60)))
        ring.tx(burst)
        ring.rx(burst)
        data = [burst.bytes(i) == bytes(range(60)) for i in range(32)]
        burst.free()
    rejected = []
    for act in (lambda: ports[0].stop(), lambda: ports[0].start(),
                lambda: ports[0].configure(mempool=pool)):
        try:
            act()
            rejected.append("")
        except pydpdk.SecondaryError as error:
            rejected.append(str(error))
    until(lambda: sum(port.stats().opackets for port in ports) > sum(first))
    second = [port.stats().opackets for port in ports]
    seen = dict(n=pool.capacity, data=all(data), first=first, second=second, rejected=rejected)
    print(json.dumps(seen))
"""


@pytest.fixture
def testpmd() -> Iterator[Testpmd]:
    with running() as made:
        yield made


def attach(testpmd: Testpmd) -> dict:
    done = Child(python(SECONDARY, testpmd.prefix)).finish()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_secondary_reads_ports_and_uses_mbufs_of_testpmd(testpmd: Testpmd) -> None:
    before = testpmd.sent()
    seen = attach(testpmd)
    after = testpmd.sent()
    assert seen["n"] == N_MBUFS
    assert seen["data"]
    assert before <= sum(seen["first"]) < sum(seen["second"]) <= after


def test_a_secondary_may_not_control_the_ports_of_testpmd(testpmd: Testpmd) -> None:
    before = testpmd.telemetry("/ethdev/list")
    rejected = attach(testpmd)["rejected"]
    assert all("belong to the primary" in message for message in rejected), rejected
    assert testpmd.telemetry("/ethdev/list") == before
    sent = testpmd.sent()
    until(lambda: testpmd.sent() > sent)


def test_testpmd_ends_well_after_a_secondary_has_left(testpmd: Testpmd) -> None:
    files, zones = testpmd.files(), testpmd.telemetry("/eal/memzone_list")
    for _ in range(3):
        attach(testpmd)
    # the registry file is ours; the rest is unchanged
    assert {name for name in testpmd.files() if "pydpdk" not in name} == files
    assert testpmd.telemetry("/eal/memzone_list") == zones
    assert "Bye" in testpmd.quit()
    assert testpmd.process.returncode == 0
