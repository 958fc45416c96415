/* rewrite: senders become others, in envelopes and inside of fields. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/xalloc.h"
#include "mail/address.h"
#include "mail/addrlist.h"
#include "mail/rewrite.h"

#define HERE "here.example"	/* for addresses without a domain */

/* Rules with '|' between. A word alone is the domain of the masquerade, and
 * those behind "<-" become it. */
static void
make(struct rewrite *r, const char *text)
{
	char *all = xstrdup(text), *save = NULL, *rule, *host, *at;
	struct err err;

	for (rule = strtok_r(all, "|", &save); rule != NULL;
	    rule = strtok_r(NULL, "|", &save)) {
		at = strstr(rule, "<-");
		if (at == NULL) {
			ck_assert_msg(rewrite_add(r, rule, &err) == 0, "%s",
			    err.text);
			continue;
		}
		*at = '\0';
		r->masquerade = xstrdup(rule);
		for (host = strtok_r(at + 2, " ", &save); host != NULL;
		    host = strtok_r(NULL, " ", &save))
			strlist_add(&r->hosts, host);
		break;
	}
	free(all);
}

static const struct {
	const char *text, *pattern, *to;
} rules[] = {
	{ "root@* admin@example.org", "root@*", "admin@example.org" },
	{ "*@Host.example.org @Example.org", "*@host.example.org",
	    "@example.org" },
	{ "  .example.org\t \tAnn@Example.com  ", "*.example.org",
	    "Ann@example.com" },
	{ "\"a b\"@x.example \"c d\"@y.example", "\"a b\"@x.example",
	    "\"c d\"@y.example" },
	{ "\"a\\\" b\"@x.example ann@y.example", "\"a\\\" b\"@x.example",
	    "ann@y.example" },
	{ "* <ann@example.org>", "*", "ann@example.org" },
	{ "* @[192.0.2.1]", "*", "@[192.0.2.1]" },
	{ "* ann@m\xc3\xbcnchen.example", "*",
	    "ann@xn--mnchen-3ya.example" },
};

START_TEST(add)
{
	struct rewrite r = { 0 };
	struct err err;

	ck_assert(rewrite_is_empty(&r));
	if (rewrite_add(&r, rules[_i].text, &err) < 0)
		ck_abort_msg("%s: %s", rules[_i].text, err.text);
	ck_assert(!rewrite_is_empty(&r));
	ck_assert_uint_eq(r.n, 1);
	ck_assert_str_eq(r.rules[0].pattern, rules[_i].pattern);
	ck_assert_str_eq(r.rules[0].to, rules[_i].to);
	rewrite_release(&r);
	ck_assert(rewrite_is_empty(&r));
	rewrite_release(&r);
}
END_TEST

static const struct {
	const char *text, *why;
} bad_rules[] = {
	{ "", "the address that it becomes" },
	{ "  ", "the address that it becomes" },
	{ "root@*", "the address that it becomes" },
	{ "root@* ", "the address that it becomes" },
	{ "root@* a@b.org c@d.org", "the address that it becomes" },
	{ "root@@* a@b.org", "more than one '@'" },
	{ "root@* b.org", "no domain" },
	{ "root@* ann", "no domain" },
	{ "root@* *@b.org@c", "out of place" },
	{ "root@* @", "domain" },
	{ "root@* @b..org", "label" },
	{ "root@* @*.org", "domain" },
	{ "root@* ann@*", "domain" },
	{ "root@* <>", "address" },
	{ "<> ann@b.org", "null reverse-path" },
	{ "\"a b@c.org d@e.org", "the address that it becomes" },
};

START_TEST(bad_rule)
{
	struct rewrite r = { 0 };
	struct err err = { 0 };

	ck_assert_msg(rewrite_add(&r, bad_rules[_i].text, &err) == -1, "%s",
	    bad_rules[_i].text);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_msg(strstr(err.text, bad_rules[_i].why) != NULL, "%s: %s",
	    bad_rules[_i].text, err.text);
	ck_assert(rewrite_is_empty(&r));
	rewrite_release(&r);
}
END_TEST

