"""The manifest in configs/kubernetes: valid in the API's schema, and right for its program."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pydpdk.config.load import loads
from pydpdk.config.plan import needs_of_file
from pydpdk.host.doctor.limits import needed_capabilities

kubernetes_validate = pytest.importorskip(
    "kubernetes_validate", reason="needs kubernetes-validate, of the extra dev"
)
FILE = Path(__file__).parents[2] / "configs/kubernetes/pod.yaml"
CONFIG_MAP, POD = yaml.safe_load_all(FILE.read_text(encoding="utf-8"))
(CONTAINER,) = POD["spec"]["containers"]
VERSIONS = kubernetes_validate.utils.all_versions()
ADDRESSES = "0000:3b:02.1,0000:3b:02.5"


def test_the_newest_and_the_oldest_schema_accept_the_manifest():
    for version in (VERSIONS[-1], "1.30.0" if "1.30.0" in VERSIONS else VERSIONS[-8]):
        for document in (CONFIG_MAP, POD):
            kubernetes_validate.validate(document, version, strict=True)


def _container(pod: Any) -> Any:
    return pod["spec"]["containers"][0]


BROKEN: dict[str, Callable[[Any], Any]] = {
    "an unknown key": lambda pod: pod["spec"].update(hugepages="2Mi"),
    "no containers": lambda pod: pod["spec"].pop("containers"),
    "a container without a name": lambda pod: _container(pod).pop("name"),
    "capabilities that are no list": lambda pod: _container(pod)["securityContext"][
        "capabilities"
    ].update(add="IPC_LOCK"),
    "a user that is no number": lambda pod: _container(pod)["securityContext"].update(
        runAsUser="root"
    ),
    "a mount without a path": lambda pod: _container(pod)["volumeMounts"][0].pop("mountPath"),
    "a quantity that is a list": lambda pod: _container(pod)["resources"]["limits"].update(
        {"hugepages-2Mi": ["256Mi"]}
    ),
    "a volume without a name": lambda pod: pod["spec"]["volumes"][0].pop("name"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_manifest_is_rejected(what: str):
    pod = copy.deepcopy(POD)
    BROKEN[what](pod)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


def test_its_cpus_are_exclusive_under_the_static_policy():
    resources = CONTAINER["resources"]
    assert resources["requests"] == resources["limits"]
    assert resources["limits"]["cpu"].isdigit()


def test_the_file_in_it_needs_what_the_pod_requests():
    text = CONFIG_MAP["data"]["forward.yaml"]
    first, second = ADDRESSES.split(",")
    needs = needs_of_file(loads(text.replace("FIRST", first).replace("SECOND", second)))
    assert needs.pci == (first, second)
    assert CONTAINER["resources"]["limits"]["hugepages-2Mi"] == "256Mi"
    assert needs.memory_bytes <= 256 << 20
    assert needed_capabilities(needs) == {}


def test_its_command_inserts_the_addresses_of_the_plugin(tmp_path: Path):
    (tmp_path / "forward.yaml").write_text(CONFIG_MAP["data"]["forward.yaml"])
    (script,) = CONTAINER["args"]
    for path, ours in (("/tmp/", "@/out-"), ("/etc/pydpdk/", "@/")):
        script = script.replace(path, ours)
    script = script.replace("@", str(tmp_path))
    script = script.replace("pydpdk run", f"{sys.executable} -m pydpdk plan --json")
    env = {**os.environ, "PCIDEVICE_INTEL_COM_SRIOV": ADDRESSES}
    done = subprocess.run([*CONTAINER["command"], script], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(f'"{address}"' in done.stdout for address in ADDRESSES.split(","))


def test_the_pod_has_minimal_rights():
    rights = CONTAINER["securityContext"]
    assert rights["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK", "SYS_NICE"]}
    assert rights["privileged"] is rights["allowPrivilegeEscalation"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(POD["spec"])
    assert not any("hostPath" in volume for volume in POD["spec"]["volumes"])
