/*
 * resolver, inquiry, query and nameserver against a server that answers by
 * script; getaddrinfo(3) and the routes of the machine play parts as well.
 */
#include "config.h"

#include "check.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/xalloc.h"
#include "net/resolver.h"
#include "dnsserver.h"

#define TIMEOUT_S 4

static const struct dnsserver_row zone[] = {
	{ "ok.test", "MX", 0, "ok.test MX 20 b.test|ok.test MX 10 a.test", 0 },
	{ "a.test", "A", 0, "a.test A 192.0.2.1|a.test A 192.0.2.3", 0 },
	{ "a.test", "AAAA", 0, "a.test AAAA 2001:db8::1", 0 },
	{ "b.test", "A", 0, "b.test A 192.0.2.2", 0 },
	{ "only4.test", "A", 0, "only4.test A 192.0.2.4", 0 },
	{ "only6.test", "AAAA", 0, "only6.test AAAA 2001:db8::6", 0 },
	{ "gone.test", "MX", 3, "", 0 },
	{ "empty.test", "MX", 0, "", 0 },
	{ "null.test", "MX", 0, "null.test MX 0 .", 0 },
	{ "ip.test", "MX", 0, "ip.test MX 0 192.0.2.1", 0 },
	{ "fail.test", "MX", 2, "", 0 },
	{ "fail.test", "A", 0, "fail.test A 192.0.2.66", 0 },
	{ "refused.test", "MX", 5, "", 0 },
	{ "refused.test", "A", 0, "refused.test A 192.0.2.66", 0 },
	{ "formerr.test", "MX", 1, "", 0 },
	{ "silent.test", "MX", 0, "", WAY_SILENT },
	{ "silent.test", "A", 0, "silent.test A 192.0.2.66", 0 },
	{ "wrongid.test", "MX", 0, "wrongid.test MX 1 b.test", WAY_WRONG_ID },
	{ "forged.test", "MX", 0, "forged.test MX 1 b.test",
	    WAY_ONLY_WRONG_ID },
	{ "other.test", "MX", 0, "other.test MX 1 b.test", 0 },
	{ "swapped.test", "MX", 0, "other.test MX 1 b.test",
	    WAY_WRONG_QUESTION },
	{ "garbage.test", "MX", 0, "", WAY_GARBAGE },
	{ "tc.test", "MX", 0, "tc.test MX 1 b.test", WAY_TC },
	{ "tcnx.test", "MX", 3, "", WAY_TC },
	{ "tcrefused.test", "MX", 0, "tcrefused.test MX 1 b.test",
	    WAY_TC_REFUSED },
	{ "tcsilent.test", "MX", 0, "tcsilent.test MX 1 b.test",
	    WAY_TC_SILENT },
	{ "alias.test", "MX", 0, "alias.test CNAME ok.test|"
	    "ok.test MX 10 b.test", 0 },
	{ "alias2.test", "MX", 0, "alias2.test CNAME ok.test", 0 },
	{ "alias3.test", "MX", 0, "alias3.test CNAME only4.test", 0 },
	{ "alias3.test", "A", 0, "alias3.test CNAME only4.test", 0 },
	{ "alias3.test", "AAAA", 0, "alias3.test CNAME only4.test", 0 },
	{ "loop.test", "MX", 0, "loop.test CNAME pool.test", 0 },
	{ "pool.test", "MX", 0, "pool.test CNAME loop.test", 0 },
	{ "chain.test", "MX", 0, "chain.test CNAME c1.test", 0 },
	{ "c1.test", "MX", 0, "c1.test CNAME c2.test", 0 },
	{ "c2.test", "MX", 0, "c2.test CNAME c3.test", 0 },
	{ "c3.test", "MX", 0, "c3.test CNAME c4.test", 0 },
	{ "c4.test", "MX", 0, "c4.test CNAME c5.test", 0 },
	{ "c5.test", "MX", 0, "c5.test CNAME c6.test", 0 },
	{ "c6.test", "MX", 0, "c6.test CNAME c7.test", 0 },
	{ "c7.test", "MX", 0, "c7.test CNAME c8.test", 0 },
	{ "c8.test", "MX", 0, "c8.test CNAME c9.test", 0 },
	{ "c9.test", "MX", 0, "c9.test CNAME c10.test", 0 },
	{ "c10.test", "MX", 0, "c10.test CNAME c11.test", 0 },
	{ "c11.test", "MX", 0, "c11.test CNAME ok.test", 0 },
	{ "mxalias.test", "MX", 0, "mxalias.test MX 1 www.test", 0 },
	{ "www.test", "A", 0, "www.test CNAME b.test|b.test A 192.0.2.2", 0 },
	{ "www.test", "AAAA", 0, "www.test CNAME b.test|+test SOA", 0 },
	{ "noaddr.test", "MX", 0, "noaddr.test MX 1 nothing.test", 0 },
	{ "nohost.test", "MX", 0, "nohost.test MX 1 nx.test|"
	    "nohost.test MX 2 nothing.test", 0 },
	{ "nx.test", "A", 3, "", 0 },
	{ "nx.test", "AAAA", 3, "", 0 },
	{ "one.test", "MX", 0, "one.test MX 1 broken.test|"
	    "one.test MX 2 b.test", 0 },
	{ "two.test", "MX", 0, "two.test MX 1 broken.test|"
	    "two.test MX 2 nothing.test", 0 },
	{ "broken.test", "A", 2, "", 0 },
	{ "broken.test", "AAAA", 2, "", 0 },
	{ "half.test", "A", 0, "half.test A 192.0.2.5", 0 },
	{ "half.test", "AAAA", 2, "", 0 },
	{ "hang6.test", "MX", 0, "hang6.test MX 1 h6.test", 0 },
	{ "h6.test", "A", 0, "h6.test A 192.0.2.6", 0 },
	{ "h6.test", "AAAA", 0, "", WAY_SILENT },
	{ "hang.test", "MX", 0, "hang.test MX 1 h.test", 0 },
	{ "h.test", "A", 0, "", WAY_SILENT },
	{ "h.test", "AAAA", 0, "", WAY_SILENT },
	{ "_submissions._tcp.srv.test", "SRV", 0,
	    "_submissions._tcp.srv.test SRV 0 0 465 s1.srv.test", 0 },
	{ "_submission._tcp.srv.test", "SRV", 0,
	    "_submission._tcp.srv.test SRV 10 0 587 s2.srv.test|"
	    "_submission._tcp.srv.test SRV 0 0 587 s1.srv.test|"
	    "_submission._tcp.srv.test SRV 20 0 2587 srv.test", 0 },
	{ "s1.srv.test", "A", 0, "s1.srv.test A 192.0.2.21", 0 },
	{ "s2.srv.test", "A", 0, "s2.srv.test A 192.0.2.22", 0 },
	{ "srv.test", "A", 0, "srv.test A 192.0.2.23", 0 },
	{ "_submissions._tcp.old.test", "SRV", 3, "", 0 },
	{ "_submission._tcp.old.test", "SRV", 0,
	    "_submission._tcp.old.test SRV 0 0 587 s.old.test", 0 },
	{ "s.old.test", "A", 0, "s.old.test A 192.0.2.24", 0 },
	{ "_submissions._tcp.denied.test", "SRV", 0,
	    "_submissions._tcp.denied.test SRV 0 0 0 .", 0 },
	{ "_submission._tcp.half.test", "SRV", 0,
	    "_submission._tcp.half.test SRV 0 0 587 half.test", 0 },
	{ "_submissions._tcp.half.test", "SRV", 0,
	    "_submissions._tcp.half.test SRV 0 0 0 .", 0 },
	{ "_submissions._tcp.foreign.test", "SRV", 0,
	    "_submissions._tcp.foreign.test SRV 0 0 465 a.foreign.test|"
	    "_submissions._tcp.foreign.test SRV 5 0 465 notforeign.test", 0 },
	{ "_submissions._tcp.ill.test", "SRV", 2, "", 0 },
	{ "_submission._tcp.ill.test", "SRV", 0,
	    "_submission._tcp.ill.test SRV 0 0 587 a.ill.test", 0 },
	{ "a.ill.test", "A", 0, "a.ill.test A 192.0.2.25", 0 },
	{ "_submissions._tcp.bad.test", "SRV", 2, "", 0 },
	{ "_submissions._tcp.mute.test", "SRV", 0, "", WAY_SILENT },
	{ "_submission._tcp.mute.test", "SRV", 0,
	    "_submission._tcp.mute.test SRV 0 0 587 only4.mute.test", 0 },
	{ "only4.mute.test", "A", 0, "only4.mute.test A 192.0.2.26", 0 },
	{ "_submissions._tcp.dumb.test", "SRV", 0, "", WAY_SILENT },
	{ "_submission._tcp.dumb.test", "SRV", 0, "", WAY_SILENT },
	{ "_submissions._tcp.lost.test", "SRV", 0,
	    "_submissions._tcp.lost.test SRV 0 0 465 a.lost.test|"
	    "_submissions._tcp.lost.test SRV 1 0 465 b.lost.test", 0 },
	{ "_submissions._tcp.big.test", "SRV", 0,
	    "_submissions._tcp.big.test SRV 1 0 1 big.test|"
	    "_submissions._tcp.big.test SRV 2 0 2 big.test|"
	    "_submissions._tcp.big.test SRV 3 0 3 big.test|"
	    "_submissions._tcp.big.test SRV 4 0 4 big.test|"
	    "_submissions._tcp.big.test SRV 5 0 5 big.test|"
	    "_submissions._tcp.big.test SRV 6 0 6 big.test|"
	    "_submissions._tcp.big.test SRV 7 0 7 big.test|"
	    "_submissions._tcp.big.test SRV 8 0 8 big.test|"
	    "_submissions._tcp.big.test SRV 9 0 9 big.test|"
	    "_submissions._tcp.big.test SRV 10 0 10 big.test|"
	    "_submissions._tcp.big.test SRV 11 0 11 big.test|"
	    "_submissions._tcp.big.test SRV 12 0 12 big.test", 0 },
	{ "big.test", "A", 0, "big.test A 192.0.2.27", 0 },
	{ "twice.test", "MX", 0, "twice.test MX 1 b.test|"
	    "twice.test MX 9 B.test", 0 },
};

