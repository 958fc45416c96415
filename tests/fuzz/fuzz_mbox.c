/*
 * Any bytes as a file of messages, a mailbox (mbox) among them: no octet is
 * handed out that is not in the file, in its order; and what is read in a
 * mailbox begins behind each "From " line. A message that is left in the
 * middle changes nothing of those behind it.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/source.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MESSAGES_MAX 64

struct shape {
	size_t	 n;			/* messages */
	size_t	 len[MESSAGES_MAX];
	struct buf text;		/* of all of them */
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Read it all; of a message whose number is in skip, nothing. */
static void
read_all(const char *path, uint64_t skip, struct shape *shape)
{
	struct source s = { .fd = -1 };
	static char piece[SOURCE_READ];
	struct err err;
	ssize_t got;
	int more;

	must(source_open(&s, path, &err) == 0);
	while ((more = source_next(&s, &err)) > 0) {
		size_t i = shape->n++;

		if (i < MESSAGES_MAX && (skip >> i & 1) != 0)
			continue;
		while ((got = source_read(&s, piece, &err)) > 0) {
			buf_add(&shape->text, piece, (size_t)got);
			if (i < MESSAGES_MAX)
				shape->len[i] += (size_t)got;
		}
		must(got == 0);
	}
	must(more == 0);
	source_close(&s);
}

/* What was read stands in the file, in that order. */
static void
is_part(const struct buf *part, const uint8_t *data, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < part->len; i++, at++) {
		while (at < n && data[at] != (uint8_t)part->data[i])
			at++;
		must(at < n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int fd = -1;
	struct shape whole = { 0 }, some = { 0 };
	char path[64];

	/* an empty file is refused */
	if (n < 2)
		return 0;
	if (fd < 0)
		fd = memfd_create("mbox", MFD_CLOEXEC);
	must(ftruncate(fd, 0) == 0);
	must(pwrite(fd, data + 1, n - 1, 0) == (ssize_t)n - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, 0, &whole);
	is_part(&whole.text, data + 1, n - 1);
	read_all(path, data[0], &some);
	must(some.n == whole.n);
	for (size_t i = 0; i < whole.n && i < MESSAGES_MAX; i++)
		must(some.len[i] == (i < 8 && (data[0] >> i & 1) != 0 ? 0 :
		    whole.len[i]));
	buf_release(&whole.text);
	buf_release(&some.text);
	return 0;
}
