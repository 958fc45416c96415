/* Many processes in one spool, and what the dead ones leave. */
#include "config.h"

#include "spool_lab.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/strlist.h"
#include "base/strmap.h"
#include "spool/run.h"

static struct spool s;
static struct err err;

static void
setup(void)
{
	lab_setup();
	LAB_OK(spool_open(&s, lab_path, &err));
}

static void
teardown(void)
{
	spool_close(&s);
	lab_teardown();
}

static void
fill(size_t n)
{
	while (n-- > 0)
		LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, 5, false, NULL, &err));
}

static bool
list_queue(void *arg, const char *id, enum spool_place place, time_t due)
{
	(void)due;
	if (place == PLACE_QUEUE)
		strlist_add(arg, id);
	return true;
}

/* Say something to the parent, by lines. */
static void
say(int fd, const char *id)
{
	char line[SPOOL_ID_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s\n", id);

	if (write(fd, line, (size_t)n) != n)
		_exit(3);
}

/* Wait for all children; all of them have to end well. */
static void
wait_all(void)
{
	int status, bad = 0;

	while (wait(&status) > 0)
		bad += status != 0;
	ck_assert_int_eq(bad, 0);
}

/* Count the lines of a file; none may come twice. */
static size_t
count_unique(int fd)
{
	struct strmap seen = { 0 };
	char line[64];
	void **slot;
	size_t n = 0;
	FILE *f = fdopen(fd, "r");

	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		slot = strmap_at(&seen, line);
		ck_assert_msg(*slot == NULL, "twice: %s", line);
		*slot = &seen;
		n++;
	}
	fclose(f);
	strmap_release(&seen);
	return n;
}

static int
report_file(void)
{
	char name[160];

	snprintf(name, sizeof(name), "%s/report", lab_dir);
	return open(name, O_RDWR | O_CREAT | O_APPEND, 0600);
}

/* All of them take what they can get. */
static void
claim_all(int report)
{
	struct strlist ids = { 0 };
	struct spool mine;
	struct entry e;
	size_t i;
	int rc;

	if (spool_open(&mine, lab_path, &err) < 0 ||
	    spool_scan(&mine, list_queue, &ids, &err) < 0)
		_exit(1);
	for (i = 0; i < ids.n; i++) {
		rc = spool_claim(&mine, ids.v[i], PLACE_QUEUE, &e, &err);
		if (rc < 0)
			_exit(2);
		if (rc == 0)
			continue;
		say(report, e.id);
		if (entry_verify(&mine, &e, &err) < 0 ||
		    entry_complete(&mine, &e, &err) < 0)
			_exit(4);
		entry_release(&e);
	}
	strlist_release(&ids);
	spool_close(&mine);
	_exit(0);
}

START_TEST(each_entry_is_claimed_once)
{
	int report = report_file(), i;

	fill(400);
	for (i = 0; i < 8; i++) {
		if (fork() == 0)
			claim_all(report);
	}
	wait_all();
	ck_assert_uint_eq(count_unique(report), 400);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
}
END_TEST

/* Ends as a killed process does: nothing is closed or removed by it. */
static _Noreturn void
die(void)
{
	raise(SIGKILL);
	_exit(9);
}

/* Claims two, commits one, begins another, and then. */
static void
hold_much(int done)
{
	struct strlist ids = { 0 };
	struct outcome yes = lab_outcome(OUTCOME_DELIVERED);
	struct spool mine;
	struct entry e[3];
	struct draft d;

	LAB_MUST(spool_open(&mine, lab_path, &err) == 0);
	LAB_MUST(spool_scan(&mine, list_queue, &ids, &err) == 0);
	LAB_MUST(spool_claim(&mine, ids.v[0], PLACE_QUEUE, &e[0], &err) == 1);
	LAB_MUST(spool_claim(&mine, ids.v[1], PLACE_QUEUE, &e[1], &err) == 1);
	LAB_MUST(entry_record(&mine, &e[1], 0, &yes, 1700000000, &err) == 0);
	LAB_MUST(lab_commit(&mine, 1, PLACE_RUN, 0, false, &e[2], &err) == 0);
	LAB_MUST(spool_draft(&mine, &d, &err) == 0);
	LAB_MUST(draft_write(&d, "half", 4, &err) == 0);
	say(done, "held");
}

