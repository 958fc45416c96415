/*
 * What we call ourselves in EHLO (RFC 5321 4.1.4).
 */
#ifndef NET_OURNAME_H
#define NET_OURNAME_H

#include <stdbool.h>

/* Is that a name that others could look up? Not without a dot, and not
 * "localhost.localdomain". */
bool	ourname_is_public(const char *hostname);

/*
 * hostname, when it is public; else the literal of our own address on the
 * connection (RFC 5321 4.1.3), or hostname where there is none.
 *
 * Returns it; the caller frees.
 */
char	*ourname(int fd, const char *hostname);

#endif
