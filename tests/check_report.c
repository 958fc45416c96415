/*
 * A worker has read the network: nothing that it says is taken on trust.
 */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/worker.h"

#define SLOTS 4

static struct worker w;
static int out;			/* the worker's end */

static void
setup(void)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	w = (struct worker){ .fd = fds[0], .nload = SLOTS, .left = SLOTS };
	w.load = xcalloc(SLOTS, sizeof(*w.load));
	w.told = xcalloc(SLOTS, 1);
	out = fds[1];
}

static void
teardown(void)
{
	if (out >= 0)
		close(out);
	worker_end(&w, true);
	ck_assert_int_eq(w.fd, -1);
	ck_assert_ptr_null(w.load);
}

static struct report
sound(uint32_t slot)
{
	struct report r;

	memset(&r, 0, sizeof(r));
	r.magic = REPORT_MAGIC;
	r.slot = slot;
	r.outcome.kind = OUTCOME_DEFERRED;
	r.outcome.stage = STAGE_RCPT;
	r.outcome.code = 450;
	r.outcome.port = 25;
	str_copy(r.outcome.status, sizeof(r.outcome.status), "4.2.0");
	str_copy(r.outcome.text, sizeof(r.outcome.text), "450 4.2.0 busy");
	str_copy(r.outcome.host, sizeof(r.outcome.host), "mx.example.org");
	str_copy(r.outcome.address, sizeof(r.outcome.address), "192.0.2.1");
	str_copy(r.outcome.tls, sizeof(r.outcome.tls), "TLS1.3 X");
	return r;
}

static void
put(const void *data, size_t n)
{
	ck_assert_int_eq(write_all(out, data, n), 0);
}

/* Put n bytes at an offset of a record: fill, or a number. */
#define SPOIL(name, field, byte) { name, offsetof(struct report, field), \
	sizeof(((struct report *)0)->field), byte }

static const struct {
	const char *name;
	size_t at, n;
	int byte;
} nonsense[] = {
	{ "zeros", 0, sizeof(struct report), 0 },
	{ "ones", 0, sizeof(struct report), 0xff },
	{ "text", 0, sizeof(struct report), 'A' },
	SPOIL("no magic", magic, 0),
	SPOIL("foreign magic", magic, 0x50),
	SPOIL("slot far out", slot, 0xff),
	{ "first slot out of range", offsetof(struct report, slot), 1, SLOTS },
	SPOIL("no outcome", outcome.kind, OUTCOME_NONE),
	SPOIL("unknown outcome", outcome.kind, OUTCOME_FAILED + 1),
	SPOIL("unknown stage", outcome.stage, STAGE_DOT + 1),
	SPOIL("a bool of 2", outcome.whole_site, 2),
	SPOIL("a bool of 255", outcome.in_doubt, 0xff),
	SPOIL("another", outcome.relayed_no_dsn, 0x80),
	SPOIL("status without end", outcome.status, '4'),
	SPOIL("text without end", outcome.text, 'x'),
	SPOIL("host without end", outcome.host, 'x'),
	SPOIL("address without end", outcome.address, '1'),
	SPOIL("tls without end", outcome.tls, 'x'),
	{ "status that is none", offsetof(struct report, outcome.status), 1,
		'9' },
	{ "line end in the text", offsetof(struct report, outcome.text), 1,
		'\n' },
	{ "control byte in the host", offsetof(struct report, outcome.host),
		1, '\033' },
	{ "control byte in the address",
		offsetof(struct report, outcome.address), 1, '\r' },
	{ "control byte in tls", offsetof(struct report, outcome.tls), 1,
		'\177' },
};

START_TEST(refused)
{
	struct report r = sound(0), got;

	memset((char *)&r + nonsense[_i].at, nonsense[_i].byte,
	    nonsense[_i].n);
	ck_assert_msg(!report_valid(&r, SLOTS), "%s", nonsense[_i].name);
	put(&r, sizeof(r));
	ck_assert_msg(worker_read(&w, &got) == -1, "%s", nonsense[_i].name);
	ck_assert_uint_eq(w.left, SLOTS);
}
END_TEST

/* What was sound before it stays said. */
START_TEST(refused_after_a_sound_one)
{
	struct report r = sound(2), got;

	put(&r, sizeof(r));
	memset((char *)&r + nonsense[_i].at, nonsense[_i].byte,
	    nonsense[_i].n);
	put(&r, sizeof(r));
	ck_assert_int_eq(worker_read(&w, &got), 1);
	ck_assert_uint_eq(got.slot, 2);
	ck_assert_int_eq(worker_read(&w, &got), -1);
	ck_assert_uint_eq(w.left, SLOTS - 1);
}
END_TEST

static const enum outcome_kind kinds[] = { OUTCOME_DELIVERED,
	OUTCOME_DEFERRED, OUTCOME_FAILED };

START_TEST(sent_and_read)
{
	struct report r = sound(0), got;

	r.outcome.kind = (uint8_t)kinds[_i];
	r.outcome.in_doubt = true;
	r.outcome.connect_ms = 12345;
	for (uint32_t slot = SLOTS; slot-- > 0;)
		ck_assert_int_eq(report_send(out, slot, &r.outcome), 0);
	for (uint32_t slot = SLOTS; slot-- > 0;) {
		ck_assert_int_eq(worker_read(&w, &got), 1);
		ck_assert_uint_eq(got.slot, slot);
		ck_assert_mem_eq(&got.outcome, &r.outcome,
		    sizeof(got.outcome));
		ck_assert_uint_eq(w.left, slot);
	}
	ck_assert_int_eq(worker_read(&w, &got), 0);
}
END_TEST