static void
await(int fd)
{
	char c;

	do {
		ck_assert_int_eq(read(fd, &c, 1), 1);
	} while (c != '\n');
}

static size_t
recover(void)
{
	size_t n;

	LAB_OK(spool_recover(&s, &n, &err));
	return n;
}

/* Has run/ nothing in it, once our own is gone? */
static bool
run_is_empty(void)
{
	char name[160];
	bool empty;

	spool_close(&s);
	/* its directories stay; that they can be removed shows them empty */
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%s/run/%u", lab_path, i);
		rmdir(name);
	}
	snprintf(name, sizeof(name), "%s/run", lab_path);
	empty = rmdir(name) == 0;
	LAB_OK(spool_open(&s, lab_path, &err));
	return empty;
}

START_TEST(dead_process)
{
	struct strlist ids = { 0 };
	struct lab_seen seen;
	struct entry e;
	size_t i, delivered = 0;
	int p[2];

	fill(3);
	ck_assert_int_eq(pipe(p), 0);
	if (fork() == 0) {
		hold_much(p[1]);
		die();
	}
	wait(NULL);
	ck_assert_uint_eq(recover(), 3);
	ck_assert_uint_eq(recover(), 0);
	ck_assert(run_is_empty());
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE], 4);
	LAB_OK(spool_scan(&s, list_queue, &ids, &err));
	for (i = 0; i < ids.n; i++) {
		ck_assert_int_eq(spool_claim(&s, ids.v[i], PLACE_QUEUE, &e,
		    &err), 1);
		ck_assert(lab_has_message(&s, &e));
		delivered += envelope_count(&e.env, OUTCOME_DELIVERED);
		entry_release(&e);
	}
	ck_assert_uint_eq(delivered, 1);
	strlist_release(&ids);
}
END_TEST

START_TEST(recovered_is_due_at_once)
{
	struct lab_seen seen;
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	if (fork() == 0) {
		struct spool mine;
		struct entry e;

		LAB_MUST(spool_open(&mine, lab_path, &err) == 0);
		LAB_MUST(lab_commit(&mine, 1, PLACE_RUN, 0, true, &e,
		    &err) == 0);
		die();
	}
	wait(NULL);
	ck_assert_uint_eq(recover(), 1);
	seen = lab_scan(&s);
	ck_assert_int_le(seen.due, clock_wall());
	ck_assert_int_gt(seen.due, clock_wall() - 60);
}
END_TEST

/* The dispatcher dies, a worker of its goes on: the claim is still held. */
START_TEST(worker_outlives_dispatcher)
{
	int held[2], go[2];
	char c;

	fill(3);
	ck_assert_int_eq(pipe(held), 0);
	ck_assert_int_eq(pipe(go), 0);
	if (fork() == 0) {
		close(go[1]);
		hold_much(held[1]);
		if (fork() == 0) {
			LAB_MUST(read(go[0], &c, 1) == 0);
			die();
		}
		die();
	}
	close(go[0]);
	await(held[0]);
	wait(NULL);
	ck_assert_uint_eq(recover(), 0);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_RUN], 3);
	close(go[1]);
	close(held[1]);
	/* The pipe ends when the worker has. */
	ck_assert_int_eq(read(held[0], &c, 1), 0);
	ck_assert_uint_eq(recover(), 3);
}
END_TEST

