/*
 * Calls one of libaudit's functions many times and prints what each call took, in nanoseconds.
 * benches/dropin.sh runs it with libaudit and, through LD_PRELOAD, with audit-capi.
 *
 * usage: dropin bare|message|account|command CALLS
 *
 * `bare` sends a ready message and receives the acknowledgement, without any library.
 */

#include <errno.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* From libaudit.h, so that no development package is needed. */
enum { AUDIT_USER_MGMT = 1102, AUDIT_USER_CMD = 1123, AUDIT_USER_START = 1105 };
extern int audit_open(void);
extern void audit_close(int fd);
extern int audit_log_user_message(int fd, int type, const char *message, const char *hostname,
                                  const char *addr, const char *tty, int result);
extern int audit_log_acct_message(int fd, int type, const char *program, const char *op,
                                  const char *name, unsigned int id, const char *host,
                                  const char *addr, const char *tty, int result);
extern int audit_log_user_command(int fd, int type, const char *command, const char *tty,
                                  int result);

static int log_message(int fd)
{
    return audit_log_user_message(fd, AUDIT_USER_START,
                                  "op=PAM:session_open grantors=pam_unix acct=\"dwalsh\"", NULL,
                                  "10.1.2.3", "ssh", 1);
}

static int log_account(int fd)
{
    return audit_log_acct_message(fd, AUDIT_USER_MGMT, NULL, "add-user", "dwalsh", -1, NULL, NULL,
                                  "pts/3", 1);
}

static int log_command(int fd)
{
    return audit_log_user_command(fd, AUDIT_USER_CMD, "docker ps --all", "pts/3", 1);
}

/* The text that log_command writes. */
static const char TEXT[] = "cwd=\"/\" cmd=646F636B6572207073202D2D616C6C exe=\"/usr/bin/dropin\" "
                           "terminal=pts/3 res=success";

static int send_bare(int fd)
{
    static struct {
        struct nlmsghdr header;
        char text[(sizeof TEXT + 3) / 4 * 4];
    } request;
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[4096];
    } answer;
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    request.header.nlmsg_len = NLMSG_HDRLEN + sizeof TEXT;
    request.header.nlmsg_type = AUDIT_USER_CMD;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    memcpy(request.text, TEXT, sizeof TEXT);
    if (sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0
        || recv(fd, &answer, sizeof answer, 0) < 0)
        return -errno;
    return answer.error.error == 0 ? 1 : answer.error.error;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*call)(int fd);
    } ways[] = {
        { "bare", send_bare },
        { "message", log_message },
        { "account", log_account },
        { "command", log_command },
    };
    const char *name = argc > 1 ? argv[1] : "";
    int calls = argc > 2 ? atoi(argv[2]) : 0;

    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        if (strcmp(ways[way].name, name) != 0 || calls < 1)
            continue;
        int fd = audit_open();
        double start_ns;
        /* The first call fills what a library keeps. */
        int answer = ways[way].call(fd);

        start_ns = now_ns();
        for (int call = 0; call < calls && answer > 0; call++)
            answer = ways[way].call(fd);
        if (answer <= 0) {
            fprintf(stderr, "dropin: %s answers %d: %s\n", name, answer, strerror(errno));
            return 1;
        }
        printf("%.0f\n", (now_ns() - start_ns) / calls);
        audit_close(fd);
        return 0;
    }
    fputs("usage: dropin bare|message|account|command CALLS\n", stderr);
    return 2;
}
