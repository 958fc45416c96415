/* status: enhanced status codes. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "mail/status.h"

static const struct {
	const char *name, *text, *want;
	int used;
} good[] = {
	{ "plain", "5.7.1 no", "5.7.1", 6 },
	{ "alone", "2.0.0", "2.0.0", 5 },
	{ "temporary", "4.4.1 later", "4.4.1", 6 },
	{ "blanks behind", "2.1.5 \t Ok", "2.1.5", 8 },
	{ "longest", "5.123.456 x", "5.123.456", 10 },
	{ "colon behind", "5.1.1: no such user", "5.1.1", 5 },
	{ "comma behind", "5.1.1, no such user", "5.1.1", 5 },
	{ "dash behind", "5.1.1-x", "5.1.1", 5 },
};

static const struct {
	const char *name, *text;
} bad[] = {
	{ "nothing", "" },
	{ "text", "no such user" },
	{ "class 3 is not one", "3.0.0 hm" },
	{ "class 1 is not one", "1.0.0 hm" },
	{ "class of two digits", "55.1.1 hm" },
	{ "no detail", "5.1 hm" },
	{ "empty detail", "5.1. hm" },
	{ "empty subject", "5..1 hm" },
	{ "four digits in the subject", "5.1234.1 hm" },
	{ "four digits in the detail", "5.1.1234 hm" },
	{ "four parts, an address", "4.2.2.1 is no name server" },
	{ "a dot behind", "5.1.1. hm" },
	{ "a letter behind", "5.1.1a hm" },
	{ "a blank in front", " 5.1.1 hm" },
	{ "bracket in front", "<5.1.1> hm" },
	{ "a zero in front", "5.1.01 hm" },
	{ "two of them", "5.00.1 hm" },
};

START_TEST(parse_good)
{
	char out[STATUS_MAX];

	ck_assert_msg(status_parse(good[_i].text, out) == good[_i].used,
	    "%s: wrong length", good[_i].name);
	ck_assert_str_eq(out, good[_i].want);
	ck_assert_msg(status_parse(out, out) == (int)strlen(good[_i].want),
	    "%s: does not read back", good[_i].name);
}
END_TEST

START_TEST(parse_bad)
{
	char out[STATUS_MAX] = "x";

	ck_assert_msg(status_parse(bad[_i].text, out) == 0, "%s: let through",
	    bad[_i].name);
	ck_assert_str_eq(out, "");
}
END_TEST

/* Cut at any byte, what is left is a code or is not; nothing lies behind. */
START_TEST(one_byte_more)
{
	static const char text[] = "5.12.345 x";
	char cut[sizeof(text)] = "", out[STATUS_MAX];
	size_t n;
	int want;

	for (n = 0; n < sizeof(text); n++) {
		memcpy(cut, text, n);
		cut[n] = '\0';
		want = n < 6 ? 0 : n < 9 ? (int)n : 9;
		ck_assert_msg(status_parse(cut, out) == want, "at %zu", n);
	}
}
END_TEST

static const struct {
	const char *name, *status;
	int code;
	const char *want;
} pairs[] = {
	{ "they agree", "5.1.1", 550, "5.1.1" },
	{ "550 with 4.2.2", "4.2.2", 550, "5.2.2" },
	{ "450 with 5.1.1", "5.1.1", 450, "4.1.1" },
	{ "250 with 5.0.0", "5.0.0", 250, "2.0.0" },
	{ "421 with nothing", "", 421, "4.0.0" },
	{ "550 with nothing", "", 550, "5.0.0" },
	{ "250 with nothing", "", 250, "2.0.0" },
	{ "354 says nothing", "", 354, "" },
	{ "no reply says nothing", "4.4.1", 0, "4.4.1" },
	{ "not a code", "5.1.1", -1, "5.1.1" },
};

START_TEST(agree)
{
	char status[STATUS_MAX];

	strcpy(status, pairs[_i].status);
	status_agree(status, pairs[_i].code);
	ck_assert_msg(strcmp(status, pairs[_i].want) == 0, "%s: got %s",
	    pairs[_i].name, status);
}
END_TEST

static const struct {
	const char *status, *want;
} meanings[] = {
	{ "5.1.1", "no such mailbox" },
	{ "4.2.2", "mailbox full" },
	{ "5.1.10", "domain accepts no mail" },
	{ "5.7.1", "refused by policy" },
	{ "5.7.10", "encryption needed" },
	{ "5.7.26", "several authentication checks failed" },
	{ "5.1.99", "address trouble" },
	{ "4.4.0", "network or routing trouble" },
	{ "4.4.10", "network or routing trouble" },
	{ "5.11.1", "permanent failure" },
	{ "5.0.0", "permanent failure" },
	{ "4.0.0", "temporary failure" },
	{ "2.1.5", "accepted" },
	{ "2.0.0", "accepted" },
	{ "", "no details given" },
	{ "x", "no details given" },
	{ "3.1.1", "no details given" },
};

START_TEST(meaning)
{
	ck_assert_msg(strcmp(status_meaning(meanings[_i].status),
	    meanings[_i].want) == 0, "%s: says %s", meanings[_i].status,
	    status_meaning(meanings[_i].status));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("status");
	TCase *tc = tcase_create("status");

	tcase_add_loop_test(tc, parse_good, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, parse_bad, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, one_byte_more);
	tcase_add_loop_test(tc, agree, 0, CHECK_ROWS(pairs));
	tcase_add_loop_test(tc, meaning, 0, CHECK_ROWS(meanings));
	suite_add_tcase(s, tc);
	return check_run(s);
}
