#include "config.h"

#include "deliver/dispatch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/dispatch_impl.h"
#include "deliver/words.h"
#include "net/curllib.h"
#include "net/tls.h"
#include "spool/sites.h"

/* With more items than this their files are closed between uses. */
#define OPEN_FILES_MAX 64

/* How long the owner is asked for more at a time: workers wait meanwhile, when
 * they have much to tell. */
#define GATHER_MS 20

/* How long the first name waits for others, to be looked up with them. */
#define ASK_MS 300

/* How long a site's first message waits for others while more are coming. */
#define RIPE_MS 1000

/* Messages that justify one more connection to a site. */
#define CONNECTION_WORTH 25

struct dispatch *
dispatch_new(struct spool *spool, const struct delivery *how,
    const struct dispatch_owner *owner)
{
	struct dispatch *d = xcalloc(1, sizeof(*d));

	d->spool = spool;
	d->how = how;
	d->owner = owner;
	d->lookup.fd = -1;
	d->workers = xcalloc(how->jobs, sizeof(*d->workers));
	d->leaving = xcalloc(how->jobs, sizeof(*d->leaving));
	return d;
}

void
dispatch_free(struct dispatch *d)
{
	if (d == NULL)
		return;
	while (d->nworker > 0)
		worker_end(&d->workers[--d->nworker], true);
	free(d->workers);
	free(d->leaving);
	dispatch_dns_free(d);
	for (size_t i = 0; i < d->sites.cap; i++)
		if (d->sites.slots[i].key != NULL)
			site_free(d->sites.slots[i].value);
	strmap_release(&d->sites);
	lines_release(&d->lines);
	mx_self_release(&d->self);
	free(d->asking);
	free(d->items);
	free(d->ready);
	free(d);
}

void
dispatch_trace(const struct dispatch *d, const char *about, const char *text)
{
	if (d->how->trace_fd >= 0)
		dprintf(d->how->trace_fd, "%s * %s\n", about, text);
}

static void
make_ready(struct dispatch *d, struct item *item)
{
	d->ready = xgrow(d->ready, d->nready, &d->ready_cap,
	    sizeof(*d->ready));
	d->ready[d->nready++] = item;
}

void
dispatch_add(struct dispatch *d, struct item *item)
{
	struct envelope *env = &item->entry.env;

	d->items = xgrow(d->items, d->nitem, &d->item_cap, sizeof(*d->items));
	item->place = d->nitem;
	d->items[d->nitem++] = item;
	d->npath += env->nrcpt;
	item->due = 0;
	item->pending = 0;
	for (size_t i = 0; i < env->nrcpt; i++)
		item->pending += env->rcpts[i].state != OUTCOME_DELIVERED &&
		    env->rcpts[i].state != OUTCOME_FAILED;
	if (item->pending == 0) {
		make_ready(d, item);
		return;
	}
	for (size_t i = 0; i < env->nrcpt; i++)
		if (env->rcpts[i].state != OUTCOME_DELIVERED &&
		    env->rcpts[i].state != OUTCOME_FAILED)
			dispatch_dns_add(d, item, i);
}

size_t
dispatch_unsettled(const struct dispatch *d)
{
	return d->nitem;
}

void
dispatch_each(struct dispatch *d, void (*fn)(void *, struct item *), void *arg)
{
	for (size_t i = 0; i < d->nitem; i++)
		fn(arg, d->items[i]);
}

/* Will nothing at all be left to do for the entry once this is delivered? */
static bool
completes(const struct item *item, size_t rcpt)
{
	const struct envelope *env = &item->entry.env;

	if (item->pending != 1)
		return false;
	for (size_t i = 0; i < env->nrcpt; i++)
		if (i != rcpt && env->rcpts[i].state != OUTCOME_DELIVERED &&
		    !env->rcpts[i].reported)
			return false;
	return true;
}

/* One forward-path less is pending. */
static void
count_down(struct dispatch *d, struct item *item)
{
	if (--item->pending == 0)
		make_ready(d, item);
}

void
dispatch_tell(struct dispatch *d, struct item *item, size_t rcpt,
    const struct outcome *o)
{
	if (d->owner->outcome != NULL)
		d->owner->outcome(d->owner->arg, item, rcpt, o);
}

