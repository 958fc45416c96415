/* sender: who sends, when many have a say in it. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "cmd/sender.h"

#define HEADER "From: Ann <ann@a.example>\nTo: x@y.example\n"
#define NOBODY "To: x@y.example\n"

#define FROM "from me@m.example\n"
#define ACCOUNTS                                                              \
	"account work\nsmarthost smtp+plain://s.example\n"                    \
	"from *@w.example Wim@W.example wall@w.example\n"                     \
	"account many\nfrom w.example\n"

/* path, from: of a message with that header. own: its From is the caller's. */
static const struct {
	const char *name, *settings, *f, *account, *header, *path, *from;
	bool own;
} cases[] = {
	{ "nobody says", "", NULL, NULL, HEADER, "joe@h.example",
	    "joe@h.example", true },
	{ "-f", "", "eve@e.example", NULL, HEADER, "eve@e.example",
	    "eve@e.example", false },
	{ "-f without a domain", "", "eve", NULL, HEADER, "eve@h.example",
	    "eve@h.example", false },
	{ "-f with a name", "", "Eve <Eve@E.example>", NULL, HEADER,
	    "Eve@e.example", "Eve@e.example", false },
	{ "-f of oneself", "", "joe", NULL, HEADER, "joe@h.example",
	    "joe@h.example", true },
	{ "-f null", "", "<>", NULL, HEADER, "", "joe@h.example", true },
	{ "-f empty", "", "", NULL, HEADER, "", "joe@h.example", true },
	{ "from", FROM, NULL, NULL, HEADER, "me@m.example", "me@m.example",
	    true },
	{ "from, -f", FROM, "eve@e.example", NULL, HEADER, "eve@e.example",
	    "eve@e.example", false },
	{ "from, -f null", FROM, "<>", NULL, HEADER, "", "me@m.example",
	    true },
	{ "account", ACCOUNTS, NULL, "work", HEADER, "wim@w.example",
	    "wim@w.example", true },
	{ "account, from", FROM ACCOUNTS, NULL, "work", HEADER,
	    "wim@w.example", "wim@w.example", true },
	{ "account, -f", ACCOUNTS, "eve@e.example", "work", HEADER,
	    "eve@e.example", "eve@e.example", false },
	{ "account of patterns", ACCOUNTS, NULL, "many", HEADER,
	    "joe@h.example", "joe@h.example", true },
	{ "account of patterns, from", FROM ACCOUNTS, NULL, "many", HEADER,
	    "me@m.example", "me@m.example", true },

	{ "header", "envelope-from header\n", NULL, NULL, HEADER,
	    "ann@a.example", "ann@a.example", false },
	{ "header, Sender", "envelope-from header\n", NULL, NULL,
	    "Sender: sec@a.example\n" HEADER, "sec@a.example",
	    "sec@a.example", false },
	{ "header, nobody", "envelope-from header\n", NULL, NULL, NOBODY,
	    "joe@h.example", "joe@h.example", true },
	{ "header, no message", "envelope-from header\n", NULL, NULL, NULL,
	    "joe@h.example", "joe@h.example", true },
	{ "header, from", "envelope-from header\n" FROM, NULL, NULL, HEADER,
	    "ann@a.example", "ann@a.example", false },
	{ "header, nobody, from", "envelope-from header\n" FROM, NULL, NULL,
	    NOBODY, "me@m.example", "me@m.example", true },
	{ "header, account", "envelope-from header\n" ACCOUNTS, NULL, "work",
	    HEADER, "ann@a.example", "ann@a.example", false },
	{ "header, nobody, account", "envelope-from header\n" FROM ACCOUNTS,
	    NULL, "work", NOBODY, "wim@w.example", "wim@w.example", true },
	{ "header, -f", "envelope-from header\n", "eve@e.example", NULL,
	    HEADER, "eve@e.example", "eve@e.example", false },
	{ "header, -f null", "envelope-from header\n", "", NULL, HEADER, "",
	    "joe@h.example", true },
	{ "header of oneself", "envelope-from header\n", NULL, NULL,
	    "From: joe\n", "joe@h.example", "joe@h.example", true },

	{ "always", "envelope-from header-always\n", NULL, NULL, HEADER,
	    "ann@a.example", "ann@a.example", false },
	{ "always, -f", "envelope-from header-always\n", "eve@e.example",
	    NULL, HEADER, "ann@a.example", "ann@a.example", false },
	{ "always, -f, nobody", "envelope-from header-always\n",
	    "eve@e.example", NULL, NOBODY, "eve@e.example", "eve@e.example",
	    false },
	{ "always, -f null", "envelope-from header-always\n", "<>", NULL,
	    HEADER, "", "joe@h.example", true },

	{ "fixed", "envelope-from fixed\n" FROM, NULL, NULL, HEADER,
	    "me@m.example", "me@m.example", true },
	{ "fixed, -f", "envelope-from fixed\n" FROM, "eve@e.example", NULL,
	    HEADER, "me@m.example", "me@m.example", true },
	{ "fixed, -f null", "envelope-from fixed\n" FROM, "<>", NULL, HEADER,
	    "", "me@m.example", true },
	{ "fixed, account", "envelope-from fixed\n" FROM ACCOUNTS, NULL,
	    "work", HEADER, "me@m.example", "me@m.example", false },

	{ "rewritten", "rewrite-sender joe@* j@j.example\n", NULL, NULL,
	    HEADER, "j@j.example", "j@j.example", true },
	{ "rewritten, null", "rewrite-sender * j@j.example\n", "<>", NULL,
	    HEADER, "", "j@j.example", true },
	{ "rewritten, -f", "rewrite-sender e.example @j.example\n",
	    "eve@e.example", NULL, HEADER, "eve@j.example", "eve@j.example",
	    false },
	{ "rewritten, header",
	    "envelope-from header\nrewrite-sender a.example @j.example\n",
	    NULL, NULL, HEADER, "ann@j.example", "ann@j.example", false },
	{ "masquerade", "masquerade m.example h.example\n", NULL, NULL, HEADER,
	    "joe@m.example", "joe@m.example", true },
};

