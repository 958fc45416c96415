/* address: one mailbox, and its domain alone. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "mail/address.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10
#define A63 A60 "aaa"
#define A64 A60 "aaaa"

/* Four labels: 63 + 1 + 63 + 1 + 63 + 1 = 192 octets before the last. */
#define D192 A63 "." A63 "." A63 "."

static const struct {
	const char *name, *text, *want;
} good[] = {
	{ "plain", "a@b.example", "a@b.example" },
	{ "angle brackets", "<a@b.example>", "a@b.example" },
	{ "blanks about", " \t a@b \t", "a@b" },
	{ "blanks everywhere", " < a @ b > ", "a@b" },
	{ "only the domain has no case", "John.Doe@EXAMPLE.Org",
	    "John.Doe@example.org" },
	{ "every atext",
	    "!#$%&'*+-/=?^_`{|}~@b", "!#$%&'*+-/=?^_`{|}~@b" },
	{ "begins with a dash", "-f@b", "-f@b" },
	{ "percent, for printf", "%s%n@b", "%s%n@b" },
	{ "one label", "root@localhost", "root@localhost" },
	{ "digits", "1@2.3", "1@2.3" },
	{ "underscore in the domain", "a@_x.under_score.example",
	    "a@_x.under_score.example" },
	{ "dot behind the domain", "a@b.example.", "a@b.example" },
	{ "comment behind", "a@b (John Doe)", "a@b" },
	{ "comment in front", "(John) a@b", "a@b" },
	{ "nested comment", "a@b (x (y (z) y) x)", "a@b" },
	{ "comment with quoted paren", "a@b (x \\) y)", "a@b" },
	{ "comments everywhere", "(1)a(2)@(3)b(4).(5)c(6)", "a@b.c" },
	{ "RFC 5322 A.5", "<pete(his account)@silver.test(his host)>",
	    "pete@silver.test" },
	{ "RFC 5322 A.6.3, blanks about the dot", "jdoe@test  . example",
	    "jdoe@test.example" },
	{ "no domain", "root", "root@default.example" },
	{ "no domain, in brackets", "<root>", "root@default.example" },
	{ "no domain, quoted", "\"a b\"", "\"a b\"@default.example" },
	{ "bang path", "a!b!c", "a!b!c@default.example" },
	{ "percent hack stays as it is", "a%b@c", "a%b@c" },
	{ "quoted without need", "\"john\"@b", "john@b" },
	{ "quoted dot-atom", "\"a.b\"@b", "a.b@b" },
	{ "escaped without need", "\"\\j\\o\"@b", "jo@b" },
	{ "empty quotes", "\"\"@b", "\"\"@b" },
	{ "quoted blank", "\"a b\"@c", "\"a b\"@c" },
	{ "quoted quote", "\"a\\\"b\"@c", "\"a\\\"b\"@c" },
	{ "quoted backslash", "\"a\\\\b\"@c", "\"a\\\\b\"@c" },
	{ "quoted bracket", "<\"a>b<\"@c>", "\"a>b<\"@c" },
	{ "quoted at", "\"a@b\"@c", "\"a@b\"@c" },
	{ "quoted comma", "\"a,b\"@c", "\"a,b\"@c" },
	{ "quoted paren", "\"a(b\"@c", "\"a(b\"@c" },
	{ "quoted double dot", "\"a..b\"@c", "\"a..b\"@c" },
	{ "quoted dot at the end", "\"a.\"@c", "\"a.\"@c" },
	{ "quoted dot at the start", "\".a\"@c", "\".a\"@c" },
	{ "words, some quoted", "\"a b\".c.\"d\"@e", "\"a b.c.d\"@e" },
	{ "source route", "<@a,@b:c@d>", "c@d" },
	{ "source route of one", "<@a:c@d>", "c@d" },
	{ "source route with blanks", "< @a , @b : c@d >", "c@d" },
	{ "source route, bare", "@a,@b:c@d", "c@d" },
	{ "source route over a literal", "<@[IPv6:::1]:c@d>", "c@d" },
	{ "source route, no domain", "<@a:root>", "root@default.example" },
	{ "IPv4 literal", "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "IPv6 literal made normal",
	    "a@[ipv6:2001:DB8:0:0:0:0:0:1]", "a@[IPv6:2001:db8::1]" },
	{ "IPv6 loopback", "a@[IPv6:::1]", "a@[IPv6:::1]" },
	{ "IPv4 in IPv6", "a@[IPv6:::ffff:192.0.2.1]",
	    "a@[IPv6:::ffff:192.0.2.1]" },
	{ "IDN", "a@b\xc3\xbc" "cher.example", "a@xn--bcher-kva.example" },
	{ "IDN, upper case", "a@B\xc3\x9c" "CHER.example",
	    "a@xn--bcher-kva.example" },
	{ "IDN, decomposed", "a@bu\xcc\x88" "cher.example",
	    "a@xn--bcher-kva.example" },
	{ "IDN, non-transitional", "a@fa\xc3\x9f.example",
	    "a@xn--fa-hia.example" },
	{ "IDN, ideographic stop", "a@b\xc3\xbc" "cher\xe3\x80\x82" "example",
	    "a@xn--bcher-kva.example" },
	{ "A-label", "a@XN--bcher-kva.example", "a@xn--bcher-kva.example" },
	{ "UTF-8 local part", "j\xc3\xbcrgen@b", "j\xc3\xbcrgen@b" },
	{ "UTF-8 local part, quoted", "\"j \xc3\xbc\"@b", "\"j \xc3\xbc\"@b" },
	{ "local part of 64", A64 "@b", A64 "@b" },
	{ "label of 63", "a@" A63, "a@" A63 },
	{ "path of 254", A60 "@" D192 "a", A60 "@" D192 "a" },
};

