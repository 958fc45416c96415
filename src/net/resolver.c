#include "config.h"

#include "net/resolver.h"

#include <arpa/nameser.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/dns.h"
#include "net/hosts.h"
#include "net/nameserver.h"
#include "net/query.h"

#define THREADS_MAX 128
#define STACK_SIZE ((size_t)256 * 1024)
#define GRACE_MS 2000	/* for the rest, once the best host has an address */
#define TICK_MS 250	/* how often time limits are looked at */
#define SILENT_MAX 16	/* questions without any sign of a name server */

enum domain_state { DOMAIN_NEW, DOMAIN_ASKED, DOMAIN_ANSWERED };

struct domain {
	char	*name;		/* owned */
	enum domain_state state;
	bool	 implicit;
	uint8_t	 nmx;		/* 0 while the MX are not known */
	struct {
		struct host *host;
		uint16_t pref;
	} mx[MX_HOSTS_MAX];	/* sorted */
	int64_t	 asked;		/* clock_ms() */
	int64_t	 deadline;
	size_t	 active;	/* its place in pool.active */
};

/* A question: the addresses of host, or with host NULL the MX of a domain. */
struct task {
	struct task *next;
	struct host *host;
	enum host_family family;
	size_t	 domain;
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

	struct domain *domain;	/* owned */
	size_t	 n, left;	/* left: not yet answered */
	size_t	 begun;		/* domains before this have been asked for */
	size_t	*active;	/* owned; domains asked and not answered */
	size_t	 nactive;
	struct hosts hosts;
	struct task *first, **last;	/* hosts to be asked for */
	size_t	 ntask;

	unsigned threads, threads_max;
	unsigned idle;		/* threads that wait, or are being started */
	bool	 heard;		/* a name server has ever answered */
	unsigned silent;	/* questions without an answer before that */
};

static void
pool_free(struct pool *p)
{
	struct task *t;
	size_t i;

	while ((t = p->first) != NULL) {
		p->first = t->next;
		free(t);
	}
	for (i = 0; i < p->n; i++)
		free(p->domain[i].name);
	free(p->domain);
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

static bool
pool_is_over(const struct pool *p)
{
	return p->left == 0;
}

static void
pool_end(struct pool *p)
{
	p->left = 0;
	pthread_cond_broadcast(&p->work);
	pthread_cond_signal(&p->over);
}

/* Answers */

/* Write the answer of a domain, which is then done with. */
static void
domain_answer(struct pool *p, size_t i, struct mx_answer *a)
{
	char record[sizeof(uint32_t) + sizeof(*a)];
	struct domain *d = &p->domain[i];
	uint32_t size;

	a->index = (uint32_t)i;
	a->dns_ms = (uint32_t)(clock_ms() - d->asked);
	a->implicit = d->implicit;
	if (a->err.kind != ERR_NONE)
		a->nhost = 0;
	size = (uint32_t)mx_answer_size(a);
	memcpy(record, &size, sizeof(size));
	memcpy(record + sizeof(size), a, size);
	d->state = DOMAIN_ANSWERED;
	p->active[d->active] = p->active[--p->nactive];
	p->domain[p->active[d->active]].active = d->active;
	p->left--;
	/* Nobody listens any more: the rest need not be asked. */
	if (write_all(p->out_fd, record, sizeof(size) + size) < 0)
		p->left = 0;
	if (p->left == 0)
		pool_end(p);
}

/* Field by field: not a byte that is not ours to give may be written. */
static void
domain_fail(struct pool *p, size_t i, const struct err *err)
{
	struct mx_answer a;

	memset(&a, 0, sizeof(a));
	err_set(&a.err, err->kind, err->status, "%s", err->text);
	domain_answer(p, i, &a);
}

/*
 * No host has an address: for good, or for now? For good only if each of them
 * said so; not when the time was over before the MX came.
 */
static void
domain_set_err(const struct domain *d, struct err *err)
{
	const char *why = NULL;
	bool absent = d->nmx > 0;
	size_t i;

	for (i = 0; i < d->nmx; i++) {
		absent = absent && host_is_absent(d->mx[i].host);
		if (d->mx[i].host->why != NULL)
			why = d->mx[i].host->why;
	}
	if (!absent && why != NULL)
		err_set(err, ERR_TEMP, "4.4.3", "%s", why);
	else if (!absent)
		err_set(err, ERR_TEMP, "4.4.3",
		    "%s: no answer from the name servers in time", d->name);
	else if (d->implicit)
		err_set(err, ERR_PERM, "5.1.2",
		    "%s has neither MX nor address", d->name);
	else
		err_set(err, ERR_PERM, "5.4.4",
		    "%s: no MX host has an address", d->name);
}

/* Answer with what is known. */
static void
domain_finish(struct pool *p, size_t i)
{
	struct domain *d = &p->domain[i];
	struct mx_answer a;
	struct mx_host *h;
	bool usable = false;
	size_t j;

	memset(&a, 0, sizeof(a));
	for (j = 0; j < d->nmx; j++) {
		if (host_is_absent(d->mx[j].host))
			continue;
		h = &a.host[a.nhost++];
		h->pref = d->mx[j].pref;
		host_fill(d->mx[j].host, p->six_first, h);
		usable = usable || h->naddr > 0;
	}
	if (!usable)
		domain_set_err(d, &a.err);
	domain_answer(p, i, &a);
}

/*
 * Answer when all is known; or the time is over; or the best host has had an
 * address for a while, and what is missing (often its AAAA, at name servers
 * that do not answer for what they do not know) shall not hold up the mail.
 */
static void
domain_check(struct pool *p, size_t i, int64_t now)
{
	struct domain *d = &p->domain[i];
	const struct host *best = NULL;
	bool done = d->nmx > 0;
	size_t j;

	if (d->state != DOMAIN_ASKED)
		return;
	for (j = 0; j < d->nmx; j++) {
		done = done && host_is_done(d->mx[j].host);
		if (best == NULL && !host_is_absent(d->mx[j].host))
			best = d->mx[j].host;
	}
	if (best != NULL && host_has_addr(best) &&
	    now >= best->known_at + GRACE_MS)
		done = true;
	if (done || now >= d->deadline)
		domain_finish(p, i);
}

/* Questions */

static void
add_task(struct pool *p, struct host *host, enum host_family family)
{
	struct task *t = xcalloc(1, sizeof(*t));

	t->host = host;
	t->family = family;
	*p->last = t;
	p->last = &t->next;
	p->ntask++;
}

static size_t
pool_runnable(const struct pool *p)
{
	return p->ntask + (p->n - p->begun);
}

static void
domain_begin(struct pool *p, size_t i)
{
	struct domain *d = &p->domain[i];

	d->state = DOMAIN_ASKED;
	d->asked = clock_ms();
	d->deadline = d->asked + p->timeout_ms;
	d->active = p->nactive;
	p->active[p->nactive++] = i;
}

/* Hosts first: finish what was begun. */
static bool
take_task(struct pool *p, struct task *out)
{
	struct task *t = p->first;

	if (t != NULL) {
		p->first = t->next;
		if (p->first == NULL)
			p->last = &p->first;
		p->ntask--;
		*out = *t;
		free(t);
		return true;
	}
	if (p->begun == p->n)
		return false;
	memset(out, 0, sizeof(*out));
	out->domain = p->begun++;
	domain_begin(p, out->domain);
	return true;
}

static void
domain_add_host(struct pool *p, size_t i, const char *name, uint16_t pref)
{
	struct domain *d = &p->domain[i];
	struct host *h;
	bool made;

	h = hosts_get(&p->hosts, name, &made);
	if (made) {
		add_task(p, h, HOST_A);
		add_task(p, h, HOST_AAAA);
	}
	if (h->deadline < d->deadline)
		h->deadline = d->deadline;
	if (!host_is_done(h))
		host_await(h, i);
	d->mx[d->nmx].host = h;
	d->mx[d->nmx++].pref = pref;
}

static bool
domain_has_host(const struct domain *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nmx; i++) {
		if (strcmp(d->mx[i].host->name, name) == 0)
			return true;
	}
	return false;
}

