# pydpdk on the DPDK of a Debian suite, by default the stable one: compiled in the first stage, run
# from the second.
#
#   docker build -t pydpdk .
#   docker run --rm pydpdk             # no privilege, no hugepages
#   docker run --rm --user 0 --cap-drop ALL --cap-add SYS_NICE \
#       -v /dev/hugepages:/dev/hugepages pydpdk
#
# The last one forwards on hugepages. It runs as user 0, as root owns the files on the host's
# hugetlbfs. The EAL places every hugepage with set_mempolicy and get_mempolicy, which Docker's
# seccomp filter allows only with CAP_SYS_NICE. It needs no other capability.

ARG SUITE=trixie
ARG BASE=debian:${SUITE}-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        gcc libdpdk-dev pkg-config python3-dev python3-venv \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
COPY . /src
# pip is not needed at run time and would be a tenth of the image
RUN python3 -m venv /opt/pydpdk \
 && /opt/pydpdk/bin/pip install --no-cache-dir --disable-pip-version-check /src \
 && /opt/pydpdk/bin/pip uninstall -y pip setuptools
# List the packages of the libraries that the binding is linked to, and of those of tables, which it
# loads on first use: the package names differ between suites.
RUN ldd /opt/pydpdk/lib/python3*/site-packages/pydpdk/_dpdk*.so \
  | awk '/librte_/ {print "*/" $1} END {print "*/librte_fib.so.*\n*/librte_hash.so.*"}' \
  | xargs -d '\n' dpkg -S | cut -d: -f1 | sort -u > /opt/packages

FROM ${BASE}
COPY --from=build /opt/packages /opt/packages
# the meta packages install every network driver and mempool handler
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        librte-meta-mempool librte-meta-net python3 $(cat /opt/packages) \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /opt/packages \
 && useradd --system --no-create-home pydpdk
COPY --from=build /opt/pydpdk /opt/pydpdk
COPY configs /opt/pydpdk/configs
ENV PATH=/opt/pydpdk/bin:$PATH
WORKDIR /opt/pydpdk
USER pydpdk
ENTRYPOINT ["pydpdk"]
CMD ["run", "configs/quickstart.yaml"]
