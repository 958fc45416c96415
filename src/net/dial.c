#include "config.h"

#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* Wait for a connection that is under way. Returns 0 or an errno. */
static int
await(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int n, left, failure = 0;

	do {
		left = clock_left_ms(deadline);
		n = poll(&p, 1, left);
		if (n < 0 && errno != EINTR)
			return errno;
	} while (n <= 0 && left > 0);
	if (n <= 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
		return errno;
	return failure;
}

int
dial_socket(const struct sockaddr *sa, socklen_t size, int64_t deadline)
{
	int fd, failure = 0, on = 1;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return -1;
	/* We gather what belongs together; Nagle would only hold back the
	 * last part of a flight. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, sa, size) < 0) {
		failure = errno;
		if (failure == EINPROGRESS || failure == EINTR)
			failure = await(fd, deadline);
	}
	if (failure != 0) {
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

int
dial(const struct mx_addr *addr, uint16_t port, int64_t deadline,
    struct err *err)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[INET6_ADDRSTRLEN];
	int fd;

	if (addr->family == 4) {
		in.sin_port = htons(port);
		memcpy(&in.sin_addr, addr->ip, 4);
		fd = dial_socket((struct sockaddr *)&in, sizeof(in), deadline);
	} else {
		in6.sin6_port = htons(port);
		memcpy(&in6.sin6_addr, addr->ip, 16);
		fd = dial_socket((struct sockaddr *)&in6, sizeof(in6),
		    deadline);
	}
	if (fd < 0)
		err_set(err, ERR_TEMP, "4.4.1", "connect to [%s]:%u: %s",
		    mx_addr_text(addr, text), port, strerror(errno));
	return fd;
}
