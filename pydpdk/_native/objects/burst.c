/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts: the entries are generated from the table of verbs. */
#include "objects/arguments.h"
#include "verbs_burst.h"

PyTypeObject *pyd_burst_type, *pyd_burst_public;

static PyType_Slot slots[] = {
    {Py_tp_doc, "A burst."},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_burst_spec = {
    "pydpdk._objects.Burst", sizeof(struct own_object), 0, PYD_OBJECT_FLAGS, slots};
const struct pyd_methods pyd_burst_methods = {
    "burst", burst_methods, fallbacks, &pyd_burst_public};
