/*
 * The hosts of a resolver run: each name once for each way to look it up, with
 * the addresses that are known of it so far and who waits for them. No locks
 * here: the resolver holds its own.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dns.h"
#include "net/mx.h"

enum host_way {
	HOST_BY_DNS,		/* its A and AAAA */
	HOST_BY_SYSTEM		/* as the machine does (nss.h) */
};

enum host_family { HOST_A, HOST_AAAA, HOST_FAMILIES };

enum host_state {
	HOST_ASKED,		/* no answer yet */
	HOST_FOUND,		/* addresses */
	HOST_ABSENT,		/* there are none, for good */
	HOST_FAILED		/* none for now */
};

struct host {
	struct host *next;	/* in its chain of the table */
	char	*name;		/* owned */
	enum host_way way;
	struct {
		uint8_t	state;	/* enum host_state */
		uint8_t	n;
		struct mx_addr addr[MX_ADDRS_MAX];
	} by[HOST_FAMILIES];
	int64_t	 deadline;	/* clock_ms(), for its questions */
	int64_t	 known_at;	/* clock_ms() of the first address; 0: none */
	struct err *why;	/* owned; the last failure, or NULL */
	size_t	*waiting;	/* owned; inquiries, by their index */
	size_t	 nwaiting, cap;
};

/* All zero is the empty table. */
struct hosts {
	struct host **chain;	/* owned; size of them, a power of 2 */
	size_t	 size, n;
	uint64_t start;		/* of the hash (strmap_start()) */
};

/*
 * The host of that name, made when there is none (*made is then true). Of an
 * IP address, and of those names that were settled beforehand (localhost, for
 * the DNS), all is known from the start.
 */
struct host *hosts_get(struct hosts *, const char *name, enum host_way,
	    bool *made);
void	hosts_release(struct hosts *);

/* Note that an inquiry waits for the host; forget all who wait. */
void	host_await(struct host *, size_t inquiry);
void	host_wake(struct host *);

/*
 * Keep what came of a question, for that family.
 *
 * answer  addresses of any family; NULL: it failed as err says.
 */
void	host_learn(struct host *, enum host_family, const struct dns_answer *,
	    const struct err *);

/* Is everything said that there is to say? Every family, or both absent. */
bool	host_is_done(const struct host *);
bool	host_is_absent(const struct host *);
bool	host_has_addr(const struct host *);

/* Copy the addresses, families alternating, the first as told. */
void	host_fill(const struct host *, bool six_first, struct mx_host *);

#endif
