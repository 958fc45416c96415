#include "config.h"

#include "net/resolver_impl.h"

#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/dns.h"
#include "net/nss.h"

#define SILENT_MAX 16	/* questions without any sign of a name server */

void
task_queue_init(struct task_queue *queue)
{
	memset(queue, 0, sizeof(*queue));
	queue->last = &queue->first;
}

static void
queue_put(struct task_queue *queue, const struct task *t)
{
	struct task *copy = xmalloc(sizeof(*copy));

	*copy = *t;
	copy->next = NULL;
	*queue->last = copy;
	queue->last = &copy->next;
	queue->n++;
}

static bool
queue_take(struct task_queue *queue, struct task *out)
{
	struct task *t = queue->first;

	if (t == NULL)
		return false;
	queue->first = t->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	queue->n--;
	*out = *t;
	free(t);
	return true;
}

void
task_queue_release(struct task_queue *queue)
{
	struct task t;

	while (queue_take(queue, &t))
		;
}

/* Answers */

/* Write the answer of an inquiry, which is then done with. */
static void
write_answer(struct pool *p, size_t i, struct mx_answer *a)
{
	char record[sizeof(uint32_t) + sizeof(*a)];
	struct inquiry *q = &p->inquiry[i];
	uint32_t size;

	a->index = (uint32_t)i;
	a->dns_ms = (uint32_t)(clock_ms() - q->asked);
	size = (uint32_t)mx_answer_size(a);
	memcpy(record, &size, sizeof(size));
	memcpy(record + sizeof(size), a, size);
	q->state = INQUIRY_ANSWERED;
	p->active[q->active] = p->active[--p->nactive];
	p->inquiry[p->active[q->active]].active = q->active;
	p->left--;
	/* Nobody listens any more: the rest need not be asked. */
	if (write_all(p->out_fd, record, sizeof(size) + size) < 0)
		p->left = 0;
	if (p->left == 0)
		pool_end(p);
}

/* Field by field: not a byte that is not ours to give may be written. */
static void
write_failure(struct pool *p, size_t i, const struct err *err)
{
	struct mx_answer a;

	memset(&a, 0, sizeof(a));
	err_set(&a.err, err->kind, err->status, "%s", err->text);
	write_answer(p, i, &a);
}

static void add_host(struct pool *, size_t inquiry, const char *name,
	    struct candidate *);

/* The hosts of SRV places of which enough is known. */
static void
close_places(struct pool *p, size_t i, int64_t now)
{
	struct inquiry *q = &p->inquiry[i];
	size_t j, k;

	for (j = 0; j < q->nplace; j++) {
		struct place *place = &q->place[j];

		if (!place->open || !inquiry_srv_is_known(place, now))
			continue;
		inquiry_close_srv(q, j);
		for (k = 0; k < place->targets.n; k++) {
			const struct srv *s = &place->targets.v[k];
			struct candidate c = { .port = s->port, .tls = s->tls,
				.pref = (uint16_t)(place->pref + k),
				.place = (uint8_t)j };

			add_host(p, i, s->target, &c);
		}
	}
}

void
check_inquiry(struct pool *p, size_t i, int64_t now)
{
	struct inquiry *q = &p->inquiry[i];
	struct mx_answer a;

	if (q->state != INQUIRY_ASKED)
		return;
	close_places(p, i, now);
	if (!inquiry_is_ready(q, now))
		return;
	memset(&a, 0, sizeof(a));
	inquiry_answer(q, p->six_first, &a);
	write_answer(p, i, &a);
}

/* Questions */

static enum host_way
pool_way(const struct pool *p, const struct inquiry *q)
{
	return q->place != NULL && p->nameserver == NULL ? HOST_BY_SYSTEM :
							   HOST_BY_DNS;
}

