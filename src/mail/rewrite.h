/*
 * Addresses of senders, changed as the settings say: first by the first rule
 * that fits, then by the masquerade. Nothing is rewritten unless somebody set
 * it; the null reverse-path never is.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strlist.h"
#include "mail/header.h"

/* "root@* admin@example.org", "*@host.example.org @example.org". */
struct rewrite_rule {
	char	*pattern;	/* canonical (mail/pattern.h); owned */
	char	*to;		/* canonical address, or "@domain", which
				 * keeps the local-part; owned */
};

struct rewrite {
	struct rewrite_rule *rules;	/* owned; the first that fits counts */
	size_t	 n, cap;
	char	*masquerade;	/* canonical domain, or NULL; owned */
	struct strlist hosts;	/* patterns of domains that become it */
};

/* Is there anything to be rewritten at all? */
bool	rewrite_is_empty(const struct rewrite *);

/*
 * Add a rule from its text, "PATTERN ADDRESS". Returns 0, or -1 with *err
 * (ERR_CONFIG).
 */
int	rewrite_add(struct rewrite *, const char *text, struct err *);

void	rewrite_release(struct rewrite *);

/*
 * Append what becomes of a canonical address. Returns true when it is another
 * than before.
 */
bool	rewrite_address(const struct rewrite *, const char *address,
	    struct buf *out);

/*
 * Append the field with the addresses in it rewritten: only the addresses
 * themselves change; display names, comments, groups and folding stay. Where
 * an address is folded, has comments or a route in it, all that is replaced.
 * No line becomes longer than 998 octets (header_copy()). A field in which
 * nothing changes is appended as it is, octet for octet.
 *
 * default_domain  for addresses without one.
 */
void	rewrite_field(const struct rewrite *, const struct header_field *,
	    const char *default_domain, struct buf *out);

#endif
