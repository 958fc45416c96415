#include "config.h"

#include "net/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

/* A socket connected to it, or -1 with errno set. */
static int
connect_datagram(const struct sockaddr *there, socklen_t size)
{
	int saved, fd = socket(there->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, there, size) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool
reach_address(const struct sockaddr *there, socklen_t size)
{
	int fd = connect_datagram(there, size);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	return errno != ENETUNREACH && errno != ENETDOWN &&
	    errno != EADDRNOTAVAIL && errno != EHOSTUNREACH &&
	    errno != EAFNOSUPPORT;
}

/* All of the Internet's IPv6 addresses are in 2000::/3. */
bool
reach_global_ipv6(void)
{
	struct sockaddr_in6 there = { .sin6_family = AF_INET6,
		.sin6_port = htons(25),
		.sin6_addr.s6_addr = { [0] = 0x20, [15] = 1 } }, us = { 0 };
	socklen_t size = sizeof(us);
	bool ok;
	int fd;

	fd = connect_datagram((struct sockaddr *)&there, sizeof(there));
	if (fd < 0)
		return false;
	ok = getsockname(fd, (struct sockaddr *)&us, &size) == 0 &&
	    (us.sin6_addr.s6_addr[0] & 0xe0) == 0x20;
	close(fd);
	return ok;
}

/* Any address will do that is nobody's neighbour: a root name server's. */
bool
reach_internet(void)
{
	struct sockaddr_in there = { .sin_family = AF_INET,
		.sin_port = htons(53), .sin_addr.s_addr = htonl(0xc6290004) };

	return reach_address((struct sockaddr *)&there, sizeof(there)) ||
	    reach_global_ipv6();
}
