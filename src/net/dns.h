/*
 * What a DNS message says (RFC 1035, 2782, 7505). Pure: the bytes have been fetched
 * by somebody else (query.h), and nothing in them is believed before it was
 * checked: ns_initparse and ns_parserr of libresolv do not read past the end,
 * and names that are no host names never leave this file.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/mx.h"

#define DNS_CNAME_MAX 10	/* links of one chain that are followed */

/* One record: an MX or SRV target, or an address. */
struct dns_rr {
	char	 name[MX_NAME_MAX];	/* target: lower case, no final dot */
	uint16_t pref;			/* SRV: priority */
	uint16_t weight, port;		/* SRV; the port is not 0 */
	struct mx_addr addr;
};

struct dns_answer {
	struct dns_rr *rr;	/* owned */
	size_t	 n;
	char	 cname[MX_NAME_MAX];	/* n is 0 and the message only led
				 * here: to be asked next; "" = nothing */
	unsigned ttl_s;		/* the least of those that were used */
};

/*
 * What one DNS message means as the answer to the question (name, type).
 *
 * type  ns_t_mx, ns_t_srv, ns_t_a or ns_t_aaaa.
 *
 * Returns 0 and fills the answer, n being 0 when the name has no such record;
 * or -1 with *err and an empty answer:
 *   ERR_PERM 5.1.2   the name does not exist
 *   ERR_PERM 5.1.10  null MX; SRV with the target ".": no such service
 *   ERR_PERM 5.4.4   MX or SRV, but none with a target that is a host name
 *   ERR_TEMP 4.4.3   malformed, truncated, about something else, a CNAME
 *                    loop, or a failure of the server's
 */
int	dns_parse(const unsigned char *msg, size_t len, const char *name,
	    int type, struct dns_answer *, struct err *);
void	dns_answer_release(struct dns_answer *);

/* Describe a response code that is not NOERROR, as dns_parse does. -1. */
int	dns_set_rcode(struct err *, int rcode, const char *name, int type);

/* "MX", "SRV", "A" or "AAAA". */
const char *dns_type_text(int type);

/*
 * Letters, digits, hyphen and (tolerated) underscore in labels of 1 to 63, at
 * most 253 in all, the last label not all digits (an IP address).
 */
bool	dns_is_host_name(const char *);

#endif
