/*
 * One question to the DNS at a time, by libresolv, with a deadline.
 *
 * A struct query belongs to one thread. libresolv sends by UDP and knows
 * /etc/resolv.conf; a truncated answer is fetched by TCP here, because
 * libresolv would connect and read without a limit of time.
 */
#ifndef NET_QUERY_H
#define NET_QUERY_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>
#include <resolv.h>

#include "base/err.h"
#include "net/dns.h"

struct query {
	struct __res_state res;
	bool	 ready;		/* res is initialised */
	bool	 tcp_only;	/* "options use-vc" in resolv.conf */
	bool	 heard;		/* in the last question: a server answered,
				 * be it with a failure */
	unsigned char *answer;	/* owned; DNS_MESSAGE_MAX bytes */
};

#define DNS_MESSAGE_MAX 65536

/*
 * Prepare *q, all zero before. nameserver: see resolver_options; NULL or not
 * usable: those of /etc/resolv.conf.
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.4.3).
 */
int	query_init(struct query *, const char *nameserver, struct err *);
void	query_release(struct query *);

/*
 * Is there no way to any of its name servers: can nothing even be sent to
 * them? Asks nobody (reach.h).
 */
bool	query_is_offline(const struct query *);

/* Are all of them on this machine? Such a one may answer without a network. */
bool	query_is_local(const struct query *);

/*
 * Ask, and follow CNAMEs that the server left to us.
 *
 * name      a host name (dns_is_host_name).
 * type      ns_t_mx, ns_t_srv, ns_t_a or ns_t_aaaa.
 * deadline  clock_ms() value; kept to about a second, and with several dead
 *           name servers to a second for each.
 *
 * Returns 0 and fills the answer, or -1 with *err, both as dns_parse().
 */
int	query_ask(struct query *, const char *name, int type,
	    int64_t deadline, struct dns_answer *, struct err *);

#endif