/* The machine: what getaddrinfo(3) says, and whether there are any routes. */

static const struct {
	const char *name;
	int rc;
	const char *addrs;	/* blanks between */
	int delay_ms;
} machine[] = {
	{ "smtp.test", 0, "192.0.2.31 2001:db8::31", 0 },
	{ "hosts.test", 0, "192.0.2.32", 0 },
	{ "double.test", 0, "192.0.2.33 192.0.2.33 192.0.2.34", 0 },
	{ "local.test", 0, "fe80::1 2001:db8::35", 0 },
	{ "locals.test", 0, "fe80::1", 0 },
	{ "nodata.test", EAI_NODATA, "", 0 },
	{ "again.test", EAI_AGAIN, "", 0 },
	{ "fail.test", EAI_FAIL, "", 0 },
	{ "system.test", EAI_SYSTEM, "", 0 },
	{ "slow.test", 0, "192.0.2.36", 300 },
	{ "hang.test", 0, "192.0.2.37", 60000 },
	{ "hang2.test", 0, "192.0.2.37", 60000 },
	{ "s1.srv.test", 0, "192.0.2.38", 0 },
};

static atomic_uint machine_asked;
static atomic_bool machine_is_cut_off;

struct machine_addr {
	struct addrinfo info;
	struct sockaddr_storage addr;
};

static struct addrinfo *
machine_addr(const char *text)
{
	struct machine_addr *a = xcalloc(1, sizeof(*a));
	struct sockaddr_in *four = (struct sockaddr_in *)&a->addr;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a->addr;

	a->info.ai_addr = (struct sockaddr *)&a->addr;
	a->info.ai_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	a->addr.ss_family = (sa_family_t)a->info.ai_family;
	ck_assert_int_eq(inet_pton(a->info.ai_family, text,
	    a->info.ai_family == AF_INET ? (void *)&four->sin_addr :
	    (void *)&six->sin6_addr), 1);
	return &a->info;
}

/* In place of the C library's. */
int
getaddrinfo(const char *name, const char *service,
    const struct addrinfo *want, struct addrinfo **out)
{
	char copy[200], *word, *rest;
	size_t i;

	ck_assert_ptr_null(service);
	ck_assert_int_eq(want->ai_family, AF_UNSPEC);
	ck_assert_int_eq(want->ai_socktype, SOCK_STREAM);
	machine_asked++;
	for (i = 0; i < sizeof(machine) / sizeof(machine[0]); i++) {
		if (strcmp(machine[i].name, name) == 0)
			break;
	}
	if (i == sizeof(machine) / sizeof(machine[0]))
		return EAI_NONAME;
	usleep((useconds_t)machine[i].delay_ms * 1000);
	str_copy(copy, sizeof(copy), machine[i].addrs);
	for (word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		*out = machine_addr(word);
		out = &(*out)->ai_next;
	}
	errno = EIO;
	return machine[i].rc;
}

