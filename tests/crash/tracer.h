/*
 * What the parts of the tracer share: tracer.c watches, calls.c knows system
 * calls and registers, record.c writes down what becomes of files.
 */
#ifndef CRASH_TRACER_H
#define CRASH_TRACER_H

#include <linux/ptrace.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* <sys/ptrace.h> and <linux/ptrace.h> do not go together. */
long	ptrace(int request, ...);

#define PATH_LEN 1024
#define CLASS_MAX 64

struct process {
	pid_t	 pid;
	int	 number;	/* in the order in which they were made */
	bool	 alive;
	bool	 started;	/* it is the program, not what execs it */
	int	 status;	/* as wait(2) has it */
	int	 ncall;		/* system calls begun */
	int	 nclass[CLASS_MAX];
};

/* A thread. */
struct task {
	pid_t	 tid;
	struct process *process;	/* NULL: its parent has not said yet */
	bool	 stopped;	/* has had its first stop */
	bool	 faked;		/* the call at hand is not carried out */
	struct ptrace_syscall_info call;	/* its entry */
	char	 path[PATH_LEN], path2[PATH_LEN];	/* of record.c */
	bool	 existed;
};

double	now(void);		/* seconds, CLOCK_MONOTONIC */

/* calls.c: calls of one kind, whatever they are called. -1: of no class. */
int	class_of(const struct ptrace_syscall_info *);
int	class_find(const char *name);
const char *class_name(int class);
void	regs_skip(struct task *);	/* at its entry: do not carry out */
void	regs_result(struct task *, long);	/* at its exit */
void	regs_halve(struct task *, const struct ptrace_syscall_info *);

int	record_open(const char *path);
void	record_enter(struct task *);
void	record_leave(struct task *, int64_t result);
int	record_close(void);

#endif