START_TEST(the_same_twice)
{
	struct report r = sound(1), got;

	put(&r, sizeof(r));
	put(&r, sizeof(r));
	ck_assert_int_eq(worker_read(&w, &got), 1);
	ck_assert_int_eq(worker_read(&w, &got), -1);
	ck_assert_uint_eq(w.left, SLOTS - 1);
}
END_TEST

/* A second verdict does not undo the first. */
START_TEST(another_verdict_for_the_same)
{
	struct report r = sound(1), got;

	r.outcome.kind = OUTCOME_FAILED;
	put(&r, sizeof(r));
	r.outcome.kind = OUTCOME_DELIVERED;
	put(&r, sizeof(r));
	ck_assert_int_eq(worker_read(&w, &got), 1);
	ck_assert_uint_eq(got.outcome.kind, OUTCOME_FAILED);
	ck_assert_int_eq(worker_read(&w, &got), -1);
}
END_TEST

START_TEST(one_octet_at_a_time)
{
	struct report r[2] = { sound(3), sound(0) }, got;
	const char *octets = (const char *)r;

	for (size_t i = 0; i < sizeof(r); i++) {
		put(octets + i, 1);
		if ((i + 1) % sizeof(*r) != 0) {
			ck_assert_int_eq(worker_read(&w, &got), 0);
			continue;
		}
		ck_assert_int_eq(worker_read(&w, &got), 1);
		ck_assert_mem_eq(&got, &r[i / sizeof(*r)], sizeof(got));
	}
	ck_assert_int_eq(worker_read(&w, &got), 0);
	ck_assert_uint_eq(w.left, SLOTS - 2);
}
END_TEST

/* Cut anywhere: what is whole counts, what is not does not. */
START_TEST(truncated)
{
	static const size_t cuts[] = { 0, 1, 3, 4, 7, 8,
		sizeof(struct report) / 2, sizeof(struct report) - 1 };
	struct report r = sound(0), got;

	put(&r, sizeof(r));
	r.slot = 1;
	put(&r, cuts[_i]);
	close(out);
	out = -1;
	ck_assert_int_eq(worker_read(&w, &got), 1);
	ck_assert_uint_eq(got.slot, 0);
	ck_assert_int_eq(worker_read(&w, &got), -1);
	ck_assert_uint_eq(w.left, SLOTS - 1);
	ck_assert_uint_eq(w.told[1], 0);
}
END_TEST

START_TEST(ends_without_a_word)
{
	struct report got;

	ck_assert_int_eq(worker_read(&w, &got), 0);
	close(out);
	out = -1;
	ck_assert_int_eq(worker_read(&w, &got), -1);
	ck_assert_uint_eq(w.left, SLOTS);
}
END_TEST

/* A child that says one thing, begins another, and hangs. */
static void
hang(void)
{
	struct report r = sound(1);

	close(w.fd);
	if (write_all(out, &r, sizeof(r)) < 0 ||
	    write_all(out, &r, sizeof(r) / 2) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void
start_hanging(void)
{
	struct report got;
	int rc;

	w.pid = fork();
	ck_assert_int_ge(w.pid, 0);
	if (w.pid == 0)
		hang();
	close(out);
	out = -1;
	fcntl(w.fd, F_SETFL, 0);
	rc = worker_read(&w, &got);
	fcntl(w.fd, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(got.slot, 1);
}

START_TEST(is_killed)
{
	struct report got;
	pid_t pid;

	start_hanging();
	pid = w.pid;
	kill(pid, SIGKILL);
	/* wait for the end of the pipe */
	fcntl(w.fd, F_SETFL, 0);
	ck_assert_int_eq(worker_read(&w, &got), -1);
	ck_assert_uint_eq(w.left, SLOTS - 1);
	worker_end(&w, true);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(is_killed_by_us)
{
	pid_t pid;

	start_hanging();
	pid = w.pid;
	worker_end(&w, true);
	ck_assert_int_eq(kill(pid, 0), -1);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(nobody_listens)
{
	struct report r = sound(0);

	close(w.fd);
	w.fd = -1;
	ck_assert_int_eq(report_send(out, 0, &r.outcome), -1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("report");
	TCase *tc = tcase_create("report");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(nonsense));
	tcase_add_loop_test(tc, refused_after_a_sound_one, 0,
	    CHECK_ROWS(nonsense));
	tcase_add_loop_test(tc, sent_and_read, 0, CHECK_ROWS(kinds));
	tcase_add_test(tc, the_same_twice);
	tcase_add_test(tc, another_verdict_for_the_same);
	tcase_add_test(tc, one_octet_at_a_time);
	tcase_add_loop_test(tc, truncated, 0, 8);
	tcase_add_test(tc, ends_without_a_word);
	tcase_add_test(tc, is_killed);
	tcase_add_test(tc, is_killed_by_us);
	tcase_add_test(tc, nobody_listens);
	return check_run(s);
}