START_TEST(stopped_process_keeps_its_claim)
{
	int held[2];
	pid_t pid;

	fill(3);
	ck_assert_int_eq(pipe(held), 0);
	pid = fork();
	if (pid == 0) {
		hold_much(held[1]);
		pause();
		_exit(0);
	}
	await(held[0]);
	kill(pid, SIGSTOP);
	ck_assert_uint_eq(recover(), 0);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_uint_eq(recover(), 3);
}
END_TEST

START_TEST(own_claims_are_not_recovered)
{
	struct entry e;

	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_uint_eq(recover(), 0);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_RUN], 1);
	entry_release(&e);
}
END_TEST

/* Leaves one in run/RUN, and dies. */
static void
leave_one(bool guest)
{
	struct spool mine;
	struct entry e;

	if (fork() == 0) {
		LAB_MUST(spool_open(&mine, lab_path, &err) == 0);
		mine.guest = guest;
		LAB_MUST(lab_commit(&mine, 1, PLACE_RUN, 0, true, &e,
		    &err) == 0);
		die();
	}
	wait(NULL);
}

/* He may stop while he has the lock, and nobody else could put it back. */
START_TEST(guest_leaves_others_alone)
{
	struct entry e;

	leave_one(false);
	s.guest = true;
	ck_assert_uint_eq(recover(), 0);
	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_RUN], 2);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	s.guest = false;
	ck_assert_uint_eq(recover(), 1);
}
END_TEST

/* What he has left himself: the next of his, or anybody else. */
START_TEST(guest_is_recovered)
{
	struct entry e;

	leave_one(true);
	s.guest = _i == 0;
	ck_assert_uint_eq(recover(), 1);
	leave_one(true);
	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], _i == 0 ? 2 : 1);
	ck_assert_uint_eq(recover(), _i == 0 ? 0 : 1);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
}
END_TEST

/* Guests, however many processes they have, leave room for others. */
START_TEST(guest_has_enough)
{
	char name[160];

	for (unsigned n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "%s/run/%u-%u", lab_path,
		    (unsigned)getuid(), n);
		/* cannot be taken, as one that is held */
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	s.guest = true;
	ck_assert_int_lt(lab_commit(&s, 1, PLACE_QUEUE, 5, false, NULL, &err),
	    0);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_ptr_nonnull(strstr(err.text, "of this user"));
	s.guest = false;
	LAB_OK(lab_commit(&s, 1, PLACE_QUEUE, 5, false, NULL, &err));
	ck_assert_str_eq(s.mine, "0");
}
END_TEST

static const struct {
	const char *name;
	bool valid;
} run_names[] = {
	{ "0", true },
	{ "9999", true },
	{ "1000-0", true },
	{ "4294967295-9999", true },
	{ "10000", false },
	{ "00", false },
	{ "", false },
	{ "-", false },
	{ "-1", false },
	{ "1000-", false },
	{ "01-1", false },
	{ "1-01", false },
	{ "1-2-3", false },
	{ "4294967296-0", false },
	{ "000000000000000000000000001-1", false },
	{ "1000-10000", false },
};

START_TEST(names_of_directories)
{
	ck_assert_msg(run_name_valid(run_names[_i].name) ==
	    run_names[_i].valid, "%s", run_names[_i].name);
}
END_TEST

/* As if run/NAME had been used last so long ago. */
static void
age_run(const char *name, time_t ago_s)
{
	const struct timespec times[2] = { { .tv_sec = clock_wall() - ago_s },
		{ .tv_sec = clock_wall() - ago_s } };
	char path[160];

	snprintf(path, sizeof(path), "%s/run/%s", lab_path, name);
	utimensat(AT_FDCWD, path, times, 0);
}

static bool
has_run(const char *name)
{
	return faccessat(s.run_fd, name, F_OK, 0) == 0;
}

