/* select: which messages of the queue the operands are about. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "cmd/select.h"

#define WORDS_MAX 8

/* The queue: each message has a letter. */
#define ID_A "4jXf6N2cvZz3NHVT"
#define ID_B "4jXf6N2cvZz3NHVV"
#define ID_C "4jXf6N3WSsz5c070"
#define ID_D "4jXf6P3WSsz5c071"
#define ID_E "4jXf6Q3WSsz5c072"	/* cannot be read */
#define ID_F "4jXf6R3WSsz5c073"

static const struct message {
	char	 letter;
	const char *id;
	enum spool_place place;
	time_t	 age_s;
	const char *from;
	struct {
		const char *path;
		enum outcome_kind state;
		bool reported;
		const char *host;
	} to[3];
} messages[] = {
	{ 'A', ID_A, PLACE_QUEUE, 3 * 3600, "ann@example.org", {
	    { "bob@example.net", OUTCOME_DEFERRED, false, "mx1.example.net" },
	    { "dan@example.com", OUTCOME_NONE, false, NULL } } },
	{ 'B', ID_B, PLACE_QUEUE, 60, "", {
	    { "ann@example.org", OUTCOME_NONE, false, NULL } } },
	{ 'C', ID_C, PLACE_HOLD, 2 * 86400, "eve@evil.example", {
	    { "bob@example.net", OUTCOME_DELIVERED, false, "mx1.example.net" },
	    { "carl@sub.example.net", OUTCOME_FAILED, false,
		"mx2.example.net" },
	    { "fred@example.com", OUTCOME_FAILED, true, "mx.example.com" } } },
	{ 'D', ID_D, PLACE_RUN, 10, "\"a b\"@xn--bcher-kva.example", {
	    { "root@[192.0.2.1]", OUTCOME_DEFERRED, false, "[192.0.2.1]" },
	    { "v@[IPv6:2001:db8::1]", OUTCOME_NONE, false, NULL } } },
	{ 'F', ID_F, PLACE_DAMAGED, 7200, "ann@example.org", {
	    { "Bob@example.net", OUTCOME_DEFERRED, false,
		"mx2.example.net" } } },
};

#define NMESSAGES (sizeof(messages) / sizeof(messages[0]))

static void
make_entry(const struct message *m, struct entry *e)
{
	*e = (struct entry){ .fd = -1 };
	strcpy(e->id, m->id);
	e->env.reverse_path = xstrdup(m->from);
	e->env.arrived_s = clock_wall() - m->age_s;
	for (size_t i = 0; i < 3 && m->to[i].path != NULL; i++) {
		struct rcpt *r = envelope_append(&e->env, m->to[i].path);

		r->state = (uint8_t)m->to[i].state;
		r->reported = m->to[i].reported;
		r->host = m->to[i].host != NULL ? xstrdup(m->to[i].host) :
		    NULL;
	}
}

/* A command line; its words are cut out of text. */
struct line {
	char	 text[256];
	char	*argv[WORDS_MAX + 2];
	struct options options;
};

static void
cut(struct line *l, const char *text)
{
	char *rest = NULL, *word;
	struct err err;
	int argc = 0;

	ck_assert(strlen(text) < sizeof(l->text));
	strcpy(l->text, text);
	l->argv[argc++] = (char[]){ "mailq" };
	for (word = strtok_r(l->text, " ", &rest); word != NULL;
	    word = strtok_r(NULL, " ", &rest)) {
		ck_assert_int_le(argc, WORDS_MAX);
		l->argv[argc++] = word;
	}
	l->argv[argc] = NULL;
	ck_assert_int_eq(options_parse(&l->options, argc, l->argv, &err), 0);
}

