/*
 * One mailbox, RFC 5321 4.1.2 and RFC 5322 3.4.1, in canonical form.
 *
 * Everywhere else in the program an address is a C string in canonical form:
 *
 *	local-part@domain
 *
 * with the local-part unquoted when it is a dot-atom, else as a quoted-string
 * with only '"' and '\' escaped; the domain lower case, A-labels (IDNA 2008,
 * non-transitional) or an address literal "[192.0.2.1]", "[IPv6:2001:db8::1]"
 * in normal form. No control byte, no byte above 0x7f except in a local-part
 * (UTF-8, RFC 6531). The null reverse-path is the empty string.
 *
 * A canonical address can be put between '<' and '>' on the wire as it is.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* RFC 5321 4.5.3.1 and RFC 1035 limits, in octets. */
#define ADDRESS_LOCAL_MAX 64
#define ADDRESS_DOMAIN_MAX 255
#define ADDRESS_PATH_MAX 254	/* path of 256 less the angle brackets */

/*
 * Parse one address as a caller or a header may write it: "a@b", "<a@b>",
 * "<@relay,@other:a@b>" (the route is dropped), quoted local-parts, blanks,
 * tabs and comments between the parts. Not a list, no display name (see
 * addrlist). Stray dots in a local-part ("a..b", ".a", "a.") are refused
 * unless quoted.
 *
 * text            NUL-terminated.
 * default_domain  canonical domain for an address without one ("root"), or
 *                 NULL: then such an address is an error.
 * out             the canonical form is appended.
 *
 * Returns 0, or -1 with *err and out as it was: ERR_DATA, 5.1.3 bad syntax or
 * over a limit, 5.1.2 bad domain; for a sender the caller may change the
 * status to 5.1.7. The text of *err is the reason alone, without the address.
 * Control characters other than those tabs are always refused; so are "" and
 * "<>": who allows the null reverse-path looks for it first.
 */
int	address_parse(const char *text, const char *default_domain,
	    struct buf *out, struct err *);

/*
 * The same from parts already unquoted: local (n bytes, any) and domain as
 * written. The limit of the local-part holds for its canonical form.
 */
int	address_join(const char *local, size_t n, const char *domain,
	    struct buf *out, struct err *);

/*
 * The canonical form of a domain or address literal alone. Returns 0, or -1
 * with *err (ERR_DATA 5.1.2): empty label, label over 63, whole over 255,
 * not IDNA, not letters-digits-hyphen ('_' is let through: it exists),
 * malformed literal.
 */
int	address_domain_parse(const char *domain, struct buf *out,
	    struct err *);

/* The domain of a canonical address: what follows its last '@'. */
const char *address_domain(const char *address);

/* Is the domain of a canonical address (or a domain) an address literal? */
bool	address_is_literal(const char *address);

/* Does a canonical address need SMTPUTF8 (RFC 6531)? */
bool	address_needs_utf8(const char *address);

#endif
