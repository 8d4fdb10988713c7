"""Tables and plots of the results of `bench_datapath`, and their place in a document."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datapath_bench import Asked, Row

import pydpdk

BEGIN, END = "<!-- bench_datapath: begin -->\n", "<!-- bench_datapath: end -->\n"
TITLES = {
    "workers": "A compiled worker and testpmd, one lcore",
    "interpreted": "Interpreted Python and testpmd, one core",
    "columns": "Real headers, net_pcap with infinite_rx, one core; testpmd's io looks at no packet",
    "others": "The same packets by what is used today; send and receive over one veth pair",
    "cost": "What a call costs by part; packets in the cache",
    "scaling": "Compiled workers on one lcore and on two, each with a pair of ports, by the"
    " distance of the CPUs",
    "objects": "Blocks that Python has more after these packets, and the most in between",
}
DIGITS = {"Mpps": 1, "kpps": 1, "ns": 0, "blocks": 0}
Draw = Callable[[Any, Sequence[Row]], None]


def tables(rows: Sequence[Row]) -> str:
    """Render rows as text: a table for each part and each set of sides."""
    said = []
    for part, those in itertools.groupby(rows, lambda row: row.part):
        said.append(f"{TITLES[part]}\n")
        groups = itertools.groupby(those, lambda row: (row.name, row.unit))
        said += [table(list(group)) for _, group in groups]
    return "\n".join(said)


def table(rows: Sequence[Row]) -> str:
    """Render rows with the same sides: medians and their ratio to the base."""
    sides = list(dict.fromkeys(runner for row in rows for runner in row.medians()))
    if rows[0].part in ("others", "objects"):
        return listed(rows)
    compared = {runner for row in rows for runner in row.ratios()}
    head = f"{rows[0].name} [{rows[0].unit}]".ljust(20)
    for runner in sides:
        head += runner.rjust(width(runner)) + ("  ratio" if runner in compared else "")
    lines = [head]
    for row in rows:
        found, ratios = row.medians(), row.ratios()
        line = (f"burst {row.burst}" + (f", {row.apart:.0f} ns" if row.apart else "")).ljust(20)
        for runner in sides:
            line += (
                f"{found.get(runner, float('nan')):{width(runner)},.{digits(found, runner, row)}f}"
            )
            if runner in compared:
                line += f"{ratios[runner]:7.2f}" if runner in ratios else " " * 7
        lines.append(line.rstrip())
    return "\n".join([*lines, *reasons(rows), ""])


def width(runner: str) -> int:
    return max(9, len(runner) + 3)


def digits(found: dict[str, float], runner: str, row: Row) -> int:
    """Return how many decimals to show: one more for less than 10 Mpps."""
    return DIGITS[row.unit] + (row.unit == "Mpps" and found.get(runner, 10) < 10)


def listed(rows: Sequence[Row]) -> str:
    """Render one line per side, where rows have different sides."""
    lines = []
    for row in rows:
        lines.append(f"{row.name} [{row.unit}]")
        ratios = row.ratios()
        for runner, value in row.medians().items():
            times = f"{ratios[runner]:10,.1f} x {row.base[0]}" if runner in ratios else ""
            lines.append(f"  {runner:34}{value:14,.{DIGITS[row.unit]}f}{times}")
    return "\n".join([*lines, *reasons(rows), ""])


def reasons(rows: Sequence[Row]) -> list[str]:
    """Return what could not be measured, once for each reason."""
    found = {(row.name, runner): why for row in rows for runner, why in row.why.items()}
    return [f"  {name}, {runner}: not measured: {why}" for (name, runner), why in found.items()]


def has_place(path: Path) -> str:
    """Return the text of a document; exit if it has no place for tables."""
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"{path}: needs one line {BEGIN.strip()} and one {END.strip()}")
    return text


def write(path: Path, rows: Sequence[Row], asked: Asked) -> None:
    """Replace the block between the markers of a document, and the plots beside it."""
    text = has_place(path)
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    head = (
        f"DPDK {pydpdk.version.RUNNING}, CPUs {asked.cpus[0]} and {asked.cpus[1]}; medians of"
        f" {asked.rounds} rounds of {asked.seconds} s. Load of the machine, this run's one or two"
        f" included, at its end: {os.getloadavg()[0]:.0f}.\n\n"
    )
    images = [f"![{title}]({name})\n" for name, title in plots(path.parent, rows)]
    block = head + "".join(f"    {line}".rstrip() + "\n" for line in tables(rows).splitlines())
    path.write_text(before + BEGIN + block + "\n" + "\n".join(images) + END + after)


def plots(folder: Path, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Draw the results as SVG files; return their names and titles."""
    try:
        import matplotlib as mpl
    except ImportError:
        sys.exit("plots need matplotlib: pip install 'pydpdk[bench]'")
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "pydpdk", "font.size": 10, "axes.axisbelow": True})
    from matplotlib import pyplot

    written = []
    for name, (title, parts, draw) in PLOTS.items():
        chosen = [row for row in rows if row.part in parts and row.medians()]
        if not chosen:
            continue
        figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
        draw(axes, chosen)
        axes.set_title(title)
        axes.grid(alpha=0.3)
        figure.savefig(folder / name, metadata={"Date": None})
        pyplot.close(figure)
        written.append((name, title))
    return written


