#include "config.h"

#include "net/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"

#define READ_SIZE 4096

static ssize_t
plain_send(struct conn *c, const void *data, size_t n, short *want,
    struct err *err)
{
	ssize_t sent;

	do
		sent = send(c->fd, data, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	*want = errno == EAGAIN || errno == EWOULDBLOCK ? POLLOUT : 0;
	return *want != 0 ? -1 : err_set(err, ERR_TEMP, "4.4.2",
	    "connection lost in sending: %s", strerror(errno));
}

static ssize_t
plain_recv(struct conn *c, void *data, size_t n, short *want, struct err *err)
{
	ssize_t got;

	do
		got = recv(c->fd, data, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	*want = errno == EAGAIN || errno == EWOULDBLOCK ? POLLIN : 0;
	return *want != 0 ? -1 : err_set(err, ERR_TEMP, "4.4.2",
	    "connection lost: %s", strerror(errno));
}

static const struct conn_io plain_io = { plain_send, plain_recv, NULL };

void
conn_init(struct conn *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->watch_fd = -1;
	c->trace_fd = -1;
	c->io = &plain_io;
}

void
conn_close(struct conn *c)
{
	if (c->io != NULL && c->io->bye != NULL)
		c->io->bye(c);
	if (c->io != NULL && c->fd >= 0)
		close(c->fd);
	buf_release(&c->in);
	buf_release(&c->out);
	conn_init(c, -1);
	c->broken = true;
}

static int
already_broken(struct err *err)
{
	return err_set(err, ERR_TEMP, "4.4.2", "connection lost before");
}

/*
 * Is there time left? Asked before every transfer, not only when one would
 * block: a peer that always has a little more for us must not pass the limit.
 */
static int
check_time(struct conn *c, int64_t deadline, int *left_ms, struct err *err)
{
	bool capped = c->ceiling != 0 && c->ceiling < deadline;

	*left_ms = clock_left_ms(capped ? c->ceiling : deadline);
	if (*left_ms > 0)
		return 0;
	c->broken = true;
	return err_set(err, ERR_TEMP, "4.4.2", capped ?
	    "session has taken longer than it may" : "timed out");
}

static int
unwanted(struct conn *c, struct err *err)
{
	c->broken = true;
	return err_set(err, ERR_TEMP, "4.4.2",
	    "the process that wants the result is gone");
}

int
conn_wanted(struct conn *c, struct err *err)
{
	struct pollfd p = { .fd = c->watch_fd };

	return poll(&p, 1, 0) > 0 ? unwanted(c, err) : 0;
}

int
conn_wait(struct conn *c, short want, int64_t deadline, struct err *err)
{
	struct pollfd p[2] = { { .fd = c->fd, .events = want },
		{ .fd = c->watch_fd } };
	int n, left;

	if (c->broken)
		return already_broken(err);
	for (;;) {
		if (check_time(c, deadline, &left, err) < 0)
			return -1;
		n = poll(p, 2, left);
		if (n < 0 && errno != EINTR) {
			c->broken = true;
			return err_set(err, ERR_TEMP, "4.4.2", "poll: %s",
			    strerror(errno));
		}
		if (n > 0 && p[1].revents != 0)
			return unwanted(c, err);
		/* POLLERR and POLLHUP: send or recv will tell what it is. */
		if (n > 0)
			return 0;
	}
}

/*
 * Receive once into the input buffer, waiting until the deadline. Returns
 * 0, or -1 with *err.
 */
static int
fill(struct conn *c, int64_t deadline, struct err *err)
{
	short want = 0;
	ssize_t n;
	int left;

	if (c->broken)
		return already_broken(err);
	for (;;) {
		if (check_time(c, deadline, &left, err) < 0)
			return -1;
		n = c->io->recv(c, buf_reserve(&c->in, READ_SIZE), READ_SIZE,
		    &want, err);
		if (n > 0) {
			c->in.len += (size_t)n;
			return 0;
		}
		if (n == 0)
			err_set(err, ERR_TEMP, "4.4.2",
			    "connection closed by the other side");
		if (n == 0 || want == 0) {
			c->broken = true;
			return -1;
		}
		if (conn_wait(c, want, deadline, err) < 0)
			return -1;
	}
}

/*
 * A server that has had enough often says why and closes without reading on:
 * fetch these words, so that conn_line() can still tell them.
 */
static void
rescue_input(struct conn *c)
{
	struct err ignored;
	short want;
	ssize_t n;

	n = c->io->recv(c, buf_reserve(&c->in, READ_SIZE), READ_SIZE, &want,
	    &ignored);
	if (n > 0)
		c->in.len += (size_t)n;
}

/* Send one block. */
static int
send_block(struct conn *c, const char *data, size_t n, unsigned wait_s,
    struct err *err)
{
	int64_t deadline = clock_ms() + (int64_t)wait_s * 1000;
	short want = 0;
	ssize_t sent;
	int left;

	while (n > 0) {
		if (check_time(c, deadline, &left, err) < 0)
			return -1;
		sent = c->io->send(c, data, n, &want, err);
		if (sent < 0 && want == 0) {
			rescue_input(c);
			c->broken = true;
			return -1;
		}
		if (sent < 0 && conn_wait(c, want, deadline, err) < 0)
			return -1;
		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

int
conn_flush(struct conn *c, unsigned wait_s, struct err *err)
{
	if (c->broken)
		return already_broken(err);
	if (send_block(c, c->out.data, c->out.len, wait_s, err) < 0)
		return -1;
	buf_clear(&c->out);
	return 0;
}

/*
 * Fill the buffer to a whole block, send it, then whole blocks from where
 * they lie; the rest waits for more. So a message passes uncopied and in
 * large pieces, and a command before it travels with its first bytes.
 */
int
conn_write(struct conn *c, const void *data, size_t n, unsigned wait_s,
    struct err *err)
{
	const char *p = data;
	size_t part;

	if (c->broken)
		return already_broken(err);
	if (c->out.len > 0 && c->out.len + n >= CONN_OUT_MAX) {
		part = CONN_OUT_MAX - c->out.len;
		buf_add(&c->out, p, part);
		p += part;
		n -= part;
		if (conn_flush(c, wait_s, err) < 0)
			return -1;
	}
	while (n >= CONN_OUT_MAX) {
		if (send_block(c, p, CONN_OUT_MAX, wait_s, err) < 0)
			return -1;
		p += CONN_OUT_MAX;
		n -= CONN_OUT_MAX;
	}
	buf_add(&c->out, p, n);
	return 0;
}

bool
conn_has_input(const struct conn *c)
{
	return c->in_at < c->in.len;
}

/* Hand out n bytes of input as a line, without its end. */
static void
take_line(struct conn *c, size_t n, struct buf *line)
{
	const char *p = c->in.data + c->in_at;
	size_t len = n - 1;

	if (len > 0 && p[len - 1] == '\r')
		len--;
	buf_add(line, p, len);
	c->in_at += n;
	if (c->in_at == c->in.len) {
		buf_clear(&c->in);
		c->in_at = 0;
	}
}

int
conn_line(struct conn *c, int64_t deadline, size_t max, struct buf *line,
    struct err *err)
{
	const char *p, *end;
	size_t have, seen = 0;

	buf_clear(line);
	for (;;) {
		have = c->in.len - c->in_at;
		p = have > 0 ? c->in.data + c->in_at : NULL;
		end = have > seen ? memchr(p + seen, '\n', have - seen) : NULL;
		seen = end != NULL ? (size_t)(end - p) : have;
		/* Only a CR may stand beyond max. */
		if (seen > max + 1 || (seen == max + 1 && p[max] != '\r')) {
			c->broken = true;
			return err_set(err, ERR_TEMP, "4.5.0",
			    "line longer than %zu octets received", max);
		}
		if (end != NULL) {
			take_line(c, seen + 1, line);
			return 0;
		}
		buf_consume(&c->in, c->in_at);
		c->in_at = 0;
		if (fill(c, deadline, err) < 0)
			return -1;
	}
}

static void
trace_line(struct conn *c, char mark, const char *text, size_t n,
    struct buf *out)
{
	char *copy;
	size_t i;

	if (n > 0 && text[n - 1] == '\r')
		n--;
	copy = xmalloc(n + 1);
	for (i = 0; i < n; i++)
		copy[i] = text[i] != '\0' ? text[i] : '?';
	copy[n] = '\0';
	buf_printf(out, "%s %c %s\n", c->trace_name, mark, str_sanitise(copy));
	free(copy);
}

void
conn_trace(struct conn *c, char mark, const char *text, size_t n)
{
	struct buf out = { 0 };
	const char *end;
	size_t len;

	if (c->trace_fd < 0)
		return;
	while (n > 0) {
		end = memchr(text, '\n', n);
		len = end != NULL ? (size_t)(end - text) : n;
		trace_line(c, mark, text, len, &out);
		text += end != NULL ? len + 1 : len;
		n -= end != NULL ? len + 1 : len;
	}
	/* All of it at once: dialogues of several workers do not mix. That
	 * a trace cannot be written is no reason to stop the mail. */
	(void)!write_all(c->trace_fd, out.data, out.len);
	buf_release(&out);
}
