/*
 * Routes: which rule fits, which account, and what is wrong with a rule.
 */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/xalloc.h"
#include "deliver/route.h"
#include "deliver/target.h"

static struct routing routing;

static void
add_account(size_t i, const char *name, const char *from, const char *url)
{
	struct account *a = &routing.accounts[i];
	struct err err;

	a->name = xstrdup(name);
	if (from != NULL)
		strlist_add(&a->from, from);
	if (url != NULL)
		ck_assert_int_eq(account_set_smarthost(a, url, &err), 0);
}

/* [0] without a smarthost, work with one, home without, night in trouble. */
static void
setup(void)
{
	routing = (struct routing){ 0 };
	routing.naccount = 4;
	routing.accounts = xcalloc(4, sizeof(*routing.accounts));
	add_account(0, "", NULL, NULL);
	add_account(1, "work", "*@work.example", "smtps://w@smtp.example");
	add_account(2, "home", "me@home.example", NULL);
	add_account(3, "night", "*@night.example", NULL);
	routing.accounts[2].hostname = xstrdup("host.home.example");
	err_set(&routing.accounts[3].trouble, ERR_TEMP, "4.3.0", "no command");
}

static void
teardown(void)
{
	routing_release(&routing);
}

static void
add_rules(const char *rules)
{
	char *text = xstrdup(rules), *save = NULL, *line;
	struct err err;

	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		ck_assert_msg(routing_add(&routing, line, "f:1", &err) == 0,
		    "%s: %s", line, err.text);
	free(text);
}

static const struct {
	const char *name, *rules, *account, *from, *to;
	enum way_kind kind;
	const char *by;		/* account; NULL: [0] */
	int rule;		/* -1: none */
} ways[] = {
	{ "nothing set", "", NULL, "a@b.example", "c@d.example", WAY_DIRECT,
	    NULL, -1 },
	{ "by sender", "", NULL, "x@work.example", "c@d.example",
	    WAY_SMARTHOST, "work", -1 },
	{ "by sender, without a smarthost", "", NULL, "me@home.example",
	    "c@d.example", WAY_DIRECT, "home", -1 },
	{ "named", "", "work", "a@b.example", "c@d.example", WAY_SMARTHOST,
	    "work", -1 },
	{ "named that is gone", "", "gone", "a@b.example", "c@d.example",
	    WAY_LATER, NULL, -1 },
	{ "in trouble", "", NULL, "x@night.example", "c@d.example", WAY_LATER,
	    "night", -1 },
	{ "null path", "", NULL, "", "c@d.example", WAY_DIRECT, NULL, -1 },
	{ "domain", "d.example discard\n", NULL, "a@b.example", "c@d.example",
	    WAY_DISCARD, NULL, 0 },
	{ "another domain", "d.example discard\n", NULL, "a@b.example",
	    "c@x.d.example", WAY_DIRECT, NULL, -1 },
	{ "below", ".d.example discard\n", NULL, "a@b.example",
	    "c@x.d.example", WAY_DISCARD, NULL, 0 },
	{ "first counts", "c@d.example refuse\nd.example discard\n", NULL,
	    "a@b.example", "c@d.example", WAY_REFUSE, NULL, 0 },
	{ "second counts", "c@d.example refuse\nd.example discard\n", NULL,
	    "a@b.example", "e@d.example", WAY_DISCARD, NULL, 1 },
	{ "one of several", "x.example d.example to:y.example discard\n", NULL,
	    "a@b.example", "c@y.example", WAY_DISCARD, NULL, 0 },
	{ "sender", "from:b.example discard\n", NULL, "a@b.example",
	    "c@d.example", WAY_DISCARD, NULL, 0 },
	{ "sender and recipient", "d.example from:x.example discard\n", NULL,
	    "a@b.example", "c@d.example", WAY_DIRECT, NULL, -1 },
	{ "null sender", "from:<> discard\n", NULL, "", "c@d.example",
	    WAY_DISCARD, NULL, 0 },
	{ "direct in spite of an account", "d.example direct\n", NULL,
	    "x@work.example", "c@d.example", WAY_DIRECT, "work", 0 },
	{ "smarthost of the sender", "* smarthost\n", NULL, "x@work.example",
	    "c@d.example", WAY_SMARTHOST, "work", 0 },
	{ "smarthost of nobody", "* smarthost\n", NULL, "a@b.example",
	    "c@d.example", WAY_LATER, NULL, 0 },
	{ "smarthost of another", "d.example smarthost work\n", NULL,
	    "a@b.example", "c@d.example", WAY_SMARTHOST, "work", 0 },
	{ "over the named one", "d.example smarthost work\n", "home",
	    "a@b.example", "c@d.example", WAY_SMARTHOST, "work", 0 },
	{ "a host", "* host relay.example:2525\n", NULL, "a@b.example",
	    "c@d.example", WAY_HOST, NULL, 0 },
	{ "a domain called like an action", "host to:direct discard\n", NULL,
	    "a@b.example", "c@host", WAY_DISCARD, NULL, 0 },
};