static const struct {
	const char *name, *rules, *in, *want;
} addresses[] = {
	{ "no rule", "", "a@b.org", "a@b.org" },
	{ "none fits", "root@* x@y.org", "a@b.org", "a@b.org" },
	{ "one fits", "root@* x@y.org", "root@b.org", "x@y.org" },
	{ "case does not matter", "root@* x@y.org", "Root@b.org", "x@y.org" },
	{ "the first that fits", "root@c* a@a.org|root@* x@y.org|* z@z.org",
	    "root@b.org", "x@y.org" },
	{ "and only that", "a@* b@x.org|b@* c@x.org", "a@x.org", "b@x.org" },
	{ "one may say: not this", "a@b.org a@b.org|* x@y.org", "a@b.org",
	    "a@b.org" },
	{ "the domain", "*@h.b.org @b.org", "Ann@h.b.org", "Ann@b.org" },
	{ "the domain, quotes stay", "h.b.org @b.org", "\"a@b\"@h.b.org",
	    "\"a@b\"@b.org" },
	{ "the domain it has", "*@b.org @b.org", "a@b.org", "a@b.org" },
	{ "from a literal", "[192.0.2.*] @b.org", "a@[192.0.2.1]", "a@b.org" },
	{ "null", "* x@y.org|b.org<-*", "", "" },
	{ "masquerade", "b.org<-h.b.org", "a@h.b.org", "a@b.org" },
	{ "masquerade, of others", "b.org<-h.b.org", "a@i.b.org",
	    "a@i.b.org" },
	{ "masquerade, of many", "b.org<-h.b.org *.b.org c.org", "a@i.b.org",
	    "a@b.org" },
	{ "masquerade of nobody", "b.org<-", "a@b.org", "a@b.org" },
	{ "rule, then masquerade", "root@* admin@h.b.org|b.org<-h.b.org",
	    "root@c.org", "admin@b.org" },
	{ "no rule, masquerade", "root@* admin@h.b.org|b.org<-h.b.org",
	    "ann@h.b.org", "ann@b.org" },
};

START_TEST(address)
{
	struct rewrite r = { 0 };
	struct buf out = { 0 };
	bool other;

	make(&r, addresses[_i].rules);
	buf_adds(&out, "x");
	other = rewrite_address(&r, addresses[_i].in, &out);
	ck_assert_msg(strcmp(buf_str(&out) + 1, addresses[_i].want) == 0,
	    "%s: %s", addresses[_i].name, buf_str(&out));
	ck_assert_msg(other == (strcmp(addresses[_i].in,
	    addresses[_i].want) != 0), "%s", addresses[_i].name);
	buf_release(&out);
	rewrite_release(&r);
}
END_TEST

/* A path of 256 octets is the longest (RFC 5321 4.5.3.1.3). */
START_TEST(too_long)
{
	struct buf rule = { 0 }, local = { 0 }, out = { 0 };
	struct rewrite r = { 0 };

	buf_adds(&rule, "b.org @");
	for (int i = 0; i < 19; i++)
		buf_adds(&rule, "abcdefghi.");
	buf_adds(&rule, "jk");
	make(&r, buf_str(&rule));
	for (int i = 0; i < 62; i++)
		buf_addc(&local, 'x');
	buf_adds(&local, "@b.org");
	ck_assert(!rewrite_address(&r, buf_str(&local), &out));
	ck_assert_str_eq(buf_str(&out), buf_str(&local));
	buf_clear(&out);
	ck_assert(rewrite_address(&r, buf_str(&local) + 1, &out));
	ck_assert_uint_eq(out.len, ADDRESS_PATH_MAX);
	buf_release(&rule);
	buf_release(&local);
	buf_release(&out);
	rewrite_release(&r);
}
END_TEST

/* What the rules of the table make: everybody at h.b.org moves to b.org, root
 * becomes somebody. */
#define RULES "root@* ops@b.org|b.org<-h.b.org"

