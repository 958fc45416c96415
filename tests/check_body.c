/*
 * Large messages and large envelopes, with a small server that really reads
 * them; and what happens when it stops in the middle of one.
 */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "smtp/client.h"

#define UNHEARD_MAX 120		/* as in smtp/client_impl.h */
#define IDLE_MS 20		/* then a flight is over */

static const struct smtp_patience patience = { 2, 2, 2, 2, 2, 2, 1, 2, 1 };

struct server {
	int	    fd;
	const char *offers;	/* "250-PIPELINING\r\n" */
	size_t	    stop_at;	/* octets of body; 0: read all */
	const char *stop_say;	/* then say this */
	bool	    stop_hang;	/* and read no more, instead of closing */
	struct buf  in, out;
	struct buf  body;	/* as it came, dots and all */
	bool	    chunked, in_data, ended;
	size_t	    chunk_left, unheard, unheard_max, bodies;
};

/* Body octets that have come: false when it is to stop. */
static bool
take_body(struct server *s, const char *data, size_t n)
{
	static const char end[] = "\r\n.\r\n";

	buf_add(&s->body, data, n);
	if (s->stop_at > 0 && s->body.len >= s->stop_at)
		return false;
	if (s->chunked) {
		s->chunk_left -= n;
		s->ended = s->chunk_left == 0;
	} else {
		s->ended = s->body.len >= 5 && memcmp(s->body.data +
		    s->body.len - 5, end, 5) == 0;
	}
	if (s->ended) {
		s->in_data = false;
		s->bodies++;
		buf_adds(&s->out, "250 taken\r\n");
	}
	return true;
}

static void
take_command(struct server *s, const char *line)
{
	s->unheard++;
	if (s->unheard > s->unheard_max)
		s->unheard_max = s->unheard;
	s->chunked = strncmp(line, "BDAT", 4) == 0;
	if (strncmp(line, "EHLO", 4) == 0) {
		buf_printf(&s->out, "250-mx\r\n%s250 DSN\r\n", s->offers);
	} else if (strncmp(line, "DATA", 4) == 0) {
		buf_adds(&s->out, "354 go\r\n");
		s->in_data = true;
	} else if (s->chunked) {
		sscanf(line, "BDAT %zu LAST", &s->chunk_left);
		s->in_data = true;
	} else {
		buf_adds(&s->out, "250 ok\r\n");
	}
}

/* How much of the input is body for certain: the dot may come in pieces. */
static size_t
body_len(const struct server *s)
{
	const char *end;

	if (s->chunked)
		return s->in.len > s->chunk_left ? s->chunk_left : s->in.len;
	end = memmem(s->in.data, s->in.len, "\r\n.\r\n", 5);
	if (end != NULL)
		return (size_t)(end - s->in.data) + 5;
	return s->in.len > 4 ? s->in.len - 4 : 0;
}

/* Work on what has come. False when it is to stop. */
static bool
work(struct server *s)
{
	size_t n;
	char *end;

	while (s->in.len > 0) {
		if (s->in_data) {
			n = body_len(s);
			if (n == 0)
				break;
			if (!take_body(s, s->in.data, n))
				return false;
		} else {
			end = memchr(s->in.data, '\n', s->in.len);
			if (end == NULL)
				break;
			*end = '\0';
			n = (size_t)(end - s->in.data) + 1;
			take_command(s, s->in.data);
		}
		buf_consume(&s->in, n);
	}
	return true;
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	buf_adds(&s->out, "220 mx\r\n");
	for (;;) {
		if (poll(&p, 1, IDLE_MS) == 0) {
			/* Nothing more comes without an answer. */
			if (send(s->fd, s->out.data, s->out.len,
				MSG_NOSIGNAL) < 0)
				break;
			buf_clear(&s->out);
			s->unheard = 0;
			poll(&p, 1, 5000);
		}
		n = read(s->fd, buf_reserve(&s->in, 65536), 65536);
		if (n <= 0)
			break;
		s->in.len += (size_t)n;
		if (work(s))
			continue;
		send(s->fd, s->stop_say, strlen(s->stop_say), MSG_NOSIGNAL);
		if (s->stop_hang)
			poll(NULL, 0, 2000);
		break;
	}
	close(s->fd);
	return NULL;
}

static void
server_release(struct server *s)
{
	buf_release(&s->in);
	buf_release(&s->out);
	buf_release(&s->body);
}