static void
ask_for_host(struct pool *p, struct host *h)
{
	struct task t = { .kind = TASK_HOST, .host = h };

	if (h->way == HOST_BY_SYSTEM) {
		queue_put(&p->system, &t);
		return;
	}
	for (t.family = HOST_A; t.family < HOST_FAMILIES; t.family++)
		queue_put(&p->tasks, &t);
}

/* Make the host of that name a candidate, and look it up when it is new. */
static void
add_host(struct pool *p, size_t i, const char *name, struct candidate *c)
{
	struct inquiry *q = &p->inquiry[i];
	bool made;

	c->host = hosts_get(&p->hosts, name, pool_way(p, q), &made);
	if (made && !host_is_done(c->host))
		ask_for_host(p, c->host);
	if (c->host->deadline < q->deadline)
		c->host->deadline = q->deadline;
	if (!host_is_done(c->host))
		host_await(c->host, i);
	inquiry_add(q, c);
}

static void
begin_place(struct pool *p, size_t i, size_t j)
{
	const struct place *place = &p->inquiry[i].place[j];
	struct candidate c = { .pref = place->pref, .port = place->port,
		.place = (uint8_t)j };
	struct task t = { .kind = TASK_SRV, .inquiry = i, .place = j };

	if (!place->srv) {
		add_host(p, i, place->name, &c);
		return;
	}
	for (t.service = 0; t.service < SRV_SERVICES; t.service++)
		queue_put(&p->tasks, &t);
}

/* Some are answered at once: addresses need not be looked up. */
static void
begin(struct pool *p)
{
	size_t j, i = p->begun++;
	struct inquiry *q = &p->inquiry[i];
	struct task mx = { .kind = TASK_MX, .inquiry = i };

	q->state = INQUIRY_ASKED;
	q->asked = clock_ms();
	q->deadline = q->asked + p->timeout_ms;
	q->active = p->nactive;
	p->active[p->nactive++] = i;
	if (q->place == NULL)
		queue_put(&p->tasks, &mx);
	for (j = 0; j < q->nplace; j++)
		begin_place(p, i, j);
	if (q->place != NULL)
		check_inquiry(p, i, q->asked);
}

bool
task_take(struct pool *p, bool patient, struct task *out)
{
	for (;;) {
		if (queue_take(&p->tasks, out) ||
		    (patient && queue_take(&p->system, out)))
			return true;
		if (pool_is_over(p) || p->begun == p->n)
			return false;
		begin(p);
	}
}

/* The best of the MX, each name once. */
static void
choose_mx(struct pool *p, size_t i, const struct dns_answer *answer)
{
	struct inquiry *q = &p->inquiry[i];
	struct mx_host *host = xcalloc(answer->n, sizeof(*host));
	size_t j;

	for (j = 0; j < answer->n; j++) {
		str_copy(host[j].name, sizeof(host[j].name),
		    answer->rr[j].name);
		host[j].pref = answer->rr[j].pref;
	}
	mx_sort(host, answer->n);
	for (j = 0; j < answer->n && q->nhost < MX_HOSTS_MAX; j++) {
		struct candidate c = { .pref = host[j].pref };

		if (!inquiry_has(q, host[j].name))
			add_host(p, i, host[j].name, &c);
	}
	free(host);
}

/* answer NULL: the question for the MX failed, and A is never used instead. */
static void
learn_mx(struct pool *p, size_t i, const struct dns_answer *answer,
    const struct err *err)
{
	struct inquiry *q = &p->inquiry[i];
	struct candidate self = { 0 };

	if (answer == NULL) {
		write_failure(p, i, err);
		return;
	}
	q->open = 0;
	q->implicit = answer->n == 0;
	if (q->implicit)
		add_host(p, i, q->name, &self);
	else
		choose_mx(p, i, answer);
}