void
freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list != NULL; list = next) {
		next = list->ai_next;
		free(list);
	}
}

/* The kernel's opinion of datagrams is ours; libresolv does not come here. */
int
connect(int fd, const struct sockaddr *addr, socklen_t size)
{
	socklen_t len = sizeof(int);
	int type = 0;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	if (type != SOCK_DGRAM)
		return (int)syscall(SYS_connect, fd, addr, size);
	errno = addr->sa_family == AF_INET ? ENETUNREACH : EADDRNOTAVAIL;
	return machine_is_cut_off ? -1 : 0;
}

static struct dnsserver server;
static char server_text[80];

static void
start(int family, dnsserver_make_fn *make, int delay_ms)
{
	memset(&server, 0, sizeof(server));
	server.make = make;
	server.delay_ms = delay_ms;
	server.rows = zone;
	server.nrow = sizeof(zone) / sizeof(zone[0]);
	ck_assert(dnsserver_start(&server, family));
	snprintf(server_text, sizeof(server_text),
	    family == AF_INET ? "127.0.0.1:%u" : "[::1]:%u", server.port);
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	start(AF_INET, NULL, 0);
}

static void
teardown(void)
{
	dnsserver_end(&server);
}

struct run {
	const struct resolver_options *o;
	const struct resolver_question *questions;
	size_t	 n;
	int	 fd;
};

static void *
run_thread(void *arg)
{
	struct run *r = arg;

	resolver_run(r->o, r->questions, r->n, r->fd);
	close(r->fd);
	return NULL;
}

static bool
read_exactly(int fd, void *data, size_t n)
{
	char *p = data;
	ssize_t got;

	while (n > 0) {
		got = read(fd, p, n);
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool
read_answer(int fd, size_t n, struct mx_answer *a)
{
	uint32_t size;

	if (!read_exactly(fd, &size, sizeof(size)))
		return false;
	ck_assert_uint_le(size, sizeof(*a));
	memset(a, 0, sizeof(*a));
	ck_assert(read_exactly(fd, a, size));
	ck_assert(mx_answer_valid(a, size, n));
	return true;
}

/* Ask n questions; answers by index. Returns the milliseconds it took. */
static int64_t
ask_all(const struct resolver_options *o,
    const struct resolver_question *questions, size_t n,
    struct mx_answer *answers)
{
	struct run r = { .o = o, .questions = questions, .n = n };
	struct mx_answer a;
	int64_t began = clock_ms();
	pthread_t thread;
	size_t count = 0;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	r.fd = fds[1];
	ck_assert_int_eq(pthread_create(&thread, NULL, run_thread, &r), 0);
	while (read_answer(fds[0], n, &a)) {
		answers[a.index] = a;
		count++;
	}
	pthread_join(thread, NULL);
	close(fds[0]);
	ck_assert_uint_eq(count, n);
	return clock_ms() - began;
}

/* The mail exchangers of n domains. */
static int64_t
resolve(const struct resolver_options *o, char **domains, size_t n,
    struct mx_answer *answers)
{
	struct resolver_question *questions = xcalloc(n, sizeof(*questions));
	int64_t ms;
	size_t i;

	for (i = 0; i < n; i++)
		questions[i].domain = domains[i];
	ms = ask_all(o, questions, n, answers);
	free(questions);
	return ms;
}

static int64_t
resolve_one(const char *domain, struct mx_answer *a)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S };
	char *copy = xstrdup(domain);
	int64_t ms = resolve(&o, &copy, 1, a);

	free(copy);
	return ms;
}

/* "10 a.test 192.0.2.1 ...; 20 b.test ..." or "status". */
static const char *
text_of(const struct mx_answer *a, struct buf *out)
{
	char ip[64];
	size_t i, j;

	buf_clear(out);
	if (a->err.kind != ERR_NONE)
		buf_adds(out, a->err.status);
	for (i = 0; i < a->nhost; i++) {
		buf_printf(out, "%s%u %s", i > 0 ? "; " : "",
		    a->host[i].pref, a->host[i].name);
		for (j = 0; j < a->host[i].naddr; j++)
			buf_printf(out, " %s",
			    mx_addr_text(&a->host[i].addr[j], ip));
	}
	if (a->implicit && a->err.kind == ERR_NONE)
		buf_adds(out, " implicit");
	return buf_str(out);
}

static const struct {
	const char *domain, *want;
	int min_ms, max_ms;
} cases[] = {
	{ "gone.test", "5.1.2", 0, 500 },
	{ "empty.test", "5.1.2", 0, 500 },
	{ "null.test", "5.1.10", 0, 500 },
	{ "ip.test", "5.4.4", 0, 500 },
	{ "fail.test", "4.4.3", 0, 500 },
	{ "refused.test", "4.4.3", 0, 500 },
	{ "formerr.test", "4.4.3", 0, 500 },
	{ "only4.test", "0 only4.test 192.0.2.4 implicit", 0, 500 },
	{ "only6.test", "0 only6.test 2001:db8::6 implicit", 0, 500 },
	{ "ONLY4.Test", "0 only4.test 192.0.2.4 implicit", 0, 500 },
	{ "wrongid.test", "1 b.test 192.0.2.2", 0, 500 },
	{ "tc.test", "1 b.test 192.0.2.2", 0, 500 },
	{ "tcnx.test", "5.1.2", 0, 500 },
	{ "tcrefused.test", "4.4.3", 0, 500 },
	{ "tcsilent.test", "4.4.3", 3000, 5000 },
	{ "alias.test", "10 b.test 192.0.2.2", 0, 500 },
	{ "alias3.test", "0 alias3.test 192.0.2.4 implicit", 0, 500 },
	{ "loop.test", "4.4.3", 0, 500 },
	{ "chain.test", "4.4.3", 0, 500 },
	{ "mxalias.test", "1 www.test 192.0.2.2", 0, 500 },
	{ "noaddr.test", "5.4.4", 0, 500 },
	{ "nohost.test", "5.4.4", 0, 500 },
	{ "one.test", "1 broken.test; 2 b.test 192.0.2.2", 0, 500 },
	{ "two.test", "4.4.3", 0, 500 },
	{ "half.test", "0 half.test 192.0.2.5 implicit", 0, 500 },
	{ "hang6.test", "1 h6.test 192.0.2.6", 1900, 2800 },
	{ "hang.test", "4.4.3", 3000, 5000 },
	{ "twice.test", "1 b.test 192.0.2.2", 0, 500 },
	{ "a b.test", "5.1.2", 0, 500 },
	{ "a..test", "5.1.2", 0, 500 },
	{ "192.0.2.1", "5.1.2", 0, 500 },
	/* Each of these takes all the time: only together with others. */
	{ "silent.test", "4.4.3", 3000, 5000 },
	{ "forged.test", "4.4.3", 3000, 5000 },
	{ "swapped.test", "4.4.3", 0, 5000 },
	{ "garbage.test", "4.4.3", 0, 5000 },
};

