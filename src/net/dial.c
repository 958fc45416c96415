#include "config.h"

#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
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

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Returns the size. */
static socklen_t
address_of(union address *a, const struct mx_addr *addr, uint16_t port)
{
	memset(a, 0, sizeof(*a));
	if (addr->family == 4) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons(port);
		memcpy(&a->in.sin_addr, addr->ip, 4);
		return sizeof(a->in);
	}
	a->in6.sin6_family = AF_INET6;
	a->in6.sin6_port = htons(port);
	memcpy(&a->in6.sin6_addr, addr->ip, 16);
	return sizeof(a->in6);
}

/* The address of that family in a list of them. */
static bool
source_of(const char *list, int family, struct mx_addr *source)
{
	char text[INET6_ADDRSTRLEN];
	size_t n;

	for (; list != NULL && *list != '\0'; list += n) {
		list += strspn(list, " \t");
		n = strcspn(list, " \t");
		if (n >= sizeof(text))
			continue;
		memcpy(text, list, n);
		text[n] = '\0';
		if (inet_pton(family, text, source->ip) != 1)
			continue;
		source->family = family == AF_INET ? 4 : 6;
		return true;
	}
	return false;
}

/* connect(2) chooses the port: only then connections to several servers may
 * share it. */
int
dial_bind(int fd, int family, const char *source)
{
	struct mx_addr ours = { 0 };
	union address from;
	socklen_t size;

	if (!source_of(source, family, &ours))
		return 0;
	size = address_of(&from, &ours, 0);
#ifdef IP_BIND_ADDRESS_NO_PORT
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 },
	    sizeof(int));
#endif
	return bind(fd, &from.sa, size);
}

static int
open_from(const char *source, const struct sockaddr *sa, socklen_t size,
    int64_t deadline)
{
	int fd, failure = 0, on = 1;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return -1;
	/* We gather what belongs together; Nagle would only hold back the
	 * last part of a flight. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (dial_bind(fd, sa->sa_family, source) < 0 ||
	    connect(fd, sa, size) < 0) {
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
dial_socket(const struct sockaddr *sa, socklen_t size, int64_t deadline)
{
	return open_from(NULL, sa, size, deadline);
}

bool
dial_is_offline(int failure)
{
	return failure == ENETUNREACH || failure == ENETDOWN ||
	    failure == EADDRNOTAVAIL;
}

int
dial(const struct mx_addr *addr, uint16_t port, const char *source,
    int64_t deadline, struct err *err)
{
	char text[INET6_ADDRSTRLEN], from[INET6_ADDRSTRLEN];
	struct mx_addr ours = { 0 };
	union address to;
	socklen_t size = address_of(&to, addr, port);
	int fd = open_from(source, &to.sa, size, deadline);
	int failure = errno;
	bool bound;

	if (fd >= 0)
		return fd;
	bound = source_of(source, to.sa.sa_family, &ours);
	return err_set(err, ERR_TEMP,
	    dial_is_offline(failure) ? "4.4.0" : "4.4.1",
	    "connect to [%s]:%u%s%s%s: %s", mx_addr_text(addr, text), port,
	    bound ? " from [" : "", bound ? mx_addr_text(&ours, from) : "",
	    bound ? "]" : "", strerror(failure));
}
