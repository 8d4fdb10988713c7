/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages from other processes. DPDK reports them on the one thread that also serves its own
 * requests (memory, devices), where waiting for Python would stop all of them: the callback writes
 * into libc memory, and Python takes the messages from there. */
#define PYD_PEER_SIZE 128 /* a socket's path and its NUL */

/* A name that this process listens to: the two actions that DPDK knows it as. */
struct pyd_listener {
    struct pyd_gate gate;
    char message[64];
    char request[64];
};

int pyd_mp_open(void);
int pyd_mp_register(struct pyd_listener *listener, const char *message, const char *request);
int pyd_mp_unregister(struct pyd_listener *listener);
int pyd_mp_take(struct rte_mp_msg *msg, char *peer);
uint64_t pyd_mp_lost(void);
int pyd_mp_request_sync(struct rte_mp_msg *msg, struct rte_mp_reply *reply, uint64_t timeout_ns);
void pyd_mp_free(struct rte_mp_reply *reply);
int pyd_mp_filter(const char *directory);
int pyd_capture_join(void);
void pyd_capture_end(void);