START_TEST(way)
{
	struct err why;
	struct way w;

	add_rules(ways[_i].rules);
	route_find(&routing, ways[_i].account, ways[_i].from, ways[_i].to, &w);
	way_why(&w, &why);
	ck_assert_msg(w.kind == ways[_i].kind, "%s: %d", ways[_i].name,
	    (int)w.kind);
	ck_assert_msg(strcmp(w.account->name,
	    ways[_i].by != NULL ? ways[_i].by : "") == 0, "%s: account %s",
	    ways[_i].name, w.account->name);
	ck_assert_msg(w.route == (ways[_i].rule < 0 ? NULL :
	    &routing.routes[ways[_i].rule]), "%s: another rule", ways[_i].name);
	ck_assert_msg((why.kind != ERR_NONE) == (w.kind == WAY_REFUSE ||
	    w.kind == WAY_LATER), "%s: why", ways[_i].name);
	if (w.kind == WAY_REFUSE)
		ck_assert_int_eq(why.kind, ERR_PERM);
	if (w.kind == WAY_LATER)
		ck_assert_int_eq(why.kind, ERR_TEMP);
}
END_TEST

static const struct {
	const char *rule, *status, *text;
} refusals[] = {
	{ "d.example refuse", "5.7.1", "mail is not sent there" },
	{ "d.example refuse not from here", "5.7.1", "not from here" },
	{ "d.example refuse 5.1.1 gone away", "5.1.1", "gone away" },
	{ "d.example refuse 5.1.1", "5.1.1", "mail is not sent there" },
	{ "d.example refuse 4.1.1 later", "5.7.1", "4.1.1 later" },
};

START_TEST(refusal)
{
	struct err why;
	struct way w;

	add_rules(refusals[_i].rule);
	route_find(&routing, NULL, "a@b.example", "c@d.example", &w);
	way_why(&w, &why);
	ck_assert_str_eq(why.status, refusals[_i].status);
	ck_assert_str_eq(why.text, refusals[_i].text);
}
END_TEST

static const char *const wrong[] = {
	"", "d.example", "direct", "d.example away", "d.example direct now",
	"d.example discard it", "d.example host", "d.example host a b",
	"d.example host a:0", "d.example host a:65536", "d.example host a:x",
	"d.example host [::1", "d.example host 1.2.3", "a@b@c direct",
	"from: direct", "d.example smarthost work now", "host", "* host [a]",
};

START_TEST(wrong_rule)
{
	struct err err = { 0 };

	ck_assert_msg(routing_add(&routing, wrong[_i], "f:1", &err) < 0,
	    "accepted: %s", wrong[_i]);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_uint_eq(routing.nroute, 0);
}
END_TEST

static const struct {
	const char *rules;
	int rc;
} checks[] = {
	{ "d.example smarthost work\n", 0 },
	{ "d.example smarthost\n", 0 },
	{ "d.example smarthost night\n", 0 },
	{ "d.example direct\nd.example smarthost gone\n", -1 },
	{ "d.example smarthost home\n", -1 },
};

START_TEST(check_names)
{
	struct err err;

	add_rules(checks[_i].rules);
	ck_assert_msg(routing_check(&routing, &err) == checks[_i].rc, "%s",
	    checks[_i].rules);
}
END_TEST

static const struct {
	const char *rule, *from, *name;
} targets[] = {
	{ "x.example discard", "a@b.example", "d.example" },
	{ "x.example discard", "me@home.example", "d.example from home" },
	{ "x.example discard", "a@work.example", "smarthost work" },
	{ "* host r.example", "a@b.example", "host r.example" },
	{ "* host r.example:26", "a@b.example", "host r.example:26" },
	{ "* host [2001:db8::1]:26", "a@b.example",
	    "host [2001:db8::1]:26" },
	{ "* host [IPv6:2001:DB8::1]", "me@home.example",
	    "host [2001:db8::1] from home" },
};

