"""`pydpdk run`: bring up a file, show the chain, run its app, report what it moved."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pydpdk._core.show import rate_text
from pydpdk.cli.plan import File, Json

if TYPE_CHECKING:
    from pydpdk.app.run import PortReport, Report
    from pydpdk.explorer.snapshot import Snapshot

Duration = Annotated[
    float | None,
    typer.Option(help="Seconds to run; 0: until Ctrl-C, the default.", min=0, show_default=False),
]
_MALFORMED = "{:,} malformed packets were dropped: their segments and lengths contradict each other"
_MEMORY = {True: "on hugepages", False: "without hugepages"}


def run(file: File, duration: Duration = None, as_json: Json = False) -> None:
    """Run the app of a file; Ctrl-C, SIGTERM and SIGHUP end it cleanly."""
    from pydpdk.app.run import run as run_app  # here: other commands run without libdpdk
    from pydpdk.app.session import prepare
    from pydpdk.cli.stopping import started
    from pydpdk.explorer import snapshot, tree

    with started(*prepare(file)) as app:
        chain = snapshot.take(next(iter(app.mempools.values()), None))
        app.wait_links()
        app.stop.check()
        if not as_json:
            typer.echo(tree.render(chain))
        rate = None if as_json else _RateLine()
        report = run_app(app, None if duration == 0 else duration, tick=rate)
        if rate:
            rate.end()
        _show(report, chain, as_json)
        if _any_failed(report):
            raise typer.Exit(1)


def _any_failed(report: Report) -> bool:
    return any(worker.state != "done" for worker in report.workers.values())


def _show(report: Report, chain: Snapshot, as_json: bool) -> None:
    from pydpdk.config.report import table

    if as_json:
        typer.echo(json.dumps({**report.to_dict(), "chain": chain.to_dict()}, indent=2))
        return
    typer.echo(f"\n{report.duration_s:.1f} s, {_MEMORY[report.hugepages]}")
    for line in table(_port_rows(report)):
        typer.echo(f"  {line}")
    for name, port in report.ports.items():
        if port.rx_malformed:
            typer.echo(f"  {name}: {_MALFORMED.format(port.rx_malformed)}")
    for line in table(_lcore_rows(report)) if report.lcores else ():
        typer.echo(f"  {line}")
    for name, pool in report.mempools.items():
        typer.echo(f"  mempool {name}: {pool['in_use']:,} of {pool['n']:,} mbufs in use")
    if report.result not in (None, "None"):
        typer.echo(f"  python: {report.result}")
    for name, worker in report.workers.items():
        again = f", started again {worker.restarted} times" if worker.restarted else ""
        typer.echo(f"  worker {name}: {worker.state}{again}: {worker.result}")


class _RateLine:
    """The current packet rates: on a terminal one line, rewritten; else one line per second."""

    def __init__(self) -> None:
        self._last: Report | None = None
        self._live = sys.stdout.isatty()

    def __call__(self, report: Report) -> None:
        text = f"{report.duration_s:5.1f} s  " + "   ".join(
            f"{name} rx {rate_text(rx)}, tx {rate_text(tx)}" for name, rx, tx in self._rates(report)
        )
        sys.stdout.write(f"\r{text}\x1b[K" if self._live else f"{text}\n")
        sys.stdout.flush()
        self._last = report

    def _rates(self, report: Report) -> list[tuple[str, float, float]]:
        last = self._last
        seconds = report.duration_s - (last.duration_s if last else 0) or 1.0
        rates = []
        for name, port in report.ports.items():
            # net_memif resets its counters when it connects
            received = max(0, port.rx_packets - (last.ports[name].rx_packets if last else 0))
            sent = max(0, port.tx_packets - (last.ports[name].tx_packets if last else 0))
            rates.append((name, received / seconds, sent / seconds))
        return rates

    def end(self) -> None:
        """End the line."""
        if self._live and self._last:
            sys.stdout.write("\n")


def _port_rows(report: Report) -> list[tuple[str, ...]]:
    heads = ("rx packets", "tx packets", "rx rate", "tx rate", "rx bytes", "tx bytes")
    return [
        ("port", *heads, "rx missed", "tx dropped", "errors"),
        *((name, *_cells(port)) for name, port in report.ports.items()),
    ]


def _lcore_rows(report: Report) -> list[tuple[str, ...]]:
    rows = [
        (name, f"{one.rx_packets:,}", f"{one.tx_packets:,}", " ".join(map(str, one.counters)))
        for name, one in report.lcores.items()
    ]
    return [("compiled worker", "rx packets", "tx packets", "its counters"), *rows]


def _cells(port: PortReport) -> tuple[str, ...]:
    return (
        f"{port.rx_packets:,}",
        f"{port.tx_packets:,}",
        rate_text(port.rx_pps),
        rate_text(port.tx_pps),
        _bytes(port.rx_packets, port.rx_bytes),
        _bytes(port.tx_packets, port.tx_bytes),
        f"{port.rx_missed:,}",
        f"{port.tx_dropped:,}",
        f"{port.errors:,}",
    )


def _bytes(packets: int, count: int) -> str:
    """Show a byte counter; drivers that keep none (net_null, net_ring) leave it at 0."""
    return "-" if packets and not count else f"{count:,}"
