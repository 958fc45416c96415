/*
 * libFuzzer: any bytes as the answer to a question. The first byte chooses
 * the type; the name asked for is that of the message's own question, where
 * it has one, so that the answer section is reached.
 */
#include "config.h"

#include <arpa/nameser.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/dns.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_answer(const struct dns_answer *a, int type)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		if (type == ns_t_a || type == ns_t_aaaa) {
			if (a->rr[i].addr.family != (type == ns_t_a ? 4 : 6))
				abort();
		} else if (!dns_is_host_name(a->rr[i].name))
			abort();
		if (type == ns_t_srv && a->rr[i].port == 0)
			abort();
	}
	if (a->cname[0] != '\0' &&
	    (a->n > 0 || !dns_is_host_name(a->cname)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int types[] = { ns_t_mx, ns_t_a, ns_t_aaaa, ns_t_srv };
	struct dns_answer a;
	struct err err;
	const char *name = "d.test";
	ns_msg m;
	ns_rr rr;
	int type;

	if (n < 1)
		return 0;
	type = types[data[0] % 4];
	data++;
	n--;
	if (n <= INT_MAX && ns_initparse(data, (int)n, &m) == 0 &&
	    ns_msg_count(m, ns_s_qd) > 0 &&
	    ns_parserr(&m, ns_s_qd, 0, &rr) == 0)
		name = ns_rr_name(rr);
	if (dns_parse(data, n, name, type, &a, &err) < 0) {
		if (err.kind != ERR_TEMP && err.kind != ERR_PERM)
			abort();
		return 0;
	}
	check_answer(&a, type);
	dns_answer_release(&a);
	return 0;
}