static const struct {
	const char *name, *in, *want;	/* want NULL: not touched */
} fields[] = {
	{ "bare", "From: a@h.b.org\r\n", "From: a@b.org\r\n" },
	{ "no blank", "From:a@h.b.org\r\n", "From:a@b.org\r\n" },
	{ "brackets", "From: <a@h.b.org>\r\n", "From: <a@b.org>\r\n" },
	{ "name", "From: Ann  Lee <a@h.b.org>\r\n",
	    "From: Ann  Lee <a@b.org>\r\n" },
	{ "name without a blank", "From: Ann<a@h.b.org>\r\n",
	    "From: Ann<a@b.org>\r\n" },
	{ "blanks in brackets", "From: Ann < a@h.b.org\t>  \r\n",
	    "From: Ann < a@b.org\t>  \r\n" },
	{ "quoted name with an address", "From: \"a@h.b.org\" <a@h.b.org>\r\n",
	    "From: \"a@h.b.org\" <a@b.org>\r\n" },
	{ "name that is an address", "From: a@h.b.org <a@h.b.org>\r\n",
	    "From: a@h.b.org <a@b.org>\r\n" },
	{ "encoded name", "From: =?utf-8?q?=C3=84nn?= <a@h.b.org>\r\n",
	    "From: =?utf-8?q?=C3=84nn?= <a@b.org>\r\n" },
	{ "name in Latin-1", "From: \xc4nn <a@h.b.org>\r\n",
	    "From: \xc4nn <a@b.org>\r\n" },
	{ "comment behind", "From: a@h.b.org (Ann at a@h.b.org)\r\n",
	    "From: a@b.org (Ann at a@h.b.org)\r\n" },
	{ "comment before", "From: (x) a@h.b.org\r\n",
	    "From: (x) a@b.org\r\n" },
	{ "comments everywhere around",
	    "From: (x)Ann(y)<(z) a@h.b.org (u)>(v)\r\n",
	    "From: (x)Ann(y)<(z) a@b.org (u)>(v)\r\n" },
	{ "comment touching", "From: a@h.b.org(Ann)\r\n",
	    "From: a@b.org(Ann)\r\n" },
	{ "comment inside", "From: Ann <a (x) @ h.b.org> (y)\r\n",
	    "From: Ann <a@b.org> (y)\r\n" },
	{ "nested comments", "From: (a(b)\\)c) a(d(e))@h.b.org (f(g))\r\n",
	    "From: (a(b)\\)c) a@b.org (f(g))\r\n" },
	{ "folded before", "From: Ann\r\n <a@h.b.org>\r\n",
	    "From: Ann\r\n <a@b.org>\r\n" },
	{ "folded at once", "From:\r\n a@h.b.org\r\n",
	    "From:\r\n a@b.org\r\n" },
	{ "folded inside", "From: <a@\r\n h.b.org>,\r\n c@h.b.org\r\n",
	    "From: <a@b.org>,\r\n c@b.org\r\n" },
	{ "folded around", "From: <\r\n a@h.b.org\r\n\t>\r\n",
	    "From: <\r\n a@b.org\r\n\t>\r\n" },
	{ "folded with LF", "From: Ann\n <a@h.b.org>\n",
	    "From: Ann\n <a@b.org>\n" },
	{ "folded with blanks alone", "From: Ann\r\n \r\n <a@h.b.org>\r\n",
	    "From: Ann\r\n \r\n <a@b.org>\r\n" },
	{ "list", "From: a@h.b.org, x@y.org,Bob <b@h.b.org>; root\r\n",
	    "From: a@b.org, x@y.org,Bob <b@b.org>; ops@b.org\r\n" },
	{ "empty elements", "From: ,, a@h.b.org,,\r\n",
	    "From: ,, a@b.org,,\r\n" },
	{ "group", "Reply-To: Us: a@h.b.org, Bob <b@h.b.org>;\r\n",
	    "Reply-To: Us: a@b.org, Bob <b@b.org>;\r\n" },
	{ "empty group", "From: Nobody:;\r\n", NULL },
	{ "route", "From: <@x.org,@y.org:a@h.b.org>\r\n",
	    "From: <a@b.org>\r\n" },
	{ "quoted local-part", "From: \"a b\"@h.b.org\r\n",
	    "From: \"a b\"@b.org\r\n" },
	{ "quoted local-part, folded", "From: \"a\r\n b\"@h.b.org\r\n",
	    "From: \"a b\"@b.org\r\n" },
	{ "without a domain", "From: root (Cron Daemon)\r\n",
	    "From: ops@b.org (Cron Daemon)\r\n" },
	{ "without a domain, unchanged", "From: ann\r\n", NULL },
	{ "in upper case", "From: <Ann@H.B.ORG>\r\n",
	    "From: <Ann@b.org>\r\n" },
	{ "nobody of us", "From: \"X  Y\" < X@Y.ORG >  \r\n", NULL },
	{ "null", "From: <>\r\n", NULL },
	{ "nothing", "From:\r\n", NULL },
	{ "junk", "From: a@h.b.org is my address\r\n", NULL },
	{ "text behind", "From: <a@h.b.org> junk\r\n", NULL },
	{ "not closed", "From: Ann <a@h.b.org\r\n", NULL },
	{ "a bad one beside", "From: a b@h.b.org, c@h.b.org\r\n",
	    "From: a b@h.b.org, c@b.org\r\n" },
	{ "quote not closed", "From: a@h.b.org, \"b@h.b.org\r\n",
	    "From: a@b.org, \"b@h.b.org\r\n" },
	{ "not ended", "From: a@h.b.org", "From: a@b.org" },
	{ "blank before the colon", "From : a@h.b.org\r\n",
	    "From : a@b.org\r\n" },
};

