/* When to try again. */
#include "config.h"

#include "check.h"

#include "spool/retry.h"

static const struct retry_rule usual = { 300, 14400 };

static const struct {
	const char *name;
	unsigned failures;
	bool greylisted;
	unsigned random, want;
} delays[] = {
	{ "first, earliest", 1, false, 0, 240 },
	{ "first, middle", 1, false, 5000, 300 },
	{ "first, latest", 1, false, 9999, 360 },
	{ "none is one", 0, false, 0, 240 },
	{ "second", 2, false, 0, 480 },
	{ "third", 3, false, 9999, 1440 },
	{ "sixth", 6, false, 0, 7680 },
	{ "seventh reaches the limit", 7, false, 0, 11520 },
	{ "and stays", 8, false, 9999, 17280 },
	{ "for ever", 4294967295u, false, 0, 11520 },
	{ "greylisted, never early", 1, true, 0, 360 },
	{ "greylisted, latest", 1, true, 9999, 432 },
	{ "greylisted again", 2, true, 0, 720 },
	{ "and again", 3, true, 0, 1500 },
	{ "then as usual", 4, true, 0, 1920 },
	{ "random is bounded", 1, false, 10000, 240 },
};

START_TEST(delay)
{
	unsigned got = retry_delay(&usual, delays[_i].failures,
	    delays[_i].greylisted, delays[_i].random);

	ck_assert_msg(got == delays[_i].want, "%s: %u, not %u",
	    delays[_i].name, got, delays[_i].want);
}
END_TEST

static const struct {
	struct retry_rule rule;
	unsigned failures, want;
} rules[] = {
	{ { 0, 14400 }, 5, 1 },		/* never at once for ever */
	{ { 10, 0 }, 3, 1 },
	{ { 600, 60 }, 1, 48 },		/* the limit is the limit */
	{ { 4294967295u, 4294967295u }, 9, 3435973836u },
	{ { 1, 4294967295u }, 100, 3435973836u },
};

START_TEST(odd_rule)
{
	ck_assert_uint_eq(retry_delay(&rules[_i].rule, rules[_i].failures,
	    false, 0), rules[_i].want);
}
END_TEST

/* Times behind the arrival; the message lives for life_s. */
static const struct {
	const char *name;
	time_t life_s, now, due;
	unsigned random;
	time_t want;
} lives[] = {
	{ "five days", 432000, 10, 310, 0, 310 },
	{ "five days, four hours", 432000, 86400, 100800, 0, 100800 },
	{ "ten minutes: a sixth", 600, 0, 300, 0, 100 },
	{ "ten minutes, less a fifth", 600, 0, 300, 9999, 81 },
	{ "ten minutes, in between", 600, 0, 300, 5000, 90 },
	{ "earlier is as it was", 600, 0, 50, 0, 50 },
	{ "its last attempt is at its end", 600, 550, 850, 0, 600 },
	{ "and long before a late one", 432000, 431000, 445400, 0, 432000 },
	{ "past its end, as it was", 600, 700, 1000, 0, 1000 },
	{ "two seconds", 2, 0, 300, 0, 1 },
	{ "no life", 0, 0, 300, 0, 300 },
	{ "eleven seconds", 11, 0, 300, 9999, 1 },
	{ "twelve", 12, 0, 300, 9999, 2 },
	{ "less than none", -5, 0, 300, 0, 300 },
};

START_TEST(in_life)
{
	const time_t arrived = 1700000000;
	time_t got = retry_in_life(arrived + lives[_i].due,
	    arrived + lives[_i].now, arrived, arrived + lives[_i].life_s,
	    lives[_i].random) - arrived;

	ck_assert_msg(got == lives[_i].want, "%s: %ld, not %ld",
	    lives[_i].name, (long)got, (long)lives[_i].want);
}
END_TEST

#define DAY 86400

