/*
 * What the files of the resolver share; theirs alone. resolver.c has the
 * threads and the clock, resolver_ask.c what is asked and what is heard.
 */
#ifndef NET_RESOLVER_IMPL_H
#define NET_RESOLVER_IMPL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/hosts.h"
#include "net/inquiry.h"
#include "net/query.h"
#include "net/srv.h"

/* What one thread asks at a time. */
struct task {
	struct task *next;
	enum { TASK_MX, TASK_SRV, TASK_HOST } kind;
	struct host *host;	/* TASK_HOST */
	enum host_family family;	/* of host, where the DNS is asked */
	size_t	 inquiry;	/* the others */
	size_t	 place;		/* TASK_SRV */
	enum srv_service service;
};

struct task_queue {
	struct task *first, **last;
	size_t	 n;
};

/*
 * Everything that the threads share. The last of those who hold the pool
 * frees it: a thread whose question hangs may outlive the call, for the
 * answers do not wait for it.
 */
struct pool {
	pthread_mutex_t lock;	/* over all that follows */
	pthread_cond_t work;	/* a task has come, or the end */
	pthread_cond_t over;	/* all are answered */
	unsigned holders;

	char	*nameserver;	/* owned, or NULL */
	int64_t	 timeout_ms;
	int	 out_fd;
	bool	 six_first;
	bool	 offline;	/* no way to any name server */
	bool	 cut_off;	/* only to those on this machine */

	struct inquiry *inquiry;	/* owned */
	size_t	 n, left;	/* left: not yet answered */
	size_t	 begun;		/* those before this have been asked for */
	size_t	*active;	/* owned; asked and not answered */
	size_t	 nactive;
	struct hosts hosts;
	struct task_queue tasks;	/* for the DNS */
	struct task_queue system;	/* for the system: these may hang */

	unsigned threads, threads_max;
	unsigned idle;		/* threads that wait, or are being started */
	unsigned held_up;	/* threads that the system has */
	bool	 heard;		/* a name server has ever answered */
	unsigned silent;	/* questions without an answer before that */
};

/* resolver.c: is all answered? Then end it. */
bool	pool_is_over(const struct pool *);
void	pool_end(struct pool *);

/* All of these want the lock. */
void	task_queue_init(struct task_queue *);
void	task_queue_release(struct task_queue *);

/*
 * Take what is to be asked next; what was begun comes first. Inquiries that
 * need no question are answered on the way.
 *
 * patient  nobody minds when the system takes its time.
 */
bool	task_take(struct pool *, bool patient, struct task *);

/* Ask, without the lock meanwhile, and keep the answer. */
void	task_run(struct pool *, struct query *, const struct task *);

/* Answer the inquiry when it is time. */
void	check_inquiry(struct pool *, size_t inquiry, int64_t now);

#endif
