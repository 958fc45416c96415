/* envelope: forward-paths and what is known of them, NOTIFY, xtext. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/envelope.h"

START_TEST(add)
{
	struct envelope env = { 0 };
	struct rcpt *first = envelope_add(&env, "a@b.org");

	first->notify = NOTIFY_DELAY;
	ck_assert_uint_eq(envelope_add(&env, "A@b.org")->notify, 0);
	ck_assert_uint_eq(envelope_add(&env, "a@b.org")->notify, NOTIFY_DELAY);
	ck_assert_uint_eq(env.nrcpt, 2);
	envelope_release(&env);
	ck_assert_uint_eq(env.nrcpt, 0);
	envelope_release(&env);
}
END_TEST

/* Everything that it owns; the sanitizers tell of what is forgotten. */
START_TEST(release)
{
	struct envelope env = { .reverse_path = xstrdup("a@b.org"),
		.envid = xstrdup("1"), .account = xstrdup("work"),
		.submitter = xstrdup("alice") };
	struct rcpt *r = envelope_add(&env, "c@d.org");

	r->orcpt = xstrdup("rfc822;c@d.org");
	r->status = xstrdup("4.2.0");
	envelope_release(&env);
	ck_assert_ptr_null(env.account);
	ck_assert_ptr_null(env.rcpts);
}
END_TEST

static const struct {
	const char *name, *in, *want;
} lists[] = {
	{ "none", "", "" },
	{ "one", "a", "a" },
	{ "two of one", "aa", "a" },
	{ "order is kept", "cabcbadcc", "cabd" },
	{ "all different", "zyxw", "zyxw" },
	{ "case matters", "aAaA", "aA" },
};

/* Paths are single letters here; each row remembers where it stood. */
START_TEST(unique)
{
	struct envelope env = { 0 };
	const char *in = lists[_i].in, *want = lists[_i].want;
	char path[2] = "";
	size_t i;

	for (i = 0; in[i] != '\0'; i++) {
		path[0] = in[i];
		envelope_append(&env, path)->attempts = (uint16_t)i;
	}
	envelope_unique(&env);
	ck_assert_uint_eq(env.nrcpt, strlen(want));
	for (i = 0; i < env.nrcpt; i++) {
		ck_assert_msg(env.rcpts[i].path[0] == want[i], "%s",
		    lists[_i].name);
		ck_assert_uint_eq(env.rcpts[i].attempts,
		    (size_t)(strchr(in, want[i]) - in));
	}
	envelope_release(&env);
}
END_TEST

START_TEST(unique_many)
{
	struct envelope env = { 0 };
	char path[32];
	unsigned i;

	for (i = 0; i < 200000; i++) {
		snprintf(path, sizeof(path), "user%u@example.org",
		    i * 7919 % 100000);
		envelope_append(&env, path);
	}
	envelope_unique(&env);
	ck_assert_uint_eq(env.nrcpt, 100000);
	ck_assert_str_eq(env.rcpts[1].path, "user7919@example.org");
	envelope_release(&env);
}
END_TEST

static void
attempt(struct envelope *env, enum outcome_kind kind, const char *text,
    time_t now)
{
	struct outcome o = { .kind = (uint8_t)kind };

	if (text != NULL) {
		strcpy(o.text, text);
		strcpy(o.status, "4.2.0");
		strcpy(o.host, "mx");
	}
	envelope_note(env, 0, &o, now);
}

START_TEST(note)
{
	struct envelope env = { 0 };
	struct rcpt *r = envelope_add(&env, "a@b.org");

	attempt(&env, OUTCOME_NONE, "ignored", 1);
	ck_assert_int_eq(r->state, OUTCOME_NONE);
	ck_assert_ptr_null(r->text);
	attempt(&env, OUTCOME_DEFERRED, "450 later", 2);
	attempt(&env, OUTCOME_DEFERRED, "451 later", 3);
	ck_assert_int_eq(r->state, OUTCOME_DEFERRED);
	ck_assert_uint_eq(r->attempts, 2);
	ck_assert_int_eq(r->last_s, 3);
	ck_assert_str_eq(r->text, "451 later");
	ck_assert_str_eq(r->status, "4.2.0");
	ck_assert_str_eq(r->host, "mx");
	attempt(&env, OUTCOME_DELIVERED, NULL, 4);
	ck_assert_int_eq(r->state, OUTCOME_DELIVERED);
	ck_assert_uint_eq(r->attempts, 2);
	ck_assert_ptr_null(r->text);
	ck_assert_ptr_null(r->status);
	ck_assert_ptr_null(r->host);
	/* Never both delivered and failed. */
	attempt(&env, OUTCOME_FAILED, "550 no", 5);
	ck_assert_int_eq(r->state, OUTCOME_DELIVERED);
	ck_assert_int_eq(r->last_s, 4);
	envelope_release(&env);
}
END_TEST

