/* What others put into the queue, or a disk made of an entry. */
#include "config.h"

#include "spool_lab.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"

#define ID "1vBzH01kk9z00000"

static struct spool s;
static struct err err;
static char path[256];		/* of ID in queue/ */

static void
setup(void)
{
	lab_setup();
	LAB_OK(spool_open(&s, lab_path, &err));
	snprintf(path, sizeof(path), "%s/queue/" ID, lab_path);
}

static void
teardown(void)
{
	spool_close(&s);
	lab_teardown();
}

/* A good entry under that name. */
static void
put_entry(void)
{
	char from[256];

	LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, 5, false, NULL, &err));
	snprintf(from, sizeof(from), "%s/queue/%s", lab_path,
	    lab_scan(&s).id);
	ck_assert_int_eq(rename(from, path), 0);
}

static void
put_bytes(const char *data, size_t n)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, data, n), (ssize_t)n);
	close(fd);
}

static void
put_empty(void)
{
	put_bytes("", 0);
}

static void
put_text(void)
{
	put_bytes("From: me\nTo: you\n\nDear administrator\n", 36);
}

static void
put_zeros(void)
{
	char zeros[8192] = { 0 };

	put_bytes(zeros, sizeof(zeros));
}

static void
put_link(void)
{
	char to[300];

	put_entry();
	snprintf(to, sizeof(to), "%s.other", path);
	ck_assert_int_eq(rename(path, to), 0);
	ck_assert_int_eq(symlink(to, path), 0);
}

static void
put_hard_link(void)
{
	char to[300];

	put_entry();
	snprintf(to, sizeof(to), "%s.other", path);
	ck_assert_int_eq(link(path, to), 0);
}

static void
put_fifo(void)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
put_directory(void)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
put_open_to_all(void)
{
	put_entry();
	ck_assert_int_eq(chmod(path, 0606), 0);
}

static void
put_open_to_group(void)
{
	put_entry();
	ck_assert_int_eq(chmod(path, 0660), 0);
}

static void
put_half(void)
{
	put_entry();
	ck_assert_int_eq(truncate(path, 200), 0);
}

static void
put_newer(void)
{
	int fd;

	put_entry();
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "02", 2, 16), 2);
	close(fd);
}

static const struct {
	const char *name;
	void (*put)(void);
} plants[] = {
	{ "empty", put_empty },
	{ "text", put_text },
	{ "zeros", put_zeros },
	{ "link", put_link },
	{ "hard link", put_hard_link },
	{ "fifo", put_fifo },
	{ "directory", put_directory },
	{ "open to all", put_open_to_all },
	{ "open to group", put_open_to_group },
	{ "half", put_half },
	{ "newer", put_newer },
};

/* Never sent, never deleted, and it does not stay in the way. */
START_TEST(is_set_aside)
{
	struct lab_seen seen;
	struct entry e;

	plants[_i].put();
	ck_assert_msg(spool_peek(&s, ID, PLACE_QUEUE, &e, &err) < 0, "%s",
	    plants[_i].name);
	ck_assert_int_eq(err.kind, ERR_DATA);
	ck_assert_msg(spool_claim(&s, ID, PLACE_QUEUE, &e, &err) < 0, "%s",
	    plants[_i].name);
	ck_assert_int_eq(err.kind, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, ID));
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_DAMAGED], 1);
	ck_assert_uint_eq(seen.n[PLACE_RUN], 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/damaged/" ID, lab_path);
	ck_assert_int_eq(faccessat(AT_FDCWD, path, F_OK,
	    AT_SYMLINK_NOFOLLOW), 0);
}
END_TEST

START_TEST(message_is_damaged)
{
	struct entry e;
	int fd;

	put_entry();
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "X", 1, 130), 1);
	close(fd);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &e, &err), 1);
	ck_assert_int_lt(entry_verify(&s, &e, &err), 0);
	ck_assert_int_eq(err.kind, ERR_DATA);
	LAB_OK(entry_set_aside(&s, &e, &err));
	entry_release(&e);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_DAMAGED], 1);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_DAMAGED, &e, &err), 1);
	entry_release(&e);
}
END_TEST

/* A process died in the middle of a line; the next one goes on. */
static const char *const torn[] = { "d", "delivered 0 17", "reported 0 1",
	"\0\0\0\0\0", "%" };

