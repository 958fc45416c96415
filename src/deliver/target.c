#include "config.h"

#include "deliver/target.h"

#include <string.h>

#include "base/str.h"
#include "deliver/hostport.h"
#include "mail/address.h"

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool
target_is_own(const struct way *way)
{
	return !is_same(way->account->hostname, way->global->hostname) ||
	    !is_same(way->account->source_address,
	    way->global->source_address);
}

void
target_name(const struct way *way, const char *domain, struct buf *out)
{
	const struct account *account = way->account;

	if (way->kind == WAY_SMARTHOST) {
		buf_printf(out, "smarthost%s%s", account->name[0] != '\0' ?
		    " " : "", account->name);
		return;
	}
	if (way->kind == WAY_HOST) {
		buf_adds(out, "host ");
		hostport_write(way->route->host, way->route->port, out);
	} else
		buf_adds(out, domain);
	if (target_is_own(way))
		buf_printf(out, " from %s", account->name);
}

static void
place_of(const struct endpoint *e, struct resolver_place *place)
{
	*place = (struct resolver_place){ .name = e->host, .rank = e->rank,
		.port = e->port, .srv = e->scheme == ENDPOINT_AUTO };
}

void
target_question(const struct way *way, const char *domain,
    struct resolver_place *places, struct resolver_question *q)
{
	const struct account *account = way->account;

	*q = (struct resolver_question){ .domain = domain };
	if (way->kind == WAY_DIRECT)
		return;
	q->places = places;
	if (way->kind == WAY_HOST) {
		q->domain = way->route->host;
		q->nplace = 1;
		places[0] = (struct resolver_place){ .name = way->route->host,
			.port = way->route->port };
		return;
	}
	q->domain = "smarthost";
	q->nplace = account->nendpoint;
	for (size_t i = 0; i < account->nendpoint; i++)
		place_of(&account->endpoints[i], &places[i]);
}

/* The proxy looks them up: all that is known are names. */
static void
answer_by_name(const struct account *account, struct mx_answer *answer)
{
	answer->nhost = (uint8_t)account->nendpoint;
	for (size_t i = 0; i < account->nendpoint; i++) {
		const struct endpoint *e = &account->endpoints[i];
		struct mx_host *host = &answer->host[i];

		str_copy(host->name, sizeof(host->name), e->host);
		host->pref = e->rank;
		host->port = e->port;
		host->place = (uint8_t)i;
	}
	mx_sort(answer->host, answer->nhost);
}

bool
target_answer(const struct way *way, const char *domain,
    struct mx_answer *answer)
{
	*answer = (struct mx_answer){ 0 };
	if (way->kind == WAY_SMARTHOST && way->account->proxy != NULL) {
		answer_by_name(way->account, answer);
		return true;
	}
	if (way->kind != WAY_DIRECT || !address_is_literal(domain))
		return false;
	if (!mx_from_literal(domain, answer))
		err_set(&answer->err, ERR_PERM, "5.1.3",
		    "%s is no address that can be reached", domain);
	return true;
}

static bool
is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), m = strlen(domain);

	return strcmp(name, domain) == 0 || (n > m + 1 &&
	    name[n - m - 1] == '.' && strcmp(name + n - m, domain) == 0);
}

/*
 * Who looked the hosts up has read the network, and is not believed about
 * whom the password is shown to: the name is the one that was set, or one
 * below the domain whose SRV were asked for.
 */
static void
check_hosts(const struct account *account, struct mx_answer *answer)
{
	for (size_t i = 0; i < answer->nhost; i++) {
		struct mx_host *host = &answer->host[i];
		const struct endpoint *e = host->place < account->nendpoint ?
		    &account->endpoints[host->place] : NULL;

		if (e != NULL && e->scheme != ENDPOINT_AUTO) {
			str_copy(host->name, sizeof(host->name), e->host);
			host->port = e->port;
		} else if (e == NULL || !is_below(host->name, e->host)) {
			err_set(&answer->err, ERR_TEMP, "4.4.3",
			    "the answer for the smarthost is not sound");
			return;
		}
	}
}

void
target_finish(const struct way *way, const char *domain,
    const struct mx_self *self, struct mx_answer *answer)
{
	if (way->kind == WAY_DIRECT) {
		if (answer->err.kind == ERR_NONE)
			mx_drop_self(answer, self, domain);
		return;
	}
	if (way->kind == WAY_SMARTHOST && answer->err.kind == ERR_NONE)
		check_hosts(way->account, answer);
	if (answer->err.kind == ERR_PERM) {
		answer->err.kind = ERR_TEMP;
		answer->err.status[0] = '4';
	}
}