#define ALONE (CHECK_ROWS(cases) - 4)

START_TEST(domain)
{
	struct mx_answer a;
	struct buf out = { 0 };
	int64_t ms = resolve_one(cases[_i].domain, &a);

	ck_assert_msg(strcmp(text_of(&a, &out), cases[_i].want) == 0,
	    "%s: %s %s", cases[_i].domain, buf_str(&out), a.err.text);
	ck_assert_msg(ms >= cases[_i].min_ms && ms <= cases[_i].max_ms,
	    "%s: %d ms", cases[_i].domain, (int)ms);
	ck_assert_int_eq(a.err.kind, a.err.status[0] == '\0' ? ERR_NONE :
	    a.err.status[0] == '4' ? ERR_TEMP : ERR_PERM);
	buf_release(&out);
}
END_TEST

/* The order within a host depends on the machine: IPv6 first or not. */
static void
check_both(const char *name)
{
	struct mx_answer a;
	struct buf out = { 0 };

	resolve_one(name, &a);
	text_of(&a, &out);
	ck_assert_msg(strcmp(buf_str(&out), "10 a.test 192.0.2.1 2001:db8::1 "
	    "192.0.2.3; 20 b.test 192.0.2.2") == 0 ||
	    strcmp(buf_str(&out), "10 a.test 2001:db8::1 192.0.2.1 "
	    "192.0.2.3; 20 b.test 192.0.2.2") == 0, "%s", buf_str(&out));
	buf_release(&out);
}

START_TEST(both_families)
{
	check_both("ok.test");
	check_both("alias2.test");
}
END_TEST

/* All at once give what each gives alone, in the time of the slowest. */
START_TEST(together)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S };
	enum { N = CHECK_ROWS(cases) };
	struct mx_answer *a = xcalloc(N, sizeof(*a));
	struct buf out = { 0 };
	char *domains[N];
	int64_t ms;
	size_t i;

	for (i = 0; i < N; i++)
		domains[i] = xstrdup(cases[i].domain);
	ms = resolve(&o, domains, N, a);
	ck_assert_int_le(ms, 5500);
	for (i = 0; i < N; i++) {
		ck_assert_msg(strcmp(text_of(&a[i], &out), cases[i].want) ==
		    0, "%s: %s %s", cases[i].domain, buf_str(&out),
		    a[i].err.text);
		free(domains[i]);
	}
	buf_release(&out);
	free(a);
}
END_TEST

START_TEST(one_thread)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S, .threads = 1 };
	char name[3][16] = { "one.test", "null.test", "tc.test" };
	char *domains[] = { name[0], name[1], name[2] };
	struct mx_answer a[3];

	ck_assert_int_lt(resolve(&o, domains, 3, a), 1000);
	ck_assert_str_eq(a[0].host[1].name, "b.test");
	ck_assert_str_eq(a[1].err.status, "5.1.10");
	ck_assert_str_eq(a[2].host[0].name, "b.test");
}
END_TEST

/* Each domain has an MX of its own, and one they all share. */
static bool
make_many(const char *name, unsigned type, char *records, size_t size)
{
	if (type == ns_t_mx && *name == 'd')
		snprintf(records, size, "%s MX 1 m%s|%s MX 2 shared.many",
		    name, name, name);
	else if (type == ns_t_a)
		snprintf(records, size, "%s A 192.0.2.9", name);
	else
		return false;
	return true;
}

static void
many(size_t n, int delay_ms, int64_t max_ms)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = 10 };
	struct mx_answer *a = xcalloc(n, sizeof(*a));
	char **domains = xcalloc(n, sizeof(*domains)), name[32];
	int64_t ms;
	size_t i;

	dnsserver_end(&server);
	start(AF_INET, make_many, delay_ms);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "d%zu.many", i);
		domains[i] = xstrdup(name);
	}
	ms = resolve(&o, domains, n, a);
	if (getenv("CHECK_VERBOSE") != NULL)
		fprintf(stderr, "%zu domains: %d ms, %u questions\n", n,
		    (int)ms, server.asked);
	for (i = 0; i < n; i++) {
		ck_assert_msg(a[i].err.kind == ERR_NONE, "%s", a[i].err.text);
		ck_assert_uint_eq(a[i].nhost, 2);
		ck_assert_uint_eq(a[i].host[0].naddr, 1);
		free(domains[i]);
	}
	/* One for the MX, two for its own host, two for the shared one. */
	ck_assert_uint_le(server.asked, n * 3 + 2 + n / 50);
	ck_assert_int_le(ms, max_ms);
	free(domains);
	free(a);
}

/* Generous, for a machine under load and with sanitizers; it takes 150 ms. */
START_TEST(many_slow)
{
	many(200, 20, 2000);
}
END_TEST

START_TEST(very_many)
{
	many(5000, 0, 20000);
}
END_TEST

/* Nobody at that port: at once. */
START_TEST(dead_server)
{
	struct resolver_options o = { .nameserver = "127.0.0.1:1",
		.timeout_s = TIMEOUT_S };
	char name[] = "ok.test", *domains[] = { name };
	struct mx_answer a;

	ck_assert_int_lt(resolve(&o, domains, 1, &a), 1000);
	ck_assert_int_eq(a.err.kind, ERR_TEMP);
	ck_assert_str_eq(a.err.status, "4.4.3");
}
END_TEST

