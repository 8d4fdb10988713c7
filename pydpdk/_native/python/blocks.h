/* SPDX-License-Identifier: BSD-3-Clause */
/* A lock for the length of a `with` block, released however the block ends.
 *
 * The exception of a signal can come between the last step of a block and the call of `__exit__`,
 * or inside an `__exit__` written in Python: then the lock would stay taken. One of these is made
 * for each block and only the block refers to it, so where the block's frame is freed without
 * `__exit__`, this is freed with it, and releases the lock. Acquire, check and release have no step
 * in Python at which a signal could be served, except those of `check` itself.
 *
 * The collector of cycles visits what these objects hold, and clears none of it: that is set once,
 * so a cycle has another object that can be cleared, and what must be done here is done last. */
#ifndef PYD_BLOCKS_H
#define PYD_BLOCKS_H

#include "state.h"

struct locked {
    PyObject_HEAD
    PyObject *lock;
    PyObject *check; /* called with the lock held, or NULL; entering raises what it raises */
    PyObject *failed; /* or NULL; called with the result of `acquire`, if below 0 */
    PyObject *acquire, *release; /* the names of its methods */
    unsigned int held;
};

/* Keeps the current exception. One release too many is harmless: an interrupted wait may have
 * released the lock for its time. */
static void
locked_give_back(struct locked *locked)
{
    struct raised raised;
    PyObject *done;

    set_aside(&raised);
    for (; locked->held != 0; locked->held--) {
        done = PyObject_CallMethodNoArgs(locked->lock, locked->release);
        if (done == NULL)
            PyErr_Clear();
        Py_XDECREF(done);
    }
    put_back(&raised);
}

static PyObject *
locked_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const struct state *state = state_of(type);
    struct locked *locked;
    PyObject *lock, *check = Py_None, *failed = Py_None;

    if (state == NULL)
        return NULL;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)
        return PyErr_Format(PyExc_TypeError, "Locked takes no keyword arguments");
    if (!PyArg_ParseTuple(args, "O|OO", &lock, &check, &failed))
        return NULL;
    locked = (struct locked *)type->tp_alloc(type, 0);
    if (locked == NULL)
        return NULL;
    locked->acquire = Py_NewRef(state->acquire_name);
    locked->release = Py_NewRef(state->release_name);
    locked->lock = Py_NewRef(lock);
    locked->check = check == Py_None ? NULL : Py_NewRef(check);
    locked->failed = failed == Py_None ? NULL : Py_NewRef(failed);
    return (PyObject *)locked;
}

static int
is_negative(PyObject *number)
{
    const long value = PyLong_AsLong(number);

    if (value == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return value < 0;
}

static PyObject *
locked_enter(PyObject *self, PyObject *unused)
{
    struct locked *locked = (struct locked *)self;
    PyObject *done = PyObject_CallMethodNoArgs(locked->lock, locked->acquire);

    (void)unused;
    if (done == NULL)
        return NULL;
    if (locked->failed != NULL && is_negative(done)) {
        PyObject *failed = PyObject_CallOneArg(locked->failed, done);

        Py_DECREF(done);
        return failed;
    }
    Py_DECREF(done);
    locked->held++;
    if (locked->check != NULL) {
        done = PyObject_CallNoArgs(locked->check);
        if (done == NULL) {
            locked_give_back(locked);
            return NULL;
        }
        Py_DECREF(done);
    }
    Py_RETURN_NONE;
}

static PyObject *
locked_exit(PyObject *self, PyObject *args)
{
    (void)args;
    locked_give_back((struct locked *)self);
    Py_RETURN_FALSE;
}

static int
locked_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct locked *)self)->lock);
    Py_VISIT(((struct locked *)self)->check);
    Py_VISIT(((struct locked *)self)->failed);
    return 0;
}