static const struct {
	const char *name;
	time_t ago_s;
	bool stays;
} empties[] = {
	{ "0", 1000000, true },
	{ "63", 1000000, true },
	{ "64", 500, true },
	{ "64", 700, false },
	{ "9999", 700, false },
	{ "1000-0", 0, true },
	{ "1000-63", 80000, true },
	{ "1000-0", 90000, false },
	{ "1000-64", 500, true },
	{ "1000-64", 700, false },
};

/* What a crowd has made does not stay for ever. */
START_TEST(empty_directories)
{
	const char *name = empties[_i].name;
	int fd;

	ck_assert_int_eq(mkdirat(s.run_fd, name, 0700), 0);
	age_run(name, empties[_i].ago_s);
	s.guest = true;
	ck_assert_uint_eq(recover(), 0);
	ck_assert_msg(has_run(name), "%s: removed for a guest", name);
	s.guest = false;
	/* somebody has it, somebody has left something there */
	fd = openat(s.run_fd, name, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	ck_assert_uint_eq(recover(), 0);
	ck_assert_msg(has_run(name), "%s: removed while held", name);
	ck_assert_int_eq(flock(fd, LOCK_UN), 0);
	ck_assert_int_eq(mkdirat(fd, "README", 0700), 0);
	age_run(name, empties[_i].ago_s);
	ck_assert_uint_eq(recover(), 0);
	ck_assert_msg(has_run(name), "%s: removed with a file", name);
	ck_assert_int_eq(unlinkat(fd, "README", AT_REMOVEDIR), 0);
	close(fd);
	age_run(name, empties[_i].ago_s);
	ck_assert_uint_eq(recover(), 0);
	ck_assert_msg(has_run(name) == empties[_i].stays, "%s", name);
}
END_TEST

/*
 * Taken and removed at the same time: each process has a directory that is
 * there for as long as it needs it.
 */
START_TEST(surplus_against_beginners)
{
	int64_t end = clock_ms() + 1500;
	struct spool mine;
	struct entry e;
	char name[16];

	/* so that all numbers below are held */
	for (unsigned n = 0; n < 64; n++) {
		snprintf(name, sizeof(name), "%u", n);
		close(openat(s.run_fd, name, O_CREAT | O_WRONLY, 0600));
	}
	for (int i = 0; i < 6; i++) {
		if (fork() != 0)
			continue;
		while (clock_ms() < end) {
			LAB_MUST(spool_open(&mine, lab_path, &err) == 0);
			if (i < 2) {
				age_run("64", 700);
				age_run("65", 700);
				LAB_MUST(spool_recover(&mine, NULL,
				    &err) == 0);
			} else {
				LAB_MUST(lab_commit(&mine, 1, PLACE_RUN, 0,
				    false, &e, &err) == 0);
				LAB_MUST(entry_promise(&mine, &e, &err) == 0);
				LAB_MUST(entry_complete(&mine, &e,
				    &err) == 0);
				entry_release(&e);
			}
			spool_close(&mine);
		}
		_exit(0);
	}
	wait_all();
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
	age_run("64", 700);
	ck_assert_uint_eq(recover(), 0);
	ck_assert(!has_run("64"));
}
END_TEST

/*
 * A recovering process may remove a directory just made. Nobody fails, and
 * nothing is left.
 */
START_TEST(recover_against_beginners)
{
	int64_t end = clock_ms() + 1500;
	struct spool mine;
	struct entry e;
	int i;

	for (i = 0; i < 6; i++) {
		if (fork() != 0)
			continue;
		while (clock_ms() < end) {
			if (spool_open(&mine, lab_path, &err) < 0)
				_exit(1);
			if (i < 2 && spool_recover(&mine, NULL, &err) < 0)
				_exit(2);
			if (i >= 2 && (lab_commit(&mine, 1, PLACE_RUN, 0,
			    false, &e, &err) < 0 ||
			    entry_complete(&mine, &e, &err) < 0))
				_exit(3);
			if (i >= 2)
				entry_release(&e);
			spool_close(&mine);
		}
		_exit(0);
	}
	wait_all();
	ck_assert(run_is_empty());
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
}
END_TEST

/* What the processes of the next test count together. */
struct tally {
	_Atomic unsigned committed, completed, left;
};

/* Commits; half of what it leaves in run/RUN is left to others. */
static void
submit(struct tally *tally, int n)
{
	struct spool mine;
	struct entry e;
	int i;

	if (spool_open(&mine, lab_path, &err) < 0)
		_exit(1);
	for (i = 0; i < n; i++) {
		if (lab_commit(&mine, 2, i % 2 ? PLACE_QUEUE : PLACE_RUN, 5,
		    false, i % 2 ? NULL : &e, &err) < 0)
			_exit(2);
		tally->committed++;
		if (i % 4 == 0) {
			if (entry_defer(&mine, &e, 5, false, &err) < 0)
				_exit(3);
		}
		if (i % 2 == 0)
			entry_release(&e);
	}
	tally->left--;
	die();
}

/* Works until there is nothing left and nobody who would bring more. */
static void
work_off(struct tally *tally, int report)
{
	struct strlist ids;
	struct spool mine;
	struct entry e;
	unsigned left;
	size_t i;
	int rc;

	if (spool_open(&mine, lab_path, &err) < 0)
		_exit(1);
	do {
		memset(&ids, 0, sizeof(ids));
		left = tally->left;
		if (spool_recover(&mine, NULL, &err) < 0 ||
		    spool_scan(&mine, list_queue, &ids, &err) < 0)
			_exit(2);
		for (i = 0; i < ids.n; i++) {
			rc = spool_claim(&mine, ids.v[i], PLACE_QUEUE, &e,
			    &err);
			if (rc < 0)
				_exit(3);
			if (rc == 0)
				continue;
			say(report, e.id);
			if (!lab_has_message(&mine, &e) ||
			    entry_complete(&mine, &e, &err) < 0)
				_exit(4);
			entry_release(&e);
			tally->completed++;
		}
		strlist_release(&ids);
	} while (left > 0 || tally->completed < tally->committed);
	spool_close(&mine);
	_exit(0);
}

START_TEST(submitters_die_flushes_work)
{
	struct tally *tally = mmap(NULL, sizeof(*tally),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int report = report_file(), i, status, bad = 0;

	tally->left = 12;
	for (i = 0; i < 12; i++) {
		if (fork() == 0)
			submit(tally, 60);
	}
	for (i = 0; i < 4; i++) {
		if (fork() == 0)
			work_off(tally, report);
	}
	while (wait(&status) > 0)
		bad += status != 0 && !WIFSIGNALED(status);
	ck_assert_int_eq(bad, 0);
	ck_assert_uint_eq(tally->completed, 12 * 60);
	ck_assert_uint_eq(count_unique(report), 12 * 60);
	ck_assert(run_is_empty());
	munmap(tally, sizeof(*tally));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool_share");
	TCase *tc = tcase_create("share");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_entry_is_claimed_once);
	tcase_add_test(tc, dead_process);
	tcase_add_test(tc, recovered_is_due_at_once);
	tcase_add_test(tc, worker_outlives_dispatcher);
	tcase_add_test(tc, stopped_process_keeps_its_claim);
	tcase_add_test(tc, own_claims_are_not_recovered);
	tcase_add_test(tc, guest_leaves_others_alone);
	tcase_add_loop_test(tc, guest_is_recovered, 0, 2);
	tcase_add_test(tc, guest_has_enough);
	tcase_add_loop_test(tc, names_of_directories, 0,
	    CHECK_ROWS(run_names));
	tcase_add_loop_test(tc, empty_directories, 0, CHECK_ROWS(empties));
	tcase_add_test(tc, surplus_against_beginners);
	tcase_add_test(tc, recover_against_beginners);
	tcase_add_test(tc, submitters_die_flushes_work);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
