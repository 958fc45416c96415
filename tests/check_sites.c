/* What is remembered of a site. */
#include "config.h"

#include "spool_lab.h"

#include <dirent.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "spool/sites.h"

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

static struct site_memory
memory(unsigned failures, const char *reason)
{
	struct site_memory m = { .failures = failures };

	m.first_s = clock_wall() - 100;
	m.next_s = clock_wall() + 300;
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	return m;
}

static bool
equal(const struct site_memory *a, const struct site_memory *b)
{
	return a->failures == b->failures && a->first_s == b->first_s &&
	    a->next_s == b->next_s && strcmp(a->reason, b->reason) == 0;
}

static const char *const keys[] = {
	"mx.example.org",
	"mx1.example.org mx2.example.org",
	"",
	"../../etc/passwd",
	"a\nb\tc%d\x01",
	"k\xc3\xa4se",
};

START_TEST(set_and_get)
{
	struct site_memory m = memory(3, "connect: refused, 100% \"sure\""),
	    got;

	sites_get(&s, keys[_i], &got);
	ck_assert_uint_eq(got.failures, 0);
	LAB_OK(sites_set(&s, keys[_i], &m, &err));
	sites_get(&s, keys[_i], &got);
	ck_assert(equal(&m, &got));
	sites_get(&s, "another", &got);
	ck_assert_uint_eq(got.failures, 0);
	m.failures = 0;
	LAB_OK(sites_set(&s, keys[_i], &m, &err));
	sites_get(&s, keys[_i], &got);
	ck_assert_uint_eq(got.failures, 0);
}
END_TEST

/* Of the one file in sites/. */
static void
site_path(char *path, size_t size)
{
	char dir[160];
	struct dirent *de;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/sites", lab_path);
	d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	while ((de = readdir(d)) != NULL) {
		if (de->d_name[0] != '.')
			snprintf(path, size, "%s/%s", dir, de->d_name);
	}
	closedir(d);
}

START_TEST(a_file_of_another_key_is_none)
{
	struct site_memory m = memory(1, "x"), got;
	char one[512], two[512];

	LAB_OK(sites_set(&s, "one", &m, &err));
	site_path(one, sizeof(one));
	snprintf(two, sizeof(two), "%s/saved", lab_path);
	ck_assert_int_eq(rename(one, two), 0);
	LAB_OK(sites_set(&s, "two", &m, &err));
	site_path(one, sizeof(one));
	ck_assert_int_eq(rename(two, one), 0);
	sites_get(&s, "two", &got);
	ck_assert_uint_eq(got.failures, 0);
}
END_TEST

START_TEST(a_damaged_file_is_none)
{
	struct site_memory m = memory(7, "down"), got;
	char path[512], data[512];
	ssize_t n, i;
	int fd, bit;

	LAB_OK(sites_set(&s, "mx.example.org", &m, &err));
	site_path(path, sizeof(path));
	fd = open(path, O_RDWR);
	n = read(fd, data, sizeof(data));
	ck_assert_int_gt(n, 20);
	for (i = 0; i < n * 8; i++) {
		bit = 1 << i % 8;
		data[i / 8] = (char)(data[i / 8] ^ bit);
		ck_assert_int_eq(pwrite(fd, data, (size_t)n, 0), n);
		sites_get(&s, "mx.example.org", &got);
		ck_assert_msg(got.failures == 0, "bit %zd", i);
		data[i / 8] = (char)(data[i / 8] ^ bit);
	}
	for (i = n; i-- > 0;) {
		ck_assert_int_eq(ftruncate(fd, i), 0);
		sites_get(&s, "mx.example.org", &got);
		ck_assert_uint_eq(got.failures, 0);
	}
	close(fd);
}
END_TEST

START_TEST(a_link_is_none)
{
	struct site_memory m = memory(7, "down"), got;
	char path[512], other[600];

	LAB_OK(sites_set(&s, "mx", &m, &err));
	site_path(path, sizeof(path));
	snprintf(other, sizeof(other), "%s.other", path);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 0);
	/* And is replaced, not followed. */
	LAB_OK(sites_set(&s, "mx", &m, &err));
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 7);
}
END_TEST

START_TEST(a_clock_that_jumped_holds_nothing_back)
{
	struct site_memory m = memory(1, "x"), got;

	m.next_s = clock_wall() + 400 * 86400;
	LAB_OK(sites_set(&s, "mx", &m, &err));
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 0);
}
END_TEST

