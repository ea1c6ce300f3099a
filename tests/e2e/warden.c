/* Runs a program and meets chosen system calls of it: just before the call it runs a command of the test, or it lets the
 * call fail. So a test puts a user's change, or a broken disk, exactly between two steps of the program, without sleeping.
 *
 *     warden [CALL PART AT DO]... -- PROGRAM [ARG]...
 *
 * CALL is a system call's name. PART must be part of a path that the call names (or that its descriptor leads to). AT is
 * which such call is met, from 1; 0: each. DO is an error (EIO, ENOSPC, EROFS, EDQUOT) or a command for sh. It exits as the
 * program did; 125 says that a rule was never met, or that this tool does not work here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_RULES 16
#define FAILED 125

/* How a call names what it is about. */
enum names { DESCRIPTOR, ONE_PATH, TWO_PATHS };

static const struct call {
    const char *name;
    int number;
    enum names names;
} calls[] = {
    {"read", SYS_read, DESCRIPTOR},         {"write", SYS_write, DESCRIPTOR},
    {"fsync", SYS_fsync, DESCRIPTOR},       {"getdents64", SYS_getdents64, DESCRIPTOR},
    {"openat", SYS_openat, ONE_PATH},       {"openat2", SYS_openat2, ONE_PATH},
    {"mkdirat", SYS_mkdirat, ONE_PATH},     {"unlinkat", SYS_unlinkat, ONE_PATH},
    {"renameat2", SYS_renameat2, TWO_PATHS}, {"linkat", SYS_linkat, TWO_PATHS},
};

static const struct fault {
    const char *name;
    int error;
} faults[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EDQUOT", EDQUOT}};

struct rule {
    const struct call *call;
    const char *part;
    long at;
    long seen;
    int error;
    const char *command;
};

static struct rule rules[MOST_RULES];
static int rule_count;

static void fail(const char *what) {
    fprintf(stderr, "warden: %s: %s\n", what, strerror(errno));
    _exit(FAILED);
}

static void add_rule(char **words) {
    struct rule *rule = &rules[rule_count++];
    if (rule_count > MOST_RULES) {
        errno = E2BIG;
        fail("rules");
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, words[0]) == 0)
            rule->call = &calls[i];
    if (!rule->call) {
        errno = EINVAL;
        fail(words[0]);
    }
    rule->part = words[1];
    rule->at = atol(words[2]);
    rule->command = words[3];
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strcmp(faults[i].name, words[3]) == 0)
            rule->error = faults[i].error;
}

/* Asks the kernel to stop the calls of the rules; answers where it tells of them. */
static int install(void) {
    struct sock_filter code[2 * MOST_RULES + 2];
    unsigned short length = 0;
    code[length++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < rule_count; i++) {
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules[i].call->number, 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        fail("no_new_privs");
    int listener =
        (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0)
        fail("seccomp");
    return listener;
}

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static void send_descriptor(int socket, int descriptor) {
    union control control = {0};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    if (sendmsg(socket, &message, 0) != 1)
        fail("sendmsg");
}

static int receive_descriptor(int socket) {
    union control control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
        fail("the program could not be watched");
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    return descriptor;
}

/* Where a descriptor of a thread leads to. */
static void led(unsigned thread, long descriptor, char *out, size_t size) {
    char link[64];
    if ((int)descriptor == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%u/cwd", thread);
    else
        snprintf(link, sizeof link, "/proc/%u/fd/%ld", thread, descriptor);
    ssize_t length = readlink(link, out, size - 1);
    out[length > 0 ? length : 0] = 0;
}

/* A path that a thread names: a descriptor and a string in its memory. */
static void named(unsigned thread, unsigned long long descriptor, unsigned long long text, char *out, size_t size) {
    char from[64], name[PATH_MAX] = {0};
    snprintf(from, sizeof from, "/proc/%u/mem", thread);
    int memory = open(from, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        fail(from);
    /* It may lie at the end of what can be read: a short read is fine. */
    if (pread(memory, name, sizeof name - 1, (off_t)text) < 0)
        name[0] = 0;
    close(memory);
    led(thread, (long)(int)descriptor, out, size);
    size_t length = strlen(out);
    snprintf(out + length, size - length, "/%s", name);
}

static int meets(const struct rule *rule, const struct seccomp_notif *asked) {
    const __u64 *args = asked->data.args;
    char path[3 * PATH_MAX];
    if (asked->data.nr != rule->call->number)
        return 0;
    switch (rule->call->names) {
    case DESCRIPTOR:
        led(asked->pid, (long)args[0], path, sizeof path);
        break;
    case ONE_PATH:
        named(asked->pid, args[0], args[1], path, sizeof path);
        break;
    case TWO_PATHS:
        named(asked->pid, args[0], args[1], path, sizeof path);
        if (strstr(path, rule->part))
            return 1;
        named(asked->pid, args[2], args[3], path, sizeof path);
        break;
    }
    return strstr(path, rule->part) != NULL;
}

static void run(const char *command) {
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        execl("/bin/sh", "sh", "-ec", command, (char *)NULL);
        _exit(FAILED);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "warden: this failed: %s\n", command);
        _exit(FAILED);
    }
}

static void answer(int listener) {
    struct seccomp_notif asked = {0};
    struct seccomp_notif_resp reply = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
        if (errno == EINTR || errno == ENOENT)
            return;
        fail("receive");
    }
    reply.id = asked.id;
    reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    for (int i = 0; i < rule_count; i++) {
        struct rule *rule = &rules[i];
        if (!meets(rule, &asked))
            continue;
        rule->seen++;
        if (rule->at != 0 && rule->at != rule->seen)
            continue;
        if (rule->error) {
            reply.error = -rule->error;
            reply.flags = 0;
        } else {
            run(rule->command);
        }
    }
    /* Gone meanwhile: the program was killed. */
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) != 0 && errno != ENOENT)
        fail("send");
}

int main(int argc, char **argv) {
    int next = 1, sockets[2], status;
    for (; next < argc && strcmp(argv[next], "--") != 0; next += 4) {
        if (next + 4 >= argc) {
            errno = EINVAL;
            fail("usage");
        }
        add_rule(argv + next);
    }
    if (++next >= argc || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        fail("usage");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        send_descriptor(sockets[1], install());
        execv(argv[next], argv + next);
        fail(argv[next]);
    }
    close(sockets[1]);
    int listener = receive_descriptor(sockets[0]);
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    while (poll(&wait, 1, -1) > 0 || errno == EINTR) {
        if (wait.revents & POLLIN)
            answer(listener);
        else if (wait.revents)
            break;
    }
    if (waitpid(child, &status, 0) != child)
        fail("wait");
    for (int i = 0; i < rule_count; i++)
        if (rules[i].seen < (rules[i].at ? rules[i].at : 1)) {
            fprintf(stderr, "warden: never met: %s %s %ld\n", rules[i].call->name, rules[i].part, rules[i].at);
            return FAILED;
        }
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}