/* Attempts count anew, what is known stays; what is final is left alone. */
START_TEST(requeue)
{
	struct envelope env = { 0 };
	struct rcpt *r = envelope_add(&env, "a@b.org");

	attempt(&env, OUTCOME_DEFERRED, "450 later", 2);
	ck_assert(!r->forced);
	envelope_requeue(&env);
	ck_assert(r->forced);
	ck_assert_uint_eq(r->attempts, 0);
	ck_assert_str_eq(r->text, "450 later");
	attempt(&env, OUTCOME_NONE, "ignored", 3);
	ck_assert(r->forced);
	attempt(&env, OUTCOME_DEFERRED, "451 later", 3);
	ck_assert(!r->forced);
	ck_assert_uint_eq(r->attempts, 1);
	attempt(&env, OUTCOME_FAILED, "550 no", 4);
	envelope_requeue(&env);
	ck_assert(!r->forced);
	ck_assert_uint_eq(r->attempts, 1);
	envelope_release(&env);
}
END_TEST

START_TEST(open)
{
	static const struct rcpt rows[] = { { .state = OUTCOME_NONE },
		{ .state = OUTCOME_DEFERRED }, { .state = OUTCOME_FAILED },
		{ .state = OUTCOME_FAILED, .reported = true },
		{ .state = OUTCOME_DELIVERED } };

	ck_assert(rcpt_is_open(&rows[_i]) == (_i < 3));
}
END_TEST

START_TEST(note_limits)
{
	struct envelope env = { 0 };
	struct rcpt *r = envelope_add(&env, "a@b.org");

	r->attempts = UINT16_MAX;
	attempt(&env, OUTCOME_DEFERRED, "450 later", 2);
	ck_assert_uint_eq(r->attempts, UINT16_MAX);
	attempt(&env, OUTCOME_FAILED, "550 no", 3);
	attempt(&env, OUTCOME_DELIVERED, "250 yes", 4);
	ck_assert_int_eq(r->state, OUTCOME_FAILED);
	ck_assert_str_eq(r->text, "550 no");
	ck_assert_uint_eq(envelope_count(&env, OUTCOME_FAILED), 1);
	ck_assert_uint_eq(envelope_count(&env, OUTCOME_DELIVERED), 0);
	envelope_release(&env);
}
END_TEST

START_TEST(needs_utf8)
{
	struct envelope env = { 0 };

	ck_assert(!envelope_needs_utf8(&env));
	env.utf8 = true;
	ck_assert(envelope_needs_utf8(&env));
	env.utf8 = false;
	env.reverse_path = xstrdup("");
	envelope_add(&env, "a@xn--bcher-kva.example");
	ck_assert(!envelope_needs_utf8(&env));
	envelope_add(&env, "\xc3\xa4@b.org");
	ck_assert(envelope_needs_utf8(&env));
	envelope_release(&env);
	env.reverse_path = xstrdup("\xc3\xa4@b.org");
	ck_assert(envelope_needs_utf8(&env));
	envelope_release(&env);
}
END_TEST

static const struct {
	const char *text, *wire;
	uint8_t bits;
} notifies[] = {
	{ "never", "NEVER", NOTIFY_NEVER },
	{ "NeVeR", "NEVER", NOTIFY_NEVER },
	{ "success", "SUCCESS", NOTIFY_SUCCESS },
	{ "delay,failure", "FAILURE,DELAY", NOTIFY_DELAY | NOTIFY_FAILURE },
	{ "delay,FAILURE,success,delay", "SUCCESS,FAILURE,DELAY",
	    NOTIFY_DELAY | NOTIFY_FAILURE | NOTIFY_SUCCESS },
	{ "never,never", "NEVER", NOTIFY_NEVER },
};

