#include "config.h"

#include "deliver/session_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/report.h"
#include "spool/retry.h"

/*
 * RFC 5321 5.1 wants every address tried in its order, and at least two; a
 * host with many must not use up the patience that the others are owed.
 */
#define SESSION_ADDRESSES_MAX 15
#define SESSION_HOST_ADDRESSES_MAX 3

/* The slowest we let a peer take a message. */
#define SESSION_BYTES_PER_S 4096

int64_t
session_ceiling_ms(const struct delivery *how, const struct task *load,
    size_t n)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || load[i].item != load[i - 1].item)
			octets += load[i].item->entry.env.size;
	return ((int64_t)how->ceiling_s +
	    (int64_t)(octets / SESSION_BYTES_PER_S)) * 1000;
}

static void
limit(unsigned *wait_s, unsigned most_s)
{
	if (most_s != 0 && *wait_s > most_s)
		*wait_s = most_s;
}

/* The waits of the profile, cut by what the settings say. */
static void
set_patience(struct session *s)
{
	struct smtp_patience *p = &s->patience;
	const struct delivery *how = s->how;

	*p = how->caller_waits ? smtp_patience_caller : smtp_patience_flush;
	limit(&p->greeting_s, how->command_s);
	limit(&p->hello_s, how->command_s);
	limit(&p->tls_s, how->command_s);
	limit(&p->mail_s, how->command_s);
	limit(&p->rcpt_s, how->command_s);
	limit(&p->data_s, how->command_s);
	limit(&p->block_s, how->command_s);
	p->dot_s = how->dot_s;
	s->connect_s = how->connect_s != 0 ? how->connect_s :
	    how->caller_waits ? 10 : 30;
}

/* The load as smtp/ wants it: messages with their forward-paths. */
static void
set_load(struct session *s, const struct task *load, size_t n)
{
	s->messages = xcalloc(n, sizeof(*s->messages));
	s->rcpts = xcalloc(n, sizeof(*s->rcpts));
	s->held = xcalloc(n, sizeof(*s->held));
	s->nrcpt = n;
	for (size_t i = 0; i < n; i++) {
		const struct entry *entry = &load[i].item->entry;
		const struct envelope *env = &entry->env;
		const struct rcpt *rcpt = &env->rcpts[load[i].rcpt];
		struct smtp_message *m;

		s->rcpts[i] = (struct smtp_rcpt){ .path = rcpt->path,
			.orcpt = rcpt->orcpt, .notify = rcpt->notify,
			.id = (uint32_t)i };
		if (i > 0 && load[i].item == load[i - 1].item) {
			s->messages[s->nmessage - 1].nrcpt++;
			continue;
		}
		m = &s->messages[s->nmessage++];
		*m = (struct smtp_message){ .reverse_path = env->reverse_path,
			.envid = env->envid, .ret = env->ret,
			.body = env->body, .utf8 = load[i].item->utf8,
			.fd = load[i].item->reader, .at = (off_t)entry->message_at,
			.size = env->size, .rcpts = &s->rcpts[i], .nrcpt = 1 };
	}
}

static void
tell(struct session *s, struct smtp_rcpt *rcpt, const struct outcome *o)
{
	rcpt->done = o->kind;
	if (report_send(s->report_fd, rcpt->id, o) < 0)
		_exit(0);	/* nobody is left to tell */
	free(s->held[rcpt->id]);	/* o may have been it */
	s->held[rcpt->id] = NULL;
}

/*
 * A server that we talk to in clear, because TLS did not work, may refuse
 * that; then the trouble with TLS is to blame, which may pass.
 */
static void
excuse_downgrade(const struct session *s, struct outcome *o)
{
	if (!s->downgraded || o->kind != OUTCOME_FAILED ||
	    (o->code != 530 && strncmp(o->status, "5.7.", 4) != 0))
		return;
	o->kind = OUTCOME_DEFERRED;
	str_copy(o->status, sizeof(o->status), "4.7.5");
}

/*
 * A deferral is not the last word while another host is left (RFC 5321 5.1:
 * the addresses are tried until one succeeds); it is held and told when none
 * does better. Greylisting wants the same host again later.
 */
static bool
may_hold(const struct session *s, const struct outcome *o)
{
	return !s->last_host && o->kind == OUTCOME_DEFERRED && !o->in_doubt &&
	    !retry_is_greylisting(o->code, o->status, o->text);
}

/*
 * A smarthost, or a host that was set, may want what we did not show it: that
 * is for the administrator to mend, and no reason to give the mail back.
 */
static void
excuse_settings(const struct session *s, struct outcome *o)
{
	if (s->site->way == WAY_DIRECT || o->kind != OUTCOME_FAILED ||
	    (o->code != 530 && o->code != 534 && o->code != 535 &&
	    o->code != 538 && (o->code != 503 || o->stage != STAGE_MAIL)))
		return;
	o->kind = OUTCOME_DEFERRED;
	o->status[0] = '4';
	if (o->code == 530 && strcmp(o->status, "4.0.0") == 0)
		str_copy(o->status, sizeof(o->status), "4.7.0");
}

static void
place(const struct session *s, struct outcome *o)
{
	if (s->host != NULL) {
		str_copy(o->host, sizeof(o->host), s->host->name);
		str_copy(o->address, sizeof(o->address), s->address);
	}
	str_copy(o->tls, sizeof(o->tls), s->tls);
	o->port = s->port;
	o->connect_ms = s->connect_ms;
}

