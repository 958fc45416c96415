/* pattern: what a pattern of addresses may be, and what it fits. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "mail/address.h"
#include "mail/pattern.h"

static const struct {
	const char *name, *in, *want;
} good[] = {
	{ "all", "*", "*" },
	{ "the null reverse-path", "<>", "<>" },
	{ "an address", "Ann@Example.ORG", "ann@example.org" },
	{ "a domain", "Example.ORG", "example.org" },
	{ "the dot at its end", "example.org.", "example.org" },
	{ "below a domain", ".Example.org", "*.example.org" },
	{ "the same", "*.example.org", "*.example.org" },
	{ "the same, with the dot at its end", "*.example.org.",
	    "*.example.org" },
	{ "one person anywhere", "Root@*", "root@*" },
	{ "extensions", "*+news@*.Example.org", "*+news@*.example.org" },
	{ "one character", "root@host?.example.org",
	    "root@host?.example.org" },
	{ "wildcards in a row", "a**?@*??", "a**?@*??" },
	{ "every label", "*.*.org", "*.*.org" },
	{ "quotes that are not needed", "\"ann\"@example.org",
	    "ann@example.org" },
	{ "quotes that are", "\"Ann Lee\"@example.org",
	    "\"ann lee\"@example.org" },
	{ "quotes and a wildcard", "\"ann *\"@example.org",
	    "\"ann *\"@example.org" },
	{ "an '@' in quotes", "\"a@b\"@example.org",
	    "\"a@b\"@example.org" },
	{ "a quote in quotes", "\"a\\\"@b\"@example.org",
	    "\"a\\\"@b\"@example.org" },
	{ "international", "ann@M\xc3\xbcnchen.example",
	    "ann@xn--mnchen-3ya.example" },
	{ "below an international one", ".m\xc3\xbcnchen.example",
	    "*.xn--mnchen-3ya.example" },
	{ "with a wildcard elsewhere", "*@*.m\xc3\xbcnchen.ex*",
	    "*@*.xn--mnchen-3ya.ex*" },
	{ "a local-part in UTF-8", "m\xc3\xbcller@*",
	    "m\xc3\xbcller@*" },
	{ "a literal", "root@[192.0.2.1]", "root@[192.0.2.1]" },
	{ "a literal alone", "[IPv6:2001:DB8:0::1]",
	    "[ipv6:2001:db8::1]" },
	{ "literals of a network", "[192.0.2.*]", "[192.0.2.*]" },
	{ "every literal", "[*]", "[*]" },
	{ "underscore, which exists", "*@my_host.example",
	    "*@my_host.example" },
};

START_TEST(canonical)
{
	struct buf out = { 0 }, again = { 0 };
	struct err err;

	buf_adds(&out, "before");
	if (pattern_parse(good[_i].in, &out, &err) < 0)
		ck_abort_msg("%s: %s", good[_i].name, err.text);
	ck_assert_msg(strcmp(buf_str(&out) + 6, good[_i].want) == 0,
	    "%s: %s", good[_i].name, buf_str(&out) + 6);
	ck_assert_msg(pattern_parse(good[_i].want, &again, &err) == 0,
	    "%s, again: %s", good[_i].name, err.text);
	ck_assert_str_eq(buf_str(&again), good[_i].want);
	buf_release(&out);
	buf_release(&again);
}
END_TEST

static const struct {
	const char *in, *why;
} bad[] = {
	{ "", "empty" },
	{ " ", "blank" },
	{ "a b@example.org", "blank" },
	{ "example.org ", "blank" },
	{ "a\tb", "control" },
	{ "a\nb", "control" },
	{ "\"a\nb\"@example.org", "control" },
	{ "a@b@example.org", "more than one" },
	{ "\"a@b\"@c@d", "more than one" },
	{ "\"a@example.org", "quote" },
	{ "@example.org", "before the '@'" },
	{ "@*", "before the '@'" },
	{ "ann@", "domain" },
	{ "*@", "domain" },
	{ ".", "domain" },
	{ "..example.org", "domain" },
	{ "a..*", "domain" },
	{ "*..org", "domain" },
	{ "-a.*", "label" },
	{ "a b.*", "blank" },
	{ "exam!ple.*", "domain" },
	{ "exam!ple*", "domain" },
	{ "m\xc3\xbcn*.example", "ASCII" },
	{ "m\xff@*", "UTF-8" },
	{ "<ann@*>", "missing" },
	{ "ann@*>", "domain" },
	{ "*..a@example.org", "dot" },
	{ "ann(x*)@example.org", "quotes or comments" },
	{ "\"a*\"@example.org", "quotes or comments" },
	{ "[192.0.2.*", "literal" },
	{ "[192.0.2.*]x", "literal" },
	{ "[1]", "literal" },
	{ "ann,bob@example.org", "out of place" },
	{ "<>x", "domain" },
};

START_TEST(refused)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	buf_adds(&out, "before");
	ck_assert_msg(pattern_parse(bad[_i].in, &out, &err) == -1,
	    "\"%s\" is %s", bad[_i].in, buf_str(&out));
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_msg(strstr(err.text, bad[_i].why) != NULL, "\"%s\": %s",
	    bad[_i].in, err.text);
	ck_assert_str_eq(buf_str(&out), "before");
	buf_release(&out);
}
END_TEST

static const struct {
	const char *pattern, *address;
	bool want;
} fits[] = {
	{ "*", "ann@example.org", true },
	{ "*", "", true },
	{ "<>", "", true },
	{ "<>", "ann@example.org", false },
	{ "*@*", "", false },
	{ "**", "", false },
	{ "ann@example.org", "ann@example.org", true },
	{ "ann@example.org", "ANN@example.org", true },
	{ "ann@example.org", "joann@example.org", false },
	{ "ann@example.org", "ann@example.org.example", false },
	{ "ann@example.org", "", false },
	{ "example.org", "ann@example.org", true },
	{ "example.org", "ann@a.example.org", false },
	{ "example.org", "ann@anexample.org", false },
	{ "example.org", "\"x@example.org\"@example.com", false },
	{ "*.example.org", "ann@a.example.org", true },
	{ "*.example.org", "ann@a.b.example.org", true },
	{ "*.example.org", "ann@example.org", false },
	{ "*.example.org", "ann@anexample.org", false },
	{ "*example.org", "ann@anexample.org", true },
	{ "ann@*", "Ann@anything.example", true },
	{ "ann@*", "anna@anything.example", false },
	{ "*+news@*.example.org", "bob+news@lists.example.org", true },
	{ "*+news@*.example.org", "+news@lists.example.org", true },
	{ "*+news@*.example.org", "bob+new@lists.example.org", false },
	{ "*+news@*.example.org", "bob+news+news@a.example.org", true },
	{ "root@host?.example.org", "root@host1.example.org", true },
	{ "root@host?.example.org", "root@host.example.org", false },
	{ "root@host?.example.org", "root@host12.example.org", false },
	{ "?ller@*", "\xc3\xbcller@example.org", true },
	{ "??ller@*", "\xc3\xbcller@example.org", false },
	{ "*?ller@*", "m\xc3\xbcller@example.org", true },
	{ "*??ller@*", "\xc3\xbcller@example.org", false },
	/* a '*' stays on its side of the '@' that counts */
	{ "*@evil*", "\"a@evil\"@good.example", false },
	{ "*@*", "\"a@evil\"@good.example", true },
	{ "\"a@*\"@good.example", "\"a@evil\"@good.example", true },
	{ "\"ann *\"@example.org", "\"Ann Lee\"@example.org", true },
	{ "[192.0.2.*]", "root@[192.0.2.77]", true },
	{ "[192.0.2.*]", "root@[192.0.3.77]", false },
	{ "[*]", "root@[192.0.3.77]", true },
	{ "[*]", "root@example.org", false },
};