START_TEST(target)
{
	struct buf name = { 0 };
	struct way w;

	add_rules(targets[_i].rule);
	route_find(&routing, NULL, targets[_i].from, "c@d.example", &w);
	target_name(&w, "d.example", &name);
	ck_assert_str_eq(buf_str(&name), targets[_i].name);
	buf_release(&name);
}
END_TEST

/* An answer of one host, as the resolver would give it. */
static struct mx_answer
answer_of(const char *host, uint8_t place, uint16_t port)
{
	struct mx_answer a = { .nhost = 1 };

	strcpy(a.host[0].name, host);
	a.host[0].place = place;
	a.host[0].port = port;
	a.host[0].naddr = 1;
	a.host[0].addr[0].family = 4;
	return a;
}

static const struct {
	const char *name, *url, *host;
	uint8_t place;
	const char *want;	/* NULL: not believed */
} answers[] = {
	{ "the host", "smtps://u@a.example", "a.example", 0, "a.example" },
	{ "another", "smtps://u@a.example", "evil.example", 0, "a.example" },
	{ "the second", "smtps://u@a.example smtp://u@b.example", "x", 1,
	    "b.example" },
	{ "no such place", "smtps://u@a.example", "a.example", 1, NULL },
	{ "below", "auto:u@a.example", "smtp.a.example", 0,
	    "smtp.a.example" },
	{ "itself", "auto:u@a.example", "a.example", 0, "a.example" },
	{ "another domain", "auto:u@a.example", "b.example", 0, NULL },
	{ "only like it", "auto:u@a.example", "smtpa.example", 0, NULL },
};

START_TEST(answer)
{
	struct mx_answer a = answer_of(answers[_i].host, answers[_i].place, 1);
	const struct mx_self self = { 0 };
	struct way w;
	struct err err;

	ck_assert_int_eq(account_set_smarthost(&routing.accounts[1],
	    answers[_i].url, &err), 0);
	route_find(&routing, "work", "", "c@d.example", &w);
	target_finish(&w, "d.example", &self, &a);
	ck_assert_msg((a.err.kind == ERR_NONE) == (answers[_i].want != NULL),
	    "%s: %s", answers[_i].name, a.err.text);
	if (answers[_i].want != NULL)
		ck_assert_str_eq(a.host[0].name, answers[_i].want);
	else
		ck_assert_int_eq(a.err.kind, ERR_TEMP);
}
END_TEST

/* A host that somebody has set wrong is not the end of the mail. */
START_TEST(never_for_good)
{
	const struct mx_self self = { 0 };
	struct mx_answer a = { 0 };
	struct way w;

	err_set(&a.err, ERR_PERM, "5.1.2", "no such host");
	add_rules("* host r.example");
	route_find(&routing, NULL, "a@b.example", "c@d.example", &w);
	target_finish(&w, "d.example", &self, &a);
	ck_assert_int_eq(a.err.kind, ERR_TEMP);
	ck_assert_str_eq(a.err.status, "4.1.2");
}
END_TEST

/* A proxy looks hosts up by name; no resolver is asked. */
START_TEST(through_a_proxy)
{
	struct mx_answer a;
	struct way w;
	struct err err;

	ck_assert_int_eq(account_set_smarthost(&routing.accounts[1],
	    "smtps://a.example smtp://b.example:26", &err), 0);
	routing.accounts[1].proxy = xstrdup("socks5://127.0.0.1:1080");
	route_find(&routing, "work", "", "c@d.example", &w);
	ck_assert(target_answer(&w, "d.example", &a));
	ck_assert_int_eq(a.nhost, 2);
	ck_assert_str_eq(a.host[0].name, "a.example");
	ck_assert_int_eq(a.host[0].port, 465);
	ck_assert_str_eq(a.host[1].name, "b.example");
	ck_assert_int_eq(a.host[1].port, 26);
	ck_assert_int_eq(a.host[1].naddr, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("route");
	TCase *tc = tcase_create("way");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, way, 0, CHECK_ROWS(ways));
	tcase_add_loop_test(tc, refusal, 0, CHECK_ROWS(refusals));
	tcase_add_loop_test(tc, wrong_rule, 0, CHECK_ROWS(wrong));
	tcase_add_loop_test(tc, check_names, 0, CHECK_ROWS(checks));
	suite_add_tcase(s, tc);
	tc = tcase_create("target");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, target, 0, CHECK_ROWS(targets));
	tcase_add_loop_test(tc, answer, 0, CHECK_ROWS(answers));
	tcase_add_test(tc, never_for_good);
	tcase_add_test(tc, through_a_proxy);
	suite_add_tcase(s, tc);
	return check_run(s);
}