/* Times from now on; what is read from the disk, and what to make of it. */
static const struct {
	const char *name;
	struct retry_rule rule;
	time_t due, want;
} sanes[] = {
	{ "now", { 300, 14400 }, 0, 0 },
	{ "long ago", { 300, 14400 }, -1000000000, -1000000000 },
	{ "four hours", { 300, 14400 }, 14400, 14400 },
	{ "of a rule that is no more", { 300, 600 }, DAY, DAY },
	{ "no rule says that", { 300, 14400 }, DAY + 1, 0 },
	{ "ten years", { 300, 14400 }, 3650 * (time_t)DAY, 0 },
	{ "a long one", { 300, 864000 }, 12 * DAY, 12 * DAY },
	{ "too long for it", { 300, 864000 }, 12 * DAY + 1, 0 },
	{ "of all time", { 300, 4294967295u }, INT64_MAX - 1700000000, 0 },
};

START_TEST(sane)
{
	const time_t now = 1700000000;
	time_t got = retry_sane(&sanes[_i].rule, now + sanes[_i].due, now);

	ck_assert_msg(got == now + sanes[_i].want, "%s: %ld", sanes[_i].name,
	    (long)(got - now));
}
END_TEST

/* A site that first failed so long ago, for a message of five days. */
static const struct {
	const char *name;
	unsigned failures;
	time_t since_s;
	bool want;
} cut_offs[] = {
	{ "never", 0, 0, false },
	{ "just now", 1, 0, false },
	{ "for a day", 20, DAY, false },
	{ "for five days, less a second", 40, 5 * DAY - 1, false },
	{ "for five days", 40, 5 * DAY, true },
	{ "for a year", 2000, 365 * DAY, true },
	{ "a year ago and now", 2, 365 * DAY, false },
	{ "nine times", 9, 6 * DAY, false },
	{ "ten times", 10, 6 * DAY, true },
	{ "tomorrow", 40, -DAY, false },
	{ "in ten years", 40, -3650 * (time_t)DAY, false },
};

START_TEST(cut_off)
{
	const time_t now = 1700000000;

	ck_assert_msg(retry_cut_off(cut_offs[_i].failures,
	    now - cut_offs[_i].since_s, now, 5 * DAY) == cut_offs[_i].want,
	    "%s", cut_offs[_i].name);
	ck_assert(!retry_cut_off(cut_offs[_i].failures,
	    now - cut_offs[_i].since_s, now, 0));
}
END_TEST

static const struct {
	int code;
	const char *status, *text;
	bool want;
} replies[] = {
	{ 450, "4.2.0", "450 4.2.0 <a@b>: Greylisted, see http://x", true },
	{ 451, "4.7.1", "451 4.7.1 Greylisting in action, please come back "
	    "in 00:05:00", true },
	{ 451, "", "451 GREYLISTED, try later", true },
	{ 450, "4.7.1", "450 4.7.1 Graylisted for 5 minutes", true },
	{ 451, "4.7.1", "451 4.7.1 Try again later", true },
	{ 451, "4.7.1", "451 4.7.1 Service unavailable - try again later",
	    true },
	{ 421, "4.7.0", "421 4.7.0 grey list: come back", true },
	{ 451, "4.3.0", "451 4.3.0 Temporary failure, try again later",
	    false },
	{ 421, "4.7.1", "421 4.7.1 try again later", false },
	{ 452, "4.2.2", "452 4.2.2 mailbox full, retry", false },
	{ 550, "5.7.1", "550 5.7.1 greylisted for ever", false },
	{ 250, "2.0.0", "250 2.0.0 greylisting passed", false },
	{ 0, "4.4.1", "connection refused by greylist.example", false },
	{ 450, "", "", false },
};

START_TEST(greylisting)
{
	ck_assert_msg(retry_is_greylisting(replies[_i].code,
	    replies[_i].status, replies[_i].text) == replies[_i].want,
	    "%s", replies[_i].text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("retry");
	TCase *tc = tcase_create("retry");

	tcase_add_loop_test(tc, delay, 0, CHECK_ROWS(delays));
	tcase_add_loop_test(tc, odd_rule, 0, CHECK_ROWS(rules));
	tcase_add_loop_test(tc, in_life, 0, CHECK_ROWS(lives));
	tcase_add_loop_test(tc, sane, 0, CHECK_ROWS(sanes));
	tcase_add_loop_test(tc, cut_off, 0, CHECK_ROWS(cut_offs));
	tcase_add_loop_test(tc, greylisting, 0, CHECK_ROWS(replies));
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
