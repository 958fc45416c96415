/* mx: order, ourselves, answers from a pipe. */
#include "config.h"

#include "check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "net/mx.h"

static struct mx_addr
addr(const char *text)
{
	struct mx_addr a = { .family = strchr(text, ':') != NULL ? 6 : 4 };

	ck_assert_int_eq(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text,
	    a.ip), 1);
	return a;
}

/* "PREF NAME ADDR ADDR..; PREF NAME .." as an answer, and back. */
static void
answer_read(const char *text, struct mx_answer *a)
{
	char copy[1000], *host, *word, *s1, *s2;
	struct mx_host *h;

	memset(a, 0, sizeof(*a));
	snprintf(copy, sizeof(copy), "%s", text);
	for (host = strtok_r(copy, ";", &s1); host != NULL;
	     host = strtok_r(NULL, ";", &s1)) {
		h = &a->host[a->nhost++];
		h->pref = (uint16_t)atoi(strtok_r(host, " ", &s2));
		snprintf(h->name, sizeof(h->name), "%s",
		    strtok_r(NULL, " ", &s2));
		while ((word = strtok_r(NULL, " ", &s2)) != NULL)
			h->addr[h->naddr++] = addr(word);
	}
}

static const char *
answer_text(const struct mx_answer *a, struct buf *out)
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
	return buf_str(out);
}

START_TEST(sort)
{
	struct mx_answer a;
	struct buf out = { 0 };
	unsigned first_b = 0, i;

	for (i = 0; i < 400; i++) {
		answer_read("20 d; 10 a; 10 b; 5 z; 10 c", &a);
		mx_sort(a.host, a.nhost);
		ck_assert_str_eq(a.host[0].name, "z");
		ck_assert_str_eq(a.host[4].name, "d");
		first_b += a.host[1].name[0] == 'b';
	}
	/* 1 in 3; less than 60 or more than 220 of 400 never happens. */
	ck_assert_uint_gt(first_b, 60);
	ck_assert_uint_lt(first_b, 220);
	mx_sort(a.host, 0);
	mx_sort(a.host, 1);
	buf_release(&out);
}
END_TEST

/* What a host has besides its name goes with it. */
START_TEST(sort_keeps)
{
	struct mx_answer a;
	size_t i;

	answer_read("3 d; 1 b; 0 a; 2 c", &a);
	for (i = 0; i < a.nhost; i++) {
		a.host[i].port = (uint16_t)(1000 + a.host[i].pref);
		a.host[i].place = (uint8_t)a.host[i].pref;
		a.host[i].tls = a.host[i].pref % 2 != 0;
	}
	mx_sort(a.host, a.nhost);
	for (i = 0; i < a.nhost; i++) {
		ck_assert_int_eq(a.host[i].name[0], 'a' + (int)i);
		ck_assert_uint_eq(a.host[i].port, 1000 + i);
		ck_assert_uint_eq(a.host[i].place, i);
		ck_assert(a.host[i].tls == (i % 2 != 0));
	}
}
END_TEST

