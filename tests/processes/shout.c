/* SPDX-License-Identifier: BSD-3-Clause */
/* A secondary in C: it answers `pydpdk:shout` in capitals, and sends the primary a `pydpdk:echo`
 * request for each line that it reads. Its arguments are those of the EAL. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

static int
shout(const struct rte_mp_msg *msg, const void *peer)
{
    struct rte_mp_msg reply = *msg;
    int i;

    reply.num_fds = 0;
    for (i = 0; i < reply.len_param; i++)
        reply.param[i] = toupper(reply.param[i]);
    return rte_mp_reply(&reply, peer);
}

static void
ask(const char *text)
{
    const struct timespec wait = {.tv_sec = 60};
    struct rte_mp_msg msg = {.name = "pydpdk:echo", .len_param = strlen(text)};
    struct rte_mp_reply reply;

    memcpy(msg.param, text, msg.len_param);
    if (rte_mp_request_sync(&msg, &reply, &wait) < 0) {
        printf("failed: %s\n", rte_strerror(rte_errno));
        return;
    }
    printf("%d of %d: %.*s\n", reply.nb_received, reply.nb_sent, reply.msgs[0].len_param,
           (char *)reply.msgs[0].param);
    free(reply.msgs);
}

int
main(int argc, char **argv)
{
    char line[128];

    if (rte_eal_init(argc, argv) < 0 || rte_mp_action_register("pydpdk:shout", shout) < 0)
        return 1;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        ask(line);
        fflush(stdout);
    }
    return rte_eal_cleanup();
}
