#include "config.h"

#include "cmd/verify.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/strmap.h"
#include "base/xalloc.h"
#include "cmd/exitcode.h"
#include "cmd/result.h"
#include "deliver/lookup.h"
#include "mail/address.h"
#include "mail/addrlist.h"

struct verify {
	struct strlist good, bad;
	struct strmap answers;		/* domain -> struct mx_answer */
	struct mx_self self;
};

/* Every domain once, literals answered at once. */
static void
gather(struct verify *v, struct strlist *ask)
{
	for (size_t i = 0; i < v->good.n; i++) {
		const char *domain = address_domain(v->good.v[i]);
		void **place = strmap_at(&v->answers, domain);
		struct mx_answer *answer;

		if (*place != NULL)
			continue;
		*place = answer = xcalloc(1, sizeof(*answer));
		if (!address_is_literal(domain))
			strlist_add(ask, domain);
		else if (!mx_from_literal(domain, answer))
			err_set(&answer->err, ERR_PERM, "5.1.3",
			    "%s cannot be reached", domain);
	}
}

static void
resolve(struct verify *v, const struct delivery *how, struct strlist *ask)
{
	const struct resolver_options options = {
		.nameserver = how->nameserver, .timeout_s = how->dns_s };
	struct mx_answer answer;
	struct lookup l = { 0 };
	struct err err;
	int rc;

	/* until it is answered, it was not */
	for (size_t i = 0; i < ask->n; i++)
		err_set(&((struct mx_answer *)strmap_get(&v->answers,
		    ask->v[i]))->err, ERR_TEMP, "4.4.3",
		    "the name service did not answer");
	if (ask->n == 0 || lookup_start(&l, &options, ask, &err) < 0)
		return;
	while ((rc = lookup_read(&l, &answer)) >= 0 && l.left > 0) {
		struct pollfd fd = { l.fd, POLLIN, 0 };

		if (rc == 0)
			poll(&fd, 1, -1);
		else
			*(struct mx_answer *)strmap_get(&v->answers,
			    l.domains.v[answer.index]) = answer;
	}
	if (rc > 0)
		*(struct mx_answer *)strmap_get(&v->answers,
		    l.domains.v[answer.index]) = answer;
	lookup_end(&l);
}

static void
describe(const struct mx_answer *answer, struct buf *out)
{
	char text[64];

	for (size_t h = 0; h < answer->nhost; h++) {
		const struct mx_host *host = &answer->host[h];

		buf_printf(out, "%s %s", h > 0 ? "," : "", host->name);
		if (!answer->implicit)
			buf_printf(out, " (%u)", (unsigned)host->pref);
		for (size_t a = 0; a < host->naddr; a++)
			buf_printf(out, " [%s]",
			    mx_addr_text(&host->addr[a], text));
	}
}

static int
print_one(struct verify *v, const char *address)
{
	const char *domain = address_domain(address);
	struct mx_answer answer =
	    *(struct mx_answer *)strmap_get(&v->answers, domain);
	struct buf line = { 0 };
	int code = 0;

	if (answer.err.kind == ERR_NONE)
		mx_drop_self(&answer, &v->self, domain);
	buf_printf(&line, "%s: ", address);
	if (answer.err.kind == ERR_NONE) {
		buf_adds(&line, "deliverable to");
		describe(&answer, &line);
	} else {
		buf_printf(&line, "%s: %s %s", answer.err.kind == ERR_PERM ?
		    "not deliverable" : "not deliverable now",
		    answer.err.status, answer.err.text);
		code = exitcode_of_err(&answer.err);
	}
	buf_addc(&line, '\n');
	(void)!write_all(STDOUT_FILENO, line.data, line.len);
	buf_release(&line);
	return code;
}

int
verify_run(const struct options *options, const struct settings *settings,
    const struct delivery *how)
{
	struct verify v = { 0 };
	struct strlist ask = { 0 };
	int code = 0, one;

	for (int i = 0; i < options->noperand; i++)
		addrlist_parse(options->operands[i],
		    strlen(options->operands[i]), settings->origin, &v.good,
		    &v.bad);
	mx_self_init(&v.self, how->hostname, how->port == 25);
	gather(&v, &ask);
	resolve(&v, how, &ask);
	for (size_t i = 0; i < v.good.n; i++)
		if ((one = print_one(&v, v.good.v[i])) != 0)
			code = exitcode_join(code, one);
	for (size_t i = 0; i < v.bad.n; i++) {
		result_complain(options->name, "%s", v.bad.v[i]);
		code = exitcode_join(code, exitcode_of_status("5.1.3"));
	}
	for (size_t i = 0; i < v.answers.cap; i++)
		free(v.answers.slots[i].key != NULL ?
		    v.answers.slots[i].value : NULL);
	strmap_release(&v.answers);
	strlist_release(&ask);
	strlist_release(&v.good);
	strlist_release(&v.bad);
	mx_self_release(&v.self);
	return code;
}
