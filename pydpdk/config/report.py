"""Write a plan as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from pydpdk.config import polling
from pydpdk.config.plan import Plan
from pydpdk.config.polling import Poll
from pydpdk.eal.resolve import mb


def render(plan: Plan) -> str:
    """Write a plan as text."""
    parts = [
        ("EAL", [shlex.join(plan.argv), *_from_primary(plan)]),
        ("Memory", _memory(plan)),
        ("Mempools [mbufs]", _pools(plan)),
        ("Ports", _ports(plan)),
        ("Polling", _polls(plan)),
        ("Warnings", [f"- {warning}" for warning in plan.warnings]),
    ]
    blocks = [
        "\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in parts if lines
    ]
    return "\n\n".join(blocks) + "\n"


def _from_primary(plan: Plan) -> list[str]:
    """Say what the argv of a secondary lacks, as it is not attached yet."""
    if plan.options.proc_type != "secondary":
        return []
    return ["and, at its start, its primary's devices and IOVA mode, and by default a free lcore"]


def _memory(plan: Plan) -> list[str]:
    lines = [f"needed      {mb(plan.needed_bytes)}, estimated"]
    if plan.hugepages:
        size = mb(plan.page_bytes)
        lines.append(f"hugepages   {plan.nb_hugepages} of {size} ({plan.hugepages_reason})")
    else:
        lines.append(f"hugepages   none: {plan.hugepages_reason}")
        lines.append(f"reserved    {plan.options.memory_mb} MB of 4 KB pages, all there will be")
    return lines


def _pools(plan: Plan) -> list[str]:
    head = ("name", "descriptors", "caches", "bursts", "rings", "= needed", "n", "spare", "memory")
    rows = [
        (
            pool.name,
            *map("{:,}".format, (pool.descriptors, pool.caches, pool.bursts, pool.rings)),
            *map("{:,}".format, (pool.needed, pool.n, pool.spare)),
            mb(pool.total_bytes),
        )
        for pool in plan.pools
    ]
    if not rows:
        return []
    return [*table([head, *rows]), "caches: cache_size x 1.5 for each lcore that uses the pool"]


def _ports(plan: Plan) -> list[str]:
    rows = [("name", "device", "rx queues", "tx queues", "mempool", "node")]
    for name, port in plan.config.ports.items():
        node = polling.port_node(port)
        place = port.mempool or "-", "-" if node is None else str(node)
        rows.append((name, port.device, str(port.nb_rx_queues), str(port.nb_tx_queues), *place))
    return list(table(rows)) if len(rows) > 1 else []


def _polls(plan: Plan) -> list[str]:
    app = plan.config.app
    if app is None:
        return ["no app: the file can be opened from Python, not run"]
    if app.worker and not plan.polls:
        return [f"{app.worker} has no lcore to run on beside the main one, {plan.main_lcore}"]
    if app.python:
        return [f"{app.python} is called on lcore {plan.main_lcore} and does its own polling"]
    head = ("lcore", "CPU", "node", "receives from", "sends to")
    return list(table([head, *(_poll(plan, poll) for poll in plan.polls)]))


def _poll(plan: Plan, poll: Poll) -> tuple[str, ...]:
    cpus = ",".join(map(str, sorted(plan.options.lcore_map[poll.lcore])))
    node = str(polling.lcore_node(plan.options, poll.lcore))
    source = f"{poll.rx_port} queue {poll.rx_queue}" if poll.rx_port is not None else "(template)"
    sink = f"{poll.tx_port} queue {poll.tx_queue}" if poll.tx_port is not None else "(dropped)"
    return str(poll.lcore), cpus, node, source, sink


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lay out rows in aligned columns; numbers are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    numeric = [all(_is_number(row[i]) for row in rows[1:]) for i in range(len(widths))]
    for row in rows:
        cells = zip(row, widths, numeric, strict=True)
        yield "  ".join(c.rjust(w) if num else c.ljust(w) for c, w, num in cells).rstrip()


def _is_number(text: str) -> bool:
    return text.replace(",", "").lstrip("-").removesuffix(" MB").isdigit()