def draw_rates(axes: Any, rows: Sequence[Row]) -> None:
    """Draw rates by burst, a line for each side of each mode."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        found = row.medians()
        best = max((found[runner] for runner in row.base if runner in found), default=0.0)
        shown = {runner: value for runner, value in found.items() if runner not in row.base}
        for runner, value in {"testpmd": best, **shown}.items():
            if row.burst and runner != "testpmd again":
                label = runner if row.part == "columns" else f"{row.name}, {runner}"
                lines.setdefault(label, []).append((row.burst, value))
    for label, points in lines.items():
        style = "--" if "testpmd" in label else "-"
        axes.plot(*zip(*points, strict=True), style, marker=".", label=label)
    by_burst(axes, rows)
    axes.set_ylabel("Mpps")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def draw_cost(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the cost of a packet by part, on two logarithmic axes."""
    for runner in rows[0].medians():
        points = [(row.burst or 1, row.medians()[runner] / (row.burst or 1)) for row in rows]
        axes.plot(*zip(*points, strict=True), marker=".", label=runner)
    by_burst(axes, rows)
    axes.set_yscale("log")
    axes.set_ylabel("ns a packet")
    axes.legend(fontsize=8)


def by_burst(axes: Any, rows: Sequence[Row]) -> None:
    """Put the measured bursts below the plot."""
    bursts = sorted({row.burst for row in rows if row.burst})
    axes.set_xscale("log", base=2)
    axes.set_xticks(bursts, [str(size) for size in bursts])
    axes.set_xlabel("burst [packets]")


def draw_others(axes: Any, rows: Sequence[Row]) -> None:
    """Draw bars on a logarithmic axis: the libraries are orders of magnitude apart."""
    bars = [
        (f"{row.name}: {runner}", mpps) for row in rows for runner, mpps in row.medians().items()
    ]
    labels, values = zip(*reversed(bars), strict=True)
    drawn = axes.barh(labels, values)
    axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlabel("thousand packets a second")


PLOTS: dict[str, tuple[str, Sequence[str], Draw]] = {
    "datapath-workers.svg": ("Compiled workers", ("workers",), draw_rates),
    "datapath-interpreted.svg": ("Interpreted Python", ("interpreted",), draw_rates),
    "datapath-columns.svg": ("Real headers", ("columns",), draw_rates),
    "datapath-others.svg": ("The same packets, other libraries", ("others",), draw_others),
    "datapath-cost.svg": ("What a packet costs, by part", ("cost",), draw_cost),
}
