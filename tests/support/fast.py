"""`pytest --fast`, which is how `scripts/test` runs it: without what is slow.

At the end it says what was left out, and why; `scripts/test --all` leaves out nothing.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SLOW = {
    "docker": "builds images, runs containers",
    "nic": "boots a guest with emulated NICs",
    "core/test_close_races.py::test_a_thread_that_calls_while_another_ends_the_eal_gets_closed_error":
        "eight rounds of a race",
    "core/test_interrupted.py::test_an_interrupted_call_leaves_nothing_half_open":
        "an exception at every bytecode",
    "core/test_interrupted.py::test_an_interrupted_call_of_a_secondary_leaves_nothing_half_open":
        "an exception at every bytecode",
    "core/test_interrupted.py::test_ctrl_c_from_another_process_leaves_nothing_open":
        "signals at random moments",
    "eal/test_signals.py::test_signals_at_many_moments_leave_nothing": "signals at random moments",
    "ethdev/test_kernel_transfer.py::test_transfers_pass_through_a_switch": "100 MB of TCP",
    "ethdev/test_kernel_transfer.py::test_transfers_pass_with_af_xdp": "40 MB of TCP",
    "fuzz/test_asan.py": "compiles with AddressSanitizer, 200,000 packets",
    "fuzz/test_asan_binding.py": "compiles all with AddressSanitizer",
    "fuzz/test_bad_yaml_cli.py": "210 starts of a program",
    "fuzz/test_sweep.py": "every public callable, with all bad values",
    "hugepages/test_bench_datapath.py": "measures",
    "hugepages/test_bench_memory.py": "measures",
    "hugepages/test_bench_pipeline.py": "measures",
    "oracle/test_mbuf_model.py": "random chains of segments",
    "processes/test_attach_cycles.py": "rounds of attaching",
    "processes/test_attach_rejected.py::test_more_than_128_processes": "129 processes",
    "processes/test_c_peer.py::test_a_c_secondary_exchanges_mbufs_with_a_python_primary":
        "the other way round runs",
    "processes/test_kill_ends.py::test_memory_grows_after_a_death_while_attaching":
        "kills at random moments",
    "processes/test_kill_ends.py::test_memory_grows_after_a_death_while_leaving":
        "kills at random moments",
    "processes/test_kill_locks.py::test_every_lock_of_a_dead_process_is_released": "ten deaths",
    "processes/test_kill_growth.py": "kills at random moments",
    "processes/test_kill_rounds.py": "kills at random moments",
    "processes/test_tools.py::test_tools_that_come_and_go_do_not_stop_the_traffic": "five tools",
    "host/test_doctor_dpdk.py": "compiles against another DPDK",
}  # fmt: skip
"""Folders, files and tests that are left out."""

THINNED = {
    "app/test_argv.py": 4,
    "app/test_run.py": 3,
    "app/test_run_workers.py": 3,
    "cli/test_output.py": 3,
    "core/test_close_races.py": 4,
    "core/test_interrupted.py": 3,
    "core/test_views.py": 5,
    "eal/test_eal_end.py": 3,
    "ethdev/test_devices_kernel.py": 2,
    "ethdev/test_devices_peers.py": 2,
    "processes/test_attach.py": 2,
    "processes/test_attach_rejected.py": 2,
    "processes/test_callbacks_of_processes.py": 2,
    "processes/test_kill.py": 2,
    "processes/test_kill_ends.py": 2,
    "processes/test_kill_locks.py": 2,
    "processes/test_run_crash.py": 2,
    "processes/test_secondary_file.py": 2,
    "processes/test_messages_harm.py": 4,
    "host/test_doctor_machine.py": 4,
    "host/test_doctor_virtual.py": 2,
}
"""Folders, files and tests of whose functions every k-th case runs: their cases are much alike."""

SAME_MEMORY = {
    "app", "burst", "cli", "columns", "core", "ethdev", "examples", "explorer", "jit", "lcore",
    "ring", "tables",
}  # fmt: skip
"""Folders whose code is the same on both kinds of memory: left out with --memory=no-huge."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="leave out what is slow, and say what")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("fast"):
        config.pluginmanager.register(_Fast(config), "left out")


class _Fast:
    """Tests that this run leaves out; with xdist, the sum of those that its workers left out."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cases: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list) -> None:
        reasons = [self._why(item) for item in items]
        config.hook.pytest_deselected(
            items=[item for item, why in zip(items, reasons, strict=True) if why]
        )
        items[:] = [item for item, why in zip(items, reasons, strict=True) if not why]
        self._left_out.update(filter(None, reasons))

    def _why(self, item: pytest.Item) -> str:
        """Return why a test is left out; an empty string if it runs."""
        path = item.path.relative_to(TESTS)
        keys = [f"{path}::{getattr(item, 'originalname', item.name)}", str(path), path.parts[0]]
        for key in keys:
            if key in SLOW:
                return f"{key}: {SLOW[key]}"
        if self._config.getoption("memory") == "no-huge" and path.parts[0] in SAME_MEMORY:
            return f"{path.parts[0]}: the same as on hugepages"
        every = next((THINNED[key] for key in keys if key in THINNED), 1)
        at = self._cases[keys[0]]
        self._cases[keys[0]] += 1
        return f"{keys[1]}: one case in {every} runs" if at % every else ""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left_out"] = dict(self._left_out)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        self._left_out = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("left out by --fast")
        for why, n in sorted(self._left_out.items()):
            terminalreporter.line(f"{n:5,} {why}")
