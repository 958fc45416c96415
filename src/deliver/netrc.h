/*
 * The .netrc of ftp(1), curl(1) and others, as a place for passwords (pure).
 *
 *	machine smtp.example.org login ann password "blue sky"
 *	default password "other"
 *
 * Words are parted by blanks and line ends; one in double quotes may hold them,
 * and \" \\ \n \r \t. '#' begins a comment where a keyword could stand. What
 * follows macdef, up to an empty line, is passed over, and so are account and
 * unknown keywords, each with nothing or one word behind it.
 */
#ifndef DELIVER_NETRC_H
#define DELIVER_NETRC_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Find the password of user on host: of the first entry for that machine, or
 * default, that has a password and either that login or none.
 *
 * password  cleared, and filled without growing when it has room for n octets;
 *           the caller wipes it.
 *
 * Returns 1, 0 when there is none, or -1 with *err (ERR_TEMP 4.7.0): quotes
 * that do not end, a keyword without its word, NUL.
 */
int	netrc_find(const char *text, size_t n, const char *host,
	    const char *user, struct buf *password, struct err *);

#endif
