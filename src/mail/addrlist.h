/*
 * Lists of addresses as headers and command lines hold them (RFC 5322 3.4,
 * with the obsolete forms of 4.4 that are seen): display names, comments
 * (nested), groups, routes, quoted local-parts, folded lines, empty elements,
 * and ';' or ',' between. Time is linear in the length, depth of comments is
 * counted and not recursed.
 */
#ifndef MAIL_ADDRLIST_H
#define MAIL_ADDRLIST_H

#include <stddef.h>

#include "base/strlist.h"

/* One address that could not be used, with the reason; a bad one costs only
 * itself. Text is the address as written (sanitised), then ": reason". */

/*
 * Parse a list.
 *
 * text, n         the field's body or the argument; may hold folding, need
 *                 not be NUL-terminated.
 * default_domain  for addresses without a domain; NULL: they are bad.
 * good            canonical addresses are appended in order, duplicates too.
 * bad             one line for each that is refused is appended.
 */
void	addrlist_parse(const char *text, size_t n, const char *default_domain,
	    struct strlist *good, struct strlist *bad);

/* One element of a list, and where its address stands. */
struct addrlist_element {
	const char *address;	/* canonical; NULL: it could not be used */
	const char *trouble;	/* then, the line about it */
	size_t	 at, len;	/* of address: its place in the text as handed
				 * over. Brackets, display name and comments
				 * around it are outside; a route and what is
				 * folded or commented within it, inside */
};

/*
 * Walk over a list and tell of its elements in order, good and bad.
 *
 * found  is called with arg; what it is shown is valid until it returns.
 */
void	addrlist_walk(const char *text, size_t n, const char *default_domain,
	    void (*found)(void *arg, const struct addrlist_element *),
	    void *arg);

#endif