/* A server that never says a word costs the time limit once, not each time. */
START_TEST(silent_server)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = 2 };
	enum { N = 1000 };
	struct mx_answer *a = xcalloc(N, sizeof(*a));
	char name[] = "silent.test", *domains[N];
	size_t i;

	for (i = 0; i < N; i++)
		domains[i] = name;
	ck_assert_int_lt(resolve(&o, domains, N, a), 5000);
	for (i = 0; i < N; i++)
		ck_assert_int_eq(a[i].err.kind, ERR_TEMP);
	free(a);
}
END_TEST

START_TEST(second_server)
{
	struct resolver_options o = { .timeout_s = 6 };
	char name[] = "one.test", *domains[] = { name }, text[200];
	struct mx_answer a;

	snprintf(text, sizeof(text), "127.0.0.1:1 %s", server_text);
	o.nameserver = text;
	ck_assert_int_lt(resolve(&o, domains, 1, &a), 1000);
	ck_assert_int_eq(a.err.kind, ERR_NONE);
	snprintf(text, sizeof(text), "[::1]:1 %s", server_text);
	ck_assert_int_lt(resolve(&o, domains, 1, &a), 1000);
	ck_assert_int_eq(a.err.kind, ERR_NONE);
}
END_TEST

START_TEST(server_by_ipv6)
{
	struct mx_answer a;

	dnsserver_end(&server);
	start(AF_INET6, NULL, 0);
	resolve_one("one.test", &a);
	ck_assert_int_eq(a.err.kind, ERR_NONE);
	ck_assert_str_eq(a.host[1].name, "b.test");
	resolve_one("tc.test", &a);
	ck_assert_int_eq(a.err.kind, ERR_NONE);
	resolve_one("gone.test", &a);
	ck_assert_str_eq(a.err.status, "5.1.2");
}
END_TEST

/* The reader is gone: it ends, and soon. */
START_TEST(nobody_listens)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S };
	const struct resolver_question questions[] = {
		{ .domain = "null.test" }, { .domain = "silent.test" },
		{ .domain = "hang.test" },
	};
	int64_t began = clock_ms();
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	resolver_run(&o, questions, 3, fds[1]);
	close(fds[1]);
	ck_assert_int_lt(clock_ms() - began, 1000);
}
END_TEST

/* Places */

struct asked {
	struct resolver_question q;
	struct resolver_place places[MX_HOSTS_MAX];
	char	text[300];
};

/* "RANK NAME PORT; RANK NAME srv; ..." */
static void
asked_read(struct asked *a, const char *text)
{
	struct resolver_place *p;
	char *one, *word, *s1, *s2;

	memset(a, 0, sizeof(*a));
	a->q.domain = "smarthost";
	a->q.places = a->places;
	str_copy(a->text, sizeof(a->text), text);
	for (one = strtok_r(a->text, ";", &s1); one != NULL;
	     one = strtok_r(NULL, ";", &s1)) {
		p = &a->places[a->q.nplace++];
		p->rank = (uint16_t)atoi(strtok_r(one, " ", &s2));
		p->name = strtok_r(NULL, " ", &s2);
		word = strtok_r(NULL, " ", &s2);
		p->srv = strcmp(word, "srv") == 0;
		p->port = (uint16_t)atoi(word);
	}
}

/* "PREF NAME:PORT/PLACE tls ADDR ...; ..." or "STATUS TEXT". */
static const char *
places_text(const struct mx_answer *a, struct buf *out)
{
	char ip[64];
	size_t i, j;

	buf_clear(out);
	if (a->err.kind != ERR_NONE) {
		ck_assert_int_eq(a->err.kind, ERR_TEMP);
		ck_assert_uint_eq(a->nhost, 0);
		buf_printf(out, "%s %s", a->err.status, a->err.text);
	}
	for (i = 0; i < a->nhost; i++) {
		const struct mx_host *h = &a->host[i];

		buf_printf(out, "%s%u %s:%u/%u%s", i > 0 ? "; " : "",
		    h->pref, h->name, h->port, h->place,
		    h->tls ? " tls" : "");
		for (j = 0; j < h->naddr; j++)
			buf_printf(out, " %s",
			    mx_addr_text(&h->addr[j], ip));
	}
	ck_assert(!a->implicit);
	return buf_str(out);
}

static int64_t
look_up(const char *nameserver, const char *places, struct mx_answer *a)
{
	struct resolver_options o = { .nameserver = nameserver,
		.timeout_s = TIMEOUT_S };
	struct asked asked;

	asked_read(&asked, places);
	return ask_all(&o, &asked.q, 1, a);
}

struct places_case {
	const char *name, *places;
	const char *want;	/* the rest may be anything behind "..." */
	unsigned min_ms, max_ms;
};

static void
check_places(const struct places_case *c, const struct mx_answer *a)
{
	struct buf out = { 0 };
	size_t n = strlen(c->want);

	if (n > 3 && strcmp(c->want + n - 3, "...") == 0)
		n -= 3;
	else
		n++;
	ck_assert_msg(strncmp(places_text(a, &out), c->want, n) == 0,
	    "%s: %s", c->name, buf_str(&out));
	ck_assert_msg(a->dns_ms >= c->min_ms && a->dns_ms <= c->max_ms,
	    "%s: %u ms", c->name, a->dns_ms);
	buf_release(&out);
}

/* One case alone; it takes no longer than its answer. */
static void
check_place(const char *nameserver, const struct places_case *c)
{
	struct mx_answer a;
	int64_t ms = look_up(nameserver, c->places, &a);

	check_places(c, &a);
	ck_assert_msg(ms <= c->max_ms, "%s: %d ms", c->name, (int)ms);
}

/* All cases in one run give what each gives alone. */
static void
check_together(const char *nameserver, const struct places_case *c, size_t n)
{
	struct resolver_options o = { .nameserver = nameserver,
		.timeout_s = TIMEOUT_S };
	struct resolver_question *q = xcalloc(n, sizeof(*q));
	struct asked *asked = xcalloc(n, sizeof(*asked));
	struct mx_answer *a = xcalloc(n, sizeof(*a));
	size_t i;

	for (i = 0; i < n; i++) {
		asked_read(&asked[i], c[i].places);
		q[i] = asked[i].q;
	}
	ck_assert_int_le(ask_all(&o, q, n, a), 5500);
	for (i = 0; i < n; i++)
		check_places(&c[i], &a[i]);
	free(q);
	free(asked);
	free(a);
}

#define NO_HOST(name) name ": there is no such host"

