/*
 * Connecting with a deadline.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "net/mx.h"

/*
 * Open a TCP connection, with TCP_NODELAY and non-blocking.
 *
 * addr      where to.
 * port      in host order.
 * source    IP addresses to connect from, at most one a family, blanks
 *           between; the one of the same family is used, none: any. NULL: any.
 * deadline  clock_ms() value after which it is given up.
 *
 * Returns the descriptor, or -1 with *err: ERR_TEMP 4.4.1 refused, unreachable
 * or silent, "connect to [ADDR]:PORT: reason"; ERR_TEMP 4.4.0 our own network
 * is down or has no way there (ENETUNREACH, ENETDOWN, EADDRNOTAVAIL).
 */
int	dial(const struct mx_addr *addr, uint16_t port, const char *source,
	    int64_t deadline, struct err *);

/* The same for any socket address; returns -1 with errno set. */
int	dial_socket(const struct sockaddr *, socklen_t, int64_t deadline);

/* Does that errno say that our own network is down? */
bool	dial_is_offline(int failure);

/* Bind a socket to the one of source that is of its family, as dial() does;
 * there is none: nothing is done. Returns 0, or -1 with errno set. */
int	dial_bind(int fd, int family, const char *source);

#endif
