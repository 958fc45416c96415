#include "config.h"

#include "net/resolver.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "net/nameserver.h"
#include "net/reach.h"
#include "net/resolver_impl.h"

#define THREADS_MAX 128
#define SYSTEM_MAX 32	/* threads more, for those that the system holds up */
#define STACK_SIZE ((size_t)512 * 1024)
#define TICK_MS 250	/* how often time limits are looked at */

static void
pool_free(struct pool *p)
{
	size_t i;

	task_queue_release(&p->tasks);
	task_queue_release(&p->system);
	for (i = 0; i < p->n; i++)
		inquiry_release(&p->inquiry[i]);
	free(p->inquiry);
	free(p->active);
	free(p->nameserver);
	hosts_release(&p->hosts);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->over);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Unlock for good. */
static void
pool_leave(struct pool *p)
{
	bool is_last = --p->holders == 0;

	pthread_mutex_unlock(&p->lock);
	if (is_last)
		pool_free(p);
}

bool
pool_is_over(const struct pool *p)
{
	return p->left == 0;
}

void
pool_end(struct pool *p)
{
	p->left = 0;
	pthread_cond_broadcast(&p->work);
	pthread_cond_signal(&p->over);
}

/* Without a network all but the system answers at once: no work for many. */
static size_t
pool_runnable(const struct pool *p)
{
	if (p->offline)
		return p->system.n;
	return p->tasks.n + p->system.n + (p->n - p->begun);
}

static void start_threads(struct pool *);

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	struct query q = { 0 };
	struct task t;

	pthread_mutex_lock(&p->lock);
	p->idle--;
	while (!pool_is_over(p)) {
		if (task_take(p, true, &t)) {
			start_threads(p);
			task_run(p, &q, &t);
			continue;
		}
		if (pool_is_over(p))
			break;
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	query_release(&q);
	pool_leave(p);
	return NULL;
}

/* Those that the system holds up are not counted, as far as that is wise. */
static bool
may_start(const struct pool *p)
{
	unsigned held_up = p->held_up < SYSTEM_MAX ? p->held_up : SYSTEM_MAX;

	return p->threads < p->threads_max + held_up;
}

/* As many as there is work for. */
static void
start_threads(struct pool *p)
{
	size_t i, runnable = pool_runnable(p), busy = p->idle;
	pthread_attr_t attr;
	pthread_t id;

	if (pool_is_over(p) || runnable == 0)
		return;
	for (i = 0; i < p->idle && i < runnable; i++)
		pthread_cond_signal(&p->work);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (; busy < runnable && may_start(p); busy++) {
		if (pthread_create(&id, &attr, thread_main, p) != 0)
			break;
		p->threads++;
		p->idle++;
		p->holders++;
	}
	pthread_attr_destroy(&attr);
}

static void
wait_tick(struct pool *p)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&p->over, &p->lock, &until);
}

static void
check_times(struct pool *p)
{
	int64_t now = clock_ms();
	size_t i;

	/* From the end: an answered one gives its place to the last. */
	for (i = p->nactive; i > 0 && !pool_is_over(p); i--)
		check_inquiry(p, p->active[i - 1], now);
}

/*
 * Is there a network at all? Looked at once: without a name server that
 * anything can be sent to, all that the DNS would be asked fails at once; one
 * on this machine answers, but may have nobody to ask in turn.
 */
static void
look_at_network(struct pool *p, struct query *q)
{
	struct err err;

	p->six_first = reach_global_ipv6();
	if (query_init(q, p->nameserver, &err) < 0)
		return;
	p->offline = query_is_offline(q);
	p->cut_off = p->nameserver == NULL && query_is_local(q) &&
	    !reach_internet();
}

/*
 * Lend a hand? For the MX of a single domain, the usual case, which need no
 * thread then; and without a network, when nothing takes any time. Not when
 * there is a clock to be watched meanwhile, unless there can be no threads.
 */
static bool
may_help(const struct pool *p, bool alone)
{
	return alone || p->offline ||
	    (p->n == 1 && p->begun == 0 && p->inquiry[0].place == NULL);
}

/* Start the others and watch the clock. */
static void
lead(struct pool *p)
{
	struct query q = { 0 };
	struct task t;
	bool alone = false;

	look_at_network(p, &q);
	while (!pool_is_over(p)) {
		if (may_help(p, alone) && task_take(p, alone, &t))
			task_run(p, &q, &t);
		else if (!pool_is_over(p)) {
			start_threads(p);
			alone = p->threads == 0 && pool_runnable(p) > 0;
			if (!alone)
				wait_tick(p);
		}
		check_times(p);
	}
	query_release(&q);
}

static void
pool_init_threads(struct pool *p)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work, &attr);
	pthread_cond_init(&p->over, &attr);
	pthread_condattr_destroy(&attr);
}

static struct pool *
pool_new(const struct resolver_options *o,
    const struct resolver_question *question, size_t n, int out_fd)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	size_t i;

	pool_init_threads(p);
	p->holders = 1;
	if (o->nameserver != NULL)
		p->nameserver = xstrdup(o->nameserver);
	p->timeout_ms = (int64_t)o->timeout_s * 1000;
	p->threads_max = o->threads > 0 ? o->threads : THREADS_MAX;
	p->out_fd = out_fd;
	p->inquiry = xcalloc(n, sizeof(*p->inquiry));
	p->active = xcalloc(n, sizeof(*p->active));
	task_queue_init(&p->tasks);
	task_queue_init(&p->system);
	p->n = p->left = n;
	for (i = 0; i < n; i++)
		inquiry_init(&p->inquiry[i], &question[i]);
	return p;
}

void
resolver_run(const struct resolver_options *o,
    const struct resolver_question *question, size_t n, int out_fd)
{
	struct pool *p;

	if (n == 0)
		return;
	p = pool_new(o, question, n, out_fd);
	pthread_mutex_lock(&p->lock);
	lead(p);
	pool_leave(p);
}

int
resolver_check(const char *nameserver, struct err *err)
{
	union nameserver server[MAXNS];

	return nameserver_parse(nameserver, server, err) > 0 ? 0 : -1;
}