START_TEST(sweep)
{
	struct site_memory m = memory(1, "x"), got;

	sites_sweep(&s, clock_wall(), 60);	/* no directory yet */
	LAB_OK(sites_set(&s, "mx", &m, &err));
	sites_sweep(&s, clock_wall(), 60);
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 1);
	sites_sweep(&s, clock_wall() + 120, 60);
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 0);
	/* Written in the future. */
	LAB_OK(sites_set(&s, "mx", &m, &err));
	sites_sweep(&s, clock_wall() - 40 * 86400, 60);
	sites_get(&s, "mx", &got);
	ck_assert_uint_eq(got.failures, 0);
}
END_TEST

/* Whatever a reader sees was written by one of the writers, whole. */
START_TEST(many_writers)
{
	struct site_memory m, got;
	int i, k, status, bad = 0;
	char reason[200];

	for (i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		memset(reason, 'a' + i, sizeof(reason) - 1);
		reason[sizeof(reason) - 1 - 40 * (size_t)i] = '\0';
		m = memory((unsigned)i + 1, reason);
		for (k = 0; k < 300; k++) {
			if (sites_set(&s, "mx", &m, &err) < 0)
				_exit(1);
			sites_get(&s, "mx", &got);
			if (got.failures == 0 || got.reason[0] !=
			    (char)('a' + (int)got.failures - 1))
				_exit(2);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		bad += status != 0;
	ck_assert_int_eq(bad, 0);
}
END_TEST

/* What a failure at NOW does to a site that has failed before. */
#define NOW 1700000000

static const struct {
	const char *name;
	unsigned failures;
	time_t first, next;	/* from NOW */
	unsigned want;
	time_t want_first, want_next;
} strikes[] = {
	{ "for the first time", 0, 0, 0, 1, 0, 300 },
	{ "when it was due", 1, -300, 0, 2, -300, 600 },
	{ "long after that", 3, -90000, -80000, 4, -90000, 2400 },
	{ "a second after the first time", 1, -1, 299, 1, -1, 299 },
	{ "a second before it was due", 5, -9000, 1, 5, -9000, 1 },
	{ "and was due in ten years: a clock has jumped", 5, -9000,
		315360000, 6, -9000, 9600 },
	{ "and began in ten years", 5, 315360000, -1, 6, 0, 9600 },
};

START_TEST(strike)
{
	const struct retry_rule rule = { 300, 14400 };
	struct site_memory m = { .failures = strikes[_i].failures,
		.first_s = NOW + strikes[_i].first,
		.next_s = NOW + strikes[_i].next };

	/* 5000: in the middle of the jitter */
	sites_strike(&m, &rule, NOW, 5000, "down");
	ck_assert_msg(m.failures == strikes[_i].want, "%s: %u",
	    strikes[_i].name, m.failures);
	ck_assert_int_eq(m.first_s - NOW, strikes[_i].want_first);
	ck_assert_int_eq(m.next_s - NOW, strikes[_i].want_next);
	ck_assert_str_eq(m.reason, "down");
}
END_TEST

/* Names that somebody makes up do not fill the disk. */
START_TEST(too_many)
{
	char key[32], path[300];
	struct site_memory m = memory(1, "x");
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT } };
	const time_t now = clock_wall();
	size_t kept = 0;
	DIR *dir;

	snprintf(key, sizeof(key), "mx old");
	LAB_OK(sites_set(&s, key, &m, &err));
	snprintf(path, sizeof(path), "%s/sites", lab_path);
	LAB_MUST((dir = opendir(path)) != NULL);
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		t[1].tv_sec = now - 100;
		if (d->d_name[0] != '.')
			LAB_MUST(utimensat(dirfd(dir), d->d_name, t, 0) == 0);
	}
	for (int i = 0; i < SITES_MAX + 5; i++) {
		snprintf(path, sizeof(path), "%s/sites/%016x", lab_path, i);
		close(open(path, O_CREAT | O_WRONLY, 0600));
		t[1].tv_sec = now - 50 + (i >= 5);
		LAB_MUST(utimensat(AT_FDCWD, path, t, 0) == 0);
	}
	sites_sweep(&s, now, 3600);
	sites_get(&s, key, &m);
	ck_assert_uint_eq(m.failures, 0);
	rewinddir(dir);
	for (struct dirent *d; (d = readdir(dir)) != NULL;)
		kept += d->d_name[0] != '.';
	closedir(dir);
	ck_assert_uint_eq(kept, SITES_MAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sites");
	TCase *tc = tcase_create("sites");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, set_and_get, 0, CHECK_ROWS(keys));
	tcase_add_test(tc, a_file_of_another_key_is_none);
	tcase_add_test(tc, a_damaged_file_is_none);
	tcase_add_test(tc, a_link_is_none);
	tcase_add_test(tc, a_clock_that_jumped_holds_nothing_back);
	tcase_add_test(tc, sweep);
	tcase_add_test(tc, many_writers);
	tcase_add_loop_test(tc, strike, 0, CHECK_ROWS(strikes));
	tcase_add_test(tc, too_many);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
