#include "config.h"

#include "base/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define BUF_FIRST 64

char *
buf_reserve(struct buf *b, size_t more)
{
	size_t cap, need;

	if (b->data != NULL && more <= b->cap - b->len)
		return b->data + b->len;
	/* A sum that wraps asks for the impossible: xrealloc ends. */
	need = more <= SIZE_MAX - b->len ? b->len + more : SIZE_MAX;
	cap = b->cap > 0 ? b->cap * 2 : BUF_FIRST;
	if (cap < need)
		cap = need;
	b->data = xrealloc(b->data, cap, 1);
	b->cap = cap;
	return b->data + b->len;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->len += n;
}

void
buf_addc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = c;
	b->len++;
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	va_copy(again, ap);
	buf_reserve(b, BUF_FIRST);
	room = b->cap - b->len;
	n = vsnprintf(b->data + b->len, room, fmt, ap);
	if (n >= 0 && (size_t)n >= room) {
		room = (size_t)n + 1;
		n = vsnprintf(buf_reserve(b, room), room, fmt, again);
	}
	va_end(again);
	/* Only a wrong format or more than INT_MAX bytes fail. */
	assert(n >= 0);
	if (n > 0)
		b->len += (size_t)n;
}

const char *
buf_str(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->data;
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
}

void
buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

char *
buf_detach(struct buf *b)
{
	char *s;

	buf_str(b);
	s = b->data;
	*b = (struct buf){ 0 };
	return s;
}
