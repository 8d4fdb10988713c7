/* SPDX-License-Identifier: BSD-3-Clause */
/* The module of the heap types. It is in the library of _dpdk, whose C they call and inline. */
#define PYD_OBJECTS_MODULE
#include "objects/arguments.h"

#if PY_VERSION_HEX < 0x030d0000
#define PyThreadState_GetUnchecked _PyThreadState_UncheckedGet
#endif

static PyTypeObject *object_type;

static const struct {
    PyType_Spec *spec;
    PyTypeObject **base; /* NULL: that of _crossing */
    PyTypeObject **made;
} types[] = {
    {&pyd_object_spec, NULL, &object_type},
    {&pyd_burst_spec, &object_type, &pyd_burst_type},
    {&pyd_queue_spec, &object_type, NULL},
    {&pyd_ring_spec, &object_type, NULL},
    {&pyd_column_spec, &object_type, NULL},
    {&pyd_columns_spec, NULL, NULL},
    {&pyd_bound_spec, &object_type, NULL},
    {&pyd_mempool_spec, &object_type, &pyd_mempool_type},
    {&pyd_objects_spec, &object_type, NULL},
    {&pyd_routes_spec, &object_type, NULL},
    {&pyd_hash_spec, &object_type, NULL},
    {&pyd_meter_spec, &object_type, NULL},
    {&pyd_bpf_spec, &object_type, NULL},
    {&pyd_where_spec, &object_type, NULL},
};

static const struct pyd_methods *const installable[] = {
    &pyd_burst_methods,
    &pyd_rx_methods,
    &pyd_tx_methods,
    &pyd_forward_methods,
    &pyd_ring_methods,
    &pyd_columns_methods,
    &pyd_bound_methods,
    &pyd_mempool_methods,
    &pyd_objects_methods,
    &pyd_routes_methods,
    &pyd_hash_methods,
    &pyd_meter_methods,
    &pyd_bpf_methods,
    &pyd_where_methods,
};

/* What describes the method in Python describes ours. It lives as long as the class. */
static PyMethodDef *
described(const PyMethodDef *method, PyObject *doc)
{
    const char *text = PyUnicode_AsUTF8(doc);
    PyMethodDef *made = text == NULL ? NULL : PyMem_Malloc(sizeof(*made));

    if (made == NULL)
        return NULL;
    *made = *method;
    made->ml_doc = strdup(text);
    return made;
}

/* Replace a method of a class by one of C, for which it is the fallback. The type of that is this
 * class, not the heap type: for instances of it the interpreter calls C directly. */
static int
replace(PyTypeObject *cls, const PyMethodDef *method, PyObject *doc, PyObject **fallback,
        PyObject *written)
{
    PyMethodDef *made = described(method, doc);
    PyObject *ours = made == NULL ? NULL : PyDescr_NewMethod(cls, made);
    int ret = ours == NULL ? -1 : PyObject_SetAttrString((PyObject *)cls, method->ml_name, ours);

    Py_XDECREF(ours);
    if (ret == 0)
        Py_XSETREF(*fallback, Py_NewRef(written));
    return ret;
}

/* The getter of a property. */
static int
replace_getter(PyTypeObject *cls, const PyMethodDef *method, PyObject *doc, PyObject **fallback,
               PyObject *property)
{
    PyMethodDef *made = described(method, doc);
    PyObject *getter = PyObject_GetAttrString(property, "fget");
    PyObject *text = PyObject_GetAttrString(property, "__doc__");
    PyObject *ours = made == NULL ? NULL : PyDescr_NewMethod(cls, made), *with = NULL;
    int ret;

    if (getter != NULL && text != NULL && ours != NULL)
        with = PyObject_CallFunctionObjArgs((PyObject *)&PyProperty_Type, ours, Py_None, Py_None,
                                            text, NULL);
    ret = with == NULL ? -1 : PyObject_SetAttrString((PyObject *)cls, method->ml_name, with);
    if (ret == 0)
        Py_XSETREF(*fallback, Py_NewRef(getter));
    Py_XDECREF(getter);
    Py_XDECREF(text);
    Py_XDECREF(ours);
    Py_XDECREF(with);
    return ret;
}

