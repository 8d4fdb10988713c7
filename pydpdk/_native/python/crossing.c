/* SPDX-License-Identifier: BSD-3-Clause */
/* What objects in Python cannot do themselves: attributes that are set once, blocks that no signal leaves
 * open, buffers. This module knows nothing of DPDK; the heap types of objects/ derive from it. */
#include "blocks.h"
#include "buffer.h"

static int
module_traverse(PyObject *self, visitproc visit, void *arg)
{
    const struct state *state = PyModule_GetState(self);

    Py_VISIT(state->fixed);
    return 0;
}

/* Nothing is cleared before it is freed: while it has objects, their types refer to it. */
static void
module_free(void *self)
{
    struct state *state = PyModule_GetState(self);

    Py_CLEAR(state->fixed);
    Py_CLEAR(state->acquire_name);
    Py_CLEAR(state->begun_name);
    Py_CLEAR(state->export_name);
    Py_CLEAR(state->release_name);
}

static int
add_name(PyObject **name, const char *text)
{
    *name = PyUnicode_InternFromString(text);
    return *name == NULL ? -1 : 0;
}

static int
add_names(struct state *state)
{
    if (add_name(&state->acquire_name, "acquire") < 0 || add_name(&state->begun_name, "_begun") < 0 ||
        add_name(&state->export_name, "_export") < 0)
        return -1;
    return add_name(&state->release_name, "release");
}

/* The module keeps the type, under its name; `kept`: a new reference, or none. */
static int
add_type(PyObject *self, PyType_Spec *spec, PyTypeObject *base, PyTypeObject **kept)
{
    PyObject *type = PyType_FromModuleAndSpec(self, spec, (PyObject *)base);
    const int result = type == NULL ? -1 : PyModule_AddType(self, (PyTypeObject *)type);

    if (kept != NULL)
        *kept = (PyTypeObject *)Py_XNewRef(type);
    Py_XDECREF(type);
    return result;
}

static int
fill(PyObject *self)
{
    struct state *state = PyModule_GetState(self);

    if (add_names(state) < 0 || add_type(self, &fixed_spec, NULL, &state->fixed) < 0 ||
        add_type(self, &buffer_spec, state->fixed, NULL) < 0 ||
        add_type(self, &once_spec, NULL, NULL) < 0 ||
        add_type(self, &locked_spec, NULL, NULL) < 0)
        return -1;
    return add_type(self, &undo_spec, NULL, NULL);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, fill},
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pydpdk._crossing",
    .m_doc = "Objects that are made once, and blocks that no signal leaves open.",
    .m_size = sizeof(struct state),
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_free = module_free,
};

PyMODINIT_FUNC
PyInit__crossing(void)
{
    return PyModuleDef_Init(&module);
}