static void
read_settings(struct settings *s, const char *text)
{
	struct buf all = { 0 };
	struct err err;

	settings_init(s);
	buf_printf(&all, "hostname h.example\norigin h.example\n%s", text);
	if (settings_parse(s, "test", &all, &err) < 0)
		ck_abort_msg("%s", err.text);
	buf_release(&all);
}

static void
read_header(struct message *m, const char *text)
{
	struct buf body = { 0 };
	struct err err;

	ck_assert_int_eq(message_feed(m, text, strlen(text), &body, &err),
	    (ssize_t)strlen(text));
	ck_assert_int_eq(message_finish(m, &body, &err), 0);
	buf_release(&body);
}

START_TEST(sends)
{
	struct options o = { .sender = cases[_i].f,
		.account = cases[_i].account };
	struct sending sending = { 0 };
	struct message m = { 0 };
	struct settings s;
	struct sender who;
	struct err err;

	read_settings(&s, cases[_i].settings);
	if (sender_init(&who, &o, &s, "joe", &err) < 0)
		ck_abort_msg("%s: %s", cases[_i].name, err.text);
	if (cases[_i].header != NULL)
		read_header(&m, cases[_i].header);
	sender_find(&who, cases[_i].header != NULL ? &m : NULL, &sending);
	ck_assert_msg(strcmp(buf_str(&sending.path), cases[_i].path) == 0,
	    "%s: %s", cases[_i].name, buf_str(&sending.path));
	ck_assert_msg(strcmp(buf_str(&sending.from), cases[_i].from) == 0,
	    "%s: From %s", cases[_i].name, buf_str(&sending.from));
	ck_assert_msg(sending.own == cases[_i].own, "%s: %d", cases[_i].name,
	    sending.own);
	sending_release(&sending);
	sender_release(&who);
	message_release(&m);
	settings_release(&s);
}
END_TEST

static const struct {
	const char *settings, *login, *f, *account, *text;
	enum err_kind kind;
} bad[] = {
	{ "", "joe", NULL, "work",
	    "there is no account work in the settings; there are none",
	    ERR_USAGE },
	{ ACCOUNTS, "joe", "eve@e.example", "home", "there is no account home "
	    "in the settings; there are: work, many", ERR_USAGE },
	{ ACCOUNTS, "joe", NULL, "", "there is no account", ERR_USAGE },
	{ "", "joe", "a b@c", NULL, "sender a b@c: ", ERR_DATA },
	{ "", "joe", "a@b, c@d", NULL, "is not one address", ERR_DATA },
	{ "", "joe", "x:;", NULL, "is not one address", ERR_DATA },
	{ "", "\xff", NULL, NULL, "UTF-8", ERR_DATA },
};

START_TEST(refused)
{
	struct options o = { .sender = bad[_i].f, .account = bad[_i].account };
	struct err err = { 0 };
	struct settings s;
	struct sender who;

	read_settings(&s, bad[_i].settings);
	ck_assert_int_eq(sender_init(&who, &o, &s, bad[_i].login, &err), -1);
	ck_assert_int_eq(err.kind, bad[_i].kind);
	ck_assert_msg(strstr(err.text, bad[_i].text) != NULL, "%s", err.text);
	sender_release(&who);
	settings_release(&s);
}
END_TEST

/* A login that is no address matters only where it is needed. */
START_TEST(odd_login)
{
	struct options o = { 0 };
	struct sending sending = { 0 };
	struct settings s;
	struct sender who;
	struct err err;

	read_settings(&s, FROM);
	ck_assert_int_eq(sender_init(&who, &o, &s, "\xff", &err), 0);
	sender_find(&who, NULL, &sending);
	ck_assert_str_eq(buf_str(&sending.path), "me@m.example");
	sending_release(&sending);
	sender_release(&who);
	settings_release(&s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sender");
	TCase *tc = tcase_create("sender");

	tcase_add_loop_test(tc, sends, 0, CHECK_ROWS(cases));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, odd_login);
	suite_add_tcase(s, tc);
	return check_run(s);
}
