/*
 * Any server. Whatever it says and whenever it goes away, each forward-path
 * gets one verdict at most, and the verdict stands in the dialogue: delivered
 * only by a 2xx in answer to a body's end that had been sent, refused only by
 * the reply to its own MAIL, RCPT, DATA or body. Whose body went out without
 * a reply is in doubt, never undecided.
 *
 * The dialogue is judged by a second reading of what went over the line: the
 * n-th reply answers the n-th command.
 *
 * Input: a byte of flags (OFFER_*), a byte that says after how many octets
 * sending fails (0: never), then what the server says, in turns set apart by
 * '|'. The first character of a turn, modulo 8, says how often the client may
 * look without finding it: 0 is a server that talks out of turn.
 */
#include "config.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "smtp/client.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum {
	OFFER_PIPELINING = 1, OFFER_CHUNKING = 2, OFFER_OWN = 4,
	LARGE_BODY = 8, HAS_DOTS = 16
};

#define MESSAGES 3
#define RCPTS 3
#define COMMANDS_MAX 4096

static const struct smtp_patience patience = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };

static struct {
	struct buf script, heard, said;
	size_t	at, end;	/* the turn being said */
	unsigned looks;
	size_t	break_at;
	struct smtp_message messages[MESSAGES];
	struct smtp_rcpt rcpts[MESSAGES][RCPTS];
	char	paths[MESSAGES][RCPTS][8];
	bool	told[MESSAGES][RCPTS];
} world;

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* The line. */

static bool
next_turn(void)
{
	const struct buf *s = &world.script;
	const char *bar;

	if (world.end >= s->len)
		return false;
	world.at = world.end;
	world.looks = (unsigned char)s->data[world.at++] % 8;
	bar = world.at < s->len ?
	    memchr(s->data + world.at, '|', s->len - world.at) : NULL;
	world.end = bar != NULL ? (size_t)(bar - s->data) : s->len;
	return true;
}

static ssize_t
fake_recv(struct conn *conn, void *data, size_t n, short *want,
    struct err *err)
{
	size_t have;

	(void)conn;
	(void)err;
	while (world.at >= world.end) {
		if (world.end < world.script.len &&
		    world.script.data[world.end] == '|')
			world.end++;
		if (!next_turn())
			return 0;
	}
	if (world.looks > 0) {
		world.looks--;
		*want = POLLIN;
		return -1;
	}
	have = world.end - world.at;
	if (n > have)
		n = have;
	memcpy(data, world.script.data + world.at, n);
	buf_add(&world.heard, data, n);
	world.at += n;
	return (ssize_t)n;
}

static ssize_t
fake_send(struct conn *conn, const void *data, size_t n, short *want,
    struct err *err)
{
	(void)conn;
	if (world.break_at > 0 && world.said.len + n > world.break_at)
		n = world.break_at - world.said.len;
	if (n == 0) {
		*want = 0;
		return err_set(err, ERR_TEMP, "4.4.2", "broken");
	}
	buf_add(&world.said, data, n);
	return (ssize_t)n;
}

static const struct conn_io fake_io = { fake_send, fake_recv, NULL };

/* The second reading. */

/* The code of the n-th reply (0: the greeting); 0 when there is none. */
static int
reply_code(size_t n)
{
	const char *line = world.heard.data, *end;
	size_t left = world.heard.len;

	for (; left > 0 && (end = memchr(line, '\n', left)) != NULL;
	     left -= (size_t)(end - line) + 1, line = end + 1) {
		if (end - line > 3 && line[3] == '-')
			continue;
		if (n-- == 0)
			return end - line < 3 ? 0 : (line[0] - '0') * 100 +
			    (line[1] - '0') * 10 + (line[2] - '0');
	}
	return 0;
}

struct reading {
	const char *p;		/* what was said, from here on */
	size_t	 left;
	size_t	 n;		/* the number of the next command's reply */
	char	 line[300];
};

/* The next line; false when it is not complete. */
static bool
read_line(struct reading *r)
{
	const char *end = r->left > 0 ? memchr(r->p, '\n', r->left) : NULL;
	size_t len;

	if (end == NULL)
		return false;
	len = (size_t)(end - r->p) + 1;
	snprintf(r->line, sizeof(r->line), "%.*s", (int)len, r->p);
	r->p += len;
	r->left -= len;
	return true;
}

/* Pass over the text behind DATA and 354, or BDAT; false: it has no end. */
static bool
read_body(struct reading *r)
{
	unsigned long long size;

	if (sscanf(r->line, "BDAT %llu", &size) == 1) {
		if (size > r->left)
			return false;
		r->p += size;
		r->left -= size;
		return true;
	}
	while (read_line(r))
		if (strcmp(r->line, ".\r\n") == 0)
			return true;
	return false;
}

/* The codes that answered the last transaction of a forward-path, as far as
 * it went; and the last MAIL, behind which there may be no RCPT. */
struct answers {
	int	mail, rcpt, data, body, last_mail;
	bool	whole;		/* the end of the body went out */
};

