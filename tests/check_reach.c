/*
 * reach and nss, and the resolver on top of them, in a network of our own that
 * leads nowhere. Needs the right to make namespaces; without it nothing is
 * tried, and that is said.
 */
#include "config.h"

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "net/nss.h"
#include "net/query.h"
#include "net/reach.h"
#include "net/resolver.h"

/* The file is another one from here on, for this process. */
static bool
put_file(const char *path, const char *text)
{
	char name[] = "check_reach.XXXXXX";
	int fd = mkstemp(name);
	bool ok;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write_all(fd, text, strlen(text)), 0);
	ck_assert_int_eq(fchmod(fd, 0644), 0);
	close(fd);
	ok = mount(name, path, NULL, MS_BIND, NULL) == 0;
	unlink(name);
	return ok;
}

static bool
raise_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;

	close(fd);
	return ok;
}

/* Only the loopback interface, and these files of the system. */
static bool
leave_network(const char *resolv_conf)
{
	if ((unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 ||
	        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0) &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    raise_loopback() && put_file("/etc/resolv.conf", resolv_conf) &&
	    put_file("/etc/nsswitch.conf", "hosts: files dns\n") &&
	    put_file("/etc/hosts", "127.0.0.1 localhost\n"
	        "192.0.2.77 relay.test other.test\n2001:db8::77 relay.test\n"))
		return true;
	fprintf(stderr, "not tried: no namespace of our own: %s\n",
	    strerror(errno));
	return false;
}

static const struct {
	const char *addr;
	bool ok;
} ways[] = {
	{ "127.0.0.1", true },
	{ "127.0.0.53", true },
	{ "::1", true },
	{ "192.0.2.1", false },
	{ "10.255.255.53", false },
	{ "2001:db8::1", false },
};

START_TEST(ways_out)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(53) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(53) };
	const char *text = ways[_i].addr;
	bool ok;

	if (!leave_network("nameserver 192.0.2.53\n"))
		return;
	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		ok = reach_address((struct sockaddr *)&four, sizeof(four));
	else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &six.sin6_addr),
		    1);
		ok = reach_address((struct sockaddr *)&six, sizeof(six));
	}
	ck_assert_msg(ok == ways[_i].ok, "%s", text);
	ck_assert(!reach_internet());
	ck_assert(!reach_global_ipv6());
}
END_TEST

static const struct {
	const char *name, *want;	/* addresses, or status and text */
} names[] = {
	{ "relay.test", "2001:db8::77 192.0.2.77" },
	{ "RELAY.test", "2001:db8::77 192.0.2.77" },
	{ "other.test", "192.0.2.77" },
	{ "away.test", "4.4.3 away.test: "
	    "Temporary failure in name resolution" },
};

/* The order of families is the machine's affair. */
START_TEST(system_names)
{
	struct dns_answer answer = { 0 };
	struct buf out = { 0 };
	struct err err;
	char ip[64];
	size_t i;

	if (!leave_network("nameserver 192.0.2.53\n"))
		return;
	if (nss_ask(names[_i].name, &answer, &err) < 0)
		buf_printf(&out, "%s %s", err.status, err.text);
	for (i = 0; i < answer.n; i++) {
		mx_addr_text(&answer.rr[i].addr, ip);
		ck_assert_msg(strstr(names[_i].want, ip) != NULL, "%s", ip);
		buf_printf(&out, "%s%s", i > 0 ? " " : "", ip);
	}
	ck_assert_uint_eq(out.len, strlen(names[_i].want));
	if (answer.n == 0)
		ck_assert_str_eq(buf_str(&out), names[_i].want);
	dns_answer_release(&answer);
	buf_release(&out);
}
END_TEST

#define DOWN "4.4.0 the network is down: "
#define NO_SERVER DOWN "no name server can be reached"
#define NO_WAY DOWN "there is no way to the Internet"

