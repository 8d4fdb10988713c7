/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: of mbufs, which a burst takes, and of objects. */
#include "objects/arguments.h"
#include "verbs_pools.h"

PyTypeObject *pyd_mempool_type, *pyd_mempool_public;

static PyType_Slot mempool_slots[] = {
    {Py_tp_doc, "A pool of mbufs."},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};
static PyType_Slot objects_slots[] = {
    {Py_tp_doc, "A pool of objects."},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_mempool_spec = {
    "pydpdk._objects.Mempool", sizeof(struct own_object), 0, PYD_OBJECT_FLAGS, mempool_slots};
PyType_Spec pyd_objects_spec = {
    "pydpdk._objects.ObjectPool", sizeof(struct own_object), 0, PYD_OBJECT_FLAGS, objects_slots};

static PyMethodDef no_methods[] = {{NULL, NULL, 0, NULL}};
const struct pyd_methods pyd_mempool_methods = {"mempool", no_methods, NULL, &pyd_mempool_public};
const struct pyd_methods pyd_objects_methods = {"objects", objects_methods, fallbacks, NULL};