void
dispatch_decide(struct dispatch *d, struct item *item, size_t rcpt,
    const struct outcome *o, time_t due)
{
	struct entry *entry = &item->entry;
	struct err err;

	if (o->kind == OUTCOME_DEFERRED)
		item_due(item, due);
	/* an entry that is about to be removed needs no journal */
	if (o->kind == OUTCOME_DELIVERED && completes(item, rcpt))
		envelope_note(&entry->env, rcpt, o, clock_wall());
	else if (entry_record(d->spool, entry, rcpt, o, clock_wall(),
	    &err) < 0) {
		item->unrecorded |= o->kind != OUTCOME_DEFERRED;
		log_line(LOG_LEVEL_ERROR, "qmgr", "%s: %s", entry->id,
		    err.text);
	}
	if (d->nitem > OPEN_FILES_MAX)
		entry_close(entry);
	if (o->kind == OUTCOME_DELIVERED && o->relayed_no_dsn &&
	    (entry->env.rcpts[rcpt].notify & NOTIFY_SUCCESS) != 0)
		item_relayed(item, rcpt);
	words_attempt(entry, rcpt, o, item_age_s(item));
	dispatch_tell(d, item, rcpt, o);
	count_down(d, item);
}

void
dispatch_skip(struct dispatch *d, struct item *item, time_t due)
{
	item_due(item, due);
	count_down(d, item);
}

void
dispatch_line_up(struct dispatch *d, struct site *site)
{
	if (!site->waiting && site_left(site) > 0)
		lines_put(&d->lines, site);
}

static bool
has_room(const struct dispatch *d)
{
	return d->nitem < DISPATCH_WINDOW && d->npath < DISPATCH_PATHS;
}

/* The messages of a site shall share its connections, so those that are about
 * to come are waited for. */
static bool
is_ripe(const void *arg, const struct site *site)
{
	const struct dispatch *d = arg;

	return !d->more || !has_room(d) ||
	    site->messages >= d->how->connection_messages ||
	    clock_ms() - site->since_ms >= RIPE_MS;
}

/*
 * While mail of others may be still to come, nobody has all the workers: who
 * has them may keep them for long.
 */
static struct site *
next_in_line(struct dispatch *d)
{
	unsigned jobs = d->how->jobs;

	if (d->more && has_room(d) && d->owner->many_users && jobs > 1)
		jobs -= (jobs + 3) / 4;
	return lines_take(&d->lines, jobs, is_ripe, d);
}

/* Another connection to a site must be worth it, and allowed. */
static bool
may_connect(const struct dispatch *d, const struct site *site)
{
	return site->workers == 0 ||
	    (site->workers < d->how->site_connections &&
	    (site->most == 0 || site->workers < site->most) &&
	    site->messages >= site->workers * CONNECTION_WORTH);
}

/* Whoever goes on to try a password that was refused is locked out. */
static bool
is_auth_refusal(const struct outcome *o)
{
	return o->stage == STAGE_AUTH && (o->code == 535 || o->code == 534 ||
	    strcmp(o->status, STATUS_AUTH_REFUSED) == 0);
}