static void
learn_host(struct pool *p, const struct task *t,
    const struct dns_answer *answer, const struct err *err)
{
	int64_t now = clock_ms();
	size_t i;

	if (t->host->way == HOST_BY_DNS)
		host_learn(t->host, t->family, answer, err);
	else {
		host_learn(t->host, HOST_A, answer, err);
		host_learn(t->host, HOST_AAAA, answer, err);
	}
	for (i = 0; i < t->host->nwaiting && !pool_is_over(p); i++)
		check_inquiry(p, t->host->waiting[i], now);
	if (host_is_done(t->host))
		host_wake(t->host);
}

/* answer NULL: it failed as err says. */
static void
learn(struct pool *p, const struct task *t, const struct dns_answer *answer,
    const struct err *err)
{
	struct inquiry *q = &p->inquiry[t->inquiry];

	if (t->kind == TASK_HOST)
		learn_host(p, t, answer, err);
	else if (q->state == INQUIRY_ASKED) {
		if (t->kind == TASK_MX)
			learn_mx(p, t->inquiry, answer, err);
		else
			inquiry_learn_srv(q, t->place, t->service, answer,
			    err);
		check_inquiry(p, t->inquiry, clock_ms());
	}
}

/* The name that the DNS is asked for. Returns the type. */
static int
task_question(const struct pool *p, const struct task *t, char *name,
    size_t size)
{
	const struct inquiry *q = &p->inquiry[t->inquiry];

	if (t->kind == TASK_SRV) {
		srv_owner(t->service, q->place[t->place].name, name, size);
		return ns_t_srv;
	}
	str_copy(name, size, t->kind == TASK_MX ? q->name : t->host->name);
	return t->kind == TASK_MX ? ns_t_mx :
	    t->family == HOST_A ? ns_t_a : ns_t_aaaa;
}

static int
is_down(const struct pool *p, struct err *err)
{
	return err_set(err, ERR_TEMP, "4.4.0", p->offline ?
	    "the network is down: no name server can be reached" :
	    "the network is down: there is no way to the Internet");
}

/*
 * Ask the DNS, without the lock. While no name server has ever answered and
 * many questions went unheard, the rest fail at once: ten thousand domains
 * must not each wait for a server that is dead.
 */
static int
ask_dns(struct pool *p, struct query *q, const struct task *t,
    struct dns_answer *answer, struct err *err)
{
	char name[NS_MAXDNAME];
	int type = task_question(p, t, name, sizeof(name)), rc = 0;
	int64_t deadline = t->kind == TASK_HOST ? t->host->deadline :
	    p->inquiry[t->inquiry].deadline;

	if (!dns_is_host_name(name))
		return err_set(err, ERR_PERM, "5.1.2",
		    "%s is no domain name", name);
	if (p->offline)
		return is_down(p, err);
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

/* Ask the system, without the lock, while another thread may take our place
 * among those that work. */
static int
ask_system(struct pool *p, const struct task *t, struct dns_answer *answer,
    struct err *err)
{
	int rc;

	if (!dns_is_host_name(t->host->name))
		return err_set(err, ERR_PERM, "5.1.2",
		    "%s is no host name", t->host->name);
	p->held_up++;
	pthread_mutex_unlock(&p->lock);
	rc = nss_ask(t->host->name, answer, err);
	pthread_mutex_lock(&p->lock);
	p->held_up--;
	return rc;
}

void
task_run(struct pool *p, struct query *q, const struct task *t)
{
	struct dns_answer answer = { 0 };
	struct err err;
	int rc;

	if (t->kind == TASK_HOST && t->host->way == HOST_BY_SYSTEM)
		rc = ask_system(p, t, &answer, &err);
	else
		rc = ask_dns(p, q, t, &answer, &err);
	/* What this machine knows by itself it has told before that. */
	if (rc < 0 && err.kind == ERR_TEMP && (p->offline || p->cut_off))
		is_down(p, &err);
	if (!pool_is_over(p))
		learn(p, t, rc == 0 ? &answer : NULL, &err);
	dns_answer_release(&answer);
}
