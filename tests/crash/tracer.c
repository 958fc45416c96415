/*
 * tracer - run a program with all its children, and do one thing to it at one
 * system call.
 *
 *	tracer -o REPORT [-k|-K P:N] [-n COMMAND] [-f P:CLASS:N:HOW] [-r RECORD]
 *	    -- PROGRAM...
 *
 *	-k P:N	SIGKILL process P at the entry of its N-th system call, which
 *		is not carried out. P counts processes in the order in which
 *		they were made: 0 is the program; its threads are part of it.
 *	-K P:N	the same, and all others at that very moment.
 *	-n COMMAND
 *		run by sh as soon as the killed one is dead, while its children
 *		may still be at work.
 *	-f P:CLASS:N:HOW
 *		the N-th call of that class in process P is not carried out. HOW
 *		is the errno it gives, or 0: it claims to have worked; or s: a
 *		write or read of half the length. N+: that and all behind it.
 *	-r RECORD
 *		what the processes do to files: see record.c.
 *
 * It ends when all processes have, with exit code 0 whatever became of them.
 * REPORT has a line for each process and one for what was done to it:
 *
 *	process P exit|signal CODE calls N CLASS=N...
 *	hit P N SECONDS CLASS
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer.h"

#define TASK_MAX 512

/* What is to be done. */
static struct {
	char	 what;		/* k, K, f, or 0: nothing */
	int	 who, at;
	int	 class;		/* f */
	bool	 onwards;	/* f: N+ */
	long	 error;		/* f: errno, or 0 */
	bool	 half;		/* f: s */
} plan;

static const char *next_command;

static struct process processes[TASK_MAX];
static int nprocess;
static struct task tasks[TASK_MAX];
static int ntask;
static struct {
	int	 who, n, class;
	double	 when;
} hit = { .who = -1 };

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "tracer: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct task *
task_find(pid_t tid)
{
	for (int i = 0; i < ntask; i++)
		if (tasks[i].tid == tid)
			return &tasks[i];
	return NULL;
}

static struct task *
task_add(pid_t tid)
{
	struct task *t = task_find(tid);

	if (t != NULL)
		return t;
	if (ntask == TASK_MAX)
		die("too many tasks");
	t = &tasks[ntask++];
	*t = (struct task){ .tid = tid };
	return t;
}

static struct process *
process_add(pid_t pid)
{
	struct process *p = &processes[nprocess];

	if (nprocess == TASK_MAX)
		die("too many processes");
	*p = (struct process){ .pid = pid, .number = nprocess++, .alive = true };
	return p;
}

static void
go_on(struct task *t, int sig)
{
	/* one that was killed meanwhile is heard of by wait */
	ptrace(PTRACE_SYSCALL, t->tid, 0, (long)sig);
}

/* A child or a thread was made. Its first stop may have come before this. */
static void
born(struct task *parent, int event)
{
	unsigned long tid;
	struct task *t;
	struct process *whole = parent->process;

	if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &tid) < 0)
		return;
	t = task_add((pid_t)tid);
	t->process = event == PTRACE_EVENT_CLONE ? whole :
	    process_add((pid_t)tid);
	t->process->started |= whole->started;
	if (t->stopped)
		go_on(t, 0);
}

static void
kill_all(void)
{
	for (int i = 0; i < nprocess; i++)
		if (processes[i].alive)
			kill(processes[i].pid, SIGKILL);
}

static void
note_hit(const struct process *p, int class)
{
	if (hit.who >= 0)
		return;
	hit.who = p->number;
	hit.n = p->ncall;
	hit.class = class;
	hit.when = now();
}

/* Is this the call, counted by class? */
static bool
fails_here(const struct process *p, int class)
{
	int n = class >= 0 ? p->nclass[class] : 0;

	return plan.what == 'f' && plan.who == p->number &&
	    plan.class == class && (n == plan.at ||
	    (plan.onwards && n > plan.at));
}

static void
enters(struct task *t, const struct ptrace_syscall_info *info)
{
	struct process *p = t->process;
	int class = class_of(info);

	t->call = *info;
	t->faked = false;
	if (!p->started)
		return;
	p->ncall++;
	if (class >= 0)
		p->nclass[class]++;
	if (plan.what == 'k' || plan.what == 'K') {
		if (plan.who == p->number && plan.at == p->ncall) {
			note_hit(p, class);
			if (plan.what == 'K')
				kill_all();
			else
				kill(p->pid, SIGKILL);
		}
	} else if (fails_here(p, class)) {
		note_hit(p, class);
		if (plan.half)
			regs_halve(t, info);
		else {
			regs_skip(t);
			t->faked = true;
		}
	}
	record_enter(t);
}