void
dispatch_remember(struct dispatch *d, const char *key,
    const struct site_memory *memory)
{
	struct err err;

	if (d->how->guest ||
	    (memory->failures == 1 && d->nremembered++ >= SITES_MAX))
		return;
	if (sites_set(d->spool, key, memory, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "qmgr", "%s", err.text);
}

/* The whole site failed: it is not tried again before its time, neither in
 * this run nor in a later one. */
static void
strike(struct dispatch *d, struct site *site, const struct outcome *o)
{
	struct site_memory *memory = &site->memory;

	if (site->down)
		return;
	site->down = true;
	site->failure = xmalloc(sizeof(*o));
	*site->failure = *o;
	if (o->stage == STAGE_AUTH && !is_auth_refusal(o))
		log_line(LOG_LEVEL_ERROR, "smtp", "%s", o->text);
	if (o->offline)
		*memory = (struct site_memory){ 0 };
	sites_strike(memory, &d->how->retry, clock_wall(),
	    process_random_below(10000), o->text);
	if (!o->offline)
		dispatch_remember(d, site->key, memory);
}

/* For a provider's server, or the host of a route, somebody here can do
 * something: only what the DNS says leads to a site that may be gone. */
void
dispatch_cut_off(const struct site *site, struct item *item, size_t rcpt)
{
	struct envelope *env = &item->entry.env;

	env->rcpts[rcpt].cut_off = site->way == WAY_DIRECT &&
	    !site->failure->offline && env->rcpts[rcpt].attempts > 0 &&
	    retry_cut_off(site->memory.failures,
	    site->memory.first_s, clock_wall(),
	    env->expires_s - env->arrived_s);
}

static void
forgive(struct dispatch *d, struct site *site)
{
	struct err err;

	if (site->memory.failures == 0 || site->down)
		return;
	site->memory = (struct site_memory){ 0 };
	sites_set(d->spool, site->key, &site->memory, &err);
}

/* When to try a forward-path again whose own reply deferred it. */
static time_t
own_due(const struct dispatch *d, const struct task *task,
    const struct outcome *o)
{
	const struct rcpt *rcpt = &task->item->entry.env.rcpts[task->rcpt];
	bool grey = retry_is_greylisting(o->code, o->status, o->text);

	return clock_wall() + (time_t)retry_delay(&d->how->retry,
	    rcpt->attempts + 1u, grey, process_random_below(10000));
}

static void
judge(struct dispatch *d, struct site *site, const struct task *task,
    const struct outcome *o)
{
	time_t due = 0;

	if (o->kind == OUTCOME_DEFERRED && o->whole_site) {
		strike(d, site, o);
		dispatch_cut_off(site, task->item, task->rcpt);
		due = site->memory.next_s;
	} else {
		/* a worker's death does not speak for the site */
		if (o->stage > STAGE_AUTH) {
			forgive(d, site);
			dispatch_auth_forget(d, site, o);
		}
		if (o->kind == OUTCOME_DEFERRED)
			due = own_due(d, task, o);
	}
	dispatch_decide(d, task->item, task->rcpt, o, due);
}

/* What waits for a site that has just failed as a whole fails with it. */
static void
judge_waiting(struct dispatch *d, struct site *site)
{
	const struct task *load;
	size_t n;

	while (site_left(site) > 0) {
		load = site_load(site, d->how->connection_messages, &n);
		for (size_t i = 0; i < n; i++)
			judge(d, site, &load[i], site->failure);
	}
}

void
dispatch_site_fails(struct dispatch *d, struct site *site,
    const struct outcome *o)
{
	strike(d, site, o);
	judge_waiting(d, site);
}

/*
 * A worker that gets nowhere while others are at the same site has met the
 * site's limit of connections, not its end: its load goes back, and there
 * will be fewer. The last one left speaks for the site.
 */
static bool
is_turned_away(struct worker *w, const struct outcome *o)
{
	struct site *site = w->site;

	if (o->kind != OUTCOME_DEFERRED || !o->whole_site || site->down ||
	    is_auth_refusal(o))
		return false;
	if (!w->turned_away && site->workers > 1) {
		w->turned_away = true;
		site->most = site->workers - 1;
		log_line(LOG_LEVEL_INFO, "qmgr",
		    "%s: not more than %u connections from now on (%s)",
		    site->key, site->most, o->text);
	}
	return w->turned_away;
}

/* The server did not like what we showed it, and there may be better. */
static bool
asks_again(struct dispatch *d, struct worker *w, const struct outcome *o)
{
	if (!w->asks_again && o->whole_site && is_auth_refusal(o))
		w->asks_again = dispatch_auth_refused(d, w->site);
	return w->asks_again;
}

/* A load that cannot be worked on for reasons of our own. */
static void
judge_load(struct dispatch *d, struct site *site, const struct task *load,
    size_t n, const struct err *err)
{
	struct outcome o = { 0 };

	outcome_from_err(&o, STAGE_NONE, err);
	for (size_t i = 0; i < n; i++)
		judge(d, site, &load[i], &o);
}

/* Open the messages of a load for a worker, which may read them and nothing
 * else; those that do not open are put off. Moves the usable tasks to the
 * front of v and returns their number. */
static size_t
open_load(struct dispatch *d, struct site *site, struct task *v, size_t n)
{
	struct err err;
	size_t use = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *item = v[i].item;

		if (item->reader < 0)
			item->reader = entry_reader(d->spool, &item->entry,
			    &err);
		if (item->reader >= 0)
			v[use++] = v[i];
		else
			judge_load(d, site, &v[i], 1, &err);
	}
	return use;
}

