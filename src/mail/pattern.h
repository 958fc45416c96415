/*
 * Patterns of addresses, as routes, accounts and rewriting rules have them.
 *
 *	*			every address, the null reverse-path too
 *	<>			the null reverse-path
 *	ann@example.org		this address
 *	ann@*, *+news@*.example.org, root@host?.example.org
 *				'*' any run of characters, '?' one of them
 *	example.org		every address at this domain
 *	.example.org		at a domain below it, not at itself
 *	*.example.org		the same
 *
 * The case of ASCII letters never matters. A pattern with an '@' is held
 * against the whole address, local-part and domain each by itself; one
 * without, against its domain.
 */
#ifndef MAIL_PATTERN_H
#define MAIL_PATTERN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Check a pattern and append its canonical form: lower case, A-labels in the
 * domain for labels without '*' or '?', ".example.org" as "*.example.org".
 * Returns 0, or -1 with *err (ERR_CONFIG) and out as it was: empty, control
 * characters, blanks or more than one '@' outside of quotes, a domain that
 * cannot be one.
 */
int	pattern_parse(const char *text, struct buf *out, struct err *);

/* Does a canonical pattern fit a canonical address ("" is the null path)? */
bool	pattern_fits(const char *pattern, const char *address);

/* Is it one address, and not a pattern that several could fit? */
bool	pattern_is_address(const char *pattern);

#endif