/* With a name server set: by the DNS, and nobody else. */
static const struct places_case by_dns[] = {
	{ "a name", "0 b.test 587", "0 b.test:587/0 192.0.2.2", 0, 500 },
	{ "without its MX", "0 ok.test 0", "4.4.3 " NO_HOST("ok.test"), 0,
	    500 },
	{ "an address", "3 192.0.2.7 465", "3 192.0.2.7:465/0 192.0.2.7", 0,
	    200 },
	{ "an IPv6 address", "0 2001:db8::7 465",
	    "0 2001:db8::7:465/0 2001:db8::7", 0, 200 },
	{ "localhost", "0 localhost 25", "0 localhost:25/0 127.0.0.1 ::1", 0,
	    200 },
	{ "by rank, not by place", "2 b.test 1; 0 only4.test 2; 1 ::1 3",
	    "0 only4.test:2/1 192.0.2.4; 1 ::1:3/2 ::1; 2 b.test:1/0 192.0.2.2",
	    0, 500 },
	{ "one host, two ports", "0 b.test 465; 1 b.test 587",
	    "0 b.test:465/0 192.0.2.2; 1 b.test:587/1 192.0.2.2", 0, 500 },
	{ "one host, two users", "0 b.test 465; 1 b.test 465",
	    "0 b.test:465/0 192.0.2.2; 1 b.test:465/1 192.0.2.2", 0, 500 },
	{ "capitals", "0 B.Test 587", "0 b.test:587/0 192.0.2.2", 0, 500 },
	{ "one is not there", "0 nx.test 1; 1 b.test 2",
	    "1 b.test:2/1 192.0.2.2", 0, 500 },
	{ "one fails", "0 broken.test 1; 1 b.test 2",
	    "1 b.test:2/1 192.0.2.2", 0, 500 },
	{ "none is there", "0 nx.test 1; 1 nothing.test 2; 2 nx.test 3",
	    "4.4.3 " NO_HOST("nx.test") "; " NO_HOST("nothing.test"), 0,
	    500 },
	{ "none works", "0 nx.test 1; 1 broken.test 2",
	    "4.4.3 " NO_HOST("nx.test")
	    "; broken.test: A...", 0, 500 },
	{ "no host name", "0 127.1 25; 1 a..b 25", "4.4.3 " NO_HOST("127.1")
	    "; " NO_HOST("a..b"), 0, 500 },
	{ "SRV", "0 srv.test srv", "0 s1.srv.test:465/0 tls 192.0.2.21; "
	    "1 s1.srv.test:587/0 192.0.2.21; 2 s2.srv.test:587/0 192.0.2.22; "
	    "3 srv.test:2587/0 192.0.2.23", 0, 500 },
	{ "SRV and others", "1 srv.test srv; 0 b.test 25; 2 only4.test 26",
	    "0 b.test:25/1 192.0.2.2; 10 s1.srv.test:465/0 tls 192.0.2.21; "
	    "11 s1.srv.test:587/0 192.0.2.21; 12 s2.srv.test:587/0 192.0.2.22;"
	    " 13 srv.test:2587/0 192.0.2.23; 20 only4.test:26/2 192.0.2.4", 0,
	    500 },
	{ "SRV of _submission only", "0 old.test srv",
	    "0 s.old.test:587/0 192.0.2.24", 0, 500 },
	{ "no SRV", "0 b.test srv",
	    "4.4.3 b.test has no SRV records for submission", 0, 500 },
	{ "no such domain", "0 nx.test srv",
	    "4.4.3 nx.test has no SRV records for submission", 0, 500 },
	{ "no SRV, but another host", "0 b.test srv; 1 b.test 587",
	    "10 b.test:587/1 192.0.2.2", 0, 500 },
	{ "SRV deny it", "0 denied.test srv", "4.4.3 the SRV records of "
	    "denied.test say that it has no submission", 0, 500 },
	{ "SRV deny one service", "0 half.test srv",
	    "0 half.test:587/0 192.0.2.5", 0, 500 },
	{ "SRV leads elsewhere", "0 foreign.test srv",
	    "4.4.3 SRV of foreign.test leads to notforeign.test, which is "
	    "another domain; if that is right, write smarthost "
	    "smtps://notforeign.test", 0, 500 },
	{ "SRV leads elsewhere, but another host",
	    "0 foreign.test srv; 1 b.test 587", "10 b.test:587/1 192.0.2.2",
	    0, 500 },
	{ "SRV of one service fails", "0 ill.test srv",
	    "0 a.ill.test:587/0 192.0.2.25", 0, 500 },
	{ "SRV fails", "0 bad.test srv", "4.4.3 _submissions._tcp.bad.test: "
	    "SRV: DNS failure SERVFAIL", 0, 500 },
	{ "SRV to hosts that are not there", "0 lost.test srv",
	    "4.4.3 " NO_HOST("a.lost.test") "; " NO_HOST("b.lost.test"), 0,
	    500 },
	{ "more SRV than can be tried", "1 big.test srv; 0 b.test 587",
	    "0 b.test:587/1 192.0.2.2; 10 big.test:1/0 tls 192.0.2.27; "
	    "11 big.test:2/0 tls 192.0.2.27; 12 big.test:3/0 tls 192.0.2.27; "
	    "13 big.test:4/0 tls 192.0.2.27; 14 big.test:5/0 tls 192.0.2.27; "
	    "15 big.test:6/0 tls 192.0.2.27; 16 big.test:7/0 tls 192.0.2.27; "
	    "17 big.test:8/0 tls 192.0.2.27; 18 big.test:9/0 tls 192.0.2.27",
	    0, 500 },
	{ "a name too long for SRV",
	    "0 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test srv",
	    "4.4.3 "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test"
	    " has no SRV records for submission", 0, 500 },
	/* Each of these takes its time: only together with others. */
	{ "AAAA never comes", "0 h6.test 587", "0 h6.test:587/0 192.0.2.6",
	    1900, 2800 },
	{ "a worse one never comes", "0 b.test 1; 1 h.test 2",
	    "0 b.test:1/0 192.0.2.2", 1900, 2800 },
	{ "nothing comes", "0 h.test 2", "4.4.3 h.test: ...", 3000, 5000 },
	{ "SRV of one service never comes", "0 mute.test srv",
	    "0 only4.mute.test:587/0 192.0.2.26", 1900, 2900 },
	{ "SRV never comes", "0 dumb.test srv", "4.4.3 ...", 3000, 5000 },
	{ "SRV never comes, but another host",
	    "0 dumb.test srv; 1 b.test 587", "10 b.test:587/1 192.0.2.2",
	    3000, 5000 },
	{ "a worse SRV never comes", "0 b.test 587; 1 dumb.test srv",
	    "0 b.test:587/0 192.0.2.2", 1900, 2800 },
};

