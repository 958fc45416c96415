/*
 * A process that dies, or a system call that fails, at every step: what was
 * promised is there, what was not is whole or absent.
 *
 * The calls that change the disk are those below, in place of libc's.
 */
#include "config.h"

#include "spool_lab.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"

static struct {
	int	at;		/* the call that fails; 0: none does */
	int	error;		/* errno then; 0: the process dies */
	int	n;		/* calls so far */
	int	syncs;		/* and those of fsync */
	char	synced[256];	/* of what, each behind a blank */
} plan;

/* Returns true when this call is to fail, errno set. */
static bool
fails(void)
{
	if (++plan.n != plan.at)
		return false;
	if (plan.error == 0)
		raise(SIGKILL);
	errno = plan.error;
	return true;
}

/* The last part of its name; "ID" for an entry's. */
static void
note_sync(int fd)
{
	char link[64], to[200] = "";
	const char *name;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, to, sizeof(to) - 1) <= 0)
		return;
	name = strrchr(to, '/') + 1;
	snprintf(plan.synced + strlen(plan.synced),
	    sizeof(plan.synced) - strlen(plan.synced), " %s",
	    strlen(name) < 16 ? name : strchr(name, '.') ? "ID.new" : "ID");
}

int
fsync(int fd)
{
	plan.syncs++;
	note_sync(fd);
	return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
renameat2(int from_fd, const char *from, int to_fd, const char *to,
    unsigned flags)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, from_fd, from,
	    to_fd, to, flags);
}

int
unlinkat(int fd, const char *name, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

int
mkdirat(int fd, const char *name, mode_t mode)
{
	return fails() ? -1 : (int)syscall(SYS_mkdirat, fd, name, mode);
}

int
futimens(int fd, const struct timespec times[2])
{
	return fails() ? -1 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}

int
utimensat(int fd, const char *name, const struct timespec times[2],
    int flags)
{
	return fails() ? -1 : (int)syscall(SYS_utimensat, fd, name, times,
	    flags);
}

static struct spool s;
static struct err err;

/* Check writes somewhere, too. */
static bool
is_in_lab(int fd)
{
	char link[64], to[160] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, to, sizeof(to) - 1) > 0 &&
	    strncmp(to, lab_dir, strlen(lab_dir)) == 0;
}

/* Half of it is written before it fails. */
ssize_t
write(int fd, const void *data, size_t n)
{
	if (plan.at > 0 && is_in_lab(fd) && fails()) {
		syscall(SYS_write, fd, data, n / 2);
		return -1;
	}
	return syscall(SYS_write, fd, data, n);
}

ssize_t
pwrite(int fd, const void *data, size_t n, off_t at)
{
	if (fails()) {
		syscall(SYS_pwrite64, fd, data, n / 2, at);
		return -1;
	}
	return syscall(SYS_pwrite64, fd, data, n, at);
}

static void
setup(void)
{
	lab_setup();
}

static void
teardown(void)
{
	lab_teardown();
}

/*
 * The stories. Each returns 1 when a promise was made, 0 when the caller was
 * told that nothing is kept, 2 when everything was delivered.
 */
static int
keep_in_queue(void)
{
	return lab_commit(&s, 2, PLACE_QUEUE, 5, true, NULL, &err) == 0;
}

static int
keep_in_run(void)
{
	struct entry e;

	if (lab_commit(&s, 2, PLACE_RUN, 0, true, &e, &err) < 0)
		return 0;
	entry_release(&e);
	return 1;
}

/* Commit, try, fail, promise. */
static int
try_and_promise(void)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct entry e;
	int kept;

	if (lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err) < 0)
		return 0;
	entry_record(&s, &e, 0, &late, 1700000000, &err);
	entry_record(&s, &e, 1, &late, 1700000000, &err);
	kept = entry_promise(&s, &e, &err) == 0;
	/* Asked again, a sync that failed does not succeed. */
	if (!kept)
		kept = entry_promise(&s, &e, &err) == 0;
	if (!kept && entry_complete(&s, &e, &err) < 0)
		kept = -1;
	entry_release(&e);
	return kept;
}

static int
try_and_defer(void)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct entry e;
	int kept;

	if (lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err) < 0)
		return 0;
	entry_record(&s, &e, 0, &late, 1700000000, &err);
	kept = entry_defer(&s, &e, 5, true, &err) == 0;
	if (!kept && entry_complete(&s, &e, &err) < 0)
		kept = -1;
	entry_release(&e);
	return kept;
}

