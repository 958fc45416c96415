#include "config.h"

#include "deliver/dispatch_impl.h"

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
