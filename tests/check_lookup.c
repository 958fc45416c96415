/*
 * A resolver child has read the network: its answers are checked before they
 * are used, and end the lookup when they are nonsense.
 */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/lookup.h"

#define DOMAINS 3

static struct lookup l;
static int out;			/* the child's end */

static void
setup(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	l = (struct lookup){ .fd = fds[0], .n = DOMAINS, .left = DOMAINS };
	l.asker = xcalloc(DOMAINS, sizeof(*l.asker));
	l.answered = xcalloc(DOMAINS, sizeof(*l.answered));
	out = fds[1];
}

static void
teardown(void)
{
	int fd = l.fd;

	if (out >= 0)
		close(out);
	lookup_end(&l);
	ck_assert_int_eq(l.fd, -1);
	ck_assert_ptr_null(l.asker);
	ck_assert_ptr_null(l.answered);
	/* there was no child, so its pipe is ours */
	close(fd);
}

static struct mx_answer
sound(uint32_t index, uint8_t nhost)
{
	struct mx_answer a;

	memset(&a, 0, sizeof(a));
	a.index = index;
	a.dns_ms = 12;
	a.nhost = nhost;
	for (uint8_t i = 0; i < nhost; i++) {
		str_copy(a.host[i].name, sizeof(a.host[i].name),
		    "mx.example");
		a.host[i].pref = i;
		a.host[i].naddr = 1;
		a.host[i].addr[0].family = 4;
		a.host[i].addr[0].ip[0] = 127;
	}
	return a;
}

static struct mx_answer
failure(uint32_t index)
{
	struct mx_answer a = sound(index, 0);

	err_set(&a.err, ERR_PERM, "5.1.2", "no such domain");
	return a;
}

static void
put_len(const struct mx_answer *a, uint32_t len)
{
	ck_assert_int_eq(write_all(out, &len, sizeof(len)), 0);
	ck_assert_int_eq(write_all(out, a,
	    len < sizeof(*a) ? len : sizeof(*a)), 0);
}

static void
put(const struct mx_answer *a)
{
	put_len(a, (uint32_t)mx_answer_size(a));
}

START_TEST(sound_answers)
{
	struct mx_answer a[DOMAINS] = { sound(2, 1), failure(0),
		sound(1, MX_HOSTS_MAX) }, got;

	ck_assert_int_eq(lookup_read(&l, &got), 0);
	for (size_t i = 0; i < DOMAINS; i++)
		put(&a[i]);
	for (size_t i = 0; i < DOMAINS; i++) {
		ck_assert_int_eq(lookup_read(&l, &got), 1);
		ck_assert_mem_eq(&got, &a[i], sizeof(got));
		ck_assert(l.answered[a[i].index]);
		ck_assert_uint_eq(l.left, DOMAINS - 1 - i);
	}
	ck_assert_int_eq(lookup_read(&l, &got), 0);
}
END_TEST

START_TEST(one_octet_at_a_time)
{
	struct mx_answer a = sound(1, 2), got;
	uint32_t len = (uint32_t)mx_answer_size(&a);
	struct buf text = { 0 };

	buf_add(&text, &len, sizeof(len));
	buf_add(&text, &a, len);
	for (size_t i = 0; i < text.len; i++) {
		ck_assert_int_eq(lookup_read(&l, &got), 0);
		ck_assert_int_eq(write_all(out, text.data + i, 1), 0);
	}
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	ck_assert_mem_eq(&got, &a, sizeof(got));
	buf_release(&text);
}
END_TEST

/* An answer shorter than the last one has nothing of it. */
START_TEST(nothing_is_left_over)
{
	struct mx_answer a = sound(0, 3), got;

	put(&a);
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	a = failure(1);
	put(&a);
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	ck_assert_uint_eq(got.nhost, 0);
	ck_assert_str_eq(got.host[0].name, "");
}
END_TEST

static const struct {
	const char *name;
	uint32_t len;
} lies[] = {
	{ "empty", 0 },
	{ "one octet", 1 },
	{ "less than a header", offsetof(struct mx_answer, host) - 1 },
	{ "no room for the host",  offsetof(struct mx_answer, host) },
	{ "one octet short", offsetof(struct mx_answer, host) +
		sizeof(struct mx_host) - 1 },
	{ "one octet more", offsetof(struct mx_answer, host) +
		sizeof(struct mx_host) + 1 },
	{ "room for more hosts", sizeof(struct mx_answer) },
	{ "more than there can be", sizeof(struct mx_answer) + 1 },
	{ "a negative one", UINT32_MAX },
	{ "a sign bit", 0x80000000u },
};

