/*
 * "host", "host:25", "192.0.2.1:25", "[2001:db8::1]:25", "[192.0.2.1]": a host
 * and perhaps a port, as settings have them (pure).
 */
#ifndef DELIVER_HOSTPORT_H
#define DELIVER_HOSTPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Parse n octets of text.
 *
 * host  set: canonical name, or an IP address in normal form without brackets;
 *       the caller frees.
 * port  set to 0 when none is given.
 *
 * Returns 0, or -1 with *err (ERR_CONFIG) and nothing set.
 */
int	hostport_parse(const char *text, size_t n, char **host, uint16_t *port,
	    struct err *);

/* Append a host as it was written, an IPv6 address in brackets, and ":port"
 * unless it is 0. */
void	hostport_write(const char *host, uint16_t port, struct buf *out);

/* Is a host of hostport_parse() an IP address? */
bool	hostport_is_address(const char *host);

#endif