static void
close_load(const struct task *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].item->reader >= 0)
			close(v[i].item->reader);
		v[i].item->reader = -1;
	}
}

/* Give a site its next worker. Returns false when no process could be made
 * for it, but one may be later. */
static bool
start_worker(struct dispatch *d, struct site *site)
{
	struct worker *w = &d->workers[d->nworker];
	struct task *load;
	struct err err;
	size_t n, use;
	int rc = 0;

	const struct task *cut =
	    site_load(site, d->how->connection_messages, &n);

	load = xmalloc(n * sizeof(*load));
	memcpy(load, cut, n * sizeof(*load));
	use = open_load(d, site, load, n);
	if (use > 0)
		rc = worker_start(w, d->how, site, load, use, &err);
	close_load(load, use);
	if (rc == 0 && use > 0) {
		w->line = lines_join(&d->lines, site);
		d->nworker++;
		site->workers++;
	} else if (rc < 0 && d->nworker > 0 && use == n) {
		site_unload(site, n);
	} else if (rc < 0) {
		judge_load(d, site, load, use, &err);
		rc = 0;
	}
	free(load);
	return rc == 0;
}

/* One worker loads what it needs; for many, once is less. */
static void
load_libraries(const struct dispatch *d, const struct site *site)
{
	struct err err;

	if (site->way == WAY_SMARTHOST)
		(void)curllib_get(&err);	/* who needs it will say why */
	else if (d->how->tls != TLS_OFF)
		tls_prepare();
}

static void
start_workers(struct dispatch *d)
{
	struct site *site;

	while (d->nworker < d->how->jobs && (site = next_in_line(d)) != NULL) {
		bool started;

		/* bury() puts it back into the line */
		if (!may_connect(d, site) || !dispatch_auth_ready(d, site))
			continue;
		if (d->nworker > 0)
			load_libraries(d, site);
		started = start_worker(d, site);
		dispatch_line_up(d, site);
		if (!started)
			break;
	}
}

/*
 * A worker that has told all says goodbye to its server, and nobody waits for
 * that. But they are reaped, and are not more than the workers: the one that
 * has been at it for longest is then cut short.
 */
static void
see_off(struct dispatch *d, pid_t pid)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nleaving; i++)
		if (waitpid(d->leaving[i], NULL, WNOHANG) == 0)
			d->leaving[n++] = d->leaving[i];
	if (n == d->how->jobs) {
		kill(d->leaving[0], SIGKILL);
		waitpid(d->leaving[0], NULL, 0);
		memmove(d->leaving, d->leaving + 1,
		    --n * sizeof(*d->leaving));
	}
	d->leaving[n++] = pid;
	d->nleaving = n;
}

/* The worker is done or dead: what it had not reported is put off. */
static void
bury(struct dispatch *d, size_t i, const char *why)
{
	struct worker *w = &d->workers[i];
	struct site *site = w->site;
	struct outcome o = { 0 };
	struct err err;
	pid_t left;

	err_set(&err, ERR_TEMP, "4.3.0", "%s", why);
	outcome_from_err(&o, STAGE_NONE, &err);
	o.in_doubt = true;
	for (size_t t = 0; t < w->nload && w->left > 0; t++)
		if (w->told[t] == 0) {
			w->told[t] = 1;
			w->left--;
			judge(d, site, &w->load[t], &o);
		}
	lines_leave(&d->lines, w->line);
	if ((left = worker_end(w, why[0] != '\0')) != 0)
		see_off(d, left);
	site->workers--;
	dispatch_line_up(d, site);
	d->workers[i] = d->workers[--d->nworker];
}