START_TEST(length_that_lies)
{
	struct mx_answer a = sound(0, 1), got;

	put_len(&a, lies[_i].len);
	ck_assert_msg(lookup_read(&l, &got) == -1, "%s", lies[_i].name);
	ck_assert_uint_eq(l.left, DOMAINS);
	ck_assert(!l.answered[0]);
}
END_TEST

#define SPOIL(name, field, byte) { name, \
	offsetof(struct mx_answer, field), \
	sizeof(((struct mx_answer *)0)->field), byte }

static const struct {
	const char *name;
	size_t at, n;
	int byte;
} nonsense[] = {
	{ "first index out of range", offsetof(struct mx_answer, index), 1,
		DOMAINS },
	SPOIL("index far out", index, 0xff),
	SPOIL("no host, no failure", nhost, 0),
	SPOIL("one host too many", nhost, MX_HOSTS_MAX + 1),
	SPOIL("255 hosts", nhost, 255),
	SPOIL("one more than sent", nhost, 2),
	SPOIL("implicit is no bool", implicit, 2),
	SPOIL("name without end", host[0].name, 'a'),
	{ "no name", offsetof(struct mx_answer, host[0].name), 1, 0 },
	{ "line end in the name", offsetof(struct mx_answer, host[0].name), 1,
		'\n' },
	{ "blank in the name", offsetof(struct mx_answer, host[0].name), 1,
		' ' },
	{ "capital in the name", offsetof(struct mx_answer, host[0].name), 1,
		'M' },
	{ "a path in the name", offsetof(struct mx_answer, host[0].name), 1,
		'/' },
	SPOIL("one address too many", host[0].naddr, MX_ADDRS_MAX + 1),
	SPOIL("255 addresses", host[0].naddr, 255),
	SPOIL("no address", host[0].naddr, 0),
	SPOIL("a place that there cannot be", host[0].place, MX_HOSTS_MAX),
	SPOIL("tls is no bool", host[0].tls, 2),
	SPOIL("no family", host[0].addr[0].family, 0),
	SPOIL("unknown family", host[0].addr[0].family, 5),
	SPOIL("unknown failure", err.kind, 0x7f),
	SPOIL("failure without status", err.kind, 1),
	SPOIL("failure's text without end", err.text, 'x'),
	SPOIL("failure's status without end", err.status, '5'),
};

START_TEST(refused)
{
	struct mx_answer a = sound(0, 1), got;
	uint32_t len = (uint32_t)mx_answer_size(&a);

	memset((char *)&a + nonsense[_i].at, nonsense[_i].byte,
	    nonsense[_i].n);
	put_len(&a, len);
	ck_assert_msg(lookup_read(&l, &got) == -1, "%s", nonsense[_i].name);
	ck_assert_uint_eq(l.left, DOMAINS);
}
END_TEST

static const struct {
	const char *name;
	enum err_kind kind;
	const char *status, *text;
} failures[] = {
	{ "neither now nor never", ERR_USAGE, "5.1.2", "x" },
	{ "status of success", ERR_PERM, "2.0.0", "x" },
	{ "status of the other class", ERR_TEMP, "5.1.2", "x" },
	{ "status that is none", ERR_PERM, "5x1.2", "x" },
	{ "line end in the text", ERR_PERM, "5.1.2", "x\r\nBcc: y" },
};

START_TEST(failure_refused)
{
	struct mx_answer a = sound(0, 0), got;

	a.err.kind = failures[_i].kind;
	str_copy(a.err.status, sizeof(a.err.status), failures[_i].status);
	str_copy(a.err.text, sizeof(a.err.text), failures[_i].text);
	put(&a);
	ck_assert_msg(lookup_read(&l, &got) == -1, "%s", failures[_i].name);
}
END_TEST

START_TEST(the_same_twice)
{
	struct mx_answer a = sound(1, 1), got;

	put(&a);
	put(&a);
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	ck_assert_int_eq(lookup_read(&l, &got), -1);
	ck_assert_uint_eq(l.left, DOMAINS - 1);
}
END_TEST