/* The best of the MX, each name once. */
static void
domain_choose(struct pool *p, size_t i, const struct dns_answer *answer)
{
	struct domain *d = &p->domain[i];
	struct mx_host *host = xcalloc(answer->n, sizeof(*host));
	size_t j;

	for (j = 0; j < answer->n; j++) {
		str_copy(host[j].name, sizeof(host[j].name),
		    answer->rr[j].name);
		host[j].pref = answer->rr[j].pref;
	}
	mx_sort(host, answer->n);
	for (j = 0; j < answer->n && d->nmx < MX_HOSTS_MAX; j++) {
		if (!domain_has_host(d, host[j].name))
			domain_add_host(p, i, host[j].name, host[j].pref);
	}
	free(host);
}

/* answer NULL: the question for the MX failed, and A is never used instead. */
static void
domain_learn(struct pool *p, size_t i, const struct dns_answer *answer,
    const struct err *err)
{
	struct domain *d = &p->domain[i];

	if (d->state != DOMAIN_ASKED)
		return;
	if (answer == NULL) {
		domain_fail(p, i, err);
		return;
	}
	if (answer->n > 0)
		domain_choose(p, i, answer);
	else {
		d->implicit = true;
		domain_add_host(p, i, d->name, 0);
	}
	domain_check(p, i, clock_ms());
}

static void
pool_learn(struct pool *p, const struct task *t,
    const struct dns_answer *answer, const struct err *err)
{
	int64_t now = clock_ms();
	size_t i;

	if (t->host == NULL) {
		domain_learn(p, t->domain, answer, err);
		return;
	}
	host_learn(t->host, t->family, answer, err);
	for (i = 0; i < t->host->nwaiting && !pool_is_over(p); i++)
		domain_check(p, t->host->waiting[i], now);
	if (host_is_done(t->host))
		host_wake(t->host);
}

/*
 * Ask, without the lock. While no name server has ever answered and many
 * questions went unheard, the rest fail at once: ten thousand domains must
 * not each wait for a server that is dead.
 */
