/* outcome: its names, our own failures, and what may come out of a pipe. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/err.h"
#include "mail/outcome.h"

START_TEST(names)
{
	ck_assert_str_eq(outcome_name(OUTCOME_NONE), "pending");
	ck_assert_str_eq(outcome_name(OUTCOME_DELIVERED), "delivered");
	ck_assert_str_eq(outcome_name(OUTCOME_DEFERRED), "deferred");
	ck_assert_str_eq(outcome_name(OUTCOME_FAILED), "failed");
	ck_assert_str_eq(outcome_name((enum outcome_kind)99), "pending");
	ck_assert_str_eq(outcome_stage_name(STAGE_MAIL), "MAIL FROM");
	ck_assert_str_eq(outcome_stage_name(STAGE_AUTH), "AUTH");
	ck_assert_str_eq(outcome_stage_name(STAGE_DOT), "end of DATA");
	ck_assert_str_eq(outcome_stage_name(STAGE_NONE), "preparation");
	ck_assert_str_eq(outcome_stage_name((enum outcome_stage)99),
	    "preparation");
}
END_TEST

static const struct {
	const char *name;
	enum err_kind kind;
	const char *status;
	enum outcome_kind want;
	const char *want_status;
} errors[] = {
	{ "temporary", ERR_TEMP, "4.4.1", OUTCOME_DEFERRED, "4.4.1" },
	{ "no such domain", ERR_PERM, "5.1.2", OUTCOME_FAILED, "5.1.2" },
	{ "bad data", ERR_DATA, "5.6.0", OUTCOME_FAILED, "5.6.0" },
	{ "permanent, status is not", ERR_PERM, "4.4.6", OUTCOME_FAILED,
	    "5.4.6" },
	{ "our settings are not the sender's fault", ERR_CONFIG, "5.3.5",
	    OUTCOME_DEFERRED, "4.3.5" },
	{ "usage neither", ERR_USAGE, "5.3.0", OUTCOME_DEFERRED, "4.3.0" },
	{ "nothing known defers", ERR_NONE, "", OUTCOME_DEFERRED, "4.0.0" },
};

START_TEST(from_err)
{
	struct outcome o = { .code = 250, .host = "mx.example.org" };
	struct err err = { .kind = errors[_i].kind, .text = "why" };

	strcpy(err.status, errors[_i].status);
	outcome_from_err(&o, STAGE_TLS, &err);
	ck_assert_msg(o.kind == errors[_i].want, "%s: %d", errors[_i].name,
	    o.kind);
	ck_assert_str_eq(o.status, errors[_i].want_status);
	ck_assert_str_eq(o.text, "why");
	ck_assert_int_eq(o.stage, STAGE_TLS);
	ck_assert_int_eq(o.code, 0);
	ck_assert_str_eq(o.host, "mx.example.org");
	ck_assert(outcome_valid(&o));
}
END_TEST

/* One byte at an offset that makes a sound outcome unsound, or not. */
#define AT(member) offsetof(struct outcome, member)

static const struct {
	const char *name;
	size_t at;
	unsigned char byte;
	bool valid;
} bytes[] = {
	{ "last kind", AT(kind), OUTCOME_FAILED, true },
	{ "kind beyond", AT(kind), OUTCOME_FAILED + 1, false },
	{ "last stage", AT(stage), STAGE_DOT, true },
	{ "stage beyond", AT(stage), STAGE_DOT + 1, false },
	{ "true", AT(in_doubt), 1, true },
	{ "a bool of 2", AT(in_doubt), 2, false },
	{ "a bool of 255", AT(whole_site), 255, false },
	{ "offline", AT(offline), 1, true },
	{ "offline of 4", AT(offline), 4, false },
	{ "a bool of 16", AT(relayed_no_dsn), 16, false },
	{ "8 bits in text", AT(text), 0xc3, true },
	{ "line end in text", AT(text), '\n', false },
	{ "DEL in text", AT(text) + 1, 0x7f, false },
	{ "ESC in host", AT(host), 0x1b, false },
	{ "CR in address", AT(address), '\r', false },
	{ "tab in tls", AT(tls), '\t', false },
	{ "status cut short", AT(status) + 3, '\0', false },
	{ "status of class 3", AT(status), '3', false },
	{ "no status", AT(status), '\0', true },
	{ "status not to the point", AT(status) + 5, ' ', false },
};

static void
fill(struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	o->kind = OUTCOME_FAILED;
	o->stage = STAGE_RCPT;
	o->code = 550;
	strcpy(o->status, "5.1.1");
	strcpy(o->text, "550 5.1.1 no such user");
	strcpy(o->host, "mx.example.org");
	strcpy(o->address, "192.0.2.1");
	strcpy(o->tls, "TLS1.3");
}

START_TEST(valid)
{
	struct outcome o;

	fill(&o);
	ck_assert(outcome_valid(&o));
	memcpy((char *)&o + bytes[_i].at, &bytes[_i].byte, 1);
	ck_assert_msg(outcome_valid(&o) == bytes[_i].valid, "%s",
	    bytes[_i].name);
}
END_TEST

/* A text without its NUL would be read into the next member. */
START_TEST(unterminated)
{
	static const struct {
		size_t at, size;
	} texts[] = {
		{ AT(status), STATUS_MAX },
		{ AT(text), OUTCOME_TEXT_MAX },
		{ AT(host), OUTCOME_HOST_MAX },
		{ AT(address), OUTCOME_ADDR_MAX },
		{ AT(tls), OUTCOME_TLS_MAX },
	};
	struct outcome o;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fill(&o);
		memset((char *)&o + texts[i].at, 'x', texts[i].size);
		ck_assert(!outcome_valid(&o));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outcome");
	TCase *tc = tcase_create("outcome");

	tcase_add_test(tc, names);
	tcase_add_loop_test(tc, from_err, 0, CHECK_ROWS(errors));
	tcase_add_loop_test(tc, valid, 0, CHECK_ROWS(bytes));
	tcase_add_test(tc, unterminated);
	suite_add_tcase(s, tc);
	return check_run(s);
}
