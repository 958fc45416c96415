#include "config.h"

#include "net/mx.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

size_t
mx_answer_size(const struct mx_answer *a)
{
	return offsetof(struct mx_answer, host) +
	    a->nhost * sizeof(a->host[0]);
}

static int
by_preference(const void *a, const void *b)
{
	const struct mx_host *x = a, *y = b;

	return (x->pref > y->pref) - (x->pref < y->pref);
}

void
mx_sort(struct mx_host *host, size_t n)
{
	struct mx_host tmp;
	size_t i, j;

	for (i = n; i > 1; i--) {
		j = process_random_below((unsigned)i);
		memcpy(&tmp, &host[i - 1], sizeof(tmp));
		memmove(&host[i - 1], &host[j], sizeof(tmp));
		memcpy(&host[j], &tmp, sizeof(tmp));
	}
	if (n > 1)
		qsort(host, n, sizeof(*host), by_preference);
}

/* The IPv4 address behind ::ffff:a.b.c.d: another way to the same socket. */
static struct mx_addr
addr_unmap(const struct mx_addr *a)
{
	struct mx_addr b = { .family = 4 };

	if (a->family != 6 || memcmp(a->ip, mapped, sizeof(mapped)) != 0)
		return *a;
	memcpy(b.ip, a->ip + sizeof(mapped), 4);
	return b;
}

