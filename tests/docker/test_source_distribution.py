"""The source distribution, built here, installed in a container with Debian's packages only."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Docker

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
IMAGE = "pydpdk:sdist"
CLEAN = """
FROM debian:SUITE-slim
RUN apt-get update && apt-get install -y --no-install-recommends \\
        gcc libdpdk-dev librte-meta-mempool librte-meta-net pkg-config python3-dev python3-venv
RUN python3 -m venv /opt/pydpdk
COPY pydpdk.tar.gz /tmp/
RUN /opt/pydpdk/bin/pip install --no-cache-dir --disable-pip-version-check /tmp/pydpdk.tar.gz \\
 && tar -C /srv --strip-components 1 -xf /tmp/pydpdk.tar.gz
WORKDIR /srv
ENTRYPOINT ["/opt/pydpdk/bin/pydpdk"]
"""


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", where, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = where.glob("pydpdk-*.tar.gz")
    return made


def test_it_installs_and_runs_in_a_clean_container(docker: Docker, sdist: Path, tmp_path: Path):
    """On the suite that is the Dockerfile's default."""
    suite = re.search(r"ARG SUITE=(\w+)", (ROOT / "Dockerfile").read_text())
    assert suite is not None
    shutil.copy(sdist, tmp_path / "pydpdk.tar.gz")
    (tmp_path / "Dockerfile").write_text(CLEAN.replace("SUITE", suite[1]))
    docker("build", "--network=host", "--tag", IMAGE, str(tmp_path))
    run = ("run", "configs/null.yaml", "--duration", "1", "--json")
    report = json.loads(docker("run", "--rm", IMAGE, *run).stdout)
    assert all(port["rx_packets"] > 0 for port in report["ports"].values())
    assert report["ports"]