/* Take what a worker has to say. Returns false when it is gone. */
static bool
listen_to(struct dispatch *d, size_t i)
{
	struct worker *w = &d->workers[i];
	struct site *site = w->site;
	struct report report;
	int rc;

	while ((rc = worker_read(w, &report)) > 0) {
		const struct task *task;

		if (report_is_refusal(&report)) {
			dispatch_auth_note(d, site,
			    report.slot - REPORT_REFUSED, &report.outcome);
			continue;
		}
		task = &w->load[report.slot];
		if (is_turned_away(w, &report.outcome) ||
		    asks_again(d, w, &report.outcome))
			site_add(site, task->item, task->rcpt);
		else
			judge(d, site, task, &report.outcome);
		if (site->down)
			judge_waiting(d, site);
		if (w->left == 0)
			break;
	}
	if (w->left == 0) {
		bury(d, i, "");
		return false;
	}
	if (rc < 0) {
		bury(d, i, "the delivery process ended without a word");
		return false;
	}
	if (clock_ms() > w->deadline) {
		bury(d, i, "the delivery took longer than it may");
		return false;
	}
	return true;
}

/* How long poll(2) may sleep. */
static int
sleep_ms(const struct dispatch *d, int64_t deadline)
{
	int64_t until = deadline != 0 ? deadline : clock_ms() + 3600000;

	for (size_t i = 0; i < d->nworker; i++)
		if (d->workers[i].deadline < until)
			until = d->workers[i].deadline + 1;
	for (size_t i = 0; i < d->nasking; i++)
		if (d->asking[i]->credential.deadline < until)
			until = d->asking[i]->credential.deadline + 1;
	if (d->lookup.pid != 0) {
		if (d->lookup.deadline < until)
			until = d->lookup.deadline + 1;
		if (!dispatch_dns_ready(d) && clock_ms() + 100 < until)
			until = clock_ms() + 100;
	}
	return clock_left_ms(until);
}

static void
wait_for_news(struct dispatch *d, int64_t deadline)
{
	size_t n = d->nworker, last = n + 1 + d->nasking;
	struct pollfd *fds = xcalloc(last, sizeof(*fds));

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ d->workers[i].fd, POLLIN, 0 };
	fds[n] = (struct pollfd){ d->lookup.pid != 0 ? d->lookup.fd : -1,
		POLLIN, 0 };
	for (size_t i = 0; i < d->nasking; i++)
		fds[n + 1 + i] = (struct pollfd){ d->asking[i]->credential.fd,
			POLLIN, 0 };
	if (poll(fds, last, sleep_ms(d, deadline)) < 0)
		for (size_t i = 0; i < last; i++)
			fds[i].revents = 0;
	/* from the end, because bury() moves the last one into the gap */
	for (size_t i = n; i-- > 0;)
		if (fds[i].revents != 0 ||
		    clock_ms() > d->workers[i].deadline)
			listen_to(d, i);
	if (d->lookup.pid != 0 && (fds[n].revents != 0 ||
	    clock_ms() > d->lookup.deadline))
		dispatch_dns_read(d);
	dispatch_auth_read(d);
	free(fds);
}

/* Hand items over whose forward-paths are all decided. */
static void
settle_ready(struct dispatch *d)
{
	while (d->nready > 0) {
		struct item *item = d->ready[--d->nready];

		d->npath -= item->entry.env.nrcpt;
		d->items[item->place] = d->items[--d->nitem];
		d->items[item->place]->place = item->place;
		d->owner->settled(d->owner->arg, item);
	}
}

/* A lookup lasts as long as its slowest name, and the next one begins when it
 * has ended: what is about to come is better off in it. */
static bool
may_ask(const struct dispatch *d)
{
	return !d->more || !has_room(d) ||
	    clock_ms() - d->first_ask_ms >= ASK_MS;
}

/* Take what the owner brings for a while. Returns false when he has no more. */
static bool
gather(struct dispatch *d)
{
	int64_t until = clock_ms() + GATHER_MS;

	while (has_room(d) && clock_ms() < until)
		if (!d->owner->more(d->owner->arg))
			return false;
	return true;
}

bool
dispatch_run(struct dispatch *d, int64_t deadline)
{
	d->more = d->owner->more != NULL;
	for (;;) {
		settle_ready(d);
		if (d->more && has_room(d))
			d->more = gather(d);
		if (d->nitem == 0 && !d->more)
			return true;
		if (may_ask(d))
			dispatch_dns_start(d);
		if (dispatch_dns_ready(d))
			start_workers(d);
		if (d->nready > 0)
			continue;
		if ((deadline != 0 && !d->more && clock_ms() >= deadline) ||
		    (d->how->stop != NULL && *d->how->stop != 0))
			return false;
		wait_for_news(d, d->more && has_room(d) ? clock_ms() :
		    deadline);
	}
}
