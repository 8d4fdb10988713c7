/* SPDX-License-Identifier: BSD-3-Clause */
/* An allocator that fails once: at the n-th call from a range of code (LD_PRELOAD). */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static uintptr_t from, to;
static int left = -1;

/* Which call fails, from 0; returns how many were left of the last request, -1 once it failed. */
int
fail_at(int n, uintptr_t first, uintptr_t end)
{
    const int before = left;

    from = first;
    to = end;
    left = n;
    return before;
}

static int
fails(const void *caller)
{
    if (left < 0 || (uintptr_t)caller < from || (uintptr_t)caller >= to || left-- != 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *
malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}