static void
locked_dealloc(PyObject *self)
{
    struct locked *locked = (struct locked *)self;

    PyObject_GC_UnTrack(self);
    locked_give_back(locked);
    Py_CLEAR(locked->lock);
    Py_CLEAR(locked->check);
    Py_CLEAR(locked->failed);
    Py_CLEAR(locked->acquire);
    Py_CLEAR(locked->release);
    free_object(self);
}

static PyMethodDef locked_methods[] = {
    {"__enter__", locked_enter, METH_NOARGS, "Take the lock."},
    {"__exit__", locked_exit, METH_VARARGS, "Release it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot locked_slots[] = {
    {Py_tp_doc, "A lock for the length of one `with` block."},
    {Py_tp_new, locked_new},
    {Py_tp_dealloc, locked_dealloc},
    {Py_tp_traverse, locked_traverse},
    {Py_tp_methods, locked_methods},
    {0, NULL},
};

static PyType_Spec locked_spec = {
    .name = "pydpdk._crossing.Locked",
    .basicsize = sizeof(struct locked),
    .flags = TYPE_FLAGS,
    .slots = locked_slots,
};

/* `Undo(function, *arguments)` calls `function` unless a `with` block completes. As with Locked,
 * only the block refers to it, so it also acts where the block's frame is freed without `__exit__`.
 * An error of `function` is dropped: the first one counts. */
struct undo {
    PyObject_HEAD
    PyObject *function;
    PyObject *args;
    int armed;
};

static void
undo_act(struct undo *undo)
{
    struct raised raised;
    PyObject *done;

    if (!undo->armed)
        return;
    undo->armed = 0;
    set_aside(&raised);
    done = PyObject_CallObject(undo->function, undo->args);
    if (done == NULL)
        PyErr_Clear();
    Py_XDECREF(done);
    put_back(&raised);
}

static PyObject *
undo_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct undo *undo;

    if ((kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) || PyTuple_GET_SIZE(args) == 0)
        return PyErr_Format(PyExc_TypeError, "Undo takes a function and its arguments");
    undo = (struct undo *)type->tp_alloc(type, 0);
    if (undo == NULL)
        return NULL;
    undo->function = Py_NewRef(PyTuple_GET_ITEM(args, 0));
    undo->args = PyTuple_GetSlice(args, 1, PyTuple_GET_SIZE(args));
    if (undo->args == NULL)
        Py_CLEAR(undo);
    return (PyObject *)undo;
}

static PyObject *
undo_enter(PyObject *self, PyObject *unused)
{
    (void)unused;
    ((struct undo *)self)->armed = 1;
    Py_RETURN_NONE;
}

static PyObject *
undo_exit(PyObject *self, PyObject *args)
{
    struct undo *undo = (struct undo *)self;

    if (PyTuple_GET_SIZE(args) != 0 && PyTuple_GET_ITEM(args, 0) == Py_None)
        undo->armed = 0;
    undo_act(undo);
    Py_RETURN_FALSE;
}

static int
undo_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct undo *)self)->function);
    Py_VISIT(((struct undo *)self)->args);
    return 0;
}

static void
undo_dealloc(PyObject *self)
{
    struct undo *undo = (struct undo *)self;

    PyObject_GC_UnTrack(self);
    undo_act(undo);
    Py_CLEAR(undo->function);
    Py_CLEAR(undo->args);
    free_object(self);
}

static PyMethodDef undo_methods[] = {
    {"__enter__", undo_enter, METH_NOARGS, "From here on, undo."},
    {"__exit__", undo_exit, METH_VARARGS, "Undo where the block raised."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot undo_slots[] = {
    {Py_tp_doc, "Call a function unless a `with` block completes."},
    {Py_tp_new, undo_new},
    {Py_tp_dealloc, undo_dealloc},
    {Py_tp_traverse, undo_traverse},
    {Py_tp_methods, undo_methods},
    {0, NULL},
};

static PyType_Spec undo_spec = {
    .name = "pydpdk._crossing.Undo",
    .basicsize = sizeof(struct undo),
    .flags = TYPE_FLAGS,
    .slots = undo_slots,
};

#endif
