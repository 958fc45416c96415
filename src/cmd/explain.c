#include "config.h"

#include "cmd/explain.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/process.h"
#include "base/str.h"
#include "cmd/output.h"
#include "deliver/credential.h"
#include "deliver/hostport.h"
#include "deliver/site.h"
#include "spool/sites.h"

/* What is to be told, found out once for both forms. */
struct facts {
	const struct plan_row *row;
	const struct delivery *how;
	const char *sender, *account_option;
	bool	 remembered;		/* something is held against the site */
	struct site_memory memory;
	struct site_memory refusals[ENDPOINTS_MAX];	/* of our credential */
	size_t	 nrefusal;
};

static const char *
way_word(enum way_kind kind)
{
	static const char *const words[] = { "direct", "smarthost", "host",
		"discard", "refuse", "later" };

	return words[kind];
}

static const char *
tls_word(enum tls_level level)
{
	return level == TLS_OFF ? "never encrypted" :
	    level == TLS_REQUIRED ? "encrypted, or not at all" :
	    "encrypted where the server offers it";
}

/* Endpoints that have refused our credential. */
static void
recall_refusals(struct facts *f, struct spool *spool, const char *site_key)
{
	struct buf key = { 0 };

	if (f->row->way.kind != WAY_SMARTHOST)
		return;
	for (size_t i = 0; i < f->row->way.account->nendpoint; i++) {
		struct site_memory *m = &f->refusals[f->nrefusal];

		buf_clear(&key);
		site_refusal_key(site_key, i, &key);
		sites_get(spool, buf_str(&key), m);
		/* of all of them the site's own memory speaks */
		f->nrefusal += m->failures > 0 &&
		    strcmp(m->reason, f->memory.reason) != 0;
	}
	buf_release(&key);
}

/* What an attempt of before has left behind. */
static void
recall(struct facts *f, const char *path)
{
	const struct plan_target *target = f->row->target;
	struct spool spool = { .fd = -1 };
	struct buf key = { 0 };
	struct err err;

	if (target == NULL || process_serves_guest() ||
	    spool_open(&spool, path, &err) < 0)
		return;
	if (target->answer.err.kind == ERR_NONE)
		site_key(&target->way, &target->answer, &key);
	else {
		buf_adds(&key, "dns ");
		target_name(&target->way, target->domain, &key);
	}
	sites_get(&spool, buf_str(&key), &f->memory);
	f->remembered = f->memory.failures > 0;
	if (target->answer.err.kind == ERR_NONE)
		recall_refusals(f, &spool, buf_str(&key));
	buf_release(&key);
	spool_close(&spool);
}

/* How the way is secured: "TLS from the start, certificate checked". */
static void
describe_tls(const struct facts *f, const struct mx_host *host,
    struct buf *out)
{
	const struct account *account = f->row->way.account;
	const struct endpoint *e;

	if (f->row->way.kind != WAY_SMARTHOST) {
		buf_adds(out, tls_word(f->how->tls));
		return;
	}
	e = &account->endpoints[host->place];
	if (e->scheme == ENDPOINT_CLEAR) {
		buf_adds(out, "not encrypted");
		return;
	}
	buf_adds(out, e->scheme == ENDPOINT_TLS || host->tls ?
	    "TLS from the start" : "STARTTLS required");
	if (account->tls_pin != NULL)
		buf_adds(out, ", the key that tls-pin names");
	else if (account->ca_file != NULL)
		buf_printf(out, ", certificate by %s", account->ca_file);
	else
		buf_adds(out, ", certificate by an authority the system "
		    "trusts");
}

static uint16_t
port_of(const struct facts *f, const struct mx_host *host)
{
	return host->port != 0 ? host->port : f->how->port;
}