static int
ask(struct pool *p, struct query *q, const struct task *t,
    struct dns_answer *answer, struct err *err)
{
	const char *name = t->host != NULL ? t->host->name :
					     p->domain[t->domain].name;
	int64_t deadline = t->host != NULL ? t->host->deadline :
					     p->domain[t->domain].deadline;
	int rc = 0, type;

	type = t->host == NULL ? ns_t_mx :
	    t->family == HOST_A ? ns_t_a : ns_t_aaaa;
	if (!dns_is_host_name(name))
		return err_set(err, ERR_PERM, "5.1.2",
		    "%s is no domain name", name);
	if (!p->heard && p->silent >= SILENT_MAX)
		return err_set(err, ERR_TEMP, "4.4.3",
		    "%s: no name server answers", name);
	pthread_mutex_unlock(&p->lock);
	if (!q->ready)
		rc = query_init(q, p->nameserver, err);
	if (rc == 0)
		rc = query_ask(q, name, type, deadline, answer, err);
	pthread_mutex_lock(&p->lock);
	if (q->heard)
		p->heard = true;
	else
		p->silent++;
	return rc;
}

static void
run_task(struct pool *p, struct query *q, const struct task *t)
{
	struct dns_answer answer = { 0 };
	struct err err;
	int rc;

	rc = ask(p, q, t, &answer, &err);
	if (!pool_is_over(p))
		pool_learn(p, t, rc == 0 ? &answer : NULL, &err);
	dns_answer_release(&answer);
}

/* Threads */

static void start_threads(struct pool *, size_t spare);

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	struct query q = { 0 };
	struct task t;

	pthread_mutex_lock(&p->lock);
	p->idle--;
	while (!pool_is_over(p)) {
		if (take_task(p, &t)) {
			run_task(p, &q, &t);
			start_threads(p, 0);
			continue;
		}
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
	}
	query_release(&q);
	pool_leave(p);
	return NULL;
}

/* As many as there is work for, but for spare tasks. */
static void
start_threads(struct pool *p, size_t spare)
{
	size_t i, runnable = pool_runnable(p), busy = p->idle + spare;
	pthread_attr_t attr;
	pthread_t id;

	if (pool_is_over(p) || runnable <= spare)
		return;
	for (i = 0; i < p->idle && i < runnable - spare; i++)
		pthread_cond_signal(&p->work);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (; busy < runnable && p->threads < p->threads_max; busy++) {
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

	/* From the end: an answered domain gives its place to the last. */
	for (i = p->nactive; i > 0 && !pool_is_over(p); i--)
		domain_check(p, p->active[i - 1], now);
}

/*
 * Start the others and watch the clock. For a single domain, the usual case,
 * lend a hand: then the MX need no thread at all and the addresses one.
 */
static void
lead(struct pool *p)
{
	struct query q = { 0 };
	struct task t;
	bool helps;

	while (!pool_is_over(p)) {
		start_threads(p, p->n == 1 ? 1 : 0);
		/* With no thread at all there can be none. */
		helps = p->threads == 0 ||
		    (p->n == 1 && pool_runnable(p) > p->idle);
		if (helps && take_task(p, &t))
			run_task(p, &q, &t);
		else
			wait_tick(p);
		check_times(p);
	}
	query_release(&q);
}

/*
 * Is there a way to the IPv6 Internet? The kernel knows without sending
 * anything: connecting a datagram socket looks up the route and the address
 * that we would have. Only a global one (2000::/3) helps.
 */
static bool
has_global_ipv6(void)
{
	struct sockaddr_in6 there = { .sin6_family = AF_INET6,
		.sin6_port = htons(25) }, us = { 0 };
	socklen_t size = sizeof(us);
	bool ok;
	int fd;

	there.sin6_addr.s6_addr[0] = 0x20;
	there.sin6_addr.s6_addr[15] = 1;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	ok = connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&us, &size) == 0 &&
	    (us.sin6_addr.s6_addr[0] & 0xe0) == 0x20;
	close(fd);
	return ok;
}

static struct pool *
pool_new(const struct resolver_options *o,
    const struct resolver_question *question, size_t n, int out_fd)
{
	struct pool *p = xcalloc(1, sizeof(*p));
	pthread_condattr_t attr;
	size_t i;

	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->work, &attr);
	pthread_cond_init(&p->over, &attr);
	pthread_condattr_destroy(&attr);
	p->holders = 1;
	if (o->nameserver != NULL)
		p->nameserver = xstrdup(o->nameserver);
	p->timeout_ms = (int64_t)o->timeout_s * 1000;
	p->threads_max = o->threads > 0 ? o->threads : THREADS_MAX;
	p->out_fd = out_fd;
	p->six_first = has_global_ipv6();
	p->domain = xcalloc(n, sizeof(*p->domain));
	p->active = xcalloc(n, sizeof(*p->active));
	p->last = &p->first;
	p->n = p->left = n;
	for (i = 0; i < n; i++)
		p->domain[i].name =
		    str_lower(xstrdup(question[i].domain));
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
