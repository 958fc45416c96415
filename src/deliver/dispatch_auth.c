#include "config.h"

#include "deliver/dispatch_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "spool/retry.h"
#include "spool/sites.h"

static void
fail(struct dispatch *d, struct site *site)
{
	struct outcome o = { 0 };

	outcome_from_err(&o, STAGE_AUTH, &site->credential.err);
	o.whole_site = true;
	o.offline = strcmp(o.status, STATUS_OFFLINE) == 0;
	dispatch_trace(d, "smarthost", o.text);
	dispatch_site_fails(d, site, &o);
}

static void
await(struct dispatch *d, struct site *site)
{
	d->asking = xgrow(d->asking, d->nasking, &d->asking_cap,
	    sizeof(struct site *));
	d->asking[d->nasking++] = site;
}

bool
dispatch_auth_ready(struct dispatch *d, struct site *site)
{
	struct credential *c = &site->credential;

	if (site->way != WAY_SMARTHOST || !account_needs_auth(site->account))
		return true;
	if (c->state == CREDENTIAL_UNKNOWN) {
		credential_start(c, site->account, d->spool->fd,
		    d->spool->shared);
		if (c->state == CREDENTIAL_ASKED)
			await(d, site);
	}
	if (c->state == CREDENTIAL_FAILED)
		fail(d, site);
	return c->state == CREDENTIAL_READY;
}

void
dispatch_auth_read(struct dispatch *d)
{
	/* from the end, because the last one moves into the gap */
	for (size_t i = d->nasking; i-- > 0;) {
		struct site *site = d->asking[i];

		credential_read(&site->credential);
		if (site->credential.state == CREDENTIAL_ASKED)
			continue;
		d->asking[i] = d->asking[--d->nasking];
		dispatch_line_up(d, site);
	}
}

/* A guest's own command may give out what the server must refuse; a file that
 * is not his own may not. */
static bool
may_remember(const struct dispatch *d, const struct account *account)
{
	return !d->how->guest || (account->password_command == NULL &&
	    account->token_command == NULL);
}

static void
store(struct dispatch *d, const struct site *site, size_t endpoint)
{
	struct buf key = { 0 };
	struct err err;

	site_refusal_key(site->key, endpoint, &key);
	if (may_remember(d, site->account) && sites_set(d->spool, buf_str(&key),
	    &site->refusals[endpoint], &err) < 0)
		log_line(LOG_LEVEL_WARNING, "qmgr", "%s", err.text);
	buf_release(&key);
}

void
dispatch_auth_note(struct dispatch *d, struct site *site, size_t endpoint,
    const struct outcome *o)
{
	struct site_memory *m;

	if (site->refusals == NULL || endpoint >= site->account->nendpoint ||
	    (site->refused >> endpoint & 1) != 0)
		return;
	log_line(LOG_LEVEL_ERROR, "smtp", "%s", o->text);
	site->refused |= 1u << endpoint;
	m = &site->refusals[endpoint];
	sites_strike(m, &d->how->retry, clock_wall(),
	    process_random_below(10000), o->text);
	store(d, site, endpoint);
}

void
dispatch_auth_recall(struct dispatch *d, struct site *site)
{
	size_t n = site->account->nendpoint;
	struct buf key = { 0 };

	if (site->way != WAY_SMARTHOST)
		return;
	site->refusals = xcalloc(n, sizeof(*site->refusals));
	for (size_t i = 0; i < n; i++) {
		buf_clear(&key);
		site_refusal_key(site->key, i, &key);
		sites_get(d->spool, buf_str(&key), &site->refusals[i]);
		site->refusals[i].next_s = retry_sane(&d->how->retry,
		    site->refusals[i].next_s, clock_wall());
		if (site->refusals[i].next_s > clock_wall() && !d->how->force)
			site->refused |= 1u << i;
	}
	buf_release(&key);
}

static void
forget(struct dispatch *d, struct site *site, size_t endpoint)
{
	site->refused &= ~(1u << endpoint);
	if (site->refusals[endpoint].failures == 0)
		return;
	site->refusals[endpoint] = (struct site_memory){ 0 };
	store(d, site, endpoint);
}

/* Hosts of SRV are not told apart: one that takes mail speaks for its domain. */
void
dispatch_auth_forget(struct dispatch *d, struct site *site,
    const struct outcome *o)
{
	if (site->refusals == NULL || o->kind == OUTCOME_NONE)
		return;
	for (size_t i = 0; i < site->account->nendpoint; i++) {
		const struct endpoint *e = &site->account->endpoints[i];

		if (e->scheme == ENDPOINT_AUTO ? str_icasestr(o->host, e->host)
		    != NULL : strcmp(o->host, e->host) == 0 &&
		    o->port == e->port)
			forget(d, site, i);
	}
}

bool
dispatch_auth_spares(struct dispatch *d, struct site *site, struct item *item,
    size_t rcpt)
{
	size_t n = site->account->nendpoint;
	struct outcome o = { 0 };
	struct err err;
	time_t due = 0;

	if (site->refusals == NULL || site->refused != (1u << n) - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (due == 0 || site->refusals[i].next_s < due)
			due = site->refusals[i].next_s;
	err_set(&err, ERR_TEMP, STATUS_AUTH_REFUSED, "%s",
	    site->refusals[0].reason);
	outcome_from_err(&o, STAGE_AUTH, &err);
	dispatch_trace(d, "smarthost", "not tried, because it was refused "
	    "before and is not due; --flush --now tries:");
	dispatch_trace(d, "smarthost", o.text);
	dispatch_decide(d, item, rcpt, &o, due);
	return true;
}

bool
dispatch_auth_refused(struct dispatch *d, struct site *site)
{
	bool another = site->way == WAY_SMARTHOST &&
	    credential_refused(&site->credential, site->account,
	    d->spool->fd);

	if (!another || site->asked_again)
		return false;
	/* other workers hold copies of their own */
	credential_release(&site->credential);
	site->asked_again = true;
	for (size_t i = 0; i < site->account->nendpoint; i++)
		forget(d, site, i);
	return true;
}