/* Take a method in Python away, so that the class inherits the slot of the heap type. */
static int
take_away(PyTypeObject *cls, const PyMethodDef *method, PyObject **fallback, PyObject *written)
{
    int ret = PyObject_DelAttrString((PyObject *)cls, method->ml_name);

    if (ret == 0)
        Py_XSETREF(*fallback, Py_NewRef(written));
    return ret;
}

/* `docs` has the methods to replace: the text of each by its name. */
static int
install_one(PyTypeObject *cls, const PyMethodDef *method, PyObject **fallback, PyObject *docs)
{
    PyObject *doc = PyDict_GetItemString(docs, method->ml_name);
    PyObject *written;
    int ret;

    if (doc == NULL)
        return 0;
    written = PyObject_GetAttrString((PyObject *)cls, method->ml_name);
    if (written == NULL)
        return -1;
    if (Py_IS_TYPE(written, &PyProperty_Type))
        ret = replace_getter(cls, method, doc, fallback, written);
    else if (method->ml_flags == PYD_IS_SLOT)
        ret = take_away(cls, method, fallback, written);
    else
        ret = replace(cls, method, doc, fallback, written);
    Py_DECREF(written);
    return ret;
}

static const struct pyd_methods *
methods_of(const char *kind)
{
    size_t i;

    for (i = 0; i < RTE_DIM(installable); i++)
        if (strcmp(kind, installable[i]->kind) == 0)
            return installable[i];
    PyErr_Format(PyExc_ValueError, "kind must be that of a class with methods in C (got '%s')", kind);
    return NULL;
}

static PyObject *
names(PyObject *Py_UNUSED(module), PyObject *kind)
{
    const char *text = PyUnicode_AsUTF8(kind);
    const struct pyd_methods *methods = text == NULL ? NULL : methods_of(text);
    PyObject *found = methods == NULL ? NULL : PyList_New(0);
    size_t i;

    for (i = 0; found != NULL && methods->methods[i].ml_name != NULL; i++) {
        PyObject *name = PyUnicode_FromString(methods->methods[i].ml_name);

        if (name == NULL || PyList_Append(found, name) < 0)
            Py_CLEAR(found);
        Py_XDECREF(name);
    }
    return found;
}

static PyObject *
install(PyObject *Py_UNUSED(module), PyObject *args)
{
    const struct pyd_methods *methods;
    PyTypeObject *cls;
    const char *kind;
    PyObject *docs;
    size_t i;

    if (!PyArg_ParseTuple(args, "O!sO!", &PyType_Type, &cls, &kind, &PyDict_Type, &docs))
        return NULL;
    methods = methods_of(kind);
    if (methods == NULL)
        return NULL;
    for (i = 0; methods->methods[i].ml_name != NULL; i++)
        if (install_one(cls, &methods->methods[i], &methods->fallbacks[i], docs) < 0)
            return NULL;
    if (methods->cls != NULL)
        *methods->cls = (PyTypeObject *)Py_NewRef(cls);
    Py_RETURN_NONE;
}

/* Whether a method or a slot is this one of ours. */
static int
is_ours(PyObject *method, const PyMethodDef *ours)
{
    if (Py_IS_TYPE(method, &PyWrapperDescr_Type)) { /* one slot sets and deletes: two names */
        const PyWrapperDescrObject *slot = (PyWrapperDescrObject *)method;

        return slot->d_wrapped == (void *)ours->ml_meth &&
               strcmp(slot->d_base->name, ours->ml_name) == 0;
    }
    return Py_IS_TYPE(method, &PyMethodDescr_Type) &&
           ((PyMethodDescrObject *)method)->d_method->ml_meth == ours->ml_meth;
}

/* The method as it is written in Python, of one that C serves; any other is returned as it is. */
static PyObject *
written(PyObject *Py_UNUSED(module), PyObject *method)
{
    size_t i, j;

    for (i = 0; i < RTE_DIM(installable); i++)
        for (j = 0; installable[i]->methods[j].ml_name != NULL; j++)
            if (is_ours(method, &installable[i]->methods[j]) && installable[i]->fallbacks[j] != NULL)
                return Py_NewRef(installable[i]->fallbacks[j]);
    return Py_NewRef(method);
}