static void
text_host(const struct facts *f, const struct mx_host *host, struct buf *out)
{
	char address[64];
	const struct account *account = f->row->way.account;

	buf_printf(out, "  host     ");
	hostport_write(host->name, port_of(f, host), out);
	if (f->row->way.kind == WAY_DIRECT && !f->row->target->answer.implicit)
		buf_printf(out, " (preference %u)", (unsigned)host->pref);
	for (size_t a = 0; a < host->naddr; a++)
		buf_printf(out, " [%s]", mx_addr_text(&host->addr[a], address));
	if (f->row->way.kind == WAY_SMARTHOST && account->proxy != NULL)
		buf_adds(out, " through the proxy");
	else if (host->naddr == 0)
		buf_adds(out, " (no address found now)");
	buf_adds(out, "\n           ");
	describe_tls(f, host, out);
	if (f->row->way.kind == WAY_SMARTHOST) {
		const struct endpoint *e = &account->endpoints[host->place];

		if (e->user != NULL)
			buf_printf(out, "; user %s, ", e->user);
		else
			buf_adds(out, "; ");
		if (account_needs_auth(account))
			credential_describe(account, out);
		else
			buf_adds(out, "no authentication");
		if (account->auth != NULL)
			buf_printf(out, " (%s)", account->auth);
	}
	buf_addc(out, '\n');
}

/* That the password cannot be had is known before anybody is asked. */
static void
text_credential(const struct facts *f, struct buf *out)
{
	const struct account *account = f->row->way.account;
	struct err err;

	if (f->row->way.kind == WAY_SMARTHOST && account_needs_auth(account) &&
	    credential_check(account, &err) < 0)
		buf_printf(out, "  trouble  %s\n", err.text);
}

static void
text_account(const struct facts *f, struct buf *out)
{
	const struct way *way = &f->row->way;

	buf_printf(out, "  sender   %s", f->sender[0] != '\0' ? f->sender :
	    "<> (none)");
	if (way->account->name[0] != '\0')
		buf_printf(out, ", account %s%s", way->account->name,
		    f->account_option != NULL ? " (--account)" :
		    way->by_sender ? " (by its from patterns)" : "");
	buf_addc(out, '\n');
}

static void
text_way(const struct facts *f, struct buf *out)
{
	const struct way *way = &f->row->way;
	struct err why;

	way_why(way, &why);
	buf_printf(out, "  rule     %s\n", way->route != NULL ?
	    way->route->rule : way->kind == WAY_SMARTHOST ||
	    way->kind == WAY_LATER ? "none fits: the smarthost" :
	    "none fits: direct");
	buf_printf(out, "  way      ");
	switch (way->kind) {
	case WAY_DIRECT:
		buf_adds(out, "direct, to the mail exchangers of its domain");
		break;
	case WAY_SMARTHOST:
		buf_printf(out, "through the smarthost%s%s",
		    way->account->name[0] != '\0' ? " of account " : "",
		    way->account->name);
		break;
	case WAY_HOST:
		buf_adds(out, "to the host that the rule names");
		break;
	case WAY_DISCARD:
		buf_adds(out, "none: it is accepted and thrown away");
		break;
	case WAY_REFUSE:
		buf_printf(out, "none: refused, %s %s", why.status, why.text);
		break;
	case WAY_LATER:
		buf_printf(out, "not known now: %s", why.text);
		break;
	}
	buf_addc(out, '\n');
}

static void
text_memory(const char *title, const struct site_memory *m, struct buf *out)
{
	char when[32] = "now";
	struct tm tm;

	if (m->next_s > clock_wall() && localtime_r(&m->next_s, &tm) != NULL)
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	buf_printf(out, "  %s %u time%s, tried again %s%s\n           %s\n",
	    title, m->failures, m->failures == 1 ? "" : "s",
	    when[0] == 'n' ? "" : "after ", when, m->reason);
}

/* What could not be looked up is at least named. */
static void
text_trouble(const struct facts *f, struct buf *out)
{
	const struct account *account = f->row->way.account;
	const struct err *err = &f->row->target->answer.err;

	for (size_t i = 0; f->row->way.kind == WAY_SMARTHOST &&
	    i < account->nendpoint; i++) {
		buf_adds(out, "  host     ");
		endpoint_write(&account->endpoints[i], out);
		buf_addc(out, '\n');
	}
	buf_printf(out, "  trouble  %s %s\n", err->status, err->text);
}