/* The same questions each time; only the names of servers differ. */
static const struct {
	const char *resolv_conf, *nameserver;
	const char *unknown, *domain;	/* how they fail, without the rest */
} networks[] = {
	{ "nameserver 192.0.2.53\n", NULL, NO_SERVER, NO_SERVER },
	{ "nameserver 192.0.2.53\nnameserver 2001:db8::53\n"
	    "nameserver 10.1.1.1\noptions timeout:5 attempts:5\n", NULL,
	    NO_SERVER, NO_SERVER },
	{ "search a.test b.test c.test\nnameserver 192.0.2.53\n", NULL,
	    NO_SERVER, NO_SERVER },
	{ "nameserver 192.0.2.53\noptions use-vc\n", NULL, NO_SERVER,
	    NO_SERVER },
	{ "nameserver 127.0.0.53\n", NULL, NO_WAY, NO_WAY },
	{ "", NULL, NO_WAY, NO_WAY },
	{ "nameserver 127.0.0.53\n", "192.0.2.53 [2001:db8::1]:5353",
	    NO_SERVER, NO_SERVER },
	{ "nameserver 192.0.2.53\n", "127.0.0.53",
	    "4.4.3 away.test: A", "4.4.3 away.test: MX" },
};

/* Ask n questions; answers by index. Returns the milliseconds it took. */
static int64_t
run(const char *nameserver, const struct resolver_question *q, size_t n,
    struct mx_answer *answers)
{
	struct resolver_options o = { .nameserver = nameserver,
		.timeout_s = 20 };
	int64_t began = clock_ms(), ms;
	char name[] = "check_reach.XXXXXX";
	struct mx_answer a;
	uint32_t size;
	size_t count = 0;
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	resolver_run(&o, q, n, fd);
	ms = clock_ms() - began;
	lseek(fd, 0, SEEK_SET);
	while (read(fd, &size, sizeof(size)) == sizeof(size)) {
		memset(&a, 0, sizeof(a));
		ck_assert_uint_le(size, sizeof(a));
		ck_assert_int_eq(read(fd, &a, size), size);
		ck_assert(mx_answer_valid(&a, size, n));
		answers[a.index] = a;
		count++;
	}
	close(fd);
	ck_assert_uint_eq(count, n);
	return ms;
}

static void
check_failure(const struct mx_answer *a, const char *want)
{
	char got[sizeof(a->err.status) + sizeof(a->err.text)];

	snprintf(got, sizeof(got), "%s %s", a->err.status, a->err.text);
	ck_assert_msg(strncmp(got, want, strlen(want)) == 0, "%s", got);
	ck_assert_int_eq(a->err.kind, ERR_TEMP);
}

START_TEST(offline)
{
	static const struct resolver_place literal = { .name = "192.0.2.1" },
	    known = { .name = "relay.test" }, away = { .name = "away.test" },
	    local = { .name = "localhost" },
	    srv = { .name = "away.test", .srv = true };
	static const struct resolver_question q[] = {
		{ .domain = "away.test" },
		{ .domain = "s", .places = &literal, .nplace = 1 },
		{ .domain = "s", .places = &local, .nplace = 1 },
		{ .domain = "s", .places = &away, .nplace = 1 },
		{ .domain = "s", .places = &srv, .nplace = 1 },
		{ .domain = "s", .places = &known, .nplace = 1 },
	};
	bool by_system = networks[_i].nameserver == NULL;
	struct mx_answer a[6];
	size_t i;

	if (!leave_network(networks[_i].resolv_conf))
		return;
	ck_assert_int_lt(run(networks[_i].nameserver, q, 6, a), 700);
	check_failure(&a[0], networks[_i].domain);
	ck_assert_uint_eq(a[1].nhost, 1);
	ck_assert_uint_eq(a[2].nhost, 1);
	check_failure(&a[3], networks[_i].unknown);
	ck_assert_int_eq(a[4].err.kind, ERR_TEMP);
	ck_assert_str_eq(a[4].err.status, a[3].err.status);
	ck_assert_uint_eq(a[5].nhost, by_system ? 1 : 0);
	if (by_system)
		ck_assert_uint_eq(a[5].host[0].naddr, 2);
	/* and each alone */
	for (i = 0; i < 6; i++)
		ck_assert_int_lt(run(networks[_i].nameserver, &q[i], 1, a),
		    700);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("reach");
	TCase *tc = tcase_create("reach");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, ways_out, 0, CHECK_ROWS(ways));
	tcase_add_loop_test(tc, system_names, 0, CHECK_ROWS(names));
	tcase_add_loop_test(tc, offline, 0, CHECK_ROWS(networks));
	suite_add_tcase(s, tc);
	return check_run(s);
}