START_TEST(place_by_dns)
{
	check_place(server_text, &by_dns[_i]);
	ck_assert_uint_eq(machine_asked, 0);
}
END_TEST

START_TEST(places_by_dns)
{
	check_together(server_text, by_dns, CHECK_ROWS(by_dns));
	ck_assert_uint_eq(machine_asked, 0);
}
END_TEST

/* Without: as the machine does. */
static const struct places_case by_system[] = {
	{ "a name", "0 smtp.test 587",
	    "0 smtp.test:587/0 192.0.2.31 2001:db8::31", 0, 200 },
	{ "an address", "0 192.0.2.7 465", "0 192.0.2.7:465/0 192.0.2.7", 0,
	    200 },
	{ "each address once", "0 double.test 25",
	    "0 double.test:25/0 192.0.2.33 192.0.2.34", 0, 200 },
	{ "none that needs an interface", "0 local.test 25",
	    "0 local.test:25/0 2001:db8::35", 0, 200 },
	{ "nothing else", "0 locals.test 25", "4.4.3 " NO_HOST("locals.test"),
	    0, 200 },
	{ "no such name", "0 nx.test 25", "4.4.3 " NO_HOST("nx.test"), 0,
	    200 },
	{ "no such address", "0 nodata.test 25",
	    "4.4.3 " NO_HOST("nodata.test"), 0, 200 },
	{ "EAI_AGAIN", "0 again.test 25",
	    "4.4.3 again.test: Temporary failure in name resolution", 0,
	    200 },
	{ "EAI_FAIL", "0 fail.test 25",
	    "4.4.3 fail.test: Non-recoverable failure in name resolution", 0,
	    200 },
	{ "EAI_SYSTEM", "0 system.test 25",
	    "4.4.3 system.test: Input/output error", 0, 200 },
	{ "one fails", "0 again.test 1; 1 hosts.test 2",
	    "1 hosts.test:2/1 192.0.2.32", 0, 200 },
	{ "an odd address is no name", "0 127.1 25; 1 0x7f.1 25",
	    "4.4.3 " NO_HOST("127.1") "; " NO_HOST("0x7f.1"), 0, 200 },
	{ "slow", "0 slow.test 25; 1 slow.test 26; 2 hosts.test 1",
	    "0 slow.test:25/0 192.0.2.36; 1 slow.test:26/1 192.0.2.36; "
	    "2 hosts.test:1/2 192.0.2.32", 250, 900 },
	/* Each of these takes its time: only together with others. */
	{ "hangs", "0 hang.test 25",
	    "4.4.3 hang.test: its address did not come in time", 3900, 4700 },
	{ "hangs, but another host", "0 hang.test 25; 1 hosts.test 1",
	    "1 hosts.test:1/1 192.0.2.32", 3900, 4700 },
	{ "a worse one hangs", "1 hang.test 25; 0 hosts.test 1",
	    "0 hosts.test:1/1 192.0.2.32", 1900, 2800 },
};

/* Each name is asked for once. */
START_TEST(place_by_system)
{
	check_place(NULL, &by_system[_i]);
	ck_assert_uint_le(machine_asked, 2);
	ck_assert_uint_eq(server.asked, 0);
}
END_TEST

START_TEST(places_by_system)
{
	check_together(NULL, by_system, CHECK_ROWS(by_system));
	ck_assert_uint_eq(server.asked, 0);
}
END_TEST

START_TEST(places_of_equal_rank)
{
	unsigned first = 0, i;
	struct mx_answer a;

	for (i = 0; i < 200; i++) {
		look_up(server_text, "1 192.0.2.1 1; 1 192.0.2.2 2; "
		    "0 192.0.2.3 3", &a);
		ck_assert_uint_eq(a.nhost, 3);
		ck_assert_uint_eq(a.host[0].place, 2);
		ck_assert_uint_eq(a.host[1].place + a.host[2].place, 1);
		ck_assert_uint_eq(a.host[1].port, a.host[1].place + 1);
		first += a.host[1].place == 0;
	}
	/* half of them; sd 7 */
	ck_assert_uint_gt(first, 60);
	ck_assert_uint_lt(first, 140);
}
END_TEST

/*
 * Domains and places in one run; two of the same name are two questions, and
 * a host is looked up once for each way of looking it up.
 */
START_TEST(places_and_domains)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S };
	struct resolver_question q[4] = { { .domain = "smarthost" },
		{ .domain = "b.test" } };
	struct asked asked[2];
	struct mx_answer a[4];
	struct buf out = { 0 };

	asked_read(&asked[0], "0 b.test 587");
	asked_read(&asked[1], "0 b.test 465; 1 broken.test 1");
	q[2] = asked[0].q;
	q[3] = asked[1].q;
	ck_assert_int_lt(ask_all(&o, q, 4, a), 500);
	ck_assert_str_eq(a[0].err.status, "5.1.2");
	ck_assert_str_eq(text_of(&a[1], &out), "0 b.test 192.0.2.2 implicit");
	ck_assert_str_eq(places_text(&a[2], &out),
	    "0 b.test:587/0 192.0.2.2");
	ck_assert_str_eq(places_text(&a[3], &out),
	    "0 b.test:465/0 192.0.2.2");
	/* 2 MX, 2 of b.test, 2 of smarthost, 2 of broken.test; with 10 to
	 * spare, for a datagram that is sent twice */
	ck_assert_uint_le(server.asked, 18);
	buf_release(&out);
}
END_TEST

/* Threads that the system holds up are not missed: there is only one. */
START_TEST(system_hangs)
{
	struct resolver_options o = { .timeout_s = 2, .threads = 1 };
	struct resolver_question q[4];
	struct asked asked[4];
	struct mx_answer a[4];
	size_t i;

	asked_read(&asked[0], "0 hang.test 1; 1 hang2.test 1");
	asked_read(&asked[1], "0 hang.test 2");
	asked_read(&asked[2], "0 smtp.test 3");
	asked_read(&asked[3], "0 hosts.test 3");
	for (i = 0; i < 4; i++)
		q[i] = asked[i].q;
	ck_assert_int_lt(ask_all(&o, q, 4, a), 3500);
	ck_assert_str_eq(a[0].err.text,
	    "hang.test: its address did not come in time; "
	    "hang2.test: its address did not come in time");
	ck_assert_int_eq(a[1].err.kind, ERR_TEMP);
	ck_assert_int_eq(a[2].err.kind, ERR_NONE);
	ck_assert_int_eq(a[3].err.kind, ERR_NONE);
	ck_assert_uint_lt(a[2].dns_ms, 1500);
	ck_assert_uint_lt(a[3].dns_ms, 1500);
}
END_TEST