static struct answers
read_dialogue(const char *path)
{
	struct reading r = { .p = world.said.data, .left = world.said.len,
		.n = 1 };
	struct answers now = { 0 }, found = { 0 };
	char want[32];
	bool here = false;	/* its transaction is the one being read */
	int last_mail = 0;
	bool whole;

	snprintf(want, sizeof(want), "RCPT TO:<%s>", path);
	for (; read_line(&r); r.n++) {
		if (strncmp(r.line, "MAIL", 4) == 0) {
			now = (struct answers){ .mail = reply_code(r.n) };
			last_mail = now.mail;
			here = false;
		}
		if (strncmp(r.line, want, strlen(want)) == 0) {
			now.rcpt = reply_code(r.n);
			found = now;
			here = true;
		}
		if (strncmp(r.line, "DATA", 4) == 0) {
			if (here)
				found.data = reply_code(r.n);
			if (reply_code(r.n) != 354)
				continue;
			r.n++;
		} else if (strncmp(r.line, "BDAT", 4) != 0) {
			continue;
		}
		whole = read_body(&r);
		if (here) {
			found.body = reply_code(r.n);
			found.whole = whole;
		}
		here = false;
		if (!whole)
			break;
	}
	found.last_mail = last_mail;
	return found;
}

static void
verdict(void *arg, struct smtp_message *m, struct smtp_rcpt *rcpt,
    const struct outcome *o)
{
	size_t i = (size_t)(m - world.messages);
	size_t k = (size_t)(rcpt - world.rcpts[i]);
	struct answers a = read_dialogue(rcpt->path);

	(void)arg;
	must(i < MESSAGES && k < RCPTS);
	must(!world.told[i][k]);
	world.told[i][k] = true;
	must(outcome_valid(o) && o->kind != OUTCOME_NONE);
	if (o->kind == OUTCOME_DELIVERED)
		must(a.mail / 100 == 2 && a.rcpt / 100 == 2 &&
		    a.body / 100 == 2 && a.whole && o->code == a.body &&
		    !o->in_doubt);
	else if (o->code != 0)
		must(o->code == a.mail || o->code == a.rcpt ||
		    o->code == a.data || o->code == a.body ||
		    (o->stage == STAGE_MAIL && o->code == a.last_mail));
	if (o->kind == OUTCOME_FAILED && o->code != 0)
		must(o->code / 100 == 5);
}

/* BDAT was offered and is not known: the body was not taken, and goes again
 * without it. */
static bool
bdat_unknown(const struct answers *a)
{
	return a->data == 0 && (a->body == 500 || a->body == 501 ||
	    a->body == 502 || a->body == 504);
}

/* Whose body went out, and was not refused or turned away by 421, is told
 * about: an undecided one would be sent to the next host as well. */
static void
nobody_is_forgotten(void)
{
	struct answers a;
	size_t i, k;

	for (i = 0; reply_code(i) != 0; i++)
		if (reply_code(i) == 421)
			return;
	for (i = 0; i < MESSAGES; i++)
		for (k = 0; k < world.messages[i].nrcpt; k++) {
			a = read_dialogue(world.paths[i][k]);
			must(world.told[i][k] || !a.whole || a.mail >= 400 ||
			    a.rcpt >= 400 || bdat_unknown(&a));
		}
}

/* One run. */

static void
prepare(unsigned flags, int fd)
{
	static const size_t sizes[MESSAGES] = { 50, 20, 30 };
	size_t i, k;

	for (i = 0; i < MESSAGES; i++) {
		world.messages[i] = (struct smtp_message){
			.reverse_path = i == 1 ? "" : "s@y", .fd = fd,
			.size = i == 0 && (flags & LARGE_BODY) != 0 ? 70000 :
			    sizes[i],
			.body = (flags & HAS_DOTS) != 0 ? BODY_DOTS : 0,
			.rcpts = world.rcpts[i], .nrcpt = i == 2 ? 1 : RCPTS };
		for (k = 0; k < RCPTS; k++) {
			snprintf(world.paths[i][k], 8, "%c%c@x",
			    (char)('a' + i), (char)('a' + k));
			world.rcpts[i][k] = (struct smtp_rcpt){
				.path = world.paths[i][k] };
			world.told[i][k] = false;
		}
	}
}

static void
script_begin(unsigned flags)
{
	if ((flags & OFFER_OWN) != 0)
		return;
	buf_adds(&world.script, "0220 x\r\n|3250-x\r\n");
	if ((flags & OFFER_PIPELINING) != 0)
		buf_adds(&world.script, "250-PIPELINING\r\n");
	if ((flags & OFFER_CHUNKING) != 0)
		buf_adds(&world.script, "250-CHUNKING\r\n");
	buf_adds(&world.script, "250 HELP\r\n|");
}

/* Lines of ten octets; every body is the beginning of it. */
static int
text_file(void)
{
	int fd = memfd_create("text", 0), i;

	for (i = 0; i < 7000; i++)
		must(write(fd, "..345678\r\n", 10) == 10);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int text = -1;
	enum outcome_stage stage;
	struct smtp_client *c;
	struct conn conn;
	struct err err;

	if (n < 2)
		return 0;
	if (text < 0)
		text = text_file();
	buf_clear(&world.script);
	buf_clear(&world.heard);
	buf_clear(&world.said);
	world.at = world.end = 0;
	world.break_at = data[1] * 4u;
	prepare(data[0], text);
	script_begin(data[0]);
	buf_add(&world.script, data + 2, n - 2);

	conn_init(&conn, eventfd(1, EFD_NONBLOCK));
	conn.io = &fake_io;
	c = smtp_new(&conn, "c.example", &patience, 2, verdict, NULL);
	if (smtp_hello(c, &stage, &err) == 0)
		smtp_send(c, world.messages, MESSAGES, &stage, &err);
	nobody_is_forgotten();
	smtp_free(c);
	conn_close(&conn);
	return 0;
}