struct told {
	size_t	n;
	struct outcome last;
};

static void
note(void *arg, struct smtp_message *m, struct smtp_rcpt *rcpt,
    const struct outcome *o)
{
	struct told *told = arg;

	(void)m;
	(void)rcpt;
	told->n++;
	told->last = *o;
}

/* A text of so many octets: lines, and with dots each begins with one. */
static int
text_file(size_t size, bool dots, struct buf *text)
{
	int fd = memfd_create("message", 0);

	ck_assert_int_ge(fd, 0);
	while (text->len + 40 < size)
		buf_printf(text, "%sline at %zu\r\n", dots ? "." : "",
		    text->len);
	while (text->len + 2 < size)
		buf_addc(text, 'x');
	buf_adds(text, "\r\n");
	ck_assert_int_eq(write(fd, text->data, text->len),
	    (ssize_t)text->len);
	return fd;
}

/* One session with s; returns smtp_send()'s answer. */
static int
run(struct server *s, struct smtp_message *messages, size_t n,
    unsigned rcpt_max, struct told *told, struct err *err)
{
	enum outcome_stage stage;
	struct smtp_client *c;
	struct conn conn;
	pthread_t thread;
	int fd[2], rc;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	s->fd = fd[1];
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, s), 0);
	conn_init(&conn, fd[0]);
	c = smtp_new(&conn, "c.example", &patience, rcpt_max, note, told);
	ck_assert_int_eq(smtp_hello(c, &stage, err), 0);
	rc = smtp_send(c, messages, n, &stage, err);
	smtp_free(c);
	conn_close(&conn);
	pthread_join(thread, NULL);
	return rc;
}

#define PIPELINING "250-PIPELINING\r\n"
#define CHUNKING PIPELINING "250-CHUNKING\r\n"

static const struct {
	const char *name, *offers;
	size_t size;
	bool dots;
} bodies[] = {
	{ "DATA", PIPELINING, 3000000, false },
	{ "DATA, dots", PIPELINING, 1000000, true },
	{ "DATA, a word at a time", "", 100000, true },
	{ "BDAT", CHUNKING, 3000000, false },
	{ "BDAT, dots", CHUNKING, 1000000, true },
	{ "BDAT, just not at once", CHUNKING, 65537, false },
	{ "BDAT, just at once", CHUNKING, 65536, false },
	{ "BDAT, a word at a time", "250-CHUNKING\r\n", 131072, false },
	{ "DATA, a block", PIPELINING, 65536, false },
};

/* Take the dots off again that were put there for the journey. */
static void
unstuff(struct buf *body)
{
	size_t from, to = 0;

	for (from = 0; from + 3 < body->len; from++) {
		if (body->data[from] == '.' &&
		    (from == 0 || body->data[from - 1] == '\n'))
			from++;
		body->data[to++] = body->data[from];
	}
	body->len = to;
}

START_TEST(body_arrives)
{
	struct server s = { .offers = bodies[_i].offers };
	struct smtp_rcpt rcpts[2] = { { .path = "a@x" }, { .path = "b@x" } };
	struct smtp_message m = { .reverse_path = "", .rcpts = rcpts,
		.nrcpt = 2, .body = bodies[_i].dots ? BODY_DOTS : 0 };
	struct told told = { 0 };
	struct buf text = { 0 };
	struct err err = { 0 };

	m.fd = text_file(bodies[_i].size, bodies[_i].dots, &text);
	m.size = text.len;
	ck_assert_msg(run(&s, &m, 1, 100, &told, &err) == 0, "%s: %s",
	    bodies[_i].name, err.text);
	ck_assert_uint_eq(told.n, 2);
	ck_assert_uint_eq(told.last.kind, OUTCOME_DELIVERED);
	if (strstr(bodies[_i].offers, "CHUNKING") == NULL)
		unstuff(&s.body);
	ck_assert_msg(s.body.len == text.len &&
	    memcmp(s.body.data, text.data, text.len) == 0, "%s: changed",
	    bodies[_i].name);
	close(m.fd);
	buf_release(&text);
	server_release(&s);
}
END_TEST