/* Offline: nothing is sent, and nothing is waited for. */

#define DOWN "4.4.0 the network is down: no name server can be reached"

static const struct places_case offline_by_dns[] = {
	{ "a name", "0 b.test 587", DOWN, 0, 200 },
	{ "SRV", "0 srv.test srv", DOWN, 0, 200 },
	{ "an address", "0 192.0.2.7 465", "0 192.0.2.7:465/0 192.0.2.7", 0,
	    200 },
	{ "localhost", "0 localhost 25", "0 localhost:25/0 127.0.0.1 ::1", 0,
	    200 },
	{ "several", "0 b.test 1; 1 srv.test srv; 2 192.0.2.7 465",
	    "20 192.0.2.7:465/2 192.0.2.7", 0, 200 },
	{ "several, none of them known", "0 b.test 1; 1 srv.test srv", DOWN,
	    0, 200 },
};

START_TEST(offline_place_by_dns)
{
	machine_is_cut_off = true;
	check_place(server_text, &offline_by_dns[_i]);
	ck_assert_uint_eq(server.asked, 0);
	ck_assert_uint_eq(machine_asked, 0);
}
END_TEST

/* What the machine knows by itself it tells. */
static const struct places_case offline_by_system[] = {
	{ "known", "0 smtp.test 587",
	    "0 smtp.test:587/0 192.0.2.31 2001:db8::31", 0, 200 },
	{ "an address", "0 192.0.2.7 465", "0 192.0.2.7:465/0 192.0.2.7", 0,
	    200 },
	{ "not known", "0 again.test 587", DOWN, 0, 200 },
	{ "one of them", "0 again.test 587; 1 hosts.test 1",
	    "1 hosts.test:1/1 192.0.2.32", 0, 200 },
	{ "known not to be there", "0 nx.test 587",
	    "4.4.3 " NO_HOST("nx.test"), 0, 200 },
	{ "neither", "0 nx.test 587; 1 again.test 1", "4.4.0 "
	    NO_HOST("nx.test") "; "
	    "the network is down: no name server can be reached", 0, 200 },
};

START_TEST(offline_place_by_system)
{
	machine_is_cut_off = true;
	check_place(NULL, &offline_by_system[_i]);
}
END_TEST

START_TEST(offline_domains)
{
	struct resolver_options o = { .nameserver = server_text,
		.timeout_s = TIMEOUT_S };
	enum { N = 5000 };
	struct mx_answer *a = xcalloc(N, sizeof(*a));
	char name[] = "ok.test", *domains[N];
	size_t i;

	machine_is_cut_off = true;
	for (i = 0; i < N; i++)
		domains[i] = name;
	ck_assert_int_lt(resolve(&o, domains, N, a), 1500);
	for (i = 0; i < N; i++) {
		ck_assert_int_eq(a[i].err.kind, ERR_TEMP);
		ck_assert_str_eq(a[i].err.status, "4.4.0");
	}
	ck_assert_uint_eq(server.asked, 0);
	machine_is_cut_off = false;
	resolve(&o, domains, 1, a);
	ck_assert_int_eq(a[0].err.kind, ERR_NONE);
	free(a);
}
END_TEST

static const struct {
	const char *text;
	bool ok;
} settings[] = {
	{ "192.0.2.53", true },
	{ "192.0.2.53:5353", true },
	{ "2001:db8::53", true },
	{ "[2001:db8::53]", true },
	{ "[2001:db8::53]:5353", true },
	{ " 192.0.2.53  [::1]:53\t127.0.0.1 ", true },
	{ "", false },
	{ " ", false },
	{ "dns.example", false },
	{ "192.0.2.53:", false },
	{ "192.0.2.53:0", false },
	{ "192.0.2.53:65536", false },
	{ "192.0.2.53:53x", false },
	{ "192.0.2.256", false },
	{ "[192.0.2.53]:53", false },
	{ "[2001:db8::53", false },
	{ "[2001:db8::53]53", false },
	{ "2001:db8::53:5353:1:2:3:4:5", false },
	{ "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", false },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    false },
};

START_TEST(setting)
{
	struct err err;
	int rc = resolver_check(settings[_i].text, &err);

	ck_assert_msg(rc == (settings[_i].ok ? 0 : -1), "%s",
	    settings[_i].text);
	if (rc < 0)
		ck_assert_int_eq(err.kind, ERR_CONFIG);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("resolver");
	TCase *tc = tcase_create("resolver"), *plain = tcase_create("setting");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, domain, 0, ALONE);
	tcase_add_test(tc, both_families);
	tcase_add_test(tc, together);
	tcase_add_test(tc, one_thread);
	tcase_add_test(tc, many_slow);
	tcase_add_test(tc, very_many);
	tcase_add_test(tc, dead_server);
	tcase_add_test(tc, silent_server);
	tcase_add_test(tc, second_server);
	tcase_add_test(tc, server_by_ipv6);
	tcase_add_test(tc, nobody_listens);
	tcase_add_loop_test(tc, place_by_dns, 0, CHECK_ROWS(by_dns) - 7);
	tcase_add_test(tc, places_by_dns);
	tcase_add_loop_test(tc, place_by_system, 0,
	    CHECK_ROWS(by_system) - 3);
	tcase_add_test(tc, places_by_system);
	tcase_add_test(tc, places_of_equal_rank);
	tcase_add_test(tc, places_and_domains);
	tcase_add_test(tc, system_hangs);
	tcase_add_loop_test(tc, offline_place_by_dns, 0,
	    CHECK_ROWS(offline_by_dns));
	tcase_add_loop_test(tc, offline_place_by_system, 0,
	    CHECK_ROWS(offline_by_system));
	tcase_add_test(tc, offline_domains);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(plain, setting, 0, CHECK_ROWS(settings));
	suite_add_tcase(s, plain);
	return check_run(s);
}