START_TEST(parse_good)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	buf_adds(&out, "before ");
	ck_assert_msg(address_parse(good[_i].text, "default.example", &out,
	    &err) == 0, "%s: %s", good[_i].name, err.text);
	ck_assert_msg(strncmp(buf_str(&out), "before ", 7) == 0,
	    "%s: lost what was there", good[_i].name);
	ck_assert_msg(strcmp(buf_str(&out) + 7, good[_i].want) == 0,
	    "%s: got %s", good[_i].name, buf_str(&out) + 7);
	buf_release(&out);
}
END_TEST

/* What was written reads back as itself, alone and as a path. */
START_TEST(read_back)
{
	struct buf out = { 0 }, path = { 0 };
	struct err err = { 0 };

	ck_assert_msg(address_parse(good[_i].want, NULL, &out, &err) == 0,
	    "%s: %s", good[_i].name, err.text);
	ck_assert_str_eq(buf_str(&out), good[_i].want);
	buf_printf(&path, "<%s>", good[_i].want);
	buf_clear(&out);
	ck_assert_msg(address_parse(buf_str(&path), NULL, &out, &err) == 0,
	    "%s: %s", good[_i].name, err.text);
	ck_assert_str_eq(buf_str(&out), good[_i].want);
	buf_release(&out);
	buf_release(&path);
}
END_TEST