void
session_verdict(void *arg, struct smtp_message *message, struct smtp_rcpt *rcpt,
    const struct outcome *judged)
{
	struct session *s = arg;
	struct outcome o = *judged;

	(void)message;
	s->talked = true;
	excuse_downgrade(s, &o);
	excuse_settings(s, &o);
	place(s, &o);
	if (!may_hold(s, &o)) {
		tell(s, rcpt, &o);
		return;
	}
	if (s->held[rcpt->id] == NULL)
		s->held[rcpt->id] = xmalloc(sizeof(o));
	*s->held[rcpt->id] = o;
	rcpt->done = OUTCOME_DEFERRED;
}

void
session_refused(struct session *s)
{
	struct outcome o = { 0 };

	s->refusal = s->err;
	s->refusal_code = s->auth_code;
	s->refused |= 1u << s->host->place;
	outcome_from_err(&o, STAGE_AUTH, &s->err);
	place(s, &o);
	if (report_send(s->report_fd, REPORT_REFUSED + s->host->place,
	    &o) < 0)
		_exit(0);	/* nobody is left to tell */
}

/* Those held may be judged again by the next host. */
static void
take_up_held(struct session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++)
		if (s->held[i] != NULL && s->rcpts[i].done == OUTCOME_DEFERRED)
			s->rcpts[i].done = OUTCOME_NONE;
}

bool
session_holds_any(const struct session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++)
		if (s->held[i] != NULL && s->rcpts[i].done == OUTCOME_DEFERRED)
			return true;
	return false;
}

size_t
session_undecided(const struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nrcpt; i++)
		n += s->rcpts[i].done == OUTCOME_NONE;
	return n;
}

/* What nobody decided: what was held, or the last host's failure, which then
 * speaks for the site. */
static void
give_up(struct session *s)
{
	struct outcome o = { 0 };

	/* this can be mended, and nobody would hear of it otherwise */
	if (s->refusal.kind != ERR_NONE) {
		s->err = s->refusal;
		s->stage = STAGE_AUTH;
		s->auth_code = s->refusal_code;
	}
	if (s->err.kind == ERR_NONE)
		err_set(&s->err, ERR_TEMP, "4.4.1", "no host could be reached");
	outcome_from_err(&o, s->stage, &s->err);
	o.whole_site = !s->talked;
	o.offline = o.whole_site && strcmp(o.status, STATUS_OFFLINE) == 0;
	if (s->stage == STAGE_AUTH)
		o.code = (int16_t)s->auth_code;
	place(s, &o);
	take_up_held(s);
	for (size_t i = 0; i < s->nrcpt; i++)
		if (s->rcpts[i].done == OUTCOME_NONE)
			tell(s, &s->rcpts[i], s->held[i] != NULL ?
			    s->held[i] : &o);
}

/* A login that was refused is not tried at the next address: many servers lock
 * an account after some of these. */
static bool
is_refused(const struct session *s, const struct mx_host *host)
{
	return s->site->way == WAY_SMARTHOST &&
	    (s->refused >> host->place & 1) != 0;
}

/* The addresses of one host, until one of them has judged. */
static void
visit_host(struct session *s, const struct mx_host *host, unsigned *tried)
{
	bool by_name = s->site->account->proxy != NULL &&
	    s->site->way == WAY_SMARTHOST;

	for (size_t a = 0; a < host->naddr || (a == 0 && by_name); a++) {
		if (session_undecided(s) == 0 || a == SESSION_HOST_ADDRESSES_MAX ||
		    *tried == SESSION_ADDRESSES_MAX || is_refused(s, host) ||
		    clock_ms() >= s->ceiling)
			return;
		(*tried)++;
		s->host = host;
		s->err = (struct err){ 0 };
		session_visit(s, by_name ? NULL : &host->addr[a]);
	}
}

static void
visit_hosts(struct session *s)
{
	size_t n = s->site->nhost;
	unsigned tried = 0, before;
	bool refused_for_good = true;

	for (size_t h = 0; h < n; h++) {
		take_up_held(s);
		if (session_undecided(s) == 0)
			return;
		before = tried;
		s->last_host = h + 1 == n;
		visit_host(s, &s->hosts[h], &tried);
		refused_for_good &= tried > before && s->err.kind == ERR_PERM;
	}
	/* 521 from one host is final only when all say so (RFC 7504 3) */
	if (s->err.kind == ERR_PERM && !refused_for_good)
		s->err.kind = ERR_TEMP;
}

/* Each worker goes to equal ones in an order of its own, so that they share
 * the work; the mail exchangers of a domain were shuffled when it was looked
 * up. */
static void
set_hosts(struct session *s)
{
	size_t n = s->site->nhost;

	s->hosts = xcalloc(n, sizeof(*s->hosts));
	memcpy(s->hosts, s->site->hosts, n * sizeof(*s->hosts));
	if (s->site->way == WAY_SMARTHOST)
		mx_sort(s->hosts, n);
	s->hostname = s->site->account->hostname != NULL ?
	    s->site->account->hostname : s->how->hostname;
	s->refused = s->site->refused;
}

void
session_run(const struct delivery *how, const struct site *site,
    const struct task *load, size_t n, int report_fd)
{
	struct session s = { .how = how, .site = site,
		.report_fd = report_fd };
	int *keep = xcalloc(n + 2, sizeof(*keep));
	size_t nkeep = 0;

	keep[nkeep++] = report_fd;
	keep[nkeep++] = how->trace_fd;
	for (size_t i = 0; i < n; i++)
		keep[nkeep++] = load[i].item->reader;
	process_close_all_but(keep, nkeep);
	process_detach_output();
	secret_clear_all_but(&site->credential.secret);
	session_load_files(&s);
	process_drop_all();

	set_patience(&s);
	set_load(&s, load, n);
	set_hosts(&s);
	s.ceiling = clock_ms() + session_ceiling_ms(how, load, n);
	visit_hosts(&s);
	if (s.report_fd >= 0)
		give_up(&s);
}
