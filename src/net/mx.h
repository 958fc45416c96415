/*
 * Which hosts take a domain's mail, and in which order (RFC 5321 5.1). Pure:
 * works on records that the resolver brought.
 *
 * The structs are fixed in size and without pointers, because a resolver
 * child writes them into a pipe; hence the bounds.
 */
#ifndef NET_MX_H
#define NET_MX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strlist.h"

#define MX_HOSTS_MAX 10		/* tried for a domain; the best are kept */
#define MX_ADDRS_MAX 8		/* of one host */
#define MX_NAME_MAX 256

struct mx_addr {
	uint8_t	family;		/* 4 or 6 */
	uint8_t	ip[16];		/* network order; 4 bytes used for 4 */
};

struct mx_host {
	char	 name[MX_NAME_MAX];	/* lower case, no final dot */
	uint16_t pref;
	uint16_t port;			/* 0: the usual one */
	uint8_t	 place;			/* a question for places: which of them */
	bool	 tls;			/* its SRV said: TLS from the start */
	uint8_t	 naddr;			/* 0: its lookup failed for now */
	struct mx_addr addr[MX_ADDRS_MAX];	/* in the order to be tried */
};

/*
 * The answer for one domain. When err.kind is ERR_NONE there is at least one
 * host with an address; hosts without one may stand beside it.
 */
struct mx_answer {
	uint32_t   index;	/* of the domain in the question */
	uint32_t   dns_ms;	/* how long it took */
	struct err err;		/* ERR_TEMP or ERR_PERM with status, else none */
	uint8_t	   implicit;	/* no MX: the domain's own addresses */
	uint8_t	   nhost;
	struct mx_host host[MX_HOSTS_MAX];
};

/* How much of an answer with that many hosts is in use, in bytes. */
size_t	mx_answer_size(const struct mx_answer *);

/* Sort hosts by preference, equal ones shuffled (RFC 5321 5.1). */
void	mx_sort(struct mx_host *, size_t n);

/*
 * Who we are, so that mail is not sent to ourselves.
 *
 * names  our host names, lower case.
 * addrs  our own addresses; with by_address false they are not looked at
 *        (another port than 25 is another server).
 */
struct mx_self {
	struct strlist names;
	struct mx_addr *addrs;
	size_t	 naddr;
	bool	 by_address;
};

/* Fill *self from hostname and the network interfaces; loopback and the
 * unspecified address always count as ours. */
void	mx_self_init(struct mx_self *, const char *hostname, bool by_address);
void	mx_self_release(struct mx_self *);
bool	mx_addr_is_self(const struct mx_self *, const struct mx_addr *);

/*
 * Drop ourselves from a sorted answer with everything of the same or a worse
 * preference (RFC 5321 5.1); addresses that are ours are dropped from hosts
 * that have others. Nothing left because of it: err becomes ERR_PERM 5.4.6
 * "mail for D loops back to us". For an implicit MX or a literal that is
 * ourselves likewise.
 */
void	mx_drop_self(struct mx_answer *, const struct mx_self *,
	    const char *domain);

/* Is an answer that came through a pipe sound? Terminated names of sane
 * bytes, counts within bounds, families 4 or 6; index below ndomain. */
bool	mx_answer_valid(const struct mx_answer *, size_t len, size_t ndomain);

/* "192.0.2.1" or "2001:db8::1" into out (at least 46 bytes); returns out. */
char	*mx_addr_text(const struct mx_addr *, char *out);

/* Parse an address literal "[192.0.2.1]" / "[IPv6:...]" as one host. */
bool	mx_from_literal(const char *literal, struct mx_answer *);

#endif