START_TEST(torn_journal)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct entry e;
	int fd;

	put_entry();
	fd = open(path, O_WRONLY | O_APPEND);
	ck_assert_int_gt(write(fd, torn[_i], strlen(torn[_i]) + 1), 0);
	close(fd);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &e, &err), 1);
	ck_assert(e.torn);
	ck_assert_int_eq(e.env.rcpts[0].state, OUTCOME_NONE);
	LAB_OK(entry_record(&s, &e, 1, &late, clock_wall(), &err));
	ck_assert(!e.torn);
	LAB_OK(entry_defer(&s, &e, 5, false, &err));
	entry_release(&e);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &e, &err), 1);
	ck_assert(!e.torn);
	ck_assert_int_eq(e.env.rcpts[0].state, OUTCOME_NONE);
	ck_assert_int_eq(e.env.rcpts[1].state, OUTCOME_DEFERRED);
	entry_release(&e);
}
END_TEST

/* Somebody restored a copy while the entry was at work: both are kept. */
START_TEST(a_copy_is_in_the_way)
{
	struct entry e;
	char copy[300], command[700];

	put_entry();
	snprintf(copy, sizeof(copy), "%s/copy", lab_path);
	snprintf(command, sizeof(command), "cp %s %s", path, copy);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &e, &err), 1);
	ck_assert_int_eq(rename(copy, path), 0);
	if (_i == 0) {
		LAB_OK(entry_defer(&s, &e, 5, true, &err));
		ck_assert_str_ne(e.id, ID);
	} else {
		struct spool other;

		spool_close(&s);
		LAB_OK(spool_open(&other, lab_path, &err));
		LAB_OK(spool_recover(&other, NULL, &err));
		spool_close(&other);
		LAB_OK(spool_open(&s, lab_path, &err));
	}
	entry_release(&e);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 2);
}
END_TEST

START_TEST(a_copy_of_what_we_have)
{
	struct entry e, again;
	char command[700];

	put_entry();
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &e, &err), 1);
	snprintf(command, sizeof(command), "cp %s/run/%s/%s %s", lab_path,
	    s.mine, ID, path);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(spool_claim(&s, ID, PLACE_QUEUE, &again, &err), 0);
	entry_release(&e);
}
END_TEST

/*
 * In a spool shared by a group, others deliver what one has left; only root
 * may set the time of their files.
 */
static void
as_user(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		_exit(77);
}

static void
submit_as(uid_t uid, gid_t gid)
{
	struct spool theirs;

	as_user(uid, gid);
	LAB_MUST(spool_open(&theirs, lab_path, &err) == 0);
	LAB_MUST(lab_commit(&theirs, 2, PLACE_QUEUE, 5, true, NULL, &err) == 0);
	spool_close(&theirs);
	_exit(0);
}

static void
defer_as(uid_t uid, gid_t gid, const char *id)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct spool theirs;
	struct entry e;

	as_user(uid, gid);
	LAB_MUST(spool_open(&theirs, lab_path, &err) == 0);
	LAB_MUST(spool_claim(&theirs, id, PLACE_QUEUE, &e, &err) == 1);
	LAB_MUST(entry_record(&theirs, &e, 0, &late, clock_wall(), &err) == 0);
	LAB_MUST(entry_defer(&theirs, &e, clock_wall() + 300, true, &err) == 0);
	entry_release(&e);
	spool_close(&theirs);
	_exit(0);
}

static void
wait_well(void)
{
	int status;

	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
}

START_TEST(shared_by_a_group)
{
	static const char *const dirs[] = { "queue", "run", "hold",
		"damaged" };
	struct lab_seen seen;
	struct entry e;

	if (geteuid() != 0)
		return;
	spool_close(&s);
	ck_assert_int_eq(chmod(lab_dir, 0755), 0);
	ck_assert_int_eq(chown(lab_path, 0, 4242), 0);
	ck_assert_int_eq(chmod(lab_path, 02770), 0);
	for (size_t i = 0; i < CHECK_ROWS(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", lab_path, dirs[i]);
		ck_assert_int_eq(rmdir(path), 0);
	}
	if (fork() == 0)
		submit_as(1001, 4242);
	wait_well();
	LAB_OK(spool_open(&s, lab_path, &err));
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE], 1);
	if (fork() == 0)
		defer_as(1002, 4242, seen.id);
	wait_well();
	seen = lab_scan(&s);
	ck_assert_int_gt(seen.due, clock_wall() + 200);
	ck_assert_int_eq(spool_claim(&s, seen.id, PLACE_QUEUE, &e, &err), 1);
	ck_assert_int_eq(e.env.rcpts[0].state, OUTCOME_DEFERRED);
	ck_assert(lab_has_message(&s, &e));
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool_damage");
	TCase *tc = tcase_create("damage");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, is_set_aside, 0, CHECK_ROWS(plants));
	tcase_add_test(tc, message_is_damaged);
	tcase_add_loop_test(tc, torn_journal, 0, CHECK_ROWS(torn));
	tcase_add_loop_test(tc, a_copy_is_in_the_way, 0, 2);
	tcase_add_test(tc, a_copy_of_what_we_have);
	tcase_add_test(tc, shared_by_a_group);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
