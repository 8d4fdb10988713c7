/* Every difference between DPDK releases, each with the release that made it. */
#ifndef PYD_COMPAT_H
#define PYD_COMPAT_H

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "pydpdk needs DPDK 22.11 or newer"
#endif

#endif