static const struct {
	const char *name, *answer;
	bool by_address;
	const char *want;
} selves[] = {
	{ "others", "10 a.test 192.0.2.1; 20 b.test 192.0.2.2", true,
	    "10 a.test 192.0.2.1; 20 b.test 192.0.2.2" },
	{ "we are the backup", "10 a.test 192.0.2.1; 20 me.test 192.0.2.9",
	    true, "10 a.test 192.0.2.1" },
	{ "and others behind us", "10 a.test 192.0.2.1; "
	    "20 me.test 192.0.2.9; 30 c.test 192.0.2.3", true,
	    "10 a.test 192.0.2.1" },
	{ "others of our preference, before", "10 a.test 192.0.2.1; "
	    "20 b.test 192.0.2.2; 20 me.test 192.0.2.9", true,
	    "10 a.test 192.0.2.1" },
	{ "others of our preference, behind", "10 a.test 192.0.2.1; "
	    "20 me.test 192.0.2.9; 20 b.test 192.0.2.2", true,
	    "10 a.test 192.0.2.1" },
	{ "we are the best", "10 me.test 192.0.2.9; 20 b.test 192.0.2.2",
	    true, "5.4.6" },
	{ "by name only", "10 ME.test 192.0.2.1", true, "5.4.6" },
	{ "by name, without address", "10 me.test; 20 b.test 192.0.2.2",
	    false, "5.4.6" },
	{ "by address only", "10 a.test 192.0.2.9", true, "5.4.6" },
	{ "by IPv6 address", "10 a.test 2001:db8::9", true, "5.4.6" },
	{ "mapped", "10 a.test ::ffff:192.0.2.9", true, "5.4.6" },
	{ "loopback", "10 a.test 127.1.2.3", true, "5.4.6" },
	{ "IPv6 loopback", "10 a.test ::1", true, "5.4.6" },
	{ "mapped loopback", "10 a.test ::ffff:127.0.0.1", true, "5.4.6" },
	{ "unspecified", "10 a.test 0.0.0.0", true, "5.4.6" },
	{ "unspecified IPv6", "10 a.test ::", true, "5.4.6" },
	{ "mapped unspecified", "10 a.test ::ffff:0.0.0.0", true, "5.4.6" },
	{ "one of its addresses", "10 a.test 192.0.2.9 192.0.2.1", true,
	    "10 a.test 192.0.2.1" },
	{ "another port: loopback", "10 a.test 127.0.0.1", false,
	    "10 a.test 127.0.0.1" },
	{ "another port: our address", "10 a.test 192.0.2.9", false,
	    "10 a.test 192.0.2.9" },
	{ "another port: our name", "10 me.test 192.0.2.1", false, "5.4.6" },
	{ "better ones without address", "10 a.test; 20 me.test 192.0.2.9",
	    true, "4.4.3" },
	{ "localhost", "10 localhost 192.0.2.1", false, "5.4.6" },
};

START_TEST(drop_self)
{
	struct mx_addr ours[] = { addr("192.0.2.9"), addr("2001:db8::9") };
	struct mx_self self;
	struct mx_answer a;
	struct buf out = { 0 };

	mx_self_init(&self, "Me.Test", false);
	self.by_address = selves[_i].by_address;
	self.addrs = ours;
	self.naddr = 2;
	answer_read(selves[_i].answer, &a);
	mx_drop_self(&a, &self, "d.test");
	ck_assert_msg(strcmp(answer_text(&a, &out), selves[_i].want) == 0,
	    "%s: %s", selves[_i].name, buf_str(&out));
	ck_assert_msg(mx_answer_valid(&a, mx_answer_size(&a), 1), "%s",
	    selves[_i].name);
	if (a.err.kind == ERR_PERM)
		ck_assert_str_eq(a.err.text,
		    "mail for d.test loops back to us");
	self.addrs = NULL;
	mx_self_release(&self);
	buf_release(&out);
}
END_TEST

START_TEST(self_of_this_machine)
{
	struct mx_addr a = addr("127.0.0.1"), b = addr("192.0.2.1");
	struct mx_self self;

	mx_self_init(&self, NULL, true);
	ck_assert(mx_addr_is_self(&self, &a));
	ck_assert(!mx_addr_is_self(&self, &b));
	mx_self_release(&self);
	mx_self_release(&self);
	mx_self_init(&self, "", false);
	ck_assert(!mx_addr_is_self(&self, &a));
	mx_self_release(&self);
}
END_TEST

static const struct {
	const char *literal, *want;
} literals[] = {
	{ "[192.0.2.1]", "0 [192.0.2.1] 192.0.2.1" },
	{ "[IPv6:2001:db8::1]", "0 [2001:db8::1] 2001:db8::1" },
	{ "[ipv6:2001:DB8:0::1]", "0 [2001:db8::1] 2001:db8::1" },
	{ "[IPv6:::ffff:192.0.2.1]",
	    "0 [::ffff:192.0.2.1] ::ffff:192.0.2.1" },
	{ "192.0.2.1", NULL },
	{ "[192.0.2.1", NULL },
	{ "[192.0.2.256]", NULL },
	{ "[192.0.2.1]x", NULL },
	{ "[2001:db8::1]", NULL },
	{ "[IPv6:192.0.2.1]", NULL },
	{ "[IPv6:]", NULL },
	{ "[]", NULL },
	{ "[", NULL },
	{ "", NULL },
	{ "[192.0.2.01]", NULL },
	{ "[x-tag:foo]", NULL },
	{ "[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]",
	    NULL },
};