static void
field_of(struct buf *block, struct header_field *field)
{
	size_t at = 0;

	ck_assert(header_next(block, &at, field));
	ck_assert_uint_eq(at, block->len);
}

START_TEST(field)
{
	const char *want = fields[_i].want != NULL ? fields[_i].want :
	    fields[_i].in;
	struct buf block = { 0 }, out = { 0 };
	struct header_field f;
	struct rewrite r = { 0 };

	make(&r, RULES);
	buf_adds(&block, fields[_i].in);
	field_of(&block, &f);
	buf_adds(&out, "x");
	rewrite_field(&r, &f, HERE, &out);
	ck_assert_msg(strcmp(buf_str(&out) + 1, want) == 0, "%s: %s",
	    fields[_i].name, buf_str(&out) + 1);
	buf_release(&block);
	buf_release(&out);
	rewrite_release(&r);
}
END_TEST

/* What is not rewritten stays, even what header_copy() would fold. */
START_TEST(untouched)
{
	struct buf block = { 0 }, out = { 0 };
	struct header_field f;
	struct rewrite r = { 0 };

	make(&r, RULES);
	buf_adds(&block, "From: ");
	for (int i = 0; i < 300; i++)
		buf_adds(&block, "a@c.org, ");
	buf_adds(&block, "\r\n");
	field_of(&block, &f);
	rewrite_field(&r, &f, HERE, &out);
	ck_assert_str_eq(buf_str(&out), buf_str(&block));
	buf_release(&block);
	buf_release(&out);
	rewrite_release(&r);
}
END_TEST

/* Elements of a list on one line, which grow. */
static const struct {
	const char *name, *element, *between, *want;
	unsigned n;
} growing[] = {
	{ "with blanks", "a@b.c", ", ", "a@d.example.org", 140 },
	{ "without", "a@b.c", ",", "a@d.example.org", 165 },
	{ "brackets, no blank", "<a@b.c>", ",", "a@d.example.org", 120 },
	{ "names with blanks", "Ann Lee <a@b.c>", ",", "a@d.example.org", 60 },
	{ "one long quoted name", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""
	    "<a@b.c>", ",", "a@d.example.org", 8 },
	{ "too long before", "a@b.c", ",", "a@d.example.org", 20000 },
	{ "too long before, with blanks", "a@b.c", ", ", "a@d.example.org",
	    20000 },
};

/* Every line is short enough, and every address is found again. */
static void
assert_grown(struct buf *out, const char *want, size_t n)
{
	struct strlist good = { 0 }, bad = { 0 };
	struct header_field f;
	size_t start = 0;

	for (size_t i = 0; i < out->len; i++) {
		if (out->data[i] != '\n')
			continue;
		ck_assert_uint_le(i - 1 - start, 998);
		start = i + 1;
	}
	ck_assert_uint_eq(start, out->len);
	field_of(out, &f);
	addrlist_parse(f.body, f.body_len, NULL, &good, &bad);
	ck_assert_msg(bad.n == 0, "%s", bad.n > 0 ? bad.v[0] : "");
	ck_assert_uint_eq(good.n, n);
	for (size_t i = 0; i < good.n; i++)
		ck_assert_str_eq(good.v[i], want);
	strlist_release(&good);
	strlist_release(&bad);
}

START_TEST(line_length)
{
	struct buf block = { 0 }, out = { 0 };
	struct header_field f;
	struct rewrite r = { 0 };

	make(&r, "b.c @d.example.org");
	buf_adds(&block, "From: ");
	for (unsigned i = 0; i < growing[_i].n; i++)
		buf_printf(&block, "%s%s", i > 0 ? growing[_i].between : "",
		    growing[_i].element);
	buf_adds(&block, "\r\n");
	field_of(&block, &f);
	rewrite_field(&r, &f, NULL, &out);
	assert_grown(&out, growing[_i].want, growing[_i].n);
	buf_release(&block);
	buf_release(&out);
	rewrite_release(&r);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rewrite");
	TCase *tc = tcase_create("rules"), *body = tcase_create("fields");

	tcase_add_loop_test(tc, add, 0, CHECK_ROWS(rules));
	tcase_add_loop_test(tc, bad_rule, 0, CHECK_ROWS(bad_rules));
	tcase_add_loop_test(tc, address, 0, CHECK_ROWS(addresses));
	tcase_add_test(tc, too_long);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(body, field, 0, CHECK_ROWS(fields));
	tcase_add_test(body, untouched);
	tcase_add_loop_test(body, line_length, 0, CHECK_ROWS(growing));
	suite_add_tcase(s, body);
	return check_run(s);
}