/* A flush finds what was promised before, and fails to deliver it. */
static int
flush_and_defer(void)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct lab_seen seen = lab_scan(&s);
	struct entry e;

	if (spool_claim(&s, seen.id, PLACE_QUEUE, &e, &err) != 1)
		return 1;
	entry_record(&s, &e, 0, &late, 1700000000, &err);
	entry_defer(&s, &e, 5, false, &err);
	entry_release(&e);
	return 1;
}

static int
flush_and_hold(void)
{
	struct lab_seen seen = lab_scan(&s);
	struct entry e;

	if (spool_claim(&s, seen.id, PLACE_QUEUE, &e, &err) != 1)
		return 1;
	entry_hold(&s, &e, &err);
	entry_release(&e);
	return 1;
}

static const struct {
	const char *name;
	int (*act)(void);
	bool begun;		/* the queue holds a promised entry */
} stories[] = {
	{ "keep in queue", keep_in_queue, false },
	{ "keep in run", keep_in_run, false },
	{ "try and promise", try_and_promise, false },
	{ "try and defer", try_and_defer, false },
	{ "flush and defer", flush_and_defer, true },
	{ "flush and hold", flush_and_hold, true },
};

/* What the story says, or dies of. */
static int
play(int story, int at, int error)
{
	int status, rc;
	pid_t pid;

	memset(&plan, 0, sizeof(plan));
	LAB_OK(spool_open(&s, lab_path, &err));
	if (stories[story].begun)
		LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, 5, true, NULL, &err));
	spool_close(&s);
	pid = fork();
	if (pid == 0) {
		if (spool_open(&s, lab_path, &err) < 0)
			_exit(100);
		memset(&plan, 0, sizeof(plan));
		plan.at = at;
		plan.error = error;
		rc = stories[story].act();
		if (plan.n < at)
			rc += 50;	/* there is no such step */
		plan.at = 0;
		spool_close(&s);
		_exit(rc < 0 ? 10 : rc);
	}
	waitpid(pid, &status, 0);
	memset(&plan, 0, sizeof(plan));
	return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
}

/* What a flush finds afterwards: the number of whole entries. */
static size_t
find(const char *story, int at)
{
	struct lab_seen seen;
	struct entry e;
	size_t n = 0;

	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(spool_recover(&s, NULL, &err));
	seen = lab_scan(&s);
	ck_assert_msg(seen.n[PLACE_DAMAGED] == 0 && seen.n[PLACE_RUN] == 0,
	    "%s, %d: damage", story, at);
	while (seen.n[PLACE_QUEUE] > 0) {
		ck_assert_msg(spool_claim(&s, seen.id, PLACE_QUEUE, &e, &err)
		    == 1, "%s, %d: %s", story, at, err.text);
		ck_assert_msg(lab_has_message(&s, &e), "%s, %d: message",
		    story, at);
		ck_assert_uint_eq(e.env.nrcpt, 2);
		LAB_OK(entry_complete(&s, &e, &err));
		entry_release(&e);
		n++;
		seen = lab_scan(&s);
	}
	n += seen.n[PLACE_HOLD];
	spool_close(&s);
	return n;
}

static void
clean(void)
{
	lab_teardown();
	ck_assert_int_eq(mkdir(lab_dir, 0700), 0);
}

START_TEST(death_at_every_step)
{
	size_t found;
	int at, rc;

	for (at = 1;; at++) {
		rc = play(_i, at, 0);
		found = find(stories[_i].name, at);
		if (rc >= 50)
			break;
		ck_assert_msg(rc == -1, "%s, %d: %d", stories[_i].name, at,
		    rc);
		ck_assert_msg(stories[_i].begun ? found == 1 : found <= 1,
		    "%s, %d: %zu", stories[_i].name, at, found);
		clean();
	}
	ck_assert_int_gt(at, 4);
	ck_assert_uint_eq(found, 1);
}
END_TEST

static const int errors[] = { ENOSPC, EIO, EDQUOT, EROFS };

START_TEST(failure_at_every_step)
{
	const int story = _i / CHECK_ROWS(errors);
	const int error = errors[_i % CHECK_ROWS(errors)];
	size_t found;
	int at, rc;

	for (at = 1;; at++) {
		rc = play(story, at, error);
		found = find(stories[story].name, at);
		if (rc >= 50)
			break;
		ck_assert_msg(rc == 0 || rc == 1, "%s, %d: %d",
		    stories[story].name, at, rc);
		/* Told "kept": it is. Told "not": nobody will send it. */
		ck_assert_msg(found == (size_t)rc, "%s, %d: told %d, is %zu",
		    stories[story].name, at, rc, found);
		clean();
	}
}
END_TEST

