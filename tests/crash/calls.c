/* System calls by their kind, and the registers they are made with. */
#define _GNU_SOURCE
#include "tracer.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

/* Not <sys/user.h>: all that is needed of it is below. */

/* The classes, in the order of their first row. */
static const struct {
	const char *name;
	long	 nr;
} calls[] = {
#ifdef SYS_open
	{ "open", SYS_open },
#endif
	{ "open", SYS_openat },
	{ "write", SYS_write },
	{ "write", SYS_pwrite64 },
	{ "write", SYS_writev },
	{ "fsync", SYS_fsync },
	{ "fsync", SYS_fdatasync },
#ifdef SYS_rename
	{ "rename", SYS_rename },
#endif
#ifdef SYS_renameat
	{ "rename", SYS_renameat },
#endif
	{ "rename", SYS_renameat2 },
#ifdef SYS_link
	{ "link", SYS_link },
#endif
	{ "link", SYS_linkat },
#ifdef SYS_unlink
	{ "unlink", SYS_unlink },
#endif
	{ "unlink", SYS_unlinkat },
#ifdef SYS_mkdir
	{ "mkdir", SYS_mkdir },
#endif
	{ "mkdir", SYS_mkdirat },
	{ "socket", SYS_socket },
	{ "connect", SYS_connect },
#ifdef SYS_fork
	{ "fork", SYS_fork },
#endif
#ifdef SYS_vfork
	{ "fork", SYS_vfork },
#endif
	{ "fork", SYS_clone },
	{ "fork", SYS_clone3 },
#ifdef SYS_pipe
	{ "pipe", SYS_pipe },
#endif
	{ "pipe", SYS_pipe2 },
	{ "mmap", SYS_mmap },
	{ "getrandom", SYS_getrandom },
	{ "read", SYS_read },
	{ "read", SYS_pread64 },
	{ "close", SYS_close },
	{ "stat", SYS_fstat },
#ifdef SYS_newfstatat
	{ "stat", SYS_newfstatat },
#endif
	{ "stat", SYS_statx },
	{ "flock", SYS_flock },
	{ "utimens", SYS_utimensat },
	{ "truncate", SYS_ftruncate },
	{ "chmod", SYS_fchmod },
	{ "fcntl", SYS_fcntl },
	{ "getdents", SYS_getdents64 },
#ifdef SYS_poll
	{ "poll", SYS_poll },
#endif
	{ "poll", SYS_ppoll },
	{ "send", SYS_sendto },
	{ "send", SYS_sendmsg },
	{ "receive", SYS_recvfrom },
	{ "receive", SYS_recvmsg },
	{ "sockopt", SYS_setsockopt },
	{ "sockopt", SYS_getsockopt },
	{ "wait", SYS_wait4 },
	{ "kill", SYS_kill },
	{ "setid", SYS_setresuid },
	{ "setid", SYS_setresgid },
	{ "setid", SYS_setgroups },
	{ "prctl", SYS_prctl },
	{ "rlimit", SYS_prlimit64 },
	{ "setsid", SYS_setsid },
	{ "dup", SYS_dup3 },
#ifdef SYS_dup2
	{ "dup", SYS_dup2 },
#endif
};

#define NCALL (sizeof(calls) / sizeof(calls[0]))

double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A class has the number of its first row. */
int
class_find(const char *name)
{
	for (size_t i = 0; i < NCALL; i++)
		if (strcmp(calls[i].name, name) == 0)
			return (int)i;
	return -1;
}

const char *
class_name(int class)
{
	return calls[class].name;
}

int
class_of(const struct ptrace_syscall_info *info)
{
	_Static_assert(NCALL <= CLASS_MAX, "more calls than classes");

	for (size_t i = 0; i < NCALL; i++)
		if (calls[i].nr == (long)info->entry.nr)
			return class_find(calls[i].name);
	return -1;
}

#if defined(__x86_64__)

/* Of struct user_regs_struct, in its order. */
enum { REG_RAX = 10, REG_RDX = 12, REG_ORIG_RAX = 15, NREG = 27 };

static void
change(struct task *t, int reg, long value)
{
	unsigned long long regs[NREG];
	struct iovec iov = { regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &iov) < 0)
		return;
	regs[reg] = (unsigned long long)value;
	ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &iov);
}

void
regs_skip(struct task *t)
{
	change(t, REG_ORIG_RAX, -1);
}

void
regs_result(struct task *t, long value)
{
	change(t, REG_RAX, value);
}

static void
set_third(struct task *t, long value)
{
	change(t, REG_RDX, value);
}

#elif defined(__aarch64__)

static void
change(struct task *t, int reg, long value)
{
	unsigned long long regs[34];
	struct iovec iov = { regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &iov) < 0)
		return;
	regs[reg] = (unsigned long long)value;
	ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &iov);
}

void
regs_skip(struct task *t)
{
	int none = -1;
	struct iovec iov = { &none, sizeof(none) };

	ptrace(PTRACE_SETREGSET, t->tid, NT_ARM_SYSTEM_CALL, &iov);
}

void
regs_result(struct task *t, long value)
{
	change(t, 0, value);
}

static void
set_third(struct task *t, long value)
{
	change(t, 2, value);
}

#else
#error "the tracer knows the registers of x86-64 and aarch64 only"
#endif

void
regs_halve(struct task *t, const struct ptrace_syscall_info *info)
{
	uint64_t n = info->entry.args[2];

	/* the third argument of read and write is a length */
	if (n > 1 && info->entry.nr != SYS_writev)
		set_third(t, (long)(n / 2));
}
