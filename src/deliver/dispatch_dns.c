#include "config.h"

#include "deliver/dispatch_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "spool/retry.h"
#include "spool/sites.h"

/*
 * Workers wait this long for all domains to be known, so that domains of one
 * site share a connection; a slow name server does not hold up the others for
 * longer.
 */
#define GROUPING_MS 500

/* The site of an answer, made when it is the first of its kind. */
static struct site *
site_of(struct dispatch *d, const struct way *way,
    const struct mx_answer *answer)
{
	struct buf key = { 0 };
	void **place;

	site_key(way, answer, &key);
	place = strmap_at(&d->sites, buf_str(&key));
	if (*place == NULL) {
		struct site *site = site_new(buf_str(&key), way, answer);

		sites_get(d->spool, site->key, &site->memory);
		site->memory.next_s = retry_sane(&d->how->retry,
		    site->memory.next_s, clock_wall());
		dispatch_auth_recall(d, site);
		*place = site;
	}
	buf_release(&key);
	return *place;
}

/*
 * Is it tried now, whatever is remembered of its site: at its end, once more;
 * or because somebody has requeued it?
 */
static bool
must_go(const struct dispatch *d, const struct envelope *env, size_t rcpt)
{
	return d->how->force || clock_wall() >= env->expires_s ||
	    env->rcpts[rcpt].forced;
}

/* A message that lives for minutes does not wait for hours. */
static bool
can_wait(const struct envelope *env, time_t wait_s)
{
	return wait_s <= retry_longest(env->arrived_s, env->expires_s);
}

static void
give_to_site(struct dispatch *d, struct site *site, struct item *item,
    size_t rcpt)
{
	const struct envelope *env = &item->entry.env;
	bool now = must_go(d, env, rcpt);
	time_t wait_s = site->memory.next_s - clock_wall();

	if (!now && dispatch_auth_spares(d, site, item, rcpt))
		return;
	if (!now && !d->how->fresh && wait_s > 0 && can_wait(env, wait_s)) {
		dispatch_skip(d, item, site->memory.next_s);
		return;
	}
	if (site->down) {
		dispatch_cut_off(site, item, rcpt);
		dispatch_decide(d, item, rcpt, site->failure,
		    site->memory.next_s);
		return;
	}
	site_add(site, item, rcpt);
	dispatch_line_up(d, site);
}

/* Pass a forward-path on, now that its target is known. */
static void
pass_on(struct dispatch *d, struct target *target, struct item *item,
    size_t rcpt)
{
	if (target->site != NULL)
		give_to_site(d, target->site, item, rcpt);
	else
		dispatch_decide(d, item, rcpt, target->failure,
		    target->not_before);
}

/* The name of its memory. */
static char *
memory_key(const struct target *target)
{
	struct buf key = { 0 };

	buf_printf(&key, "dns %s", target->name);
	return buf_detach(&key);
}

/* A target that could not be resolved for now, as its memory has it. That our
 * own network is down says nothing about it. */
static void
remember_failure(struct dispatch *d, struct target *target)
{
	struct site_memory memory = { 0 };
	char *key = memory_key(target);

	if (!target->failure->offline)
		sites_get(d->spool, key, &memory);
	sites_strike(&memory, &d->how->retry, clock_wall(),
	    process_random_below(10000), target->failure->text);
	if (!target->failure->offline)
		dispatch_remember(d, key, &memory);
	target->not_before = memory.next_s;
	free(key);
}

/* It could be resolved: nothing is held against it any more. */
static void
forget_failure(struct dispatch *d, const struct target *target)
{
	struct site_memory memory;
	char *key = memory_key(target);
	struct err err;

	sites_get(d->spool, key, &memory);
	if (memory.failures > 0)
		sites_set(d->spool, key, &(struct site_memory){ 0 }, &err);
	free(key);
}

/* Who we are is found out when the first answer comes. */
static const struct mx_self *
self(struct dispatch *d)
{
	if (!d->self_known)
		mx_self_init(&d->self, d->how->hostname, d->how->port == 25);
	d->self_known = true;
	return &d->self;
}