static const struct {
	const char *name, *text, *status, *reason;
} bad[] = {
	{ "nothing", "", "5.1.3", "empty address" },
	{ "blanks", "  ", "5.1.3", "empty address" },
	{ "comment alone", "(x)", "5.1.3", "empty address" },
	{ "null path", "<>", "5.1.3", "empty address" },
	{ "no local part", "@b", "5.1.3", "nothing before the '@'" },
	{ "no local part, brackets", "<@b>", "5.1.3", "nothing before the '@'" },
	{ "no domain behind @", "a@", "5.1.2", "empty domain" },
	{ "only an @", "@", "5.1.3", "nothing before the '@'" },
	{ "double dot", "a..b@c", "5.1.3", "stray dot in the local part" },
	{ "dot in front", ".a@c", "5.1.3", "stray dot in the local part" },
	{ "dot at the end", "a.@c", "5.1.3", "stray dot in the local part" },
	{ "two @", "a@b@c", "5.1.3", "'@' is out of place" },
	{ "two words", "a b@c", "5.1.3", "'b' is out of place" },
	{ "display name", "John <a@b>", "5.1.3", "'<' is out of place" },
	{ "list", "a@b, c@d", "5.1.3", "',' is out of place" },
	{ "words behind", "a@b c", "5.1.3", "'c' is out of place" },
	{ "behind the bracket", "<a@b> c", "5.1.3", "'c' is out of place" },
	{ "missing >", "<a@b", "5.1.3", "missing '>'" },
	{ "missing <", "a@b>", "5.1.3", "'>' is out of place" },
	{ "unquoted backslash", "a\\@b@c", "5.1.3", "'\\' is out of place" },
	{ "quote inside", "a\"b\"@c", "5.1.3", "'\"' is out of place" },
	{ "unclosed quote", "\"a@b", "5.1.3", "unclosed quote" },
	{ "quote ends in backslash", "\"a\\", "5.1.3", "unclosed quote" },
	{ "unclosed comment", "a@b (x (y)", "5.1.3", "unclosed comment" },
	{ "comment ends in backslash", "a@b (\\", "5.1.3",
	    "unclosed comment" },
	{ "paren without a comment", "a@b )", "5.1.3", "')' is out of place" },
	{ "route without end", "<@a,@b>", "5.1.3", "nothing before the '@'" },
	{ "route to nobody", "<@a:>", "5.1.3", "'>' is out of place" },
	{ "route of words", "<@a b:c@d>", "5.1.3", "'b' is out of place" },
	{ "dots in the domain", "a@b..c", "5.1.2",
	    "empty label in the domain" },
	{ "dot before the domain", "a@.b", "5.1.2",
	    "empty label in the domain" },
	{ "two dots behind", "a@b..", "5.1.2", "empty label in the domain" },
	{ "domain of a dot", "a@.", "5.1.2", "empty domain" },
	{ "dash first", "a@-b", "5.1.2", "'-' at the edge of a label" },
	{ "dash last", "a@b-.c", "5.1.2", "'-' at the edge of a label" },
	{ "odd domain", "a@b!c", "5.1.2", "bad character in the domain" },
	{ "format in the domain", "a@%s%n.example", "5.1.2",
	    "bad character in the domain" },
	{ "IPv4 over 255", "a@[300.1.1.1]", "5.1.2", "bad address literal" },
	{ "IPv4 cut", "a@[192.0.2]", "5.1.2", "bad address literal" },
	{ "IPv6 nonsense", "a@[IPv6:zz]", "5.1.2", "bad address literal" },
	{ "IPv6 without tag", "a@[::1]", "5.1.2", "bad address literal" },
	{ "IPv6 with zone", "a@[IPv6:fe80::1%eth0]", "5.1.2",
	    "bad address literal" },
	{ "unknown tag", "a@[x:y]", "5.1.2", "bad address literal" },
	{ "empty literal", "a@[]", "5.1.2", "bad address literal" },
	{ "empty IPv6", "a@[IPv6:]", "5.1.2", "bad address literal" },
	{ "unclosed literal", "a@[192.0.2.1", "5.1.3", "bad address literal" },
	{ "behind a literal", "a@[192.0.2.1].b", "5.1.3",
	    "'.' is out of place" },
	{ "CR LF", "a@b\r\nRCPT TO:<c@d>", "5.1.3", "control character" },
	{ "LF at the end", "a@b\n", "5.1.3", "control character" },
	{ "DEL", "a\x7f@b", "5.1.3", "control character" },
	{ "ESC in a comment", "a@b (\x1b[2J)", "5.1.3", "control character" },
	{ "tab in quotes", "\"a\tb\"@c", "5.1.3", "control character" },
	{ "escaped BEL", "\"a\\\x07\"@c", "5.1.3", "control character" },
	{ "C1 control", "a\xc2\x9b@b", "5.1.3", "control character" },
	{ "Latin-1 local part", "j\xfcrgen@b", "5.1.3",
	    "local part is not UTF-8" },
	{ "cut UTF-8", "\"a\xc3\"@b", "5.1.3", "local part is not UTF-8" },
	{ "local part of 65", A64 "a@b", "5.1.3",
	    "local part over 64 octets" },
	{ "quotes count", "\"" A60 "  a\"@b", "5.1.3",
	    "local part over 64 octets" },
	{ "label of 64", "a@" A64, "5.1.2",
	    "label of the domain over 63 octets" },
	{ "domain of 256", "a@" D192 A63 "a", "5.1.2",
	    "domain over 255 octets" },
	{ "path of 255", A60 "a@" D192 "a", "5.1.3",
	    "address over 254 octets" },
};

START_TEST(parse_bad)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	buf_adds(&out, "x");
	ck_assert_msg(address_parse(bad[_i].text, "d.example", &out, &err) ==
	    -1, "%s: let through", bad[_i].name);
	ck_assert_msg(strcmp(buf_str(&out), "x") == 0, "%s: left %s",
	    bad[_i].name, buf_str(&out));
	ck_assert_msg(strcmp(err.text, bad[_i].reason) == 0, "%s: says %s",
	    bad[_i].name, err.text);
	ck_assert_str_eq(err.status, bad[_i].status);
	ck_assert_int_eq(err.kind, ERR_DATA);
	buf_release(&out);
}
END_TEST

/* Not IDNA: the library's own words, so only the verdict is looked at. */
static const char *const bad_idn[] = {
	"\xff.example",			/* no UTF-8 */
	"b\xc3\xbc" "cher..example",
	"-\xc3\xbc.example",
	"\xef\xbc\xa0\xc3\xbc.example",	/* becomes '@' */
	"\xef\xbc\x8f\xc3\xbc.example",	/* becomes '/' */
	"\xe2\x80\x8e\xc3\xbc.example",	/* left-to-right mark */
	"\xcc\x88.example",		/* begins with a combining mark */
	"\xd7\x90" "1a.example",	/* breaks the Bidi rule */
	"\xc3\xbc" A63 ".example",
};

