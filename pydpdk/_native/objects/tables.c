/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables: routes, keys, token buckets and filters, for a whole column or burst. */
#include "objects/arguments.h"

/* Keys of the table, as C reads them: `cells` elements in a row, 0 for one number. */
static inline int
keys_argument(void **keys, PyObject *value, PyObject *self)
{
    const struct object *table = (const struct object *)self;
    PyArray_Descr *dtype = (PyArray_Descr *)table->dtype;
    PyArrayObject *array = (PyArrayObject *)value;

    if (dtype == NULL ||
        !is_array(value, table->cells == 0 ? 1 : 2, dtype->type_num, NPY_ARRAY_CARRAY_RO))
        return 0;
    *keys = PyArray_DATA(array);
    if (table->cells != 0)
        return dtype->type_num == NPY_UINT8 && PyArray_DIM(array, 1) == (npy_intp)table->cells;
    return PyArray_DESCR(array) == dtype || PyArray_EquivTypes(PyArray_DESCR(array), dtype);
}

#include "verbs_tables.h"

#define TABLE(name, text, doc)                                                                     \
    static PyType_Slot name##_slots[] = {                                                          \
        {Py_tp_doc, doc},                                                                          \
        PYD_OBJECT_SLOTS,                                                                          \
        {0, NULL},                                                                                 \
    };                                                                                             \
    PyType_Spec pyd_##name##_spec = {                                                              \
        "pydpdk._objects." text, sizeof(struct own_object), 0, PYD_OBJECT_FLAGS, name##_slots}
TABLE(routes, "Routes", "A table of routes.");
TABLE(hash, "Hash", "A table of keys.");
TABLE(meter, "Meter", "A token bucket for each flow.");
TABLE(bpf, "Bpf", "A filter of packets.");
TABLE(where, "Where", "A condition on packets.");

const struct pyd_methods pyd_routes_methods = {
    "routes", routes_methods, &fallbacks[ROUTES_FIND], NULL};
const struct pyd_methods pyd_hash_methods = {
    "hash", hash_methods, &fallbacks[HASH_FIND], NULL};
const struct pyd_methods pyd_meter_methods = {
    "meter", meter_methods, &fallbacks[METER_COLOR], NULL};
const struct pyd_methods pyd_bpf_methods = {
    "bpf", bpf_methods, &fallbacks[BPF_MATCH], NULL};
const struct pyd_methods pyd_where_methods = {
    "where", where_methods, &fallbacks[WHERE_MATCH], NULL};
