#include "config.h"

#include "net/srv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"

static const struct {
	const char *label, *scheme;
	uint16_t port;		/* the scheme's own */
	bool	 tls;
} services[SRV_SERVICES] = {
	[SRV_SUBMISSIONS] = { "_submissions", "smtps", 465, true },
	[SRV_SUBMISSION] = { "_submission", "smtp", 587, false },
};

char *
srv_owner(enum srv_service service, const char *domain, char *out, size_t size)
{
	snprintf(out, size, "%s._tcp.%s", services[service].label, domain);
	return out;
}

void
srv_add(struct srv_list *list, enum srv_service service,
    const struct dns_answer *answer)
{
	struct srv *s;
	size_t i;

	for (i = 0; i < answer->n; i++) {
		list->v = xgrow(list->v, list->n, &list->cap,
		    sizeof(*list->v));
		s = &list->v[list->n++];
		memset(s, 0, sizeof(*s));
		str_copy(s->target, sizeof(s->target), answer->rr[i].name);
		s->priority = answer->rr[i].pref;
		s->weight = answer->rr[i].weight;
		s->port = answer->rr[i].port;
		s->tls = services[service].tls;
	}
}

void
srv_release(struct srv_list *list)
{
	free(list->v);
	memset(list, 0, sizeof(*list));
}

static void
swap(struct srv *a, struct srv *b)
{
	struct srv tmp = *a;

	*a = *b;
	*b = tmp;
}

static bool
is_better(const struct srv *a, const struct srv *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->tls && !b->tls;
}

/* Bring the best of n to the front, and those that are as good behind it.
 * Returns how many these are. */
static size_t
gather_best(struct srv *v, size_t n)
{
	size_t i, found = 1;

	for (i = 1; i < n; i++) {
		if (is_better(&v[i], &v[0])) {
			swap(&v[0], &v[i]);
			found = 1;
		} else if (!is_better(&v[0], &v[i]))
			swap(&v[found++], &v[i]);
	}
	return found;
}

static size_t
choose_weightless(const struct srv *v, size_t how_many)
{
	unsigned skip = process_random_below((unsigned)how_many);
	size_t i;

	for (i = 0; v[i].weight > 0 || skip-- > 0; i++)
		;
	return i;
}

/*
 * Choose one of n. RFC 2782 lays the weights side by side and throws a dart;
 * those that weigh nothing have one point together, so that each of them has
 * a small chance.
 */
static size_t
choose(const struct srv *v, size_t n)
{
	size_t i, weightless = 0;
	unsigned sum = 0, dart;

	for (i = 0; i < n; i++) {
		sum += v[i].weight;
		weightless += v[i].weight == 0;
	}
	dart = process_random_below(sum + (weightless > 0));
	if (dart == sum)
		return choose_weightless(v, weightless);
	for (i = 0; dart >= v[i].weight; i++)
		dart -= v[i].weight;
	return i;
}

static bool
is_there(const struct srv_list *list, size_t n, const struct srv *s)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (list->v[i].port == s->port && list->v[i].tls == s->tls &&
		    strcmp(list->v[i].target, s->target) == 0)
			return true;
	}
	return false;
}

void
srv_sort(struct srv_list *list, size_t max)
{
	size_t done = 0, kept = 0, same = 0;

	while (done < list->n && kept < max) {
		if (same == 0)
			same = gather_best(list->v + done, list->n - done);
		swap(&list->v[done], &list->v[done +
		    choose(list->v + done, same)]);
		same--;
		if (!is_there(list, kept, &list->v[done]))
			list->v[kept++] = list->v[done];
		done++;
	}
	list->n = kept;
}

static bool
is_within(const char *name, const char *domain)
{
	size_t n = strlen(name), m = strlen(domain);

	return n >= m && str_ieq(name + n - m, domain) &&
	    (n == m || name[n - m - 1] == '.');
}

static int
is_elsewhere(const struct srv *s, const char *domain, struct err *err)
{
	enum srv_service service = s->tls ? SRV_SUBMISSIONS : SRV_SUBMISSION;
	char port[8] = "";

	if (s->port != services[service].port)
		snprintf(port, sizeof(port), ":%u", (unsigned)s->port);
	return err_set(err, ERR_TEMP, "4.4.3",
	    "SRV of %s leads to %s, which is another domain; if that is "
	    "right, write smarthost %s://%s%s", domain, s->target,
	    services[service].scheme, s->target, port);
}

int
srv_check(const struct srv_list *list, const char *domain, struct err *err)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!is_within(list->v[i].target, domain))
			return is_elsewhere(&list->v[i], domain, err);
	}
	return 0;
}

