/* Keeps an object from being freed while a call is inside it: every C call of the data path
 * passes the gate of each object it uses, close() shuts it. Lives in memory of this process,
 * held by the Python object, so a late caller finds a shut gate and never freed memory. */
struct pyd_gate {
    uint32_t inside;
    uint32_t open;
};
