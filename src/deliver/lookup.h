/*
 * The dispatcher's side of a resolver child: domains go in by fork, answers
 * come out of a pipe, checked.
 */
#ifndef DELIVER_LOOKUP_H
#define DELIVER_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/mx.h"
#include "net/resolver.h"

struct lookup {
	pid_t	 pid;		/* 0: none is running */
	pid_t	 ending;	/* the one before, to be reaped; 0: none */
	int	 fd;
	int64_t	 deadline;	/* clock_ms(): killed after it */
	void	**asker;	/* owned; an answer's index points here */
	bool	*answered;	/* owned */
	size_t	 n, left;
	struct buf in;
};

/*
 * Fork a resolver child for n questions. *l is all zero, or was ended by
 * lookup_end().
 *
 * asker  n pointers of the caller's, copied: whose question it is.
 *
 * Returns 0, or -1 with *err.
 */
int	lookup_start(struct lookup *, const struct resolver_options *,
	    const struct resolver_question *, void *const *asker, size_t n,
	    struct err *);

/*
 * Read answers, without waiting. Returns 1 and fills *answer with the next
 * sound, new one; 0 when there is nothing at the moment; -1 when the child
 * has ended or talked nonsense.
 */
int	lookup_read(struct lookup *, struct mx_answer *answer);

/*
 * End it: *answer for every domain that had none is for the caller to make up
 * (answered[]). Kills the child when it still runs.
 */
void	lookup_end(struct lookup *);

#endif
