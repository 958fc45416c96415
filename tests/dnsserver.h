/*
 * A name server for tests: a thread that answers from a script, on UDP and
 * TCP of one port of 127.0.0.1 (or ::1).
 */
#ifndef TESTS_DNSSERVER_H
#define TESTS_DNSSERVER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "dnsmsg.h"

enum dnsserver_way {
	WAY_PLAIN,
	WAY_SILENT,		/* no answer at all */
	WAY_WRONG_ID,		/* wrong id first, then the right answer */
	WAY_ONLY_WRONG_ID,
	WAY_TC,			/* UDP: cut short; TCP: the answer */
	WAY_TC_REFUSED,		/* the same, but TCP is closed at once */
	WAY_TC_SILENT,		/* the same, but TCP hangs */
	WAY_WRONG_QUESTION,	/* the answer to another question */
	WAY_GARBAGE,		/* right id, then nonsense */
	WAY_SLOW		/* after dnsserver.delay_ms */
};

struct dnsserver_row {
	const char *name, *type;
	unsigned rcode;
	const char *records;	/* dnsmsg.h */
	enum dnsserver_way way;
};

/* For questions that no row knows: fill the records, or return false. */
typedef bool dnsserver_make_fn(const char *name, unsigned type, char *records,
	    size_t size);

struct dnsserver_late {
	int64_t	 due;
	struct sockaddr_storage peer;
	socklen_t size;
	size_t	 n;
	unsigned char b[600];
};

#define DNSSERVER_LATE 4096

struct dnsserver {
	const struct dnsserver_row *rows;
	size_t	 nrow;
	int	 delay_ms;
	dnsserver_make_fn *make;	/* or NULL */
	uint16_t port;
	atomic_uint asked;	/* datagrams */
	atomic_bool stop;

	int	 udp, tcp, hung[16], nhung;
	pthread_t thread;
	struct dnsserver_late *late;
	size_t	 late_first, late_n;
};

static inline const struct dnsserver_row *
dnsserver_find(struct dnsserver *s, const char *name, unsigned type)
{
	size_t i;

	for (i = 0; i < s->nrow; i++) {
		if (str_ieq(s->rows[i].name, name) &&
		    dnsmsg_type(s->rows[i].type) == type)
			return &s->rows[i];
	}
	return NULL;
}

/* Read the question. The name is written as it is, unescaped. */
static inline unsigned
dnsserver_question(const unsigned char *q, size_t n, char *name)
{
	size_t at = 12, len;

	*name = '\0';
	while (at < n && (len = q[at++]) > 0 && at + len < n) {
		memcpy(name, q + at, len);
		name += len;
		at += len;
		*name++ = '.';
		*name = '\0';
	}
	if (at > 13)
		name[-1] = '\0';
	return at + 2 <= n ? (unsigned)(q[at] << 8 | q[at + 1]) : 0;
}

/* Make the answer to q. Returns how it is to be given. */
static inline enum dnsserver_way
dnsserver_answer(struct dnsserver *s, const unsigned char *q, size_t n,
    struct dnsmsg *m)
{
	const struct dnsserver_row *row;
	char name[300], records[1200];
	unsigned type = dnsserver_question(q, n, name);
	unsigned id = (unsigned)(q[0] << 8 | q[1]);
	enum dnsserver_way way = WAY_PLAIN;

	row = dnsserver_find(s, name, type);
	if (row != NULL) {
		way = row->way;
		if (way == WAY_WRONG_QUESTION)
			str_copy(name, sizeof(name), "other.test");
		dnsmsg_begin(m, id, DNSMSG_QR | row->rcode, name, type);
		if (row->records != NULL)
			dnsmsg_records(m, row->records);
	} else if (s->make != NULL &&
	    s->make(name, type, records, sizeof(records))) {
		dnsmsg_begin(m, id, DNSMSG_QR, name, type);
		dnsmsg_records(m, records);
	} else
		dnsmsg_begin(m, id, DNSMSG_QR, name, type);
	return way == WAY_PLAIN && s->delay_ms > 0 ? WAY_SLOW : way;
}

static inline void
dnsserver_put(struct dnsserver *s, const struct dnsmsg *m,
    const struct sockaddr_storage *peer, socklen_t size)
{
	sendto(s->udp, m->b, m->n, 0, (const struct sockaddr *)peer, size);
}

static inline void
dnsserver_put_late(struct dnsserver *s, const struct dnsmsg *m,
    const struct sockaddr_storage *peer, socklen_t size)
{
	struct dnsserver_late *l;

	if (s->late_n == DNSSERVER_LATE || m->n > sizeof(l->b))
		abort();
	l = &s->late[(s->late_first + s->late_n++) % DNSSERVER_LATE];
	l->due = clock_ms() + s->delay_ms;
	l->peer = *peer;
	l->size = size;
	l->n = m->n;
	memcpy(l->b, m->b, m->n);
}