START_TEST(notify)
{
	struct buf out = { 0 };
	struct err err;
	uint8_t bits = 0;

	ck_assert_int_eq(notify_parse(notifies[_i].text, &bits, &err), 0);
	ck_assert_uint_eq(bits, notifies[_i].bits);
	notify_write(&out, bits);
	ck_assert_str_eq(buf_str(&out), notifies[_i].wire);
	buf_release(&out);
}
END_TEST

static const char *const bad_notifies[] = { "", ",", "success,", ",success",
	"success,,delay", "never,delay", "delay,never", "succes", "successs",
	"success, delay", "all", "fail\nure" };

START_TEST(bad_notify)
{
	struct err err;
	uint8_t bits = 77;

	ck_assert_msg(notify_parse(bad_notifies[_i], &bits, &err) == -1,
	    "%s", bad_notifies[_i]);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_uint_eq(bits, 77);
}
END_TEST

static const struct {
	const char *plain, *xtext;
} texts[] = {
	{ "", "" },
	{ "abc", "abc" },
	{ "a b+c=d", "a+20b+2Bc+3Dd" },
	{ "joe@example.org", "joe@example.org" },
	{ "\r\n\x7f\x01", "+0D+0A+7F+01" },
	{ "\xc3\xbc~!", "+C3+BC~!" },
};

START_TEST(xtext)
{
	struct buf out = { 0 }, back = { 0 };

	xtext_write(&out, texts[_i].plain);
	ck_assert_str_eq(buf_str(&out), texts[_i].xtext);
	ck_assert(xtext_valid(buf_str(&out)) == (out.len > 0));
	xtext_read(&back, buf_str(&out));
	ck_assert_str_eq(buf_str(&back), texts[_i].plain);
	buf_release(&out);
	buf_release(&back);
}
END_TEST

static const char *const bad_xtexts[] = { "", " ", "a b", "a=b", "+", "+2",
	"a+", "a+4", "+2g", "+2b", "+g2", "++20", "a\n", "\x7f", "\xc3\xbc" };

START_TEST(bad_xtext)
{
	ck_assert_msg(!xtext_valid(bad_xtexts[_i]), "\"%s\"", bad_xtexts[_i]);
}
END_TEST

START_TEST(xtext_limit)
{
	char text[102];

	memset(text, 'x', sizeof(text));
	text[101] = '\0';
	ck_assert(!xtext_valid(text));
	text[100] = '\0';
	ck_assert(xtext_valid(text));
}
END_TEST

/* What is no xtext is not lost, and nothing is read behind its end. */
START_TEST(read_bad)
{
	struct buf out = { 0 };

	xtext_read(&out, "a+4");
	xtext_read(&out, "+");
	xtext_read(&out, "+0A+00=");
	ck_assert_uint_eq(out.len, 7);
	ck_assert_int_eq(memcmp(out.data, "a+4+\n\0=", 7), 0);
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("envelope");
	TCase *tc = tcase_create("envelope"), *dsn = tcase_create("dsn");

	tcase_add_test(tc, add);
	tcase_add_test(tc, release);
	tcase_add_loop_test(tc, unique, 0, CHECK_ROWS(lists));
	tcase_add_test(tc, unique_many);
	tcase_add_test(tc, note);
	tcase_add_test(tc, requeue);
	tcase_add_loop_test(tc, open, 0, 5);
	tcase_add_test(tc, note_limits);
	tcase_add_test(tc, needs_utf8);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(dsn, notify, 0, CHECK_ROWS(notifies));
	tcase_add_loop_test(dsn, bad_notify, 0, CHECK_ROWS(bad_notifies));
	tcase_add_loop_test(dsn, xtext, 0, CHECK_ROWS(texts));
	tcase_add_loop_test(dsn, bad_xtext, 0, CHECK_ROWS(bad_xtexts));
	tcase_add_test(dsn, xtext_limit);
	tcase_add_test(dsn, read_bad);
	suite_add_tcase(s, dsn);
	return check_run(s);
}
