#include "config.h"

#include "net/query_tcp.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/nameserver.h"

#define QUESTION_MAX 512	/* a header and one name */

/* Did send or recv only ask to wait? Then wait. */
static int
wait_for(int fd, short what, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	int left = clock_left_ms(deadline);

	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return -1;
	if (left == 0)
		return -1;
	return poll(&p, 1, left) < 0 && errno != EINTR ? -1 : 0;
}

static int
send_all(int fd, const unsigned char *data, size_t n, int64_t deadline)
{
	ssize_t sent;

	while (n > 0) {
		sent = send(fd, data, n, MSG_NOSIGNAL);
		if (sent < 0 && wait_for(fd, POLLOUT, deadline) < 0)
			return -1;
		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int
recv_all(int fd, unsigned char *data, size_t n, int64_t deadline)
{
	ssize_t got;

	while (n > 0) {
		if (clock_left_ms(deadline) == 0)
			return -1;
		got = recv(fd, data, n, 0);
		if (got == 0)
			return -1;
		if (got < 0 && wait_for(fd, POLLIN, deadline) < 0)
			return -1;
		if (got > 0) {
			data += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

/* Each message has its length before it, two bytes. */
static int
exchange(int fd, const unsigned char *question, size_t n,
    unsigned char *answer, size_t size, int64_t deadline)
{
	unsigned char prefix[2];
	size_t len;

	if (send_all(fd, question, n, deadline) < 0 ||
	    recv_all(fd, prefix, sizeof(prefix), deadline) < 0)
		return -1;
	len = (size_t)prefix[0] << 8 | prefix[1];
	if (len < NS_HFIXEDSZ || len > size ||
	    recv_all(fd, answer, len, deadline) < 0)
		return -1;
	return memcmp(answer, question + sizeof(prefix), 2) == 0 ? (int)len :
								    -1;
}

static int
dial_server(struct __res_state *res, int i, int64_t deadline)
{
	const struct sockaddr *server;
	socklen_t size;

	server = nameserver_at(res, i, &size);
	return server != NULL ? dial_socket(server, size, deadline) : -1;
}

int
query_tcp(struct __res_state *res, const char *name, int type,
    unsigned char *answer, size_t size, int64_t deadline)
{
	unsigned char question[2 + QUESTION_MAX];
	int64_t until;
	int i, fd, n, len = -1;

	n = res_nmkquery(res, ns_o_query, name, ns_c_in, type, NULL, 0, NULL,
	    question + 2, QUESTION_MAX);
	if (n < NS_HFIXEDSZ)
		return -1;
	question[0] = (unsigned char)(n >> 8);
	question[1] = (unsigned char)n;
	for (i = 0; i < res->nscount && len < 0; i++) {
		/* A dead server leaves the others their share of the time. */
		until = clock_ms() +
		    clock_left_ms(deadline) / (res->nscount - i);
		fd = dial_server(res, i, until);
		if (fd < 0)
			continue;
		len = exchange(fd, question, (size_t)n + 2, answer, size,
		    until);
		close(fd);
	}
	return len;
}