static void
fail_target(struct dispatch *d, struct target *target, const struct err *err)
{
	struct outcome *o = target->failure = xcalloc(1, sizeof(*o));

	outcome_from_err(o, STAGE_DNS, err);
	o->offline = strcmp(o->status, STATUS_OFFLINE) == 0;
	dispatch_trace(d, target->name, o->text);
	if (o->kind == OUTCOME_DEFERRED)
		remember_failure(d, target);
}

static void
settle_target(struct dispatch *d, struct target *target,
    struct mx_answer *answer)
{
	struct task_list waiting = target->waiting;

	target->known = true;
	target_finish(&target->way, target->domain, self(d), answer);
	if (answer->err.kind == ERR_NONE) {
		target->site = site_of(d, &target->way, answer);
		forget_failure(d, target);
	} else
		fail_target(d, target, &answer->err);
	target->waiting = (struct task_list){ 0 };
	for (size_t i = 0; i < waiting.n; i++)
		pass_on(d, target, waiting.v[i].item, waiting.v[i].rcpt);
	task_list_release(&waiting);
}

/* How many questions of that user came before. */
static size_t
next_turn(struct dispatch *d, uint32_t uid)
{
	char key[16];
	void **count;

	snprintf(key, sizeof(key), "%" PRIu32, uid);
	count = strmap_at(&d->turns, key);
	*count = (void *)((uintptr_t)*count + 1);
	return (uintptr_t)*count - 1;
}

static void
ask(struct dispatch *d, struct target *target, uint32_t uid)
{
	struct mx_answer answer;

	if (target_answer(&target->way, target->domain, &answer)) {
		settle_target(d, target, &answer);
		return;
	}
	if (d->nask == 0)
		d->first_ask_ms = clock_ms();
	d->ask = xgrow(d->ask, d->nask, &d->ask_cap, sizeof(*d->ask));
	d->ask[d->nask] = (struct question){ target, next_turn(d, uid),
		d->nask };
	d->nask++;
}