static inline bool
dnsserver_udp(struct dnsserver *s)
{
	static _Thread_local struct dnsmsg m;
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	unsigned char q[1500];
	ssize_t n;

	n = recvfrom(s->udp, q, sizeof(q), MSG_DONTWAIT,
	    (struct sockaddr *)&peer, &size);
	if (n < 12)
		return false;
	s->asked++;
	switch (dnsserver_answer(s, q, (size_t)n, &m)) {
	case WAY_SILENT:
		return true;
	case WAY_WRONG_ID:
		m.b[0] ^= 0x55;
		m.b[3] ^= 3;	/* says NXDOMAIN, too */
		dnsserver_put(s, &m, &peer, size);
		m.b[0] ^= 0x55;
		m.b[3] ^= 3;
		break;
	case WAY_ONLY_WRONG_ID:
		m.b[0] ^= 0x55;
		break;
	case WAY_TC:
	case WAY_TC_REFUSED:
	case WAY_TC_SILENT:
		m.b[2] |= DNSMSG_TC >> 8;
		m.b[6] = m.b[7] = 0;
		m.n = (size_t)n < m.n ? (size_t)n : m.n;
		/* The question without its OPT record. */
		m.b[10] = m.b[11] = 0;
		break;
	case WAY_GARBAGE:
		m.b[7] = 9;
		break;
	case WAY_SLOW:
		dnsserver_put_late(s, &m, &peer, size);
		return true;
	default:
		break;
	}
	dnsserver_put(s, &m, &peer, size);
	return true;
}

static inline void
dnsserver_tcp(struct dnsserver *s)
{
	static _Thread_local struct dnsmsg m;
	unsigned char q[1500];
	enum dnsserver_way way;
	int fd = accept(s->tcp, NULL, NULL);
	ssize_t n;

	if (fd < 0)
		return;
	n = recv(fd, q, sizeof(q), 0);
	if (n > 14) {
		way = dnsserver_answer(s, q + 2, (size_t)n - 2, &m);
		if (way == WAY_TC_SILENT && s->nhung < 16) {
			s->hung[s->nhung++] = fd;
			return;
		}
		q[0] = (unsigned char)(m.n >> 8);
		q[1] = (unsigned char)m.n;
		if (way != WAY_TC_REFUSED &&
		    send(fd, q, 2, MSG_NOSIGNAL) == 2)
			send(fd, m.b, m.n, MSG_NOSIGNAL);
	}
	close(fd);
}

static inline void *
dnsserver_main(void *arg)
{
	struct dnsserver *s = arg;
	struct pollfd p[2] = { { .fd = s->udp, .events = POLLIN },
		{ .fd = s->tcp, .events = POLLIN } };
	struct dnsserver_late *l;

	while (!s->stop) {
		poll(p, 2, s->late_n > 0 ? 1 : 20);
		while (dnsserver_udp(s))
			;
		if (p[1].revents != 0)
			dnsserver_tcp(s);
		while (s->late_n > 0) {
			l = &s->late[s->late_first];
			if (l->due > clock_ms())
				break;
			sendto(s->udp, l->b, l->n, 0,
			    (struct sockaddr *)&l->peer, l->size);
			s->late_first = (s->late_first + 1) % DNSSERVER_LATE;
			s->late_n--;
		}
	}
	return NULL;
}

/* A pair of sockets with one port. Returns false without that family. */
static inline bool
dnsserver_bind(struct dnsserver *s, int family)
{
	struct sockaddr_storage ss;
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	socklen_t size = family == AF_INET ? sizeof(*in) : sizeof(*in6);
	int tries;

	for (tries = 0; tries < 50; tries++) {
		memset(&ss, 0, sizeof(ss));
		ss.ss_family = (sa_family_t)family;
		if (family == AF_INET)
			in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		else
			in6->sin6_addr.s6_addr[15] = 1;
		s->tcp = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		s->udp = socket(family, SOCK_DGRAM, 0);
		if (s->tcp >= 0 && s->udp >= 0 &&
		    bind(s->tcp, (struct sockaddr *)&ss, size) == 0 &&
		    listen(s->tcp, 64) == 0 &&
		    getsockname(s->tcp, (struct sockaddr *)&ss, &size) == 0 &&
		    bind(s->udp, (struct sockaddr *)&ss, size) == 0) {
			/* The port is at the same place in both. */
			s->port = ntohs(in->sin_port);
			return true;
		}
		close(s->tcp);
		close(s->udp);
	}
	return false;
}

static inline bool
dnsserver_start(struct dnsserver *s, int family)
{
	int size = 4 * 1024 * 1024;

	if (!dnsserver_bind(s, family))
		return false;
	setsockopt(s->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	s->late = calloc(DNSSERVER_LATE, sizeof(*s->late));
	return s->late != NULL &&
	    pthread_create(&s->thread, NULL, dnsserver_main, s) == 0;
}

static inline void
dnsserver_end(struct dnsserver *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
	close(s->udp);
	close(s->tcp);
	while (s->nhung > 0)
		close(s->hung[--s->nhung]);
	free(s->late);
}

#endif
