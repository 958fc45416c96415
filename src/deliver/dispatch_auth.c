#include "config.h"

#include "deliver/dispatch_impl.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xalloc.h"

static void
fail(struct dispatch *d, struct site *site)
{
	struct outcome o = { 0 };

	outcome_from_err(&o, STAGE_AUTH, &site->credential.err);
	o.whole_site = true;
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

static char *
refusal_key(const struct site *site)
{
	struct buf key = { 0 };

	buf_printf(&key, "auth %s", site->key);
	return buf_detach(&key);
}

void
dispatch_auth_note(struct dispatch *d, const struct site *site)
{
	char *key = refusal_key(site);
	struct err err;

	if (!d->how->guest &&
	    sites_set(d->spool, key, &site->memory, &err) < 0)
		log_line(LOG_LEVEL_WARNING, "qmgr", "%s", err.text);
	free(key);
}

void
dispatch_auth_recall(struct dispatch *d, struct site *site)
{
	char *key;

	if (site->way != WAY_SMARTHOST)
		return;
	key = refusal_key(site);
	sites_get(d->spool, key, &site->refusal);
	free(key);
}

void
dispatch_auth_forget(struct dispatch *d, struct site *site)
{
	char *key;
	struct err err;

	if (site->refusal.failures == 0)
		return;
	site->refusal = (struct site_memory){ 0 };
	key = refusal_key(site);
	sites_set(d->spool, key, &site->refusal, &err);
	free(key);
}

bool
dispatch_auth_spares(struct dispatch *d, struct site *site, struct item *item,
    size_t rcpt)
{
	const struct site_memory *refusal = &site->refusal;
	struct outcome o = { 0 };
	struct err err;

	if (refusal->failures == 0 || refusal->next_s <= clock_wall())
		return false;
	err_set(&err, ERR_TEMP, STATUS_AUTH_REFUSED, "%s", refusal->reason);
	outcome_from_err(&o, STAGE_AUTH, &err);
	dispatch_decide(d, item, rcpt, &o, refusal->next_s);
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
	return true;
}