static void
text(const struct facts *f, struct buf *out)
{
	const struct plan_target *target = f->row->target;

	buf_printf(out, "%s\n", f->row->address);
	text_account(f, out);
	text_way(f, out);
	if (target != NULL && target->answer.err.kind != ERR_NONE)
		text_trouble(f, out);
	else if (target != NULL)
		for (size_t i = 0; i < target->answer.nhost; i++)
			text_host(f, &target->answer.host[i], out);
	text_credential(f, out);
	if (f->remembered)
		text_memory("before   failed", &f->memory, out);
	for (size_t i = 0; i < f->nrefusal; i++)
		text_memory("refused ", &f->refusals[i], out);
}

static void
json_host(const struct facts *f, const struct mx_host *host, struct buf *out)
{
	const struct account *account = f->row->way.account;
	struct buf tls = { 0 };
	char address[64];

	json_open(out, NULL);
	json_string(out, "host", host->name);
	json_number(out, "port", port_of(f, host));
	json_number(out, "preference", host->pref);
	json_open_array(out, "addresses");
	for (size_t a = 0; a < host->naddr; a++)
		json_string(out, NULL, mx_addr_text(&host->addr[a], address));
	json_close_array(out);
	describe_tls(f, host, &tls);
	json_string(out, "tls", buf_str(&tls));
	if (f->row->way.kind == WAY_SMARTHOST &&
	    account->endpoints[host->place].user != NULL)
		json_string(out, "user", account->endpoints[host->place].user);
	json_close(out);
	buf_release(&tls);
}

static void
json_hosts(const struct facts *f, struct buf *out)
{
	const struct mx_answer *answer = &f->row->target->answer;

	json_open_array(out, "hosts");
	for (size_t i = 0; i < answer->nhost &&
	    answer->err.kind == ERR_NONE; i++)
		json_host(f, &answer->host[i], out);
	json_close_array(out);
}

static void
json_auth(const struct account *account, struct buf *out)
{
	struct buf how = { 0 };

	if (account_needs_auth(account))
		credential_describe(account, &how);
	json_string(out, "credential", buf_str(&how));
	json_string(out, "mechanisms",
	    account->auth != NULL ? account->auth : "");
	json_bool(out, "proxy", account->proxy != NULL);
	buf_release(&how);
}

static void
json_memory(const char *name, const struct site_memory *m, struct buf *out)
{
	json_open(out, name);
	json_number(out, "failures", m->failures);
	json_number(out, "since", m->first_s);
	json_number(out, "next", m->next_s);
	json_string(out, "reason", m->reason);
	json_close(out);
}

static void
json_trouble(const struct facts *f, struct buf *out)
{
	struct err why;
	const struct err *err = &why;

	way_why(&f->row->way, &why);
	if (f->row->target != NULL)
		err = &f->row->target->answer.err;
	if (err->kind != ERR_NONE) {
		json_string(out, "status", err->status);
		json_string(out, "text", err->text);
	}
	if (f->remembered)
		json_memory("before", &f->memory, out);
	if (f->nrefusal == 0)
		return;
	json_open_array(out, "refused");
	for (size_t i = 0; i < f->nrefusal; i++)
		json_memory(NULL, &f->refusals[i], out);
	json_close_array(out);
}

static void
json(const struct facts *f, struct buf *out)
{
	const struct way *way = &f->row->way;

	json_open(out, NULL);
	json_number(out, "version", EXPLAIN_VERSION);
	json_string(out, "recipient", f->row->address);
	json_string(out, "sender", f->sender);
	json_string(out, "account", way->account->name);
	json_string(out, "rule", way->route != NULL ? way->route->rule : "");
	json_string(out, "way", way_word(way->kind));
	json_number(out, "exit", plan_exit_code(f->row));
	if (way->kind == WAY_SMARTHOST)
		json_auth(way->account, out);
	if (f->row->target != NULL)
		json_hosts(f, out);
	json_trouble(f, out);
	json_close(out);
	buf_addc(out, '\n');
}

void
explain_one(const struct options *options, const struct settings *settings,
    const struct delivery *how, const char *sender,
    const struct plan_row *row)
{
	struct facts f = { .row = row, .how = how, .sender = sender,
		.account_option = options->account };
	struct buf out = { 0 };

	recall(&f, settings->spool);
	if (options->json)
		json(&f, &out);
	else
		text(&f, &out);
	output_write(&out);
	buf_release(&out);
}
