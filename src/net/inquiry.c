#include "config.h"

#include "net/inquiry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"

#define GRACE_MS 2000	/* for the rest, once the best is known */

/*
 * The targets of an SRV place keep their order by preferences that follow each
 * other; the next rank comes behind them.
 */
static uint16_t
spread(const struct resolver_question *from, uint16_t rank)
{
	uint32_t pref = rank;
	size_t i;

	for (i = 0; i < from->nplace; i++) {
		if (from->places[i].srv) {
			pref *= MX_HOSTS_MAX;
			break;
		}
	}
	return pref < UINT16_MAX - MX_HOSTS_MAX ? (uint16_t)pref :
						  UINT16_MAX - MX_HOSTS_MAX;
}

void
inquiry_init(struct inquiry *q, const struct resolver_question *from)
{
	const struct resolver_place *p = from->places;
	size_t i;

	q->name = xstrdup(from->domain);
	if (p == NULL) {
		str_lower(q->name);
		q->open = 1;
		return;
	}
	assert(from->nplace > 0 && from->nplace <= MX_HOSTS_MAX);
	q->place = xcalloc(from->nplace, sizeof(*q->place));
	q->nplace = from->nplace;
	for (i = 0; i < q->nplace; i++) {
		q->place[i].name = str_lower(xstrdup(p[i].name));
		q->place[i].pref = spread(from, p[i].rank);
		q->place[i].port = p[i].port;
		q->place[i].srv = q->place[i].open = p[i].srv;
		q->place[i].unheard = SRV_SERVICES;
		q->open += p[i].srv;
	}
}

void
inquiry_release(struct inquiry *q)
{
	size_t i;

	for (i = 0; i < q->nplace; i++) {
		free(q->place[i].name);
		free(q->place[i].why);
		srv_release(&q->place[i].targets);
	}
	free(q->name);
	free(q->place);
	free(q->host);
	memset(q, 0, sizeof(*q));
}

void
inquiry_add(struct inquiry *q, const struct candidate *c)
{
	size_t i;

	q->host = xgrow(q->host, q->nhost, &q->cap, sizeof(*q->host));
	for (i = q->nhost++; i > 0 && q->host[i - 1].pref > c->pref; i--)
		q->host[i] = q->host[i - 1];
	q->host[i] = *c;
}

bool
inquiry_has(const struct inquiry *q, const char *name)
{
	size_t i;

	for (i = 0; i < q->nhost; i++) {
		if (strcmp(q->host[i].host->name, name) == 0)
			return true;
	}
	return false;
}

/* SRV */

static void
place_fail(struct place *p, const struct err *err)
{
	if (p->why == NULL)
		p->why = xmalloc(sizeof(*p->why));
	*p->why = *err;
}

/* Why nothing was found counts only where the other question finds nothing,
 * either. */
void
inquiry_learn_srv(struct inquiry *q, size_t place, enum srv_service service,
    const struct dns_answer *answer, const struct err *err)
{
	struct place *p = &q->place[place];

	if (!p->open)
		return;
	p->unheard--;
	if (answer == NULL && err->kind == ERR_PERM)
		p->denied = p->denied || strcmp(err->status, "5.1.10") == 0;
	else if (answer == NULL)
		place_fail(p, err);
	else
		srv_add(&p->targets, service, answer);
	if (p->targets.n > 0 && p->known_at == 0)
		p->known_at = clock_ms();
}

bool
inquiry_srv_is_known(const struct place *p, int64_t now)
{
	return p->unheard == 0 ||
	    (p->known_at > 0 && now >= p->known_at + GRACE_MS);
}

void
inquiry_close_srv(struct inquiry *q, size_t place)
{
	struct place *p = &q->place[place];
	struct err err;

	p->open = false;
	q->open--;
	if (p->targets.n == 0 && p->why == NULL) {
		err_set(&err, ERR_TEMP, "4.4.3", p->denied ?
		    "the SRV records of %s say that it has no submission" :
		    "%s has no SRV records for submission", p->name);
		place_fail(p, &err);
	} else if (srv_check(&p->targets, p->name, &err) < 0) {
		place_fail(p, &err);
		srv_release(&p->targets);
	}
	srv_sort(&p->targets, MX_HOSTS_MAX);
}

/* Is it time? */

/* A place whose hosts are not known yet may have better ones. */
static const struct host *
best_host(const struct inquiry *q)
{
	size_t i, j;

	for (i = 0; i < q->nhost; i++) {
		if (!host_is_absent(q->host[i].host))
			break;
	}
	if (i == q->nhost)
		return NULL;
	for (j = 0; j < q->nplace; j++) {
		if (q->place[j].open && q->place[j].pref < q->host[i].pref)
			return NULL;
	}
	return q->host[i].host;
}

