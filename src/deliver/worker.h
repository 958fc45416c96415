/*
 * A worker: one forked process, one site, one connection at a time.
 *
 * It is given its work by fork, drops every privilege and every descriptor it
 * does not need, tries the site's hosts and addresses in order until each
 * forward-path is decided, and reports on a pipe. What it had not reported
 * when it ends or dies counts as "try later". When the dispatcher dies the
 * pipe breaks, and the worker ends at once, for nobody could record what it
 * did.
 */
#ifndef DELIVER_WORKER_H
#define DELIVER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "deliver/delivery.h"
#include "deliver/report.h"
#include "deliver/site.h"

/* The dispatcher's side of one worker. */
struct worker {
	pid_t	 pid;
	int	 fd;		/* the pipe's reading end */
	int64_t	 deadline;	/* clock_ms(): killed after it */
	struct site *site;
	size_t	 line;		/* the dispatcher's: for whom it works */
	struct task *load;	/* owned copy */
	uint8_t	*told;		/* one a task: reported already */
	size_t	 nload;
	size_t	 left;		/* not yet reported */
	bool	 turned_away;		/* its site wants fewer connections */
	bool	 asks_again;		/* for another credential */
	unsigned refused;		/* endpoints that refused it, as bits */
	char	 part[sizeof(struct report)];	/* of the next record */
	size_t	 npart;
	bool	 ended;		/* its end of the pipe is closed */
};

/*
 * Fork a worker for a load of the site's tasks. Their items' readers are open.
 *
 * Returns 0 and fills *w; or -1 with *err (fork or pipe failed), *w is zero.
 */
int	worker_start(struct worker *w, const struct delivery *, struct site *,
	    const struct task *load, size_t n, struct err *);

/*
 * Read what the worker has to say, without waiting.
 *
 * Returns 1 and fills *report with the next sound, new record, of a forward-path
 * or an endpoint (report_is_refusal()); 0 when there
 * is nothing at the moment; -1 when the worker has ended (or talked nonsense
 * and was killed).
 */
int	worker_read(struct worker *, struct report *report);

/*
 * Close, kill when it still runs and must, reap, free. Returns the process
 * that is left to be reaped, because it still says goodbye to its server: it
 * owes nothing any more; 0 when there is none.
 */
pid_t	worker_end(struct worker *, bool kill_it);

#endif