static bool
addr_same(const struct mx_addr *a, const struct mx_addr *b)
{
	return a->family == b->family &&
	    memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

static void
self_add(struct mx_self *self, size_t *cap, const struct sockaddr *sa)
{
	struct mx_addr addr = { 0 };

	if (sa == NULL)
		return;
	if (sa->sa_family == AF_INET) {
		addr.family = 4;
		memcpy(addr.ip,
		    &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
		    4);
	} else if (sa->sa_family == AF_INET6) {
		addr.family = 6;
		memcpy(addr.ip,
		    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
		    16);
	} else
		return;
	self->addrs = xgrow(self->addrs, self->naddr, cap, sizeof(addr));
	self->addrs[self->naddr++] = addr;
}

void
mx_self_init(struct mx_self *self, const char *hostname, bool by_address)
{
	struct ifaddrs *list, *i;
	size_t cap = 0;

	memset(self, 0, sizeof(*self));
	self->by_address = by_address;
	strlist_add(&self->names, "localhost");
	if (hostname != NULL && *hostname != '\0') {
		strlist_add(&self->names, hostname);
		str_lower(self->names.v[self->names.n - 1]);
	}
	if (!by_address || getifaddrs(&list) < 0)
		return;
	for (i = list; i != NULL; i = i->ifa_next)
		self_add(self, &cap, i->ifa_addr);
	freeifaddrs(list);
}

void
mx_self_release(struct mx_self *self)
{
	strlist_release(&self->names);
	free(self->addrs);
	memset(self, 0, sizeof(*self));
}

bool
mx_addr_is_self(const struct mx_self *self, const struct mx_addr *addr)
{
	static const uint8_t zero[16];
	struct mx_addr a = addr_unmap(addr);
	size_t i;

	if (!self->by_address)
		return false;
	/* Connecting to the unspecified address reaches this machine, too. */
	if (a.family == 4 && (a.ip[0] == 127 || memcmp(a.ip, zero, 4) == 0))
		return true;
	if (a.family == 6 && memcmp(a.ip, zero, 15) == 0 && a.ip[15] <= 1)
		return true;
	for (i = 0; i < self->naddr; i++) {
		if (addr_same(&self->addrs[i], &a))
			return true;
	}
	return false;
}

static bool
name_is_self(const struct mx_self *self, const char *name)
{
	size_t i;

	for (i = 0; i < self->names.n; i++) {
		if (str_ieq(self->names.v[i], name))
			return true;
	}
	return false;
}

/* Drop our addresses from a host. Returns true when it had no others. */
static bool
host_drop_self(struct mx_host *host, const struct mx_self *self)
{
	uint8_t i, kept = 0, had = host->naddr;

	for (i = 0; i < had; i++) {
		if (!mx_addr_is_self(self, &host->addr[i]))
			host->addr[kept++] = host->addr[i];
	}
	memset(&host->addr[kept], 0, (size_t)(had - kept) *
	    sizeof(host->addr[0]));
	host->naddr = kept;
	return had > 0 && kept == 0;
}

static bool
host_is_self(struct mx_host *host, const struct mx_self *self)
{
	bool named = name_is_self(self, host->name);

	return host_drop_self(host, self) || named;
}

/* Keep the first n hosts of the answer. */
static void
answer_cut(struct mx_answer *a, uint8_t n)
{
	memset(&a->host[n], 0, (size_t)(a->nhost - n) * sizeof(a->host[0]));
	a->nhost = n;
}

void
mx_drop_self(struct mx_answer *a, const struct mx_self *self,
    const char *domain)
{
	bool found = false, usable = false;
	uint8_t i, keep;

	if (a->err.kind != ERR_NONE)
		return;
	for (i = 0; i < a->nhost && !found; i++)
		found = host_is_self(&a->host[i], self);
	if (!found)
		return;
	/* Others of our preference would only hand the mail back to us. */
	keep = (uint8_t)(i - 1);
	while (keep > 0 && a->host[keep - 1].pref == a->host[i - 1].pref)
		keep--;
	answer_cut(a, keep);
	for (i = 0; i < a->nhost; i++)
		usable = usable || a->host[i].naddr > 0;
	if (usable)
		return;
	if (a->nhost > 0)
		err_set(&a->err, ERR_TEMP, "4.4.3",
		    "%s: no address of a better MX than ourselves known",
		    domain);
	else
		err_set(&a->err, ERR_PERM, "5.4.6",
		    "mail for %s loops back to us", domain);
	answer_cut(a, 0);
}

/* What names are made of; brackets and colons for address literals. */
static bool
name_is_sane(const char *name)
{
	static const char ok[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789-_.[]:";
	size_t n = strnlen(name, MX_NAME_MAX);

	return n > 0 && n < MX_NAME_MAX && strspn(name, ok) == n;
}

/* tls is looked at as a number: bits that no bool has may have come. */
static bool
host_is_sane(const struct mx_host *host)
{
	uint8_t tls;
	size_t i;

	memcpy(&tls, &host->tls, sizeof(tls));
	if (!name_is_sane(host->name) || host->naddr > MX_ADDRS_MAX ||
	    host->place >= MX_HOSTS_MAX || tls > 1)
		return false;
	for (i = 0; i < host->naddr; i++) {
		if (host->addr[i].family != 4 && host->addr[i].family != 6)
			return false;
	}
	return true;
}

/* kind is looked at as a number: it came from outside. */
static bool
err_is_sane(const struct err *err)
{
	unsigned kind = (unsigned)err->kind;
	size_t n = strnlen(err->status, sizeof(err->status));

	if (n == sizeof(err->status) ||
	    strnlen(err->text, sizeof(err->text)) == sizeof(err->text))
		return false;
	if (kind == ERR_NONE)
		return true;
	return (kind == ERR_TEMP || kind == ERR_PERM) &&
	    err->status[0] == (kind == ERR_TEMP ? '4' : '5') &&
	    strspn(err->status, "0123456789.") == n &&
	    !str_has_control(err->text);
}

bool
mx_answer_valid(const struct mx_answer *a, size_t len, size_t ndomain)
{
	bool usable = false;
	size_t i;

	if (len < offsetof(struct mx_answer, host) ||
	    a->nhost > MX_HOSTS_MAX || len != mx_answer_size(a))
		return false;
	if (a->index >= ndomain || a->implicit > 1 || !err_is_sane(&a->err))
		return false;
	for (i = 0; i < a->nhost; i++) {
		if (!host_is_sane(&a->host[i]))
			return false;
		usable = usable || a->host[i].naddr > 0;
	}
	return usable || a->err.kind != ERR_NONE;
}

char *
mx_addr_text(const struct mx_addr *addr, char *out)
{
	if (inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, out,
	        INET6_ADDRSTRLEN) == NULL)
		*out = '\0';
	return out;
}

bool
mx_from_literal(const char *literal, struct mx_answer *a)
{
	struct mx_host *host = &a->host[0];
	char text[INET6_ADDRSTRLEN];
	size_t n = strlen(literal);
	bool six;

	memset(a, 0, sizeof(*a));
	six = str_istarts(literal, "[IPv6:");
	if (six) {
		literal += 6;
		n -= 6;
	} else if (*literal == '[') {
		literal++;
		n--;
	} else
		return false;
	if (n < 2 || n > sizeof(text) || literal[n - 1] != ']')
		return false;
	memcpy(text, literal, n - 1);
	text[n - 1] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, text, host->addr[0].ip) != 1)
		return false;
	host->addr[0].family = six ? 6 : 4;
	host->naddr = 1;
	host->name[0] = '[';
	str_copy(host->name + 1, sizeof(host->name) - 1,
	    mx_addr_text(&host->addr[0], text));
	str_copy(host->name + strlen(host->name),
	    sizeof(host->name) - strlen(host->name), "]");
	a->nhost = 1;
	return true;
}