static const struct {
	const char *line, *want;
} good[] = {
	/* nothing, and everything */
	{ "", "ABCDFE" },
	{ "all", "ABCDFE" },
	{ "all from:<>", "B" },

	/* what stands alone: an id, a recipient, a domain */
	{ ID_A, "A" },
	{ ID_A " " ID_C, "AC" },
	{ "id:" ID_A " " ID_E, "AE" },
	{ "bob@example.net", "AF" },
	{ "BOB@EXAMPLE.NET", "AF" },
	{ "<bob@example.net>", "AF" },
	{ "example.net", "AF" },
	{ "sub.example.net", "C" },
	{ "example.com " ID_B, "AB" },
	{ "[192.0.2.1]", "D" },
	{ "root@[192.0.2.1]", "D" },
	{ "[IPv6:2001:DB8:0::1]", "D" },
	{ "ann@example.org", "B" },
	{ "nowhere.example", "" },
	{ "4jXf6N2cvZz3NHVB", "" },

	/* as mailq prints them */
	{ ID_A "*", "A" },
	{ ID_C "! id:" ID_D "*", "CD" },
	{ ID_E "#", "E" },

	/* by sender */
	{ "from:MAILER-DAEMON", "B" },
	{ "from:mailer-daemon", "B" },
	{ "from:ann@example.org", "AF" },
	{ "from:Ann@Example.ORG", "AF" },
	{ "from:<>", "B" },
	{ "from:*", "ABCDF" },
	{ "from:*@example.org", "AF" },
	{ "from:e*@*.example", "C" },
	{ "from:b\303\274cher.example", "D" },
	{ "from:ann@example.org from:<>", "ABF" },

	/* by recipient, of those who are not done with */
	{ "to:bob@example.net", "AF" },
	{ "to:*@example.net", "AF" },
	{ "to:*@*.example.net", "C" },
	{ "to:fred@example.com", "" },
	{ "to:example.com", "A" },
	{ "domain:example.net", "AF" },
	{ "domain:*.example.net", "C" },
	{ "domain:.example.net", "C" },
	{ "domain:*", "ABCDF" },
	{ "domain:[192.0.2.1]", "D" },

	/* by host */
	{ "site:mx1.example.net", "A" },
	{ "site:mx?.example.net", "ACF" },
	{ "site:MX2.example.net", "CF" },
	{ "site:mx.example.com", "" },
	{ "site:[192.0.2.1]", "D" },
	{ "site:*", "ACDF" },

	/* by age */
	{ "older:2h", "ACF" },
	{ "older:1d", "C" },
	{ "older:0", "ABCDF" },
	{ "newer:2m", "BD" },
	{ "older:30s newer:4h", "ABF" },
	{ "older:1d older:1h", "ACF" },

	/* by state */
	{ "status:deferred", "AB" },
	{ "status:held", "C" },
	{ "status:hold", "C" },
	{ "status:active", "D" },
	{ "status:damaged", "FE" },
	{ "status:held status:active", "CD" },

	/* kinds are and-ed, and of recipients one has to have it all */
	{ "from:ann@example.org status:deferred", "A" },
	{ "from:ann@example.org to:ann@example.org", "" },
	{ "domain:example.com site:mx1.example.net", "" },
	{ "domain:example.net site:mx1.example.net", "A" },
	{ "bob@example.net site:mx2.example.net", "F" },
	{ ID_A " site:mx1.example.net", "A" },
	{ ID_A " " ID_B " to:dan@example.com older:1h", "A" },
	{ ID_E " from:*", "" },
	{ ID_E " status:damaged", "E" },

	/* sendmail's: parts of what it is */
	{ "-qI4jXf6N", "ABC" },
	{ "-qIc07", "CDFE" },
	{ "-qRbob", "AF" },
	{ "-qRBOB@ -qRcarl", "ACF" },
	{ "-qRfred", "" },
	{ "-qSann", "AF" },
	{ "-qSexample -qRexample.net", "ACF" },
	{ "-qSann status:damaged", "F" },
};

START_TEST(fits)
{
	struct line l;
	struct select s;
	struct entry e;
	struct buf got = { 0 };
	struct err err;

	cut(&l, good[_i].line);
	ck_assert_msg(select_init(&s, &l.options, &err) == 0, "%s: %s",
	    good[_i].line, err.text);
	ck_assert(s.asked == (good[_i].line[0] != '\0'));
	for (size_t i = 0; i < NMESSAGES; i++) {
		make_entry(&messages[i], &e);
		if (select_fits(&s, &e, messages[i].place)) {
			buf_addc(&got, messages[i].letter);
			ck_assert_msg(select_could(&s, e.id,
			    messages[i].place), "%s: could not",
			    good[_i].line);
		}
		entry_release(&e);
	}
	if (select_fits_damaged(&s, ID_E)) {
		buf_addc(&got, 'E');
		ck_assert(select_could(&s, ID_E, PLACE_QUEUE));
	}
	ck_assert_msg(strcmp(buf_str(&got), good[_i].want) == 0,
	    "\"%s\" fits %s", good[_i].line, buf_str(&got));
	buf_release(&got);
	select_release(&s);
	options_release(&l.options);
}
END_TEST

