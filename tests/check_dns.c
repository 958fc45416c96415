/* dns: what one message means. */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/buf.h"
#include "net/dns.h"
#include "dnsmsg.h"

static struct dnsmsg msg;

/* The answer as text: "10 mx.test,...", "10 5 587 smtp.test,..." or addresses;
 * "->next" a CNAME. */
static const char *
answer_text(const struct dns_answer *a, int type, struct buf *out)
{
	char ip[64];
	size_t i;

	buf_clear(out);
	for (i = 0; i < a->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		if (type == ns_t_mx)
			buf_printf(out, "%u %s", a->rr[i].pref,
			    a->rr[i].name);
		else if (type == ns_t_srv)
			buf_printf(out, "%u %u %u %s", a->rr[i].pref,
			    a->rr[i].weight, a->rr[i].port, a->rr[i].name);
		else
			buf_adds(out, mx_addr_text(&a->rr[i].addr, ip));
	}
	if (a->cname[0] != '\0')
		buf_printf(out, "->%s", a->cname);
	return buf_str(out);
}

static const struct {
	const char *name, *asked;
	int type;
	const char *records, *want;
} good[] = {
	{ "two MX", "d.test", ns_t_mx, "d.test MX 10 a.test|d.test MX 20 b.test",
	    "10 a.test,20 b.test" },
	{ "case of owner and target", "d.test", ns_t_mx, "D.TeSt MX 1 A.TEST",
	    "1 a.test" },
	{ "nothing", "d.test", ns_t_mx, "", "" },
	{ "nothing, with SOA", "d.test", ns_t_mx, "+test SOA", "" },
	{ "A", "d.test", ns_t_a, "d.test A 192.0.2.1|d.test A 192.0.2.2",
	    "192.0.2.1,192.0.2.2" },
	{ "AAAA", "d.test", ns_t_aaaa, "d.test AAAA 2001:db8::1",
	    "2001:db8::1" },
	{ "A when AAAA was asked", "d.test", ns_t_aaaa, "d.test A 192.0.2.1",
	    "" },
	{ "another's A", "d.test", ns_t_a, "e.test A 192.0.2.1", "" },
	{ "longer name", "d.test", ns_t_a, "x.d.test A 192.0.2.1", "" },
	{ "NUL in the owner", "d.test", ns_t_a, "d.test\\000 A 192.0.2.1",
	    "" },
	{ "CNAME and A", "d.test", ns_t_a,
	    "d.test CNAME e.test|e.test A 192.0.2.1", "192.0.2.1" },
	{ "CNAME behind its A", "d.test", ns_t_a,
	    "e.test A 192.0.2.1|d.test CNAME e.test", "192.0.2.1" },
	{ "CNAME to be followed", "d.test", ns_t_a, "d.test CNAME E.test",
	    "->e.test" },
	{ "CNAME to nothing", "d.test", ns_t_a,
	    "d.test CNAME e.test|+test SOA", "" },
	{ "SOA of another zone", "d.test", ns_t_a,
	    "d.test CNAME e.test|+st SOA", "->e.test" },
	{ "SOA of the root", "d.test", ns_t_a, "d.test CNAME e.test|+. SOA",
	    "" },
	{ "chain of 10", "0.t", ns_t_a,
	    "0.t CNAME 1.t|1.t CNAME 2.t|2.t CNAME 3.t|3.t CNAME 4.t|"
	    "4.t CNAME 5.t|5.t CNAME 6.t|6.t CNAME 7.t|7.t CNAME 8.t|"
	    "8.t CNAME 9.t|9.t CNAME x.t|x.t A 192.0.2.9",
	    "192.0.2.9" },
	{ "MX to an IP text", "d.test", ns_t_mx,
	    "d.test MX 1 192.0.2.1|d.test MX 2 a.test", "2 a.test" },
	{ "MX to localhost", "d.test", ns_t_mx,
	    "d.test MX 1 localhost|d.test MX 1 x.localhost|"
	    "d.test MX 2 a.test", "2 a.test" },
	{ "MX with odd bytes", "d.test", ns_t_mx,
	    "d.test MX 1 a\\000b.test|d.test MX 1 a\\032b.test|"
	    "d.test MX 1 a\\046b.test|d.test MX 1 a\\092b.test|"
	    "d.test MX 1 \\228.test|d.test MX 2 a_b.test", "2 a_b.test" },
	{ "null MX beside another", "d.test", ns_t_mx,
	    "d.test MX 0 .|d.test MX 2 a.test", "2 a.test" },
	{ "SRV", "_s._tcp.d.test", ns_t_srv,
	    "_s._tcp.d.test SRV 65535 1 587 A.test|"
	    "_s._tcp.d.test SRV 0 65535 65535 b.test",
	    "65535 1 587 a.test,0 65535 65535 b.test" },
	{ "no SRV", "_s._tcp.d.test", ns_t_srv, "+test SOA", "" },
	{ "SRV of another service", "_s._tcp.d.test", ns_t_srv,
	    "_ss._tcp.d.test SRV 0 0 465 a.test", "" },
	{ "SRV behind a CNAME", "_s._tcp.d.test", ns_t_srv,
	    "_s._tcp.d.test CNAME _s._tcp.e.test|"
	    "_s._tcp.e.test SRV 0 0 587 a.test", "0 0 587 a.test" },
	{ "SRV that cannot be used", "d.test", ns_t_srv,
	    "d.test SRV 0 0 0 a.test|d.test SRV 0 0 587 192.0.2.1|"
	    "d.test SRV 0 0 587 localhost|d.test SRV 0 0 587 .|"
	    "d.test SRV 0 0 587 a\\032b.test|d.test SRV 1 0 587 b.test",
	    "1 0 587 b.test" },
	{ "unknown type beside", "d.test", ns_t_mx,
	    "d.test RAW65280 0102|d.test MX 2 a.test", "2 a.test" },
};