START_TEST(literal)
{
	struct mx_answer a;
	struct buf out = { 0 };
	bool ok = mx_from_literal(literals[_i].literal, &a);

	ck_assert_msg(ok == (literals[_i].want != NULL), "%s",
	    literals[_i].literal);
	if (ok) {
		ck_assert_str_eq(answer_text(&a, &out), literals[_i].want);
		ck_assert(mx_answer_valid(&a, mx_answer_size(&a), 1));
	}
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name;
	size_t at;
	unsigned char value;
} harms[] = {
	{ "index", offsetof(struct mx_answer, index), 9 },
	{ "index, high byte", offsetof(struct mx_answer, index) + 3, 1 },
	{ "too many hosts", offsetof(struct mx_answer, nhost), 11 },
	{ "more hosts than bytes", offsetof(struct mx_answer, nhost), 3 },
	{ "fewer hosts", offsetof(struct mx_answer, nhost), 1 },
	{ "implicit", offsetof(struct mx_answer, implicit), 2 },
	{ "kind", offsetof(struct mx_answer, err.kind), ERR_CONFIG },
	{ "kind 77", offsetof(struct mx_answer, err.kind), 77 },
	{ "error without status", offsetof(struct mx_answer, err.kind),
	    ERR_PERM },
	{ "empty name", offsetof(struct mx_answer, host[1].name), 0 },
	{ "blank in name", offsetof(struct mx_answer, host[1].name), ' ' },
	{ "upper case", offsetof(struct mx_answer, host[0].name), 'A' },
	{ "line end", offsetof(struct mx_answer, host[0].name) + 2, '\n' },
	{ "8 bit", offsetof(struct mx_answer, host[0].name) + 2, 0xe4 },
	{ "too many addresses", offsetof(struct mx_answer, host[1].naddr),
	    9 },
	{ "place", offsetof(struct mx_answer, host[0].place), MX_HOSTS_MAX },
	{ "tls is no bool", offsetof(struct mx_answer, host[1].tls), 2 },
	{ "family", offsetof(struct mx_answer, host[0].addr[0].family), 0 },
};

START_TEST(harmed)
{
	struct mx_answer a;
	size_t len;

	answer_read("10 a.test 192.0.2.1; 20 b.test 2001:db8::1", &a);
	a.index = 8;
	len = mx_answer_size(&a);
	ck_assert(mx_answer_valid(&a, len, 9));
	((unsigned char *)&a)[harms[_i].at] = harms[_i].value;
	ck_assert_msg(!mx_answer_valid(&a, len, 9), "%s", harms[_i].name);
}
END_TEST

START_TEST(harmed_otherwise)
{
	struct mx_answer a;
	size_t len, i;

	answer_read("10 a.test 192.0.2.1; 20 b.test", &a);
	len = mx_answer_size(&a);
	ck_assert(mx_answer_valid(&a, len, 1));
	for (i = 0; i < len; i++)
		ck_assert(!mx_answer_valid(&a, i, 1));
	ck_assert(!mx_answer_valid(&a, len, 0));
	memset(a.host[1].name, 'a', sizeof(a.host[1].name));
	ck_assert(!mx_answer_valid(&a, len, 1));
	answer_read("10 a.test; 20 b.test", &a);
	ck_assert(!mx_answer_valid(&a, len, 1));
	answer_read("", &a);
	len = mx_answer_size(&a);
	ck_assert(!mx_answer_valid(&a, len, 1));
	err_set(&a.err, ERR_TEMP, "4.4.3", "later");
	ck_assert(mx_answer_valid(&a, len, 1));
	memcpy(a.err.status, "5.4.3", 6);
	ck_assert(!mx_answer_valid(&a, len, 1));
	memcpy(a.err.status, "4.4\n", 5);
	ck_assert(!mx_answer_valid(&a, len, 1));
	err_set(&a.err, ERR_PERM, "5.1.2", "never");
	ck_assert(mx_answer_valid(&a, len, 1));
	a.err.text[2] = '\n';
	ck_assert(!mx_answer_valid(&a, len, 1));
	memset(a.err.text, 'a', sizeof(a.err.text));
	ck_assert(!mx_answer_valid(&a, len, 1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mx");
	TCase *tc = tcase_create("mx");

	tcase_add_test(tc, sort);
	tcase_add_test(tc, sort_keeps);
	tcase_add_loop_test(tc, drop_self, 0, CHECK_ROWS(selves));
	tcase_add_test(tc, self_of_this_machine);
	tcase_add_loop_test(tc, literal, 0, CHECK_ROWS(literals));
	tcase_add_loop_test(tc, harmed, 0, CHECK_ROWS(harms));
	tcase_add_test(tc, harmed_otherwise);
	suite_add_tcase(s, tc);
	return check_run(s);
}
