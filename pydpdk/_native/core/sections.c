/* SPDX-License-Identifier: BSD-3-Clause */
/* The critical sections of this process's threads, where other processes see them. */
#include <pthread.h>
#include <unistd.h>

#include "core/safepoint.h"
#include "core/self.h"

static __thread struct pyd_section unlisted; /* for a process in no table */
static pthread_key_t ending;

__thread struct pyd_section *pyd_my_section;

/* Whether a thread of the process is inside a call, or died there. */
int
pyd_process_inside(const struct pyd_process *p)
{
    const struct pyd_section *section;

    for (section = p->sections; section != NULL; section = section->next)
        if (section->inside != 0)
            return 1;
    return p->self.inside != 0;
}

/* A thread that ends leaves its section to the next one. */
static void
thread_ends(void *section)
{
    rte_spinlock_lock(&pyd_self.lock);
    if (pyd_self.me != NULL && pyd_self.pid == getpid())
        __atomic_store_n(&((struct pyd_section *)section)->taken, 0, __ATOMIC_RELEASE);
    rte_spinlock_unlock(&pyd_self.lock);
}

int
pyd_sections_open(void)
{
    return pthread_key_create(&ending, thread_ends) != 0 ? -ENOMEM : 0;
}

static struct pyd_section *
take_section(void)
{
    struct pyd_section *p;

    for (p = pyd_self.me == NULL || pyd_intact() != 0 ? &unlisted : pyd_self.me->sections;
         p != NULL && p->taken; p = p->next)
        ;
    if (p == NULL) {
        p = rte_zmalloc("pyd_section", sizeof(*p), RTE_CACHE_LINE_SIZE);
        if (p != NULL) {
            p->next = pyd_self.me->sections;
            __atomic_store_n(&pyd_self.me->sections, p, __ATOMIC_RELEASE);
        }
    }
    if (p != NULL && p != &unlisted) {
        p->tid = rte_sys_gettid();
        p->taken = 1;
        pthread_setspecific(ending, p);
    }
    return p;
}

/* On the first call of a thread: give it a section that other processes see. It may wait for
 * DPDK's locks. */
int
pyd_section_register(void)
{
    void *state = pyd_wait_begin();
    struct pyd_section *p;

    rte_spinlock_lock(&pyd_self.lock);
    p = take_section();
    rte_spinlock_unlock(&pyd_self.lock);
    pyd_wait_end(state);
    pyd_my_section = p;
    return p == NULL ? -ENOMEM : 0;
}

void
pyd_sections_free(void)
{
    struct pyd_section *p, *next;

    p = pyd_self.me->sections;
    __atomic_store_n(&pyd_self.me->sections, NULL, __ATOMIC_RELEASE);
    for (; p != NULL; p = next) {
        next = p->next;
        rte_free(p);
    }
}
