/* SPDX-License-Identifier: BSD-3-Clause */
extern "Python+C" void pyd_job_python(void);