bool
inquiry_is_ready(const struct inquiry *q, int64_t now)
{
	const struct host *best = best_host(q);
	bool done = q->open == 0;
	size_t i;

	for (i = 0; i < q->nhost && done; i++)
		done = host_is_done(q->host[i].host);
	return done || now >= q->deadline || (best != NULL &&
	    host_has_addr(best) && now >= best->known_at + GRACE_MS);
}

/* The answer */

/*
 * No MX host has an address: for good, or for now? For good only if each of
 * them said so; not when the time was over before the MX came.
 */
static void
explain_mx(const struct inquiry *q, struct err *err)
{
	const struct err *why = NULL;
	bool absent = q->nhost > 0;
	size_t i;

	for (i = 0; i < q->nhost; i++) {
		absent = absent && host_is_absent(q->host[i].host);
		if (q->host[i].host->why != NULL)
			why = q->host[i].host->why;
	}
	if (!absent && why != NULL)
		err_set(err, ERR_TEMP, why->status, "%s", why->text);
	else if (!absent)
		err_set(err, ERR_TEMP, "4.4.3",
		    "%s: no answer from the name servers in time", q->name);
	else if (q->implicit)
		err_set(err, ERR_PERM, "5.1.2",
		    "%s has neither MX nor address", q->name);
	else
		err_set(err, ERR_PERM, "5.4.4",
		    "%s: no MX host has an address", q->name);
}

/* One reason more, unless it was given before. That the network is down
 * (4.4.0) explains the others. */
static void
add_reason(struct err *all, const struct err *why)
{
	struct buf text = { 0 };

	if (all->kind == ERR_NONE)
		err_set(all, ERR_TEMP, why->status, "%s", why->text);
	else if (strstr(all->text, why->text) == NULL) {
		buf_printf(&text, "%s; %s", all->text, why->text);
		err_set(all, ERR_TEMP, strcmp(why->status, "4.4.0") == 0 ?
		    "4.4.0" : all->status, "%s", buf_str(&text));
	}
	buf_release(&text);
}

static void
explain_host(const struct host *h, struct err *err)
{
	struct err why;

	if (host_is_absent(h))
		err_set(&why, ERR_TEMP, "4.4.3", "%s: there is no such host",
		    h->name);
	else if (h->why != NULL)
		why = *h->why;
	else
		err_set(&why, ERR_TEMP, "4.4.3",
		    "%s: its address did not come in time", h->name);
	add_reason(err, &why);
}

static void
explain_srv(const struct place *p, struct err *err)
{
	struct err late;

	if (p->why != NULL)
		add_reason(err, p->why);
	else if (p->open) {
		err_set(&late, ERR_TEMP, "4.4.3",
		    "%s: its SRV records did not come in time", p->name);
		add_reason(err, &late);
	}
}

/* No place has an address: each has a reason. */
static void
explain_places(const struct inquiry *q, struct err *err)
{
	size_t i;

	for (i = 0; i < q->nplace; i++)
		explain_srv(&q->place[i], err);
	for (i = 0; i < q->nhost; i++)
		explain_host(q->host[i].host, err);
}

static void
fill(const struct candidate *c, bool six_first, struct mx_host *h)
{
	h->pref = c->pref;
	h->port = c->port;
	h->place = c->place;
	h->tls = c->tls;
	host_fill(c->host, six_first, h);
}

/* What failed for now stands beside the others for a domain, whose hosts are
 * all to be tried; of places those that were found will do. */
static bool
is_wanted(const struct inquiry *q, const struct host *h)
{
	return q->place != NULL ? host_has_addr(h) : !host_is_absent(h);
}

void
inquiry_answer(const struct inquiry *q, bool six_first, struct mx_answer *a)
{
	bool usable = false;
	size_t i;

	a->implicit = q->implicit;
	for (i = 0; i < q->nhost && a->nhost < MX_HOSTS_MAX; i++) {
		if (!is_wanted(q, q->host[i].host))
			continue;
		fill(&q->host[i], six_first, &a->host[a->nhost++]);
		usable = usable || host_has_addr(q->host[i].host);
	}
	if (usable && q->place != NULL)
		mx_sort(a->host, a->nhost);
	if (usable)
		return;
	a->nhost = 0;
	if (q->place != NULL)
		explain_places(q, &a->err);
	else
		explain_mx(q, &a->err);
}
