/* srv: order, chance in proportion to weights, targets elsewhere. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "net/srv.h"

/*
 * "PRIORITY WEIGHT PORT TARGET, ..." into the list; those with a '*' in front
 * are of _submissions.
 */
static void
list_read(const char *text, struct srv_list *list)
{
	char *copy = xstrdup(text), *word, *rest;
	struct dns_rr rr;
	struct dns_answer answer = { .rr = &rr, .n = 1 };
	unsigned priority, weight, port;
	bool tls;

	for (word = strtok_r(copy, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		word += strspn(word, " ");
		tls = *word == '*';
		memset(&rr, 0, sizeof(rr));
		ck_assert_int_eq(sscanf(word + tls, "%u %u %u %255s",
		    &priority, &weight, &port, rr.name), 4);
		rr.pref = (uint16_t)priority;
		rr.weight = (uint16_t)weight;
		rr.port = (uint16_t)port;
		srv_add(list, tls ? SRV_SUBMISSIONS : SRV_SUBMISSION,
		    &answer);
	}
	free(copy);
}

static const char *
list_text(const struct srv_list *list, struct buf *out)
{
	size_t i;

	buf_clear(out);
	for (i = 0; i < list->n; i++)
		buf_printf(out, "%s%s%u %u %u %s", i > 0 ? ", " : "",
		    list->v[i].tls ? "*" : "", list->v[i].priority,
		    list->v[i].weight, list->v[i].port, list->v[i].target);
	return buf_str(out);
}

/* With at most one way to order them. */
static const struct {
	const char *name, *list;
	size_t max;
	const char *want;
} orders[] = {
	{ "none", "", 10, "" },
	{ "one", "7 0 587 a", 10, "7 0 587 a" },
	{ "priorities", "20 0 587 c, 0 0 587 a, 65535 0 587 d, 10 0 587 b",
	    10, "0 0 587 a, 10 0 587 b, 20 0 587 c, 65535 0 587 d" },
	{ "TLS first at equal priority", "5 9 587 a, *5 0 465 a", 10,
	    "*5 0 465 a, 5 9 587 a" },
	{ "a better priority first, TLS or not", "0 0 587 a, *5 0 465 a",
	    10, "0 0 587 a, *5 0 465 a" },
	{ "both in each priority",
	    "1 0 587 d, *1 0 465 c, 0 0 587 b, *0 0 465 a", 10,
	    "*0 0 465 a, 0 0 587 b, *1 0 465 c, 1 0 587 d" },
	{ "not more than wanted", "3 0 1 c, 1 0 1 a, 2 0 1 b", 2,
	    "1 0 1 a, 2 0 1 b" },
	{ "not a single one", "3 0 1 c, 1 0 1 a, 2 0 1 b", 0, "" },
	{ "named twice", "1 0 587 a, 2 5 587 a, 3 0 587 b", 10,
	    "1 0 587 a, 3 0 587 b" },
	{ "twice does not count twice", "1 0 587 a, 2 5 587 a, 3 0 587 b",
	    2, "1 0 587 a, 3 0 587 b" },
	{ "two ports of one", "1 0 587 a, 2 0 2587 a", 10,
	    "1 0 587 a, 2 0 2587 a" },
	{ "one port, with TLS and without", "*1 0 587 a, 1 0 587 a", 10,
	    "*1 0 587 a, 1 0 587 a" },
};

START_TEST(order)
{
	struct srv_list list = { 0 };
	struct buf out = { 0 };

	list_read(orders[_i].list, &list);
	srv_sort(&list, orders[_i].max);
	ck_assert_msg(strcmp(list_text(&list, &out), orders[_i].want) == 0,
	    "%s: %s", orders[_i].name, buf_str(&out));
	srv_release(&list);
	ck_assert_ptr_null(list.v);
	buf_release(&out);
}
END_TEST

/*
 * How often, of ROUNDS, "a" comes first. The bounds are further away than five
 * times the standard deviation: a sound choice leaves them once in a million.
 */
#define ROUNDS 4000

static const struct {
	const char *name, *list;
	unsigned least, most;
} chances[] = {
	{ "weight 3 of 4", "0 3 1 a, 0 1 1 b", 2860, 3140 },
	{ "weight 1 of 4", "0 3 1 b, 0 1 1 a", 860, 1140 },
	{ "weights of 1", "0 1 1 a, 0 1 1 b, 0 1 1 c, 0 1 1 d", 860, 1140 },
	{ "weights of 0", "0 0 1 b, 0 0 1 c, 0 0 1 d, 0 0 1 a", 860, 1140 },
	{ "0 beside 99 has a chance of 1 in 100", "0 99 1 b, 0 0 1 a", 8, 72 },
	{ "all 0s beside 9 share 1 in 10", "0 0 1 c, 0 9 1 b, 0 0 1 a", 120,
	    280 },
	{ "weight 65535 of 131070", "0 65535 1 a, 0 65535 1 b", 1840, 2160 },
	{ "a weight counts in its priority only",
	    "0 1 1 a, 0 1 1 b, 1 65535 1 c", 1840, 2160 },
	{ "and of its kind only", "*0 1 1 a, *0 1 1 b, 0 65535 1 c", 1840,
	    2160 },
};

START_TEST(chance)
{
	struct srv_list list = { 0 };
	unsigned first = 0, i;

	for (i = 0; i < ROUNDS; i++) {
		list_read(chances[_i].list, &list);
		srv_sort(&list, 10);
		first += strcmp(list.v[0].target, "a") == 0;
		srv_release(&list);
	}
	ck_assert_msg(first >= chances[_i].least && first <= chances[_i].most,
	    "%s: %u of %d", chances[_i].name, first, ROUNDS);
}
END_TEST

/* After the first has been chosen, the weights of the others count. */
START_TEST(second_chance)
{
	struct srv_list list = { 0 };
	unsigned second = 0, i;

	for (i = 0; i < ROUNDS; i++) {
		list_read("0 1 1 a, 0 1 1 b, 0 2 1 c", &list);
		srv_sort(&list, 10);
		second += strcmp(list.v[1].target, "c") == 0;
		srv_release(&list);
	}
	/* first a or b, each 1 in 4, then c with 2 of 3: 1 in 3 */
	ck_assert_uint_ge(second, 1180);
	ck_assert_uint_le(second, 1490);
}
END_TEST

/* As many as a message can hold, none lost among the best. */
START_TEST(many)
{
	struct srv_list list = { 0 };
	char text[64];
	size_t i;

	for (i = 0; i < 3400; i++) {
		snprintf(text, sizeof(text), "%zu 65535 587 h%zu", i % 7, i);
		list_read(text, &list);
	}
	srv_sort(&list, 600);
	ck_assert_uint_eq(list.n, 600);
	for (i = 0; i < 600; i++) {
		ck_assert_uint_eq(list.v[i].priority, i < 486 ? 0 : 1);
		ck_assert_uint_eq(strtoul(list.v[i].target + 1, NULL, 10) % 7,
		    list.v[i].priority);
	}
	srv_release(&list);
}
END_TEST

#define ELSEWHERE(domain, target, url) "SRV of " domain " leads to " target \
	", which is another domain; if that is right, write smarthost " url

static const struct {
	const char *domain, *list, *want;
} checks[] = {
	{ "d.test", "", NULL },
	{ "d.test", "0 0 587 d.test", NULL },
	{ "d.test", "0 0 587 smtp.d.test, *0 0 465 a.b.c.d.test", NULL },
	{ "d.test", "*0 0 465 smtp.e.test",
	    ELSEWHERE("d.test", "smtp.e.test", "smtps://smtp.e.test") },
	{ "d.test", "0 0 587 smtp.e.test",
	    ELSEWHERE("d.test", "smtp.e.test", "smtp://smtp.e.test") },
	{ "d.test", "*0 0 587 smtp.e.test",
	    ELSEWHERE("d.test", "smtp.e.test", "smtps://smtp.e.test:587") },
	{ "d.test", "0 0 465 smtp.e.test",
	    ELSEWHERE("d.test", "smtp.e.test", "smtp://smtp.e.test:465") },
	{ "d.test", "0 0 587 d.test, 9 0 587 smtp.e.test",
	    ELSEWHERE("d.test", "smtp.e.test", "smtp://smtp.e.test") },
	{ "d.test", "0 0 587 bad.test",
	    ELSEWHERE("d.test", "bad.test", "smtp://bad.test") },
	{ "d.test", "0 0 587 d.test.e",
	    ELSEWHERE("d.test", "d.test.e", "smtp://d.test.e") },
	{ "mail.d.test", "0 0 587 d.test",
	    ELSEWHERE("mail.d.test", "d.test", "smtp://d.test") },
	{ "d.test", "0 0 587 test",
	    ELSEWHERE("d.test", "test", "smtp://test") },
};

START_TEST(at_home)
{
	struct srv_list list = { 0 };
	struct err err = { 0 };
	int rc;

	list_read(checks[_i].list, &list);
	rc = srv_check(&list, checks[_i].domain, &err);
	ck_assert_msg(rc == (checks[_i].want == NULL ? 0 : -1), "%s: %s",
	    checks[_i].domain, checks[_i].list);
	if (rc < 0) {
		ck_assert_str_eq(err.text, checks[_i].want);
		ck_assert_int_eq(err.kind, ERR_TEMP);
		ck_assert_str_eq(err.status, "4.4.3");
	}
	srv_release(&list);
}
END_TEST

START_TEST(owner)
{
	char out[64], small[8];

	ck_assert_str_eq(srv_owner(SRV_SUBMISSIONS, "d.test", out,
	    sizeof(out)), "_submissions._tcp.d.test");
	ck_assert_str_eq(srv_owner(SRV_SUBMISSION, "d.test", out,
	    sizeof(out)), "_submission._tcp.d.test");
	ck_assert_str_eq(srv_owner(SRV_SUBMISSION, "d.test", small,
	    sizeof(small)), "_submis");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("srv");
	TCase *tc = tcase_create("srv");

	tcase_add_loop_test(tc, order, 0, CHECK_ROWS(orders));
	tcase_add_loop_test(tc, chance, 0, CHECK_ROWS(chances));
	tcase_add_test(tc, second_chance);
	tcase_add_test(tc, many);
	tcase_add_loop_test(tc, at_home, 0, CHECK_ROWS(checks));
	tcase_add_test(tc, owner);
	suite_add_tcase(s, tc);
	return check_run(s);
}
