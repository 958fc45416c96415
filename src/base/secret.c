#include "config.h"

#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

/* What stands in the pages of one secret. */
struct page {
	struct page *next;
	size_t	 mapped, len;
	char	 text[];
};

/* All of the process, so that a child can forget them. */
static struct page *pages;

static struct page *
page_of(const struct secret *s)
{
	return (struct page *)(void *)(s->text - offsetof(struct page, text));
}

static struct page *
page_new(size_t n)
{
	size_t mapped = sizeof(struct page) + n + 1;
	struct page *page = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		/* as xalloc: what was promised is on disk */
		dprintf(STDERR_FILENO, "postrider: mmap: %s\n",
		    strerror(errno));
		_exit(EX_TEMPFAIL);
	}
	/* both are refused in places; the secret is needed all the same */
	(void)madvise(page, mapped, MADV_DONTDUMP);
	(void)mlock(page, mapped);
	page->mapped = mapped;
	page->len = n;
	page->next = pages;
	pages = page;
	return page;
}

void
secret_set(struct secret *s, const char *text, size_t n)
{
	struct page *page;

	assert(n <= SECRET_MAX);
	page = page_new(n);
	memcpy(page->text, text, n);
	/* only now: text may be part of what was there */
	secret_clear(s);
	s->text = page->text;
	s->len = n;
}

void
secret_clear(struct secret *s)
{
	struct page *page, **at;

	if (s->text == NULL)
		return;
	page = page_of(s);
	for (at = &pages; *at != page; at = &(*at)->next)
		assert(*at != NULL);
	*at = page->next;
	secret_wipe(page->text, page->len);
	munmap(page, page->mapped);
	*s = (struct secret){ 0 };
}

void
secret_clear_all_but(const struct secret *keep)
{
	struct page *page;

	for (page = pages; page != NULL; page = page->next) {
		if (keep == NULL || page->text != keep->text) {
			/* it stays mapped: somebody still points there */
			secret_wipe(page->text, page->len);
		} else {
			/* fork(2) does not take locks along */
			(void)mlock(page, page->mapped);
		}
	}
}

void
secret_wipe(void *data, size_t n)
{
	if (n > 0)
		explicit_bzero(data, n);
}
