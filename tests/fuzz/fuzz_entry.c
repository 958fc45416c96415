/*
 * Any bytes as the file of an entry.
 *
 * The first byte of the input says what the rest is: 0 a whole file; else
 * envelope, NUL, journal, which get the checksums that let them in ("CRC" at
 * the end of a line of the journal stands for the right one).
 *
 * What is accepted must, written anew, read the same.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "spool/entry.h"
#include "spool/envtext.h"
#include "spool/head.h"
#include "spool/journal.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
add_line(struct buf *file, const char *line, size_t n, uint32_t seed)
{
	if (n < 3 || memcmp(line + n - 3, "CRC", 3) != 0) {
		buf_add(file, line, n);
	} else {
		buf_add(file, line, n - 3);
		buf_printf(file, "%08x",
		    (unsigned)crc32_add(seed, line, n - 3));
	}
}

static void
add_journal(struct buf *file, const char *text, size_t n, uint32_t seed)
{
	const char *eol;

	while (n > 0) {
		eol = memchr(text, '\n', n);
		if (eol == NULL) {
			add_line(file, text, n, seed);
			return;
		}
		add_line(file, text, (size_t)(eol - text), seed);
		buf_addc(file, '\n');
		n -= (size_t)(eol - text) + 1;
		text = eol + 1;
	}
}

/* Head, message and envelope. Returns the seed of the journal. */
static uint32_t
begin(struct buf *file, const char *text, size_t len)
{
	struct head head = { .message_at = HEAD_LEN, .message_len = 3,
		.message_crc = crc32_add(0, "x\r\n", 3),
		.envelope_at = HEAD_LEN + 3, .envelope_len = len,
		.envelope_crc = crc32_add(0, text, len) };

	head_write(&head, buf_reserve(file, HEAD_LEN));
	file->len += HEAD_LEN;
	buf_adds(file, "x\r\n");
	buf_add(file, text, len);
	return head.envelope_crc;
}

static void
compose(struct buf *file, const char *text, size_t n)
{
	const char *nul = memchr(text, '\0', n);
	size_t len = nul == NULL ? n : (size_t)(nul - text);
	uint32_t seed = begin(file, text, len);

	if (nul != NULL)
		add_journal(file, nul + 1, n - len - 1, seed);
}

static void
put(int fd, const struct buf *file)
{
	if (ftruncate(fd, 0) < 0 || pwrite(fd, file->data, file->len, 0) !=
	    (ssize_t)file->len)
		abort();
}

/* Written and read again, nothing of the envelope is lost. */
static void
check_again(const struct envelope *env)
{
	struct envelope again = { 0 };
	struct buf one = { 0 }, two = { 0 };
	struct err err;

	envtext_write(&one, env);
	if (envtext_parse(one.data, one.len, &again, &err) < 0)
		abort();
	envtext_write(&two, &again);
	if (one.len != two.len || memcmp(one.data, two.data, one.len) != 0 ||
	    again.nrcpt != env->nrcpt)
		abort();
	envelope_release(&again);
	buf_release(&one);
	buf_release(&two);
}

static bool
is_same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool
is_same_row(const struct rcpt *a, const struct rcpt *b)
{
	return a->state == b->state && a->reported == b->reported &&
	    a->warned == b->warned && is_same_text(a->status, b->status) &&
	    is_same_text(a->host, b->host) &&
	    (a->state == OUTCOME_DELIVERED || is_same_text(a->text, b->text));
}

/* How the rows stand is not lost on the way to another file. */
static void
check_carried(const struct envelope *env, int fd)
{
	struct entry again = { .fd = -1 };
	struct buf text = { 0 }, file = { 0 };
	struct err err;
	uint32_t seed;

	envtext_write(&text, env);
	seed = begin(&file, text.data, text.len);
	journal_carry(&file, seed, env);
	put(fd, &file);
	if (entry_load(fd, &again, &err) < 0 || again.torn ||
	    again.end != file.len || again.env.nrcpt != env->nrcpt)
		abort();
	for (size_t i = 0; i < env->nrcpt; i++)
		if (!is_same_row(&again.env.rcpts[i], &env->rcpts[i]))
			abort();
	entry_release(&again);
	buf_release(&text);
	buf_release(&file);
}

static void
count(void *arg, const struct event *event)
{
	if (event_name(event->kind) == NULL)
		abort();
	++*(size_t *)arg;
}

/* The history has what the journal has: lines, all of them in the file. */
static void
check_history(struct entry *e, int fd, size_t size)
{
	struct err err;
	size_t n = 0;

	e->fd = fd;
	if (entry_history(NULL, e, count, &n, &err) < 0 || n > size)
		abort();
	e->fd = -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct entry e = { .fd = -1 };
	struct buf file = { 0 };
	struct err err;
	static int fd = -1;

	if (n == 0)
		return 0;
	if (fd < 0)
		fd = memfd_create("entry", MFD_CLOEXEC);
	if (data[0] == 0)
		buf_add(&file, data + 1, n - 1);
	else
		compose(&file, (const char *)data + 1, n - 1);
	put(fd, &file);
	if (entry_load(fd, &e, &err) == 0) {
		if (e.end > file.len)
			abort();
		check_again(&e.env);
		check_history(&e, fd, file.len);
		check_carried(&e.env, fd);
	}
	entry_release(&e);
	buf_release(&file);
	return 0;
}