static int
by_turn(const void *a, const void *b)
{
	const struct question *x = a, *y = b;

	if (x->turn != y->turn)
		return x->turn < y->turn ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void
dispatch_dns_sort(struct dispatch *d)
{
	if (d->nask > 0)
		qsort(d->ask, d->nask, sizeof(*d->ask), by_turn);
}

/* A forward-path that goes nowhere: what the rule says is its outcome. */
static void
end_here(struct dispatch *d, const struct way *way, struct item *item,
    size_t rcpt)
{
	struct outcome o = { .kind = OUTCOME_DELIVERED, .status = "2.0.0",
		.text = "discarded" };
	struct err why;
	time_t due = 0;

	way_why(way, &why);
	if (why.kind != ERR_NONE)
		outcome_from_err(&o, STAGE_NONE, &why);
	if (o.kind == OUTCOME_DEFERRED)
		due = clock_wall() + (time_t)retry_delay(&d->how->retry,
		    item->entry.env.rcpts[rcpt].attempts + 1u, false,
		    process_random_below(10000));
	dispatch_trace(d, item->entry.env.rcpts[rcpt].path, o.text);
	dispatch_decide(d, item, rcpt, &o, due);
}

static struct target *
make_target(const char *name, const char *domain, const struct way *way)
{
	struct target *target = xcalloc(1, sizeof(*target));

	target->name = xstrdup(name);
	target->domain = xstrdup(domain);
	target->way = *way;
	return target;
}

void
dispatch_dns_add(struct dispatch *d, struct item *item, size_t rcpt)
{
	const struct envelope *env = &item->entry.env;
	const char *path = env->rcpts[rcpt].path;
	const char *domain = address_domain(path);
	struct buf name = { 0 };
	struct target *target;
	struct way way;
	void **place;

	route_find(d->how->routing, env->account, env->reverse_path, path,
	    &way);
	if (way.kind == WAY_DISCARD || way.kind == WAY_REFUSE ||
	    way.kind == WAY_LATER) {
		end_here(d, &way, item, rcpt);
		return;
	}
	target_name(&way, domain, &name);
	place = strmap_at(&d->targets, buf_str(&name));
	target = *place;
	if (target == NULL) {
		*place = target = make_target(buf_str(&name), domain, &way);
		task_add(&target->waiting, item, rcpt);
		ask(d, target, env->uid);
	} else if (!target->known)
		task_add(&target->waiting, item, rcpt);
	else
		pass_on(d, target, item, rcpt);
	buf_release(&name);
}

/* Every question that has no answer fails for now. */
static void
fail_unanswered(struct dispatch *d, const struct err *why)
{
	for (size_t i = 0; i < d->lookup.n; i++) {
		struct mx_answer answer = { .err = *why };

		if (!d->lookup.answered[i])
			settle_target(d, d->lookup.asker[i], &answer);
	}
}

/* The questions as the resolver wants them, places in a row. */
struct batch {
	struct resolver_question *questions;
	struct resolver_place *places;
	void	**askers;
	size_t	 n;
};

static void
take_questions(struct dispatch *d, struct batch *b)
{
	struct resolver_place *place;

	b->n = d->nask;
	b->questions = xcalloc(b->n, sizeof(*b->questions));
	b->askers = xcalloc(b->n, sizeof(*b->askers));
	place = b->places = xcalloc(b->n, ENDPOINTS_MAX * sizeof(*b->places));
	for (size_t i = 0; i < b->n; i++, place += ENDPOINTS_MAX) {
		struct target *target = d->ask[i].target;

		b->askers[i] = target;
		target_question(&target->way, target->domain, place,
		    &b->questions[i]);
	}
	d->nask = 0;
	strmap_release(&d->turns);
}

void
dispatch_dns_start(struct dispatch *d)
{
	struct resolver_options options = { .nameserver = d->how->nameserver,
		.timeout_s = d->how->dns_s };
	struct batch b;
	struct err err;

	if (d->nask == 0 || d->lookup.pid != 0)
		return;
	dispatch_dns_sort(d);
	take_questions(d, &b);
	d->asked_ms = clock_ms();
	if (lookup_start(&d->lookup, &options, b.questions, b.askers, b.n,
	    &err) < 0)
		for (size_t i = 0; i < b.n; i++) {
			struct mx_answer none = { .err = err };

			settle_target(d, b.askers[i], &none);
		}
	free(b.questions);
	free(b.places);
	free(b.askers);
}

void
dispatch_dns_read(struct dispatch *d)
{
	struct mx_answer answer;
	struct err err;
	int rc;

	while ((rc = lookup_read(&d->lookup, &answer)) > 0)
		settle_target(d, d->lookup.asker[answer.index], &answer);
	if (d->lookup.left == 0) {
		lookup_end(&d->lookup);
		return;
	}
	if (rc == 0 && clock_ms() < d->lookup.deadline)
		return;
	err_set(&err, ERR_TEMP, "4.4.3", rc == 0 ?
	    "the name service did not answer in time" :
	    "the lookup ended before its answer");
	fail_unanswered(d, &err);
	lookup_end(&d->lookup);
}

bool
dispatch_dns_ready(const struct dispatch *d)
{
	if (d->lookup.pid == 0)
		return d->nask == 0;
	return clock_ms() - d->asked_ms >= GROUPING_MS;
}

static void
target_free(struct target *target)
{
	if (target == NULL)
		return;
	free(target->name);
	free(target->domain);
	free(target->failure);
	task_list_release(&target->waiting);
	free(target);
}

void
dispatch_dns_free(struct dispatch *d)
{
	for (size_t i = 0; i < d->targets.cap; i++)
		if (d->targets.slots[i].key != NULL)
			target_free(d->targets.slots[i].value);
	strmap_release(&d->targets);
	free(d->ask);
	strmap_release(&d->turns);
	lookup_end(&d->lookup);
}
