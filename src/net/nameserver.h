/*
 * The addresses of name servers: the text of a nameserver setting,
 * "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353",
 * several with blanks between; and libresolv's list of them.
 */
#ifndef NET_NAMESERVER_H
#define NET_NAMESERVER_H

#include <netinet/in.h>
#include <resolv.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

union nameserver {
	struct sockaddr	    any;
	struct sockaddr_in  in;
	struct sockaddr_in6 in6;
};

/*
 * Read the text into server (MAXNS of them at most, as libresolv knows).
 *
 * Returns how many there are, at least 1; or -1 with *err (ERR_CONFIG).
 */
int	nameserver_parse(const char *text, union nameserver server[MAXNS],
	    struct err *);

/* Make libresolv ask these n servers (at most MAXNS). */
void	nameserver_set(struct __res_state *, const union nameserver *, int n);

/* Server i of libresolv's (below nscount), and its size; NULL: it has none. */
const struct sockaddr *nameserver_at(const struct __res_state *, int i,
	    socklen_t *size);

/* Is the address one of this machine's loopback? */
bool	nameserver_is_loopback(const struct sockaddr *);

#endif