static const struct {
	const char *name, *offers, *say;
	bool hang;
	enum outcome_kind kind;
	int code;
} stops[] = {
	{ "refused", PIPELINING, "552 5.3.4 too big\r\n", false,
		OUTCOME_FAILED, 552 },
	{ "refused, chunk", CHUNKING, "552 5.3.4 too big\r\n", false,
		OUTCOME_FAILED, 552 },
	{ "refused, and no more read", PIPELINING, "452 4.3.1 full\r\n", true,
		OUTCOME_DEFERRED, 452 },
	{ "421", PIPELINING, "421 going down\r\n", false, OUTCOME_NONE, 0 },
	{ "delivered, it says", PIPELINING, "250 thanks\r\n", false,
		OUTCOME_NONE, 0 },
	{ "delivered, it says of a chunk", CHUNKING, "250 thanks\r\n", false,
		OUTCOME_NONE, 0 },
	{ "354 again", PIPELINING, "354 more\r\n", false, OUTCOME_NONE, 0 },
	{ "half a reply", PIPELINING, "552 too", false, OUTCOME_NONE, 0 },
	{ "closed", PIPELINING, "", false, OUTCOME_NONE, 0 },
	{ "reads no more", CHUNKING, "", true, OUTCOME_NONE, 0 },
};

START_TEST(body_stopped)
{
	struct server s = { .offers = stops[_i].offers, .stop_at = 300000,
		.stop_say = stops[_i].say, .stop_hang = stops[_i].hang };
	struct smtp_rcpt rcpt = { .path = "a@x" };
	struct smtp_message m = { .reverse_path = "", .rcpts = &rcpt,
		.nrcpt = 1 };
	int64_t began = clock_ms();
	struct told told = { 0 };
	struct buf text = { 0 };
	struct err err = { 0 };

	m.fd = text_file(5000000, false, &text);
	m.size = text.len;
	ck_assert_int_eq(run(&s, &m, 1, 100, &told, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_msg(rcpt.done == stops[_i].kind, "%s: %s (%s)",
	    stops[_i].name, outcome_name(rcpt.done), err.text);
	ck_assert_uint_eq(told.n, stops[_i].kind != OUTCOME_NONE);
	ck_assert_int_eq(told.last.code, stops[_i].code);
	ck_assert(!told.last.in_doubt);
	ck_assert_int_lt(clock_ms() - began, 5000);
	close(m.fd);
	buf_release(&text);
	server_release(&s);
}
END_TEST

/* However many recipients, the commands that nobody has heard are few. */
START_TEST(many_recipients)
{
	struct server s = { .offers = PIPELINING };
	static struct smtp_rcpt rcpts[1000];
	struct smtp_message m = { .reverse_path = "", .rcpts = rcpts,
		.nrcpt = 1000 };
	struct told told = { 0 };
	struct buf text = { 0 };
	struct err err = { 0 };
	size_t i;

	for (i = 0; i < 1000; i++)
		rcpts[i].path = "a@x";
	m.fd = text_file(100, false, &text);
	m.size = text.len;
	ck_assert_msg(run(&s, &m, 1, 400, &told, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(told.n, 1000);
	ck_assert_uint_eq(s.bodies, 3);
	ck_assert_uint_le(s.unheard_max, UNHEARD_MAX);
	ck_assert_uint_gt(s.unheard_max, 50);
	close(m.fd);
	buf_release(&text);
	server_release(&s);
}
END_TEST

/* A file of ours that has become shorter must not arrive as a whole. */
START_TEST(unreadable)
{
	struct server s = { .offers = PIPELINING };
	struct smtp_rcpt rcpt = { .path = "a@x" };
	struct smtp_message m = { .reverse_path = "", .rcpts = &rcpt,
		.nrcpt = 1 };
	struct told told = { 0 };
	struct buf text = { 0 };
	struct err err = { 0 };

	m.fd = text_file(100000, false, &text);
	m.size = text.len + 1;
	ck_assert_int_eq(run(&s, &m, 1, 100, &told, &err), -1);
	ck_assert_uint_eq(s.bodies, 0);
	ck_assert_uint_eq(rcpt.done, OUTCOME_DEFERRED);
	ck_assert_str_eq(told.last.status, "4.3.0");
	ck_assert_int_eq(told.last.code, 0);
	close(m.fd);
	buf_release(&text);
	server_release(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("body");
	TCase *tc = tcase_create("body");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, body_arrives, 0, CHECK_ROWS(bodies));
	tcase_add_loop_test(tc, body_stopped, 0, CHECK_ROWS(stops));
	tcase_add_test(tc, many_recipients);
	tcase_add_test(tc, unreadable);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