START_TEST(fit)
{
	ck_assert_msg(pattern_fits(fits[_i].pattern, fits[_i].address) ==
	    fits[_i].want, "%s, %s", fits[_i].pattern, fits[_i].address);
}
END_TEST

static const struct {
	const char *pattern;
	bool want;
} addresses[] = {
	{ "ann@example.org", true },
	{ "\"a b\"@example.org", true },
	{ "ann@[192.0.2.1]", true },
	{ "ann@*", false },
	{ "*@example.org", false },
	{ "ann@host?.example", false },
	{ "example.org", false },
	{ "*", false },
	{ "<>", false },
};

START_TEST(is_address)
{
	ck_assert_msg(pattern_is_address(addresses[_i].pattern) ==
	    addresses[_i].want, "%s", addresses[_i].pattern);
}
END_TEST

/* What would take longer than the world lasts when tried in every way;
 * Check's own time limit tells. */
START_TEST(many_stars)
{
	struct buf pattern = { 0 }, address = { 0 };

	for (int i = 0; i < 2000; i++)
		buf_adds(&pattern, "*a");
	buf_adds(&pattern, "b@*");
	for (int i = 0; i < 4000; i++)
		buf_addc(&address, 'a');
	buf_adds(&address, "@example.org");
	ck_assert(!pattern_fits(buf_str(&pattern), buf_str(&address)));
	address.data[3999] = 'b';
	ck_assert(pattern_fits(buf_str(&pattern), buf_str(&address)));
	buf_release(&pattern);
	buf_release(&address);
}
END_TEST

/* An address is a pattern that fits it, wildcards that are meant as they stand
 * included. */
START_TEST(itself)
{
	static const char *const list[] = { "ann@example.org",
		"\"a b\"@example.org", "\"a\\\\\\\"b\"@x.example",
		"a*b@example.org", "?@example.org", "root@localhost",
		"x@[ipv6:::1]" };
	struct buf out = { 0 };
	struct err err;

	ck_assert_int_eq(pattern_parse(list[_i], &out, &err), 0);
	ck_assert(pattern_fits(buf_str(&out), list[_i]));
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pattern");
	TCase *tc = tcase_create("pattern");

	tcase_add_loop_test(tc, canonical, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, fit, 0, CHECK_ROWS(fits));
	tcase_add_loop_test(tc, is_address, 0, CHECK_ROWS(addresses));
	tcase_add_test(tc, many_stars);
	tcase_add_loop_test(tc, itself, 0, 7);
	suite_add_tcase(s, tc);
	return check_run(s);
}
