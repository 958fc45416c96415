#include "config.h"

#include "net/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/xalloc.h"

#define TABLE_MIN 64

static size_t
place(const char *name, size_t size)
{
	return (size_t)str_hash(STR_HASH_INIT, name, strlen(name)) &
	    (size - 1);
}

static void
grow(struct hosts *t)
{
	size_t i, at, size = t->size > 0 ? t->size * 2 : TABLE_MIN;
	struct host **chain = xcalloc(size, sizeof(struct host *)), *h;

	for (i = 0; i < t->size; i++) {
		while ((h = t->chain[i]) != NULL) {
			t->chain[i] = h->next;
			at = place(h->name, size);
			h->next = chain[at];
			chain[at] = h;
		}
	}
	free(t->chain);
	t->chain = chain;
	t->size = size;
}

struct host *
hosts_get(struct hosts *t, const char *name, bool *made)
{
	struct host *h;
	size_t at;

	*made = false;
	if (t->n >= t->size)
		grow(t);
	at = place(name, t->size);
	for (h = t->chain[at]; h != NULL; h = h->next) {
		if (strcmp(h->name, name) == 0)
			return h;
	}
	*made = true;
	h = xcalloc(1, sizeof(*h));
	h->name = xstrdup(name);
	h->next = t->chain[at];
	t->chain[at] = h;
	t->n++;
	return h;
}

void
hosts_release(struct hosts *t)
{
	struct host *h;
	size_t i;

	for (i = 0; i < t->size; i++) {
		while ((h = t->chain[i]) != NULL) {
			t->chain[i] = h->next;
			free(h->name);
			free(h->why);
			free(h->waiting);
			free(h);
		}
	}
	free(t->chain);
	memset(t, 0, sizeof(*t));
}

void
host_await(struct host *h, size_t domain)
{
	h->waiting = xgrow(h->waiting, h->nwaiting, &h->cap,
	    sizeof(*h->waiting));
	h->waiting[h->nwaiting++] = domain;
}

void
host_wake(struct host *h)
{
	free(h->waiting);
	h->waiting = NULL;
	h->nwaiting = h->cap = 0;
}

void
host_learn(struct host *h, enum host_family f, const struct dns_answer *a,
    const struct err *err)
{
	size_t i;

	if (a == NULL) {
		h->by[f].state = err->kind == ERR_PERM ? HOST_ABSENT :
							 HOST_FAILED;
		if (err->kind == ERR_PERM)
			return;
		free(h->why);
		h->why = xstrdup(err->text);
		return;
	}
	h->by[f].state = a->n > 0 ? HOST_FOUND : HOST_ABSENT;
	for (i = 0; i < a->n && i < MX_ADDRS_MAX; i++)
		h->by[f].addr[i] = a->rr[i].addr;
	h->by[f].n = (uint8_t)i;
	if (i > 0 && h->known_at == 0)
		h->known_at = clock_ms();
}

bool
host_is_done(const struct host *h)
{
	return h->by[HOST_A].state != HOST_ASKED &&
	    h->by[HOST_AAAA].state != HOST_ASKED;
}

bool
host_is_absent(const struct host *h)
{
	return h->by[HOST_A].state == HOST_ABSENT &&
	    h->by[HOST_AAAA].state == HOST_ABSENT;
}

bool
host_has_addr(const struct host *h)
{
	return h->by[HOST_A].n > 0 || h->by[HOST_AAAA].n > 0;
}

void
host_fill(const struct host *h, bool six_first, struct mx_host *out)
{
	size_t at[HOST_FAMILIES] = { 0 };
	size_t f = six_first ? HOST_AAAA : HOST_A;

	str_copy(out->name, sizeof(out->name), h->name);
	while (out->naddr < MX_ADDRS_MAX) {
		if (at[f] == h->by[f].n)
			f = !f;
		if (at[f] == h->by[f].n)
			break;
		out->addr[out->naddr++] = h->by[f].addr[at[f]++];
		f = !f;
	}
}
