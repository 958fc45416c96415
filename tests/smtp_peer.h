/*
 * A scripted SMTP server for tests: it holds the other end of a socketpair,
 * hears exactly what its script says must come, octet by octet, and answers.
 *
 * What a turn hears, the client has said before it got any answer to it; what
 * it says too early or too late is a failure. So a script shows the flights.
 */
#ifndef TESTS_SMTP_PEER_H
#define TESTS_SMTP_PEER_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

#define PEER_TURNS 12
#define PEER_HANG_UP "\004"
#define PEER_WAIT_MS 5000	/* more than any patience in the tests */
#define PEER_LISTEN_MS 3	/* for what should not come */

struct turn {
	const char *hear;	/* NULL: the script ends */
	const char *say;	/* or NULL; PEER_HANG_UP at its end: then close */
};

struct peer {
	int	    fd;
	const struct turn *turns;
	size_t	    nturns;
	bool	    by_octet;	/* answer in pieces of one octet */
	struct buf  wrong;	/* what was not as the script says; owned */
	pthread_t   thread;
};

/* Returns false when it is to hang up then. Who hangs up listens to nothing
 * more while it speaks its last words: else it would be chance whether what
 * the client says to them still gets through. */
static inline bool
peer_say(struct peer *peer, const char *text)
{
	size_t n = strcspn(text, PEER_HANG_UP);
	size_t step = peer->by_octet ? 1 : n;

	if (text[n] != '\0')
		shutdown(peer->fd, SHUT_RD);
	for (; n > 0; text += step, n -= step)
		if (send(peer->fd, text, step, MSG_NOSIGNAL) < 0)
			return false;
	return *text == '\0';
}

/* Read up to n octets; fewer when the client is silent or gone. */
static inline size_t
peer_hear(struct peer *peer, char *got, size_t n, int wait_ms)
{
	struct pollfd p = { .fd = peer->fd, .events = POLLIN };
	size_t have = 0;
	ssize_t more;

	while (have < n && poll(&p, 1, wait_ms) > 0) {
		more = read(peer->fd, got + have, n - have);
		if (more <= 0)
			break;
		have += (size_t)more;
	}
	return have;
}

static inline bool
peer_turn(struct peer *peer, const struct turn *turn)
{
	size_t n = strlen(turn->hear), have;
	struct buf got = { 0 };
	char more[256];

	have = peer_hear(peer, buf_reserve(&got, n + 1), n, PEER_WAIT_MS);
	got.len = have;
	if (have < n || memcmp(got.data, turn->hear, n) != 0)
		buf_printf(&peer->wrong, "heard:\n%s\nnot:\n%s\n",
		    buf_str(&got), turn->hear);
	have = peer->wrong.len > 0 ? 0 :
	    peer_hear(peer, more, sizeof(more) - 1, PEER_LISTEN_MS);
	more[have] = '\0';
	if (have > 0)
		buf_printf(&peer->wrong, "behind:\n%s\nheard too much:\n%s\n",
		    turn->hear, more);
	buf_release(&got);
	if (peer->wrong.len > 0)
		return false;
	return turn->say == NULL || peer_say(peer, turn->say);
}

static inline void *
peer_run(void *arg)
{
	struct peer *peer = arg;
	char rest[256];
	size_t i, n;

	for (i = 0; i < peer->nturns && peer->turns[i].hear != NULL; i++)
		if (!peer_turn(peer, &peer->turns[i]))
			break;
	if (i < peer->nturns && peer->turns[i].hear != NULL) {
		close(peer->fd);
		return NULL;
	}
	n = peer_hear(peer, rest, sizeof(rest) - 1, PEER_WAIT_MS);
	rest[n] = '\0';
	if (n > 0)
		buf_printf(&peer->wrong, "heard at the end:\n%s\n", rest);
	close(peer->fd);
	return NULL;
}

/* Start it; returns the client's end, non-blocking, or -1. */
static inline int
peer_start(struct peer *peer)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -1;
	peer->fd = fd[1];
	if (pthread_create(&peer->thread, NULL, peer_run, peer) != 0)
		return -1;
	return fd[0];
}

/* Wait for its end, after the client has closed. */
static inline void
peer_join(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
}

#endif