/* The one fsync that failed is never made good by another. */
START_TEST(failed_sync_is_final)
{
	struct entry e;

	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err));
	plan.at = plan.n + 1;
	plan.error = EIO;
	ck_assert_int_lt(entry_promise(&s, &e, &err), 0);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_int_lt(entry_promise(&s, &e, &err), 0);
	ck_assert_int_lt(entry_defer(&s, &e, 5, true, &err), 0);
	ck_assert(!e.promised);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	spool_close(&s);
}
END_TEST

START_TEST(status_of_a_full_disk)
{
	LAB_OK(spool_open(&s, lab_path, &err));
	plan.at = plan.n + 2;
	plan.error = _i == 0 ? ENOSPC : EDQUOT;
	ck_assert_int_lt(lab_commit(&s, 2, PLACE_QUEUE, 0, false, NULL, &err),
	    0);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_str_eq(err.status, "4.3.1");
	spool_close(&s);
}
END_TEST

/* Syncs are what delivery costs; none without a promise. */
START_TEST(no_sync_without_promise)
{
	struct outcome o = lab_outcome(OUTCOME_DELIVERED);
	struct entry e;

	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_record(&s, &e, 0, &o, 5, &err));
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_defer(&s, &e, 5, false, &err));
	entry_release(&e);
	spool_close(&s);
	ck_assert_int_eq(plan.syncs, 0);
}
END_TEST

/* Once the directories are known to be on disk: file and directory. */
START_TEST(two_syncs_a_promise)
{
	struct entry e;
	int before;

	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, 5, true, NULL, &err));
	before = plan.syncs;
	LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, 5, true, NULL, &err));
	ck_assert_int_eq(plan.syncs, before + 2);
	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 5, true, &e, &err));
	before = plan.syncs;
	LAB_OK(entry_promise(&s, &e, &err));
	ck_assert_int_eq(plan.syncs, before);
	/* it was promised where it is, and nothing was recorded since */
	LAB_OK(entry_defer(&s, &e, 5, true, &err));
	ck_assert_int_eq(plan.syncs, before);
	entry_release(&e);
	spool_close(&s);
}
END_TEST

static void
as_user(uid_t uid)
{
	LAB_MUST(setgroups(0, NULL) == 0 && setresgid(4242, 4242, 4242) == 0 &&
	    setresuid(uid, uid, uid) == 0);
}

static void
submit_as(uid_t uid)
{
	as_user(uid);
	LAB_MUST(spool_open(&s, lab_path, &err) == 0);
	LAB_MUST(lab_commit(&s, 2, PLACE_QUEUE, 5, true, NULL, &err) == 0);
	_exit(0);
}

/* "delivered" is synced into the file that is on the disk. Then it is replaced,
 * and the one that is there after a power cut has to say so, too. */
static void
deliver_and_defer_as(uid_t uid)
{
	struct outcome yes = lab_outcome(OUTCOME_DELIVERED);
	struct entry e;

	as_user(uid);
	LAB_MUST(spool_open(&s, lab_path, &err) == 0);
	LAB_MUST(spool_claim(&s, lab_scan(&s).id, PLACE_QUEUE, &e, &err) == 1);
	LAB_MUST(entry_record(&s, &e, 0, &yes, 1700000000, &err) == 0);
	plan.synced[0] = '\0';
	LAB_MUST(entry_defer(&s, &e, clock_wall() + 300, false, &err) == 0);
	if (strcmp(plan.synced, " ID.new ID 0 run 0 queue") != 0 &&
	    strcmp(plan.synced, " ID.new ID 0 queue") != 0) {
		dprintf(2, "synced:%s\n", plan.synced);
		_exit(1);
	}
	_exit(0);
}

static void
wait_well(void)
{
	int status;

	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
}

START_TEST(a_copy_is_synced)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chmod(lab_dir, 0755), 0);
	ck_assert_int_eq(mkdir(lab_path, 0770), 0);
	ck_assert_int_eq(chown(lab_path, 0, 4242), 0);
	ck_assert_int_eq(chmod(lab_path, 02770), 0);
	if (fork() == 0)
		submit_as(1001);
	wait_well();
	if (fork() == 0)
		deliver_and_defer_as(1002);
	wait_well();
}
END_TEST

