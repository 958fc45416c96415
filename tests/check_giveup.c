/* Messages that are given up: which may be, and that all of one fails or
 * nothing does. */
#include "config.h"

#include "check.h"

#include <string.h>
#include <sys/resource.h>

#include "deliver/giveup.h"
#include "deliver_lab.h"

#define POSTMASTER "pm@" LAB_NOBODY

static struct spool spool;
static struct delivery how;
static struct giveup giveup;

static void
setup(void)
{
	struct err err;

	lab_begin();
	LAB_OK(spool_open(&spool, lab_path, &err));
	how = lab_delivery();
	giveup_init(&giveup, &spool, &how, "the test");
}

static void
teardown(void)
{
	giveup_release(&giveup);
	spool_close(&spool);
	lab_end();
}

static const struct {
	const char *name;
	struct lab_mail mail;
	const char *double_bounce;
	const char *why_not;		/* NULL: it may be given up */
} cases[] = {
	{ "somebody", { .to = "a" }, NULL, NULL },
	{ "nobody", { .from = "", .to = "a" }, NULL, "no sender" },
	{ "for whom somebody is set", { .from = "", .to = "a" }, POSTMASTER,
	    NULL },
	{ "who cannot be reached", { .from = "", .to = "a " POSTMASTER },
	    POSTMASTER, "no sender" },
	{ "and does not want to be", { .from = "", .to = "a " POSTMASTER,
	    .notify = NOTIFY_NEVER }, POSTMASTER, NULL },
	{ "a report that was sent on", { .to = "a",
	    .head = "X-Postrider-Depth: 4\r\n" }, NULL, NULL },
	{ "too often", { .to = "a", .head = "X-Postrider-Depth: 7\r\n" },
	    NULL, "chain of reports" },
	{ "and nobody wants to know", { .to = "a", .notify = NOTIFY_SUCCESS,
	    .head = "X-Postrider-Depth: 7\r\n" }, NULL, NULL },
	{ "a report about a report", { .from = "", .to = "a",
	    .head = "X-Postrider-Depth: 2\r\n" }, POSTMASTER,
	    "chain of reports" },
};

/* What may be given up is reported, unless nobody wants to hear of it, and is
 * gone; so nobody is told that it was returned when it went to hold/. */
START_TEST(who_may_be)
{
	struct item *item = lab_item(&spool, &cases[_i].mail);
	bool reported = cases[_i].mail.notify == 0;
	struct err err;
	int rc;

	how.double_bounce = cases[_i].double_bounce;
	rc = giveup_check(&giveup, &item->entry, &err);
	ck_assert_msg((rc == 0) == (cases[_i].why_not == NULL), "%s",
	    cases[_i].name);
	if (rc < 0) {
		ck_assert_int_eq(err.kind, ERR_PERM);
		ck_assert_msg(strstr(err.text, cases[_i].why_not) != NULL,
		    "%s: %s", cases[_i].name, err.text);
	} else {
		LAB_OK(giveup_record(&giveup, &item->entry, &err));
		giveup_settle(&giveup, &item->entry);
		ck_assert_msg(dispatch_unsettled(giveup.settle.dispatch) ==
		    (reported ? 1 : 0), "%s", cases[_i].name);
		ck_assert_uint_eq(giveup.settle.held, 0);
		giveup_finish(&giveup);
	}
	item_free(item);
}
END_TEST

/* A journal without room for all rows gets none, and nobody has failed. */
START_TEST(all_or_nothing)
{
	struct item *item = lab_item(&spool,
	    &(struct lab_mail){ .to = "a b c" });
	struct entry *entry = &item->entry, again = { .fd = -1 };
	struct outcome late = { .kind = OUTCOME_DEFERRED, .status = "4.2.0",
		.text = "450 4.2.0 mailbox busy", .host = "mx.example" };
	struct rlimit old, limit;
	struct err err;
	int rc;

	LAB_OK(entry_record(&spool, entry, 1, &late, clock_wall(), &err));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = entry->end + 150;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	rc = giveup_record(&giveup, entry, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_uint_eq(envelope_count(&entry->env, OUTCOME_FAILED), 0);
	ck_assert_int_eq(spool_peek(&spool, entry->id, PLACE_RUN, &again,
	    &err), 1);
	ck_assert_uint_eq(envelope_count(&again.env, OUTCOME_FAILED), 0);
	entry_release(&again);
	LAB_OK(giveup_record(&giveup, entry, &err));
	ck_assert_uint_eq(envelope_count(&entry->env, OUTCOME_FAILED), 3);
	ck_assert_str_eq(entry->env.rcpts[0].text,
	    "given up by the test before its time");
	ck_assert_str_eq(entry->env.rcpts[1].text, "given up by the test "
	    "before its time; the last attempt: 450 4.2.0 mailbox busy (said "
	    "mx.example)");
	item_free(item);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("giveup");
	TCase *tc = tcase_create("giveup");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, who_may_be, 0, CHECK_ROWS(cases));
	tcase_add_test(tc, all_or_nothing);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
