#include "config.h"

#include "cmd/plan.h"

#include <poll.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "cmd/exitcode.h"
#include "deliver/lookup.h"
#include "mail/address.h"

/* The questions that the targets put. */
struct asking {
	struct resolver_question *questions;
	struct resolver_place *places;
	void	**askers;
	size_t	 n;
};

static bool
has_target(const struct way *way)
{
	return way->kind == WAY_DIRECT || way->kind == WAY_SMARTHOST ||
	    way->kind == WAY_HOST;
}

static struct plan_target *
target_of(struct plan *p, const struct way *way, const char *domain)
{
	struct buf name = { 0 };
	struct plan_target *target;
	void **place;

	target_name(way, domain, &name);
	place = strmap_at(&p->targets, buf_str(&name));
	buf_release(&name);
	if (*place == NULL) {
		*place = target = xcalloc(1, sizeof(*target));
		target->domain = xstrdup(domain);
		target->way = *way;
		/* until it is answered, it was not */
		if (!target_answer(way, domain, &target->answer))
			err_set(&target->answer.err, ERR_TEMP, "4.4.3",
			    "the name service did not answer");
	}
	return *place;
}

static void
find_ways(struct plan *p, const struct delivery *how, const char *account,
    const char *reverse_path, const struct strlist *addresses)
{
	p->n = addresses->n;
	p->rows = xcalloc(p->n, sizeof(*p->rows));
	for (size_t i = 0; i < p->n; i++) {
		struct plan_row *row = &p->rows[i];

		row->address = addresses->v[i];
		route_find(how->routing, account, reverse_path, row->address,
		    &row->way);
		if (has_target(&row->way))
			row->target = target_of(p, &row->way,
			    address_domain(row->address));
	}
}

static void
put_questions(struct plan *p, struct asking *a)
{
	a->questions = xcalloc(p->targets.n, sizeof(*a->questions));
	a->places = xcalloc(p->targets.n,
	    ENDPOINTS_MAX * sizeof(*a->places));
	a->askers = xcalloc(p->targets.n, sizeof(*a->askers));
	for (size_t i = 0; i < p->targets.cap; i++) {
		struct plan_target *target = p->targets.slots[i].value;

		if (p->targets.slots[i].key == NULL ||
		    target->answer.err.kind != ERR_TEMP)
			continue;
		target_question(&target->way, target->domain,
		    a->places + a->n * ENDPOINTS_MAX, &a->questions[a->n]);
		a->askers[a->n++] = target;
	}
}

static void
listen_to(struct lookup *l)
{
	struct mx_answer answer;
	int rc;

	while (l->left > 0 && (rc = lookup_read(l, &answer)) >= 0) {
		struct pollfd fd = { l->fd, POLLIN, 0 };

		if (rc == 0)
			poll(&fd, 1, -1);
		else
			((struct plan_target *)l->asker[answer.index])->answer =
			    answer;
	}
}

static void
resolve(struct plan *p, const struct delivery *how)
{
	const struct resolver_options options = {
		.nameserver = how->nameserver, .timeout_s = how->dns_s };
	struct asking a = { 0 };
	struct lookup l = { 0 };
	struct err err;

	put_questions(p, &a);
	if (a.n > 0 && lookup_start(&l, &options, a.questions, a.askers, a.n,
	    &err) == 0) {
		listen_to(&l);
		lookup_end(&l);
	}
	free(a.questions);
	free(a.places);
	free(a.askers);
}

void
plan_make(struct plan *p, const struct delivery *how, const char *account,
    const char *reverse_path, const struct strlist *addresses)
{
	struct mx_self self;

	find_ways(p, how, account, reverse_path, addresses);
	resolve(p, how);
	mx_self_init(&self, how->hostname, how->port == 25);
	for (size_t i = 0; i < p->targets.cap; i++) {
		struct plan_target *target = p->targets.slots[i].value;

		if (p->targets.slots[i].key != NULL)
			target_finish(&target->way, target->domain, &self,
			    &target->answer);
	}
	mx_self_release(&self);
}

void
plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->targets.cap; i++) {
		struct plan_target *target = p->targets.slots[i].value;

		if (p->targets.slots[i].key == NULL)
			continue;
		free(target->domain);
		free(target);
	}
	strmap_release(&p->targets);
	free(p->rows);
	*p = (struct plan){ 0 };
}

int
plan_exit_code(const struct plan_row *row)
{
	struct err why;

	way_why(&row->way, &why);
	if (why.kind != ERR_NONE)
		return exitcode_of_err(&why);
	if (row->target != NULL &&
	    row->target->answer.err.kind != ERR_NONE)
		return exitcode_of_err(&row->target->answer.err);
	return 0;
}
