/*
 * resolver, query and nameserver against a server that answers by script.
 */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

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
	{ "twice.test", "MX", 0, "twice.test MX 1 b.test|"
	    "twice.test MX 9 B.test", 0 },
};

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
	suite_add_tcase(s, tc);
	tcase_add_loop_test(plain, setting, 0, CHECK_ROWS(settings));
	suite_add_tcase(s, plain);
	return check_run(s);
}