/* It ends after so many octets of its second answer. */
START_TEST(ends_early)
{
	static const uint32_t cuts[] = { 0, 1, 4, 5, 100, 560 };
	struct mx_answer a = sound(0, 1), got;
	struct buf text = { 0 };
	uint32_t len = (uint32_t)mx_answer_size(&a);

	put(&a);
	a.index = 1;
	buf_add(&text, &len, sizeof(len));
	buf_add(&text, &a, len);
	ck_assert_uint_gt(text.len, cuts[_i]);
	ck_assert_int_eq(write_all(out, text.data, cuts[_i]), 0);
	close(out);
	out = -1;
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	ck_assert_int_eq(lookup_read(&l, &got), -1);
	ck_assert_uint_eq(l.left, DOMAINS - 1);
	ck_assert(l.answered[0]);
	ck_assert(!l.answered[1]);
	buf_release(&text);
}
END_TEST

/* What was sound before the nonsense stays said. */
START_TEST(nonsense_after_a_sound_one)
{
	struct mx_answer a = failure(2), got;
	char rest[64];

	put(&a);
	memset(rest, 'A', sizeof(rest));
	ck_assert_int_eq(write_all(out, rest, sizeof(rest)), 0);
	ck_assert_int_eq(lookup_read(&l, &got), 1);
	ck_assert_uint_eq(got.index, 2);
	ck_assert_str_eq(got.err.status, "5.1.2");
	ck_assert_int_eq(lookup_read(&l, &got), -1);
}
END_TEST

/* A child of our own, which need not ask anybody for addresses. */
START_TEST(questions_and_askers)
{
	static const struct resolver_place places[] = {
		{ .name = "192.0.2.1", .port = 465, .rank = 1 },
		{ .name = "2001:db8::1", .port = 587 },
	};
	static const struct resolver_question q[] = {
		{ .domain = "smarthost", .places = places, .nplace = 2 },
		{ .domain = "smarthost", .places = places, .nplace = 1 },
	};
	struct resolver_options options = { .timeout_s = 5 };
	int mine[2] = { 1, 2 };
	void *asker[2] = { &mine[0], &mine[1] };
	struct mx_answer got[2], a;
	struct lookup own = { 0 };
	struct pollfd p;
	struct err err;
	int rc;

	ck_assert_int_eq(lookup_start(&own, &options, q, asker, 2, &err), 0);
	asker[0] = asker[1] = NULL;
	p = (struct pollfd){ .fd = own.fd, .events = POLLIN };
	while (own.left > 0) {
		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		while ((rc = lookup_read(&own, &a)) > 0)
			got[a.index] = a;
		ck_assert(rc == 0 || own.left == 0);
	}
	ck_assert_uint_eq(own.n, 2);
	ck_assert_ptr_eq(own.asker[0], &mine[0]);
	ck_assert_ptr_eq(own.asker[1], &mine[1]);
	ck_assert_uint_eq(got[0].nhost, 2);
	ck_assert_str_eq(got[0].host[0].name, "2001:db8::1");
	ck_assert_uint_eq(got[0].host[0].place, 1);
	ck_assert_uint_eq(got[0].host[1].port, 465);
	ck_assert_uint_eq(got[1].nhost, 1);
	lookup_end(&own);
	/* it can be used again, and reaps the child before */
	ck_assert_int_eq(lookup_start(&own, &options, q, asker, 1, &err), 0);
	lookup_end(&own);
	ck_assert_int_eq(waitpid(own.ending, NULL, 0), own.ending);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lookup");
	TCase *tc = tcase_create("lookup"), *own = tcase_create("child");

	suite_add_tcase(s, tc);
	suite_add_tcase(s, own);
	tcase_add_test(own, questions_and_askers);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sound_answers);
	tcase_add_test(tc, one_octet_at_a_time);
	tcase_add_test(tc, nothing_is_left_over);
	tcase_add_loop_test(tc, length_that_lies, 0, CHECK_ROWS(lies));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(nonsense));
	tcase_add_loop_test(tc, failure_refused, 0, CHECK_ROWS(failures));
	tcase_add_test(tc, the_same_twice);
	tcase_add_loop_test(tc, ends_early, 0, 6);
	tcase_add_test(tc, nonsense_after_a_sound_one);
	return check_run(s);
}
