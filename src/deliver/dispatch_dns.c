#include "config.h"

#include "deliver/dispatch_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"
#include "spool/sites.h"

/*
 * Workers wait this long for all domains to be known, so that domains of one
 * site share a connection; a slow name server does not hold up the others for
 * longer.
 */
#define GROUPING_MS 500

/* The site of an answer, made when it is the first of its kind. */
static struct site *
site_of(struct dispatch *d, const struct mx_answer *answer)
{
	struct buf key = { 0 };
	void **place;

	site_key(answer, &key);
	place = strmap_at(&d->sites, buf_str(&key));
	if (*place == NULL) {
		struct site *site = site_new(buf_str(&key), answer);

		sites_get(d->spool, site->key, &site->memory);
		*place = site;
	}
	buf_release(&key);
	return *place;
}

static void
give_to_site(struct dispatch *d, struct site *site, struct item *item,
    size_t rcpt)
{
	/* an entry at its end is tried once more, whatever is remembered */
	bool last_chance = clock_wall() >= item->entry.env.expires_s;

	if (site->memory.next_s > clock_wall() && !d->how->force &&
	    !last_chance) {
		dispatch_skip(d, item, site->memory.next_s);
		return;
	}
	if (site->down) {
		dispatch_decide(d, item, rcpt, site->failure,
		    site->memory.next_s);
		return;
	}
	site_add(site, item, rcpt);
	dispatch_line_up(d, site);
}

/* Pass a forward-path on, now that its domain is known. */
static void
pass_on(struct dispatch *d, struct domain *domain, struct item *item,
    size_t rcpt)
{
	if (domain->site != NULL)
		give_to_site(d, domain->site, item, rcpt);
	else
		dispatch_decide(d, item, rcpt, &domain->failure,
		    domain->not_before);
}

/* A domain that could not be resolved for now, as its memory has it. */
static void
remember_failure(struct dispatch *d, struct domain *domain)
{
	struct site_memory memory;
	struct err err;
	char key[MX_NAME_MAX + 8];
	time_t now = clock_wall();

	snprintf(key, sizeof(key), "dns %s", domain->name);
	sites_get(d->spool, key, &memory);
	if (memory.failures++ == 0)
		memory.first_s = now;
	memory.next_s = now + (time_t)retry_delay(&d->how->retry,
	    memory.failures, false, process_random_below(10000));
	str_copy(memory.reason, sizeof(memory.reason), domain->failure.text);
	if (!d->how->guest)
		sites_set(d->spool, key, &memory, &err);
	domain->not_before = memory.next_s;
}

/* It could be resolved: nothing is held against it any more. */
static void
forget_failure(struct dispatch *d, const struct domain *domain)
{
	struct site_memory memory;
	struct err err;
	char key[MX_NAME_MAX + 8];

	snprintf(key, sizeof(key), "dns %s", domain->name);
	sites_get(d->spool, key, &memory);
	if (memory.failures > 0)
		sites_set(d->spool, key, &(struct site_memory){ 0 }, &err);
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
settle_domain(struct dispatch *d, struct domain *domain,
    struct mx_answer *answer)
{
	struct task_list waiting = domain->waiting;

	domain->known = true;
	if (answer->err.kind == ERR_NONE)
		mx_drop_self(answer, self(d), domain->name);
	if (answer->err.kind == ERR_NONE) {
		domain->site = site_of(d, answer);
		forget_failure(d, domain);
	} else {
		outcome_from_err(&domain->failure, STAGE_DNS, &answer->err);
		if (d->how->trace_fd >= 0)
			dprintf(d->how->trace_fd, "%s * %s\n", domain->name,
			    domain->failure.text);
		if (domain->failure.kind == OUTCOME_DEFERRED)
			remember_failure(d, domain);
	}
	domain->waiting = (struct task_list){ 0 };
	for (size_t i = 0; i < waiting.n; i++)
		pass_on(d, domain, waiting.v[i].item, waiting.v[i].rcpt);
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
ask(struct dispatch *d, struct domain *domain, uint32_t uid)
{
	struct mx_answer answer = { 0 };

	if (!address_is_literal(domain->name)) {
		d->ask = xgrow(d->ask, d->nask, &d->ask_cap, sizeof(*d->ask));
		d->ask[d->nask] = (struct question){ domain->name,
			next_turn(d, uid), d->nask };
		d->nask++;
		return;
	}
	if (!mx_from_literal(domain->name, &answer))
		err_set(&answer.err, ERR_PERM, "5.1.3",
		    "%s is no address that can be reached", domain->name);
	settle_domain(d, domain, &answer);
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

void
dispatch_dns_add(struct dispatch *d, struct item *item, size_t rcpt)
{
	const char *name = address_domain(item->entry.env.rcpts[rcpt].path);
	void **place = strmap_at(&d->domains, name);
	struct domain *domain = *place;

	if (domain == NULL) {
		*place = domain = xcalloc(1, sizeof(*domain));
		domain->name = xstrdup(name);
		task_add(&domain->waiting, item, rcpt);
		ask(d, domain, item->entry.env.uid);
	} else if (!domain->known)
		task_add(&domain->waiting, item, rcpt);
	else
		pass_on(d, domain, item, rcpt);
}

/* Every question that has no answer fails for now. */
static void
fail_unanswered(struct dispatch *d, const struct err *why)
{
	for (size_t i = 0; i < d->lookup.domains.n; i++) {
		struct mx_answer answer = { .err = *why };

		if (!d->lookup.answered[i])
			settle_domain(d, strmap_get(&d->domains,
			    d->lookup.domains.v[i]), &answer);
	}
}

void
dispatch_dns_start(struct dispatch *d)
{
	struct resolver_options options = { .nameserver = d->how->nameserver,
		.timeout_s = d->how->dns_s };
	struct mx_answer answer = { 0 };
	struct strlist names = { 0 };

	if (d->nask == 0 || d->lookup.pid != 0)
		return;
	dispatch_dns_sort(d);
	for (size_t i = 0; i < d->nask; i++)
		strlist_add(&names, d->ask[i].name);
	d->nask = 0;
	strmap_release(&d->turns);
	d->asked_ms = clock_ms();
	if (lookup_start(&d->lookup, &options, &names, &answer.err) == 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		struct mx_answer none = answer;

		settle_domain(d, strmap_get(&d->domains, names.v[i]), &none);
	}
	strlist_release(&names);
}

void
dispatch_dns_read(struct dispatch *d)
{
	struct mx_answer answer;
	struct err err;
	int rc;

	while ((rc = lookup_read(&d->lookup, &answer)) > 0)
		settle_domain(d, strmap_get(&d->domains,
		    d->lookup.domains.v[answer.index]), &answer);
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

void
dispatch_dns_free(struct dispatch *d)
{
	for (size_t i = 0; i < d->domains.cap; i++) {
		struct domain *domain = d->domains.slots[i].value;

		if (d->domains.slots[i].key == NULL || domain == NULL)
			continue;
		free(domain->name);
		task_list_release(&domain->waiting);
		free(domain);
	}
	strmap_release(&d->domains);
	free(d->ask);
	strmap_release(&d->turns);
	lookup_end(&d->lookup);
}
