"""Machines of an EAL: another DPDK, few descriptors, few CPUs, no hugepages."""

import os
import subprocess

import pytest

import pydpdk


def test_a_dpdk_of_another_release_is_a_version_error(run_script, tmp_path):
    done = run_script("""
        import importlib, sys
        from pydpdk import version
        from pydpdk.errors import VersionError
        version.RUNNING = "23.11.0"
        try:
            version.check()
        except VersionError as error:
            assert isinstance(error, ImportError)
            print(error)
    """)
    assert f"compiled against DPDK {pydpdk.version.COMPILED}" in done.stdout, done.stderr
    assert "runs on DPDK 23.11.0" in done.stdout


def test_another_libdpdk_at_import_is_a_version_error(run_script, tmp_path):
    """A library in front with another version: the import itself detects it."""
    source = tmp_path / "version.c"
    source.write_text('const char *rte_version(void) { return "DPDK 23.11.1"; }\n')
    library = tmp_path / "version.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = run_script("", LD_PRELOAD=str(library))
    assert done.returncode == 1
    assert "VersionError: pydpdk was compiled against DPDK" in done.stderr
    assert "23.11.1" in done.stderr


def test_few_file_descriptors_raise_before_the_eal_starts(run_script):
    """The EAL would panic on EMFILE."""
    done = run_script("""
        import resource, pydpdk.eal
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        try:
            init()
        except ValueError as error:
            print(pydpdk.eal.state(), error)
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "file descriptors" in done.stdout


def test_cpus_outside_the_affinity_raise_before_the_eal_starts(run_script):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    done = run_script(f"""
        import os, pydpdk.eal
        os.sched_setaffinity(0, [{cpus[0]}])
        try:
            init(lcores="{cpus[1]}")
        except ValueError as error:
            print(pydpdk.eal.state(), error)
        eal = init(lcores=None)
        print(eal.main_cpus)
        eal.close()
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "outside the CPUs" in done.stdout
    assert f"frozenset({{{cpus[0]}}})" in done.stdout


def test_two_lcores_on_one_cpu_and_one_that_floats(run_script):
    cpu = min(os.sched_getaffinity(0))
    done = run_script(f"""
        from pydpdk import lcore
        with init(lcores="5@{cpu},7@{cpu}", main_lcore=7):
            print([(one.lcore_id, one.main) for one in lcore.walk()], lcore.current())
    """)
    assert done.stdout == "[(5, False), (7, True)] 7\n", done.stderr


def test_auto_without_hugepages_warns(run_script):
    done = run_script("""
        from pydpdk.host import hugepages
        gone = hugepages.Availability(False, 0, "None is reserved.")
        hugepages.available = lambda *args, **options: gone
        with init(hugepages="auto") as running:
            print(running.hugepages)
    """)
    assert done.stdout == "False\n", done.stderr
    assert "without hugepages (None is reserved): no other process can attach" in done.stderr


def test_a_failed_start_gives_the_findings_of_doctor(run_script):
    """The EAL reserves address space for the maximum memory, which is not allowed here."""
    done = run_script("""
        import resource
        from pydpdk import EalInitError
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.RLIM_INFINITY))
        try:
            init(memory_mb=8192 if not HUGEPAGES else None)
        except EalInitError as error:
            found = {finding.code: finding for finding in error.findings}
            limit = found["limit-address-space"]
            assert str(limit) in error.hints and str(limit) in str(error)
            print(limit)
    """)
    assert done.stdout.startswith("The limit is 4,096 MB of address space"), done.stderr
    assert done.stdout.endswith("`ulimit -Sv unlimited` [limit-address-space]\n")