static void
leaves(struct task *t, struct ptrace_syscall_info *info)
{
	if (!t->process->started)
		return;
	if (t->faked) {
		regs_result(t, -plan.error);
		t->faked = false;
		return;
	}
	if (!info->exit.is_error)
		record_leave(t, info->exit.rval);
}

static void
stopped_at_call(struct task *t)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) > 0) {
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			enters(t, &info);
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			leaves(t, &info);
	}
	go_on(t, 0);
}

static void
stopped(struct task *t, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80))
		stopped_at_call(t);
	else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
	    event == PTRACE_EVENT_CLONE) {
		born(t, event);
		go_on(t, 0);
	} else if (event == PTRACE_EVENT_EXEC) {
		t->process->started = true;
		go_on(t, 0);
	} else if (!t->stopped && sig == SIGSTOP) {
		/* the first stop of a new one; its number may not be known */
		t->stopped = true;
		if (t->process != NULL)
			go_on(t, 0);
	} else
		go_on(t, event != 0 ? 0 : sig);
}

/* Not traced; watch() waits for it as well. */
static void
start_next(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", next_command, (char *)NULL);
		die("/bin/sh");
	}
}

static void
ended(struct task *t, int status)
{
	if (t->process != NULL && t->process->pid == t->tid) {
		t->process->alive = false;
		t->process->status = status;
		if (next_command != NULL && hit.who == t->process->number)
			start_next();
	}
	*t = tasks[--ntask];
}

static void
watch(void)
{
	int status;
	pid_t tid;
	struct task *t;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 ||
	    (tid < 0 && errno == EINTR)) {
		if (tid < 0)
			continue;
		t = task_add(tid);
		if (WIFSTOPPED(status))
			stopped(t, status);
		else
			ended(t, status);
	}
}

static void
start(char **argv)
{
	struct task *t;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("the program did not start");
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD |
	    PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
	    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		die("ptrace");
	t = task_add(pid);
	t->process = process_add(pid);
	t->stopped = true;
	go_on(t, 0);
}

static void
tell(const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die(path);
	for (int i = 0; i < nprocess; i++) {
		const struct process *p = &processes[i];

		fprintf(f, "process %d %s %d calls %d", i,
		    WIFEXITED(p->status) ? "exit" : "signal",
		    WIFEXITED(p->status) ? WEXITSTATUS(p->status) :
		    WTERMSIG(p->status), p->ncall);
		for (int c = 0; c < CLASS_MAX; c++)
			if (p->nclass[c] > 0)
				fprintf(f, " %s=%d", class_name(c),
				    p->nclass[c]);
		fprintf(f, "\n");
	}
	if (hit.who >= 0)
		fprintf(f, "hit %d %d %.6f %s\n", hit.who, hit.n, hit.when,
		    hit.class >= 0 ? class_name(hit.class) : "-");
	if (fclose(f) != 0)
		die(path);
}

static void
usage(void)
{
	fprintf(stderr, "usage: tracer -o REPORT [-k|-K P:N] "
	    "[-n COMMAND] [-f P:CLASS:N[+]:HOW] [-r RECORD] -- "
	    "PROGRAM [ARGUMENT...]\n");
	exit(64);
}

static void
read_plan(int what, const char *text)
{
	char class[32], n[16], how[16];

	plan.what = (char)what;
	if (what != 'f') {
		if (sscanf(text, "%d:%d", &plan.who, &plan.at) != 2)
			usage();
		return;
	}
	if (sscanf(text, "%d:%31[^:]:%15[^:]:%15s", &plan.who, class, n,
	    how) != 4 || (plan.class = class_find(class)) < 0)
		usage();
	plan.at = atoi(n);
	plan.onwards = n[strlen(n) - 1] == '+';
	plan.half = strcmp(how, "s") == 0;
	plan.error = atol(how);
}

int
main(int argc, char **argv)
{
	const char *report = NULL;
	int c;

	while ((c = getopt(argc, argv, "+o:k:K:n:f:r:")) != -1) {
		if (c == 'o')
			report = optarg;
		else if (c == 'n')
			next_command = optarg;
		else if (c == 'r') {
			if (record_open(optarg) < 0)
				die(optarg);
		} else if (c == '?')
			usage();
		else
			read_plan(c, optarg);
	}
	if (report == NULL || optind == argc)
		usage();
	start(argv + optind);
	watch();
	if (record_close() < 0)
		die("the record");
	tell(report);
	return 0;
}
