#include "config.h"

#include "base/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static struct {
	int	(*fn)(void *);
	void	*arg;
	pid_t	 pid;
} last_word;

void
xalloc_last_word(int (*fn)(void *), void *arg)
{
	last_word.fn = fn;
	last_word.arg = arg;
	last_word.pid = getpid();
}

/*
 * No stdio here: it may want memory too, and in a forked child exit(3) would
 * write the parent's unflushed output a second time.
 */
static _Noreturn void
out_of_memory(void)
{
	static const char text[] = "postrider: out of memory\n";
	int (*fn)(void *) = last_word.fn;

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	/* should it need memory after all, it is not asked again */
	last_word.fn = NULL;
	if (fn != NULL && last_word.pid == getpid())
		_exit(fn(last_word.arg));
	_exit(EX_TEMPFAIL);
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p;

	if (count == 0 || size == 0)
		count = size = 1;
	p = calloc(count, size);
	if (p == NULL)
		out_of_memory();
	return p;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

char *
xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void *
xrealloc(void *old, size_t count, size_t size)
{
	void *p;

	/* realloc(p, 0) may free p; nobody here means that. */
	if (count == 0 || size == 0)
		count = size = 1;
	p = reallocarray(old, count, size);
	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xgrow(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want;

	if (n < *cap)
		return v;
	if (*cap > SIZE_MAX / 2)
		out_of_memory();
	want = *cap > 0 ? *cap * 2 : 8;
	if (want <= n)
		want = n + 1;
	v = xrealloc(v, want, size);
	*cap = want;
	return v;
}