START_TEST(idn_bad)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_msg(address_domain_parse(bad_idn[_i], &out, &err) == -1,
	    "row %d: %s", _i, buf_str(&out));
	ck_assert_str_eq(err.status, "5.1.2");
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

START_TEST(no_default)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(address_parse("root", NULL, &out, &err), -1);
	ck_assert_str_eq(err.text, "no domain");
	ck_assert_str_eq(err.status, "5.1.3");
	buf_release(&out);
}
END_TEST

START_TEST(domains)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(address_domain_parse("EXAMPLE.org.", &out, &err), 0);
	ck_assert_str_eq(buf_str(&out), "example.org");
	buf_clear(&out);
	ck_assert_int_eq(address_domain_parse("[192.0.2.1]", &out, &err), 0);
	ck_assert_str_eq(buf_str(&out), "[192.0.2.1]");
	buf_clear(&out);
	ck_assert_int_eq(address_domain_parse(D192 A63, &out, &err), 0);
	ck_assert_uint_eq(out.len, ADDRESS_DOMAIN_MAX);
	buf_clear(&out);
	ck_assert_int_eq(address_domain_parse("", &out, &err), -1);
	ck_assert_int_eq(address_domain_parse("a b", &out, &err), -1);
	ck_assert_int_eq(address_domain_parse("a@b", &out, &err), -1);
	ck_assert_int_eq(address_domain_parse("[", &out, &err), -1);
	ck_assert_int_eq(address_domain_parse("[IPv6:", &out, &err), -1);
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

START_TEST(join)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(address_join("a b", 3, "C", &out, &err), 0);
	ck_assert_str_eq(buf_str(&out), "\"a b\"@c");
	buf_clear(&out);
	ck_assert_int_eq(address_join("a\0b", 3, "c", &out, &err), -1);
	ck_assert_str_eq(err.text, "control character");
	ck_assert_int_eq(address_join("a\nb", 3, "c", &out, &err), -1);
	ck_assert_int_eq(address_join("a", 1, "c\n", &out, &err), -1);
	ck_assert_int_eq(address_join("a", 1, "", &out, &err), -1);
	ck_assert_uint_eq(out.len, 0);
	buf_release(&out);
}
END_TEST

START_TEST(questions)
{
	ck_assert_str_eq(address_domain("a@b"), "b");
	ck_assert_str_eq(address_domain("\"a@x\"@b"), "b");
	ck_assert_str_eq(address_domain("example.org"), "example.org");
	ck_assert_str_eq(address_domain(""), "");
	ck_assert(address_is_literal("a@[192.0.2.1]"));
	ck_assert(address_is_literal("[192.0.2.1]"));
	ck_assert(!address_is_literal("\"a@[192.0.2.1]\"@b"));
	ck_assert(!address_is_literal(""));
	ck_assert(address_needs_utf8("\xc3\xbc@b"));
	ck_assert(!address_needs_utf8("u@b"));
}
END_TEST

static const char *const pieces[] = { "(", "()", "\"", "a", "a.", "@", "@a,",
	"<", " ", "\\", "\"\".", "[", "\xc3\xbc", "a@" };

/* A million of anything is no address, and that is soon known. */
START_TEST(long_text)
{
	struct buf text = { 0 }, out = { 0 };
	struct err err = { 0 };
	int i;

	for (i = 0; i < 1000000; i++)
		buf_adds(&text, pieces[_i]);
	ck_assert_int_eq(address_parse(buf_str(&text), "b", &out, &err), -1);
	buf_adds(&text, "@b");
	ck_assert_int_eq(address_parse(buf_str(&text), "b", &out, &err), -1);
	ck_assert_uint_eq(out.len, 0);
	buf_release(&text);
	buf_release(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("address");
	TCase *tc = tcase_create("address");

	tcase_add_loop_test(tc, parse_good, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, read_back, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, parse_bad, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, idn_bad, 0, CHECK_ROWS(bad_idn));
	tcase_add_test(tc, no_default);
	tcase_add_test(tc, domains);
	tcase_add_test(tc, join);
	tcase_add_test(tc, questions);
	tcase_add_loop_test(tc, long_text, 0, CHECK_ROWS(pieces));
	suite_add_tcase(s, tc);
	return check_run(s);
}
