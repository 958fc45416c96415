/*
 * SRV records of mail submission (RFC 2782, 6186, 8314): which of the servers
 * they name is tried first. Pure: works on records that the resolver brought.
 */
#ifndef NET_SRV_H
#define NET_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dns.h"

/* A server that a record names. */
struct srv {
	char	 target[MX_NAME_MAX];	/* a host name, lower case */
	uint16_t priority, weight, port;
	bool	 tls;			/* from the start */
};

/* All zero is the empty list. */
struct srv_list {
	struct srv *v;			/* owned */
	size_t	 n, cap;
};

enum srv_service {
	SRV_SUBMISSIONS,		/* TLS from the start */
	SRV_SUBMISSION,			/* STARTTLS */
	SRV_SERVICES
};

/* The owner of a service's records, "_submissions._tcp.DOMAIN", into out, cut
 * where it does not fit. Returns out. */
char	*srv_owner(enum srv_service, const char *domain, char *out,
	    size_t size);

/* Append the records of an answer to that question. */
void	srv_add(struct srv_list *, enum srv_service,
	    const struct dns_answer *);
void	srv_release(struct srv_list *);

/*
 * Put them into the order in which they are to be tried: by priority; of the
 * same priority those with TLS from the start first; among these by chance, in
 * proportion to their weights (RFC 2782). A server that is named twice, with
 * the same port, is left out the second time. No more than max stay.
 */
void	srv_sort(struct srv_list *, size_t max);

/*
 * Does every record stay at home? A target that is neither the domain nor
 * below it may be a forged answer's, and would get the password (RFC 6186 6).
 *
 * Returns 0, or -1 with *err (ERR_TEMP 4.4.3) that names the first such target
 * and says what to write for it.
 */
int	srv_check(const struct srv_list *, const char *domain, struct err *);

#endif