/* A record that does not fit leaves the journal as it was. */
START_TEST(record_beyond_the_limit)
{
	struct rlimit limit, old;
	struct outcome o = lab_outcome(OUTCOME_DEFERRED);
	struct entry e, again;
	int rc;

	/* Check writes to a file as well: no assertion under the limit. */
	signal(SIGXFSZ, SIG_IGN);
	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_record(&s, &e, 0, &o, 1700000000, &err));
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = e.end + 20;
	setrlimit(RLIMIT_FSIZE, &limit);
	rc = entry_record(&s, &e, 1, &o, 1700000001, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_int_lt(rc, 0);
	ck_assert(!e.torn);
	ck_assert_int_eq(e.env.rcpts[1].state, OUTCOME_DEFERRED);
	LAB_OK(entry_record(&s, &e, 1, &o, 1700000002, &err));
	LAB_OK(entry_defer(&s, &e, 5, false, &err));
	ck_assert_int_eq(spool_claim(&s, e.id, PLACE_QUEUE, &again, &err), 1);
	ck_assert_int_eq(again.env.rcpts[0].attempts, 1);
	ck_assert_int_eq(again.env.rcpts[1].attempts, 1);
	ck_assert_int_eq(again.env.rcpts[1].last_s, 1700000002);
	entry_release(&e);
	entry_release(&again);
	spool_close(&s);
}
END_TEST

static void
all_fail(void *arg, const struct entry *e, size_t rcpt, struct outcome *o)
{
	(void)arg;
	ck_assert_int_eq(e->env.rcpts[rcpt].state, OUTCOME_NONE);
	*o = lab_outcome(OUTCOME_FAILED);
}

/* Nor are there some of many rows: all or none. */
START_TEST(rows_beyond_the_limit)
{
	static const size_t rows[] = { 0, 2, 3 };
	struct rlimit limit, old;
	struct entry e, again;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	LAB_OK(spool_open(&s, lab_path, &err));
	LAB_OK(lab_commit(&s, 4, PLACE_RUN, 0, false, &e, &err));
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = e.end + 200;
	setrlimit(RLIMIT_FSIZE, &limit);
	rc = entry_record_all(&s, &e, rows, 3, all_fail, NULL, 5, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_int_lt(rc, 0);
	ck_assert(!e.torn);
	ck_assert_uint_eq(envelope_count(&e.env, OUTCOME_NONE), 4);
	ck_assert_int_eq(spool_peek(&s, e.id, PLACE_RUN, &again, &err), 1);
	ck_assert_uint_eq(envelope_count(&again.env, OUTCOME_NONE), 4);
	entry_release(&again);
	LAB_OK(entry_record_all(&s, &e, rows, 3, all_fail, NULL, 5, &err));
	LAB_OK(entry_record_all(&s, &e, rows, 0, all_fail, NULL, 5, &err));
	ck_assert(e.dirty);
	ck_assert_int_eq(spool_peek(&s, e.id, PLACE_RUN, &again, &err), 1);
	ck_assert_int_eq(again.env.rcpts[1].state, OUTCOME_NONE);
	ck_assert_uint_eq(envelope_count(&again.env, OUTCOME_FAILED), 3);
	ck_assert(lab_equal(&e.env, &again.env));
	entry_release(&e);
	entry_release(&again);
	spool_close(&s);
}
END_TEST

START_TEST(no_room_for_a_file)
{
	struct rlimit limit, old;
	struct lab_seen seen;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	LAB_OK(spool_open(&s, lab_path, &err));
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = (rlim_t)_i * 100;
	setrlimit(RLIMIT_FSIZE, &limit);
	rc = lab_commit(&s, 2, PLACE_QUEUE, 0, true, NULL, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE] + seen.n[PLACE_RUN], 0);
	spool_close(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool_faults");
	TCase *tc = tcase_create("faults");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, death_at_every_step, 0, CHECK_ROWS(stories));
	tcase_add_loop_test(tc, failure_at_every_step, 0,
	    CHECK_ROWS(stories) * CHECK_ROWS(errors));
	tcase_add_test(tc, failed_sync_is_final);
	tcase_add_loop_test(tc, status_of_a_full_disk, 0, 2);
	tcase_add_test(tc, no_sync_without_promise);
	tcase_add_test(tc, two_syncs_a_promise);
	tcase_add_test(tc, a_copy_is_synced);
	tcase_add_test(tc, record_beyond_the_limit);
	tcase_add_test(tc, rows_beyond_the_limit);
	tcase_add_loop_test(tc, no_room_for_a_file, 0, 4);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
