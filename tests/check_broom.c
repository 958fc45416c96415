/* Entries that are done with, and disks that take their time. */
#include "config.h"

#include "deliver/broom.h"

#include "spool_lab.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Longer than any disk takes: what is swept goes to children. */
#define SLOW 1000000

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
sweep(struct broom *b, size_t n)
{
	struct entry e;

	while (n-- > 0) {
		LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
		LAB_OK(broom_sweep(b, &s, &e, &err));
		entry_release(&e);
	}
}

/* The files in run/RUN. */
static size_t
files(void)
{
	DIR *dir = fdopendir(openat(s.mine_fd, ".", O_RDONLY));
	const struct dirent *de;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((de = readdir(dir)) != NULL)
		n += de->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* The entries that anybody sees. */
static size_t
entries(void)
{
	struct lab_seen seen = lab_scan(&s);

	return seen.n[PLACE_QUEUE] + seen.n[PLACE_RUN] + seen.n[PLACE_HOLD] +
	    seen.n[PLACE_DAMAGED];
}

static size_t
children(const struct broom *b)
{
	size_t n = 0;

	for (size_t i = 0; i < BROOM_CHILDREN; i++)
		n += b->children[i] != 0;
	return n;
}

START_TEST(quick_disk)
{
	struct broom b = { 0 };

	sweep(&b, 3);
	/* more than 200 microseconds each would be a slow one */
	if (b.took_us < 20)
		ck_assert_uint_eq(files(), 0);
	ck_assert_uint_eq(children(&b), 0);
	broom_end(&b, &s);
	ck_assert_uint_eq(files(), 0);
}
END_TEST

START_TEST(slow_disk)
{
	struct broom b = { .took_us = SLOW };

	sweep(&b, 99);
	ck_assert_uint_eq(files(), 99);
	ck_assert_uint_eq(entries(), 0);
	ck_assert_uint_eq(children(&b), 0);
	sweep(&b, 1);
	ck_assert_uint_eq(children(&b), 1);
	broom_end(&b, &s);
	ck_assert_uint_eq(files(), 0);
	ck_assert_int_eq(wait(NULL), -1);
}
END_TEST

START_TEST(more_than_children_can_take)
{
	struct broom b = { .took_us = SLOW };

	sweep(&b, 100 * (BROOM_CHILDREN + 3) + 7);
	ck_assert_uint_le(children(&b), BROOM_CHILDREN);
	ck_assert_uint_eq(entries(), 0);
	broom_end(&b, &s);
	ck_assert_uint_eq(files(), 0);
	ck_assert_int_eq(wait(NULL), -1);
}
END_TEST

/* The entry is not where it should be, or run/RUN is gone: no harm. */
START_TEST(gone)
{
	struct broom b = { .took_us = SLOW };
	struct entry e;

	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_int_eq(unlinkat(s.mine_fd, e.id, 0), 0);
	LAB_OK(broom_sweep(&b, &s, &e, &err));
	entry_release(&e);
	broom_end(&b, &s);
}
END_TEST

/* Whoever dies before the files are gone leaves nothing that would be sent. */
START_TEST(death)
{
	struct broom b = { .took_us = SLOW };
	struct spool other;
	struct entry e;
	size_t recovered;
	pid_t pid = fork();

	if (pid == 0) {
		spool_close(&s);
		LAB_MUST(spool_open(&s, lab_path, &err) == 0);
		sweep(&b, 50);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	LAB_OK(spool_open(&other, lab_path, &err));
	LAB_OK(spool_recover(&other, &recovered, &err));
	ck_assert_uint_eq(recovered, 0);
	spool_close(&other);
	ck_assert_uint_eq(entries(), 0);
	/* in the same directory, which was emptied */
	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	entry_release(&e);
	ck_assert_uint_eq(files(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("broom");
	TCase *tc = tcase_create("broom");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, quick_disk);
	tcase_add_test(tc, slow_disk);
	tcase_add_test(tc, more_than_children_can_take);
	tcase_add_test(tc, gone);
	tcase_add_test(tc, death);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