static PyObject *
set_gil(PyObject *Py_UNUSED(module), PyObject *mode)
{
    const long number = PyLong_AsLong(mode);

    if (number == -1 && PyErr_Occurred())
        return NULL;
    if (number < PYD_GIL_AUTO || number > PYD_GIL_RELEASE)
        return PyErr_Format(PyExc_ValueError, "mode must be %d..%d", PYD_GIL_AUTO, PYD_GIL_RELEASE);
    pyd_gil.mode = number;
    Py_RETURN_NONE;
}

static PyObject *
get_gil(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromLong(pyd_gil.mode);
}

/* Give up the GIL before a wait, if this thread has it. Not PyGILState_Check, which says yes to
 * every thread once there was a subinterpreter. */
static void *
wait_begin(void)
{
    const PyThreadState *mine = Py_IsInitialized() ? PyGILState_GetThisThreadState() : NULL;

    return mine != NULL && mine == PyThreadState_GetUnchecked() ? PyEval_SaveThread() : NULL;
}

static void
wait_end(void *state)
{
    PyEval_RestoreThread(state);
}

static PyMethodDef functions[] = {
    {"names", names, METH_O, "Return the names of the methods that C has for a kind of class."},
    {"install", install, METH_VARARGS, "Give a class the methods of C that a dict has docs for."},
    {"checked_of", written, METH_O, "Return the method in Python of one that C serves."},
    {"gil", get_gil, METH_NOARGS, "0: by the rule; 1: keep; 2: release."},
    {"set_gil", set_gil, METH_O, "0: by the rule; 1: keep; 2: release."},
    {NULL, NULL, 0, NULL},
};

static int
add_type(PyObject *module, PyObject *fixed, size_t i)
{
    PyObject *base = types[i].base == NULL ? fixed : (PyObject *)*types[i].base;
    PyTypeObject *made = (PyTypeObject *)PyType_FromModuleAndSpec(module, types[i].spec, base);

    if (made == NULL || PyModule_AddType(module, made) < 0)
        return -1;
    if (types[i].made != NULL)
        *types[i].made = (PyTypeObject *)Py_NewRef(made);
    Py_DECREF(made);
    return 0;
}

static int
add_types(PyObject *module, PyObject *fixed)
{
    size_t i;

    for (i = 0; i < RTE_DIM(types); i++)
        if (add_type(module, fixed, i) < 0)
            return -1;
    return 0;
}

/* The names that C finds; the methods in Python add to them. */
static int
add_known(PyObject *module, const char *name, PyObject **known)
{
    *known = PyDict_New();
    return *known == NULL ? -1 : PyModule_AddObjectRef(module, name, *known);
}

static int
make_counts(void)
{
    int i;

    for (i = 0; i < COUNTS; i++)
        if ((pyd_counts[i] = PyLong_FromLong(i)) == NULL)
            return -1;
    return 0;
}

static int
fill(PyObject *module)
{
    static int done;
    PyObject *crossing, *fixed;

    if (done) { /* as libdpdk, which can be initialized once in a process */
        PyErr_SetString(PyExc_ImportError, "cannot load module more than once per process");
        return -1;
    }
    if (PyArray_ImportNumPyAPI() < 0 || (crossing = PyImport_ImportModule("pydpdk._crossing")) == NULL)
        return -1;
    fixed = PyObject_GetAttrString(crossing, "Fixed");
    Py_DECREF(crossing);
    if (fixed == NULL)
        return -1;
    done = make_counts() == 0 && add_types(module, fixed) == 0 &&
           add_known(module, "known_columns", &pyd_known_columns) == 0 &&
           add_known(module, "known_headers", &pyd_known_headers) == 0 &&
           add_known(module, "rewritten", &pyd_rewritten) == 0;
    Py_DECREF(fixed);
    pyd_on_wait(wait_begin, wait_end);
    return done ? 0 : -1;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, fill},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_USED}, /* the fallbacks and the rule for pollers lean on it */
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pydpdk._objects",
    .m_doc = "The heap types of the data path.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__objects(void)
{
    return PyModuleDef_Init(&definition);
}