START_TEST(understood)
{
	struct dns_answer a;
	struct buf out = { 0 };
	struct err err;
	int rc;

	dnsmsg_begin(&msg, 7, DNSMSG_QR, good[_i].asked,
	    (unsigned)good[_i].type);
	dnsmsg_records(&msg, good[_i].records);
	rc = dns_parse(msg.b, msg.n, good[_i].asked, good[_i].type, &a, &err);
	ck_assert_msg(rc == 0, "%s: %s", good[_i].name,
	    rc < 0 ? err.text : "");
	ck_assert_msg(strcmp(answer_text(&a, good[_i].type, &out),
	    good[_i].want) == 0, "%s: %s", good[_i].name, buf_str(&out));
	dns_answer_release(&a);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *asked;
	int type;
	unsigned flags;
	const char *records, *status;
} bad[] = {
	{ "NXDOMAIN", "d.test", ns_t_mx, DNSMSG_QR | 3, "", "5.1.2" },
	{ "NXDOMAIN behind a CNAME", "d.test", ns_t_a, DNSMSG_QR | 3,
	    "d.test CNAME e.test", "5.1.2" },
	{ "null MX", "d.test", ns_t_mx, DNSMSG_QR, "d.test MX 0 .",
	    "5.1.10" },
	{ "MX only to an IP text", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test MX 0 192.0.2.1", "5.4.4" },
	{ "two null MX", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test MX 0 .|d.test MX 5 .", "5.4.4" },
	{ "SRV denies the service", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test SRV 0 0 0 .", "5.1.10" },
	{ "SRV only to an IP text", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test SRV 0 0 587 192.0.2.1", "5.4.4" },
	{ "SRV only with port 0", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test SRV 0 0 0 a.test", "5.4.4" },
	{ "SRV without a name", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000024b", "4.4.3" },
	{ "SRV of two numbers", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000", "4.4.3" },
	{ "empty SRV", "d.test", ns_t_srv, DNSMSG_QR, "d.test RAW33 ",
	    "4.4.3" },
	{ "SRV with more behind it", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000024b016100ff", "4.4.3" },
	{ "SRV target runs out", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000024b3f61", "4.4.3" },
	{ "SRV target points to itself", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000024bc030", "4.4.3" },
	{ "SRV target points past the end", "d.test", ns_t_srv, DNSMSG_QR,
	    "d.test RAW33 00000000024bcfff", "4.4.3" },
	{ "FORMERR", "d.test", ns_t_mx, DNSMSG_QR | 1, "", "4.4.3" },
	{ "SERVFAIL", "d.test", ns_t_mx, DNSMSG_QR | 2, "", "4.4.3" },
	{ "SERVFAIL with data", "d.test", ns_t_mx, DNSMSG_QR | 2,
	    "d.test MX 1 a.test", "4.4.3" },
	{ "REFUSED", "d.test", ns_t_mx, DNSMSG_QR | 5, "", "4.4.3" },
	{ "code 15", "d.test", ns_t_mx, DNSMSG_QR | 15, "", "4.4.3" },
	{ "truncated", "d.test", ns_t_mx, DNSMSG_QR | DNSMSG_TC,
	    "d.test MX 1 a.test", "4.4.3" },
	{ "a question", "d.test", ns_t_mx, 0x0100, "d.test MX 1 a.test",
	    "4.4.3" },
	{ "CNAME to itself", "d.test", ns_t_a, DNSMSG_QR,
	    "d.test CNAME d.test", "4.4.3" },
	{ "CNAME loop", "d.test", ns_t_a, DNSMSG_QR,
	    "d.test CNAME e.test|e.test CNAME d.test", "4.4.3" },
	{ "chain of 11", "0.t", ns_t_a, DNSMSG_QR,
	    "0.t CNAME 1.t|1.t CNAME 2.t|2.t CNAME 3.t|3.t CNAME 4.t|"
	    "4.t CNAME 5.t|5.t CNAME 6.t|6.t CNAME 7.t|7.t CNAME 8.t|"
	    "8.t CNAME 9.t|9.t CNAME x.t|x.t CNAME y.t|y.t A 192.0.2.9",
	    "4.4.3" },
	{ "CNAME to no host name", "d.test", ns_t_a, DNSMSG_QR,
	    "d.test CNAME a\\000b.test", "4.4.3" },
	{ "A of 3 bytes", "d.test", ns_t_a, DNSMSG_QR, "d.test RAW1 010203",
	    "4.4.3" },
	{ "A of 16 bytes", "d.test", ns_t_a, DNSMSG_QR,
	    "d.test RAW1 00000000000000000000000000000001", "4.4.3" },
	{ "AAAA of 4 bytes", "d.test", ns_t_aaaa, DNSMSG_QR,
	    "d.test RAW28 01020304", "4.4.3" },
	{ "MX without target", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 0001", "4.4.3" },
	{ "MX with more behind it", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 0001016100ff", "4.4.3" },
	{ "MX target runs out", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 00013f61", "4.4.3" },
	{ "MX target is a pointer to itself", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 0001c02c", "4.4.3" },
	{ "MX target points past the end", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 0001cfff", "4.4.3" },
	{ "label type 01", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test RAW15 0001416100", "4.4.3" },
	{ "label of 64", "d.test", ns_t_mx, DNSMSG_QR,
	    "d.test MX 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaa.test", "4.4.3" },
};

START_TEST(refused)
{
	struct dns_answer a;
	struct err err;
	int rc;

	dnsmsg_begin(&msg, 7, bad[_i].flags, bad[_i].asked,
	    (unsigned)bad[_i].type);
	dnsmsg_records(&msg, bad[_i].records);
	rc = dns_parse(msg.b, msg.n, bad[_i].asked, bad[_i].type, &a, &err);
	ck_assert_msg(rc < 0, "%s", bad[_i].name);
	ck_assert_msg(strcmp(err.status, bad[_i].status) == 0, "%s: %s %s",
	    bad[_i].name, err.status, err.text);
	ck_assert_int_eq(err.kind,
	    *err.status == '4' ? ERR_TEMP : ERR_PERM);
	ck_assert_ptr_null(a.rr);
}
END_TEST

/* Every message of the tables, cut everywhere, in memory of just that size. */
START_TEST(cut)
{
	struct dns_answer a;
	struct err err;
	unsigned char *copy;
	size_t n;

	dnsmsg_begin(&msg, 7, DNSMSG_QR, good[_i].asked,
	    (unsigned)good[_i].type);
	dnsmsg_records(&msg, good[_i].records);
	for (n = 0; n < msg.n; n++) {
		copy = malloc(n + 1);
		memcpy(copy + 1, msg.b, n);
		ck_assert_int_eq(dns_parse(copy + 1, n, good[_i].asked,
		    good[_i].type, &a, &err), -1);
		ck_assert_str_eq(err.status, "4.4.3");
		free(copy);
	}
}
END_TEST

START_TEST(other_question)
{
	struct dns_answer a;
	struct err err;

	dnsmsg_begin(&msg, 7, DNSMSG_QR, "e.test", ns_t_a);
	dnsmsg_records(&msg, "d.test A 192.0.2.1");
	ck_assert_int_eq(dns_parse(msg.b, msg.n, "d.test", ns_t_a, &a, &err),
	    -1);
	dnsmsg_begin(&msg, 7, DNSMSG_QR | 3, "e.test", ns_t_a);
	ck_assert_int_eq(dns_parse(msg.b, msg.n, "d.test", ns_t_a, &a, &err),
	    -1);
	ck_assert_str_eq(err.status, "4.4.3");
	dnsmsg_begin(&msg, 7, DNSMSG_QR, "d.test", ns_t_mx);
	ck_assert_int_eq(dns_parse(msg.b, msg.n, "d.test", ns_t_a, &a, &err),
	    -1);
}
END_TEST

START_TEST(large)
{
	struct dns_answer a;
	struct err err;

	dnsmsg_begin(&msg, 7, DNSMSG_QR, "d.test", ns_t_a);
	while (msg.n + 22 <= sizeof(msg.b))
		dnsmsg_records(&msg, "d.test A 192.0.2.1");
	ck_assert_int_eq(dns_parse(msg.b, msg.n, "d.test", ns_t_a, &a, &err),
	    0);
	ck_assert_uint_gt(a.n, 2900);
	dns_answer_release(&a);
}
END_TEST

static const struct {
	const char *name;
	bool ok;
} names[] = {
	{ "example.org", true },
	{ "a", true },
	{ "xn--bcher-kva.example", true },
	{ "_smtp.example", true },
	{ "3com.com", true },
	{ "1.2.3.4.in-addr.arpa", true },
	{ "", false },
	{ ".", false },
	{ "a.", false },
	{ ".a", false },
	{ "a..b", false },
	{ "192.0.2.1", false },
	{ "2001:db8::1", false },
	{ "a b", false },
	{ "a\\000.b", false },
	{ "b\xc3\xbc" "cher.example", false },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    false },
};

START_TEST(host_name)
{
	ck_assert_msg(dns_is_host_name(names[_i].name) == names[_i].ok, "%s",
	    names[_i].name);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dns");
	TCase *tc = tcase_create("dns");

	tcase_add_loop_test(tc, understood, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, cut, 0, CHECK_ROWS(good));
	tcase_add_test(tc, other_question);
	tcase_add_test(tc, large);
	tcase_add_loop_test(tc, host_name, 0, CHECK_ROWS(names));
	suite_add_tcase(s, tc);
	return check_run(s);
}