static const struct {
	const char *line, *says;
} bad[] = {
	{ "foo:bar", "foo:bar" },
	{ "From:a@b", "From:a@b" },
	{ "sender:x", "from:" },
	{ "id:4jX", "4jX" },
	{ ID_A "**", "pattern" },
	{ ID_A "!!", "neither a queue id" },
	{ "!", "neither a queue id" },
	{ "id:" ID_A "!x", "not a queue id" },
	{ "id:*", "not a queue id" },
	{ "-", "xargs" },
	{ "from:", "from" },
	{ "from:a@b@c", "from" },
	{ "to:a@", "to" },
	{ "domain:a@b.example", "domain" },
	{ "domain:<>", "domain" },
	{ "site:", "site" },
	{ "site:a@b", "site" },
	{ "site:192.0.2.1", "the name of a host" },
	{ "site:2001:db8::1", "the name of a host" },
	{ "older:", "older" },
	{ "older:soon", "soon" },
	{ "older:-1h", "-1h" },
	{ "newer:1y", "1y" },
	{ "status:", "status" },
	{ "status:queued", "held (or hold)" },
	{ "*", "pattern" },
	{ "*@example.org", "pattern" },
	{ "host?.example.org", "pattern" },
	{ "<>", "<>" },
	{ "a@", "a@" },
	{ "-bad-.example", "-bad-.example" },
	{ "two..dots", "two..dots" },
	{ "x\033[2J", "x" },
	{ ID_A " nonsense:", "nonsense:" },
};

START_TEST(refused)
{
	struct line l;
	struct select s;
	struct err err;

	/* "--" for what begins with a hyphen */
	char text[300];

	snprintf(text, sizeof(text), "-- %s", bad[_i].line);
	cut(&l, text);
	ck_assert_msg(select_init(&s, &l.options, &err) == -1,
	    "\"%s\" is accepted", bad[_i].line);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL,
	    "\"%s\": says \"%s\"", bad[_i].line, err.text);
	select_release(&s);
	options_release(&l.options);
}
END_TEST

/* An empty operand is nothing that was asked for. */
START_TEST(empty_operand)
{
	char *argv[] = { (char[]){ "mailq" }, (char[]){ "" }, NULL };
	struct options o;
	struct select s;
	struct err err;

	ck_assert_int_eq(options_parse(&o, 2, argv, &err), 0);
	ck_assert_int_eq(select_init(&s, &o, &err), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	select_release(&s);
	options_release(&o);
}
END_TEST

/* What need not be read: the names tell already. */
static const struct {
	const char *line, *id;
	enum spool_place place;
	bool could;
} could[] = {
	{ "", ID_A, PLACE_QUEUE, true },
	{ ID_A, ID_A, PLACE_QUEUE, true },
	{ ID_A, ID_B, PLACE_QUEUE, false },
	{ ID_A " " ID_B, ID_C, PLACE_HOLD, false },
	{ ID_A " example.org", ID_B, PLACE_QUEUE, true },
	{ ID_A " from:*", ID_B, PLACE_QUEUE, false },
	{ "from:*", ID_B, PLACE_QUEUE, true },
	{ "status:held", ID_A, PLACE_QUEUE, false },
	{ "status:held", ID_A, PLACE_HOLD, true },
	{ "status:damaged", ID_A, PLACE_QUEUE, true },
};

START_TEST(could_fit)
{
	struct line l;
	struct select s;
	struct err err;

	cut(&l, could[_i].line);
	ck_assert_int_eq(select_init(&s, &l.options, &err), 0);
	ck_assert_msg(select_could(&s, could[_i].id, could[_i].place) ==
	    could[_i].could, "%s", could[_i].line);
	select_release(&s);
	options_release(&l.options);
}
END_TEST

START_TEST(missing)
{
	struct line l;
	struct select s;
	struct err err;
	size_t i = 0;

	cut(&l, ID_A " from:<> " ID_B " id:" ID_C " example.org");
	ck_assert_int_eq(select_init(&s, &l.options, &err), 0);
	ck_assert(select_names(&s, ID_B));
	ck_assert(!select_names(&s, ID_D));
	select_seen(&s, ID_B);
	select_seen(&s, ID_D);
	ck_assert_str_eq(select_missing(&s, &i), ID_A);
	ck_assert_str_eq(select_missing(&s, &i), ID_C);
	ck_assert_ptr_null(select_missing(&s, &i));
	ck_assert_ptr_null(select_missing(&s, &i));
	select_release(&s);
	options_release(&l.options);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("select");
	TCase *tc = tcase_create("select");

	tcase_add_loop_test(tc, fits, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, empty_operand);
	tcase_add_loop_test(tc, could_fit, 0, CHECK_ROWS(could));
	tcase_add_test(tc, missing);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
