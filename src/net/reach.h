/*
 * What the kernel can tell of the network without sending anything:
 * connecting a datagram socket looks up the route there and the address that
 * we would have.
 */
#ifndef NET_REACH_H
#define NET_REACH_H

#include <stdbool.h>
#include <sys/socket.h>

/* Could a datagram be sent there? Only when there is no way is it false. */
bool	reach_address(const struct sockaddr *, socklen_t);

/* Is there a way to the IPv6 Internet, from an address of it? */
bool	reach_global_ipv6(void);

/* Is there a way to any address of the Internet, IPv4 or IPv6? */
bool	reach_internet(void);

#endif
