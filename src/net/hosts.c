#include "config.h"

#include "net/hosts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/strmap.h"
#include "base/xalloc.h"

#define TABLE_MIN 64

static void
grow(struct hosts *t)
{
	size_t i, at, size = t->size > 0 ? t->size * 2 : TABLE_MIN;
	struct host **chain = xcalloc(size, sizeof(struct host *)), *h;

	if (t->size == 0)
		t->start = strmap_start();
	for (i = 0; i < t->size; i++) {
		while ((h = t->chain[i]) != NULL) {
			t->chain[i] = h->next;
			at = strmap_place(t->start, h->name, size);
			h->next = chain[at];
			chain[at] = h;
		}
	}
	free(t->chain);
	t->chain = chain;
	t->size = size;
}

/* What needs no question: an IP address, and localhost (RFC 6761 6.3), of
 * which the machine has ideas of its own where it is asked. */
static void
settle(struct host *h)
{
	struct dns_rr rr[2] = { 0 };
	struct dns_answer answer = { .rr = rr, .n = 1 };

	if (inet_pton(AF_INET, h->name, rr[0].addr.ip) == 1)
		rr[0].addr.family = 4;
	else if (inet_pton(AF_INET6, h->name, rr[0].addr.ip) == 1)
		rr[0].addr.family = 6;
	else if (h->way == HOST_BY_DNS && strcmp(h->name, "localhost") == 0) {
		rr[0].addr = (struct mx_addr){ 4, { 127, 0, 0, 1 } };
		rr[1].addr = (struct mx_addr){ 6, { [15] = 1 } };
		answer.n = 2;
	} else
		return;
	host_learn(h, HOST_A, &answer, NULL);
	host_learn(h, HOST_AAAA, &answer, NULL);
}

struct host *
hosts_get(struct hosts *t, const char *name, enum host_way way, bool *made)
{
	struct host *h;
	size_t at;

	*made = false;
	if (t->n >= t->size)
		grow(t);
	at = strmap_place(t->start, name, t->size);
	for (h = t->chain[at]; h != NULL; h = h->next) {
		if (h->way == way && strcmp(h->name, name) == 0)
			return h;
	}
	*made = true;
	h = xcalloc(1, sizeof(*h));
	h->name = xstrdup(name);
	h->way = way;
	h->next = t->chain[at];
	t->chain[at] = h;
	t->n++;
	settle(h);
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
host_await(struct host *h, size_t inquiry)
{
	h->waiting = xgrow(h->waiting, h->nwaiting, &h->cap,
	    sizeof(*h->waiting));
	h->waiting[h->nwaiting++] = inquiry;
}

void
host_wake(struct host *h)
{
	free(h->waiting);
	h->waiting = NULL;
	h->nwaiting = h->cap = 0;
}

static void
host_learn_failure(struct host *h, enum host_family f, const struct err *err)
{
	if (err->kind == ERR_PERM) {
		h->by[f].state = HOST_ABSENT;
		return;
	}
	h->by[f].state = HOST_FAILED;
	if (h->why == NULL)
		h->why = xmalloc(sizeof(*h->why));
	*h->why = *err;
}

void
host_learn(struct host *h, enum host_family f, const struct dns_answer *a,
    const struct err *err)
{
	uint8_t n = 0, family = f == HOST_A ? 4 : 6;
	size_t i;

	if (a == NULL) {
		host_learn_failure(h, f, err);
		return;
	}
	for (i = 0; i < a->n && n < MX_ADDRS_MAX; i++) {
		if (a->rr[i].addr.family == family)
			h->by[f].addr[n++] = a->rr[i].addr;
	}
	h->by[f].n = n;
	h->by[f].state = n > 0 ? HOST_FOUND : HOST_ABSENT;
	if (n > 0 && h->known_at == 0)
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
