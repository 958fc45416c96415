/* Who waits for a worker: users take turns. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "deliver/line.h"

#define SITES_MAX_HERE 8

static struct site sites[SITES_MAX_HERE];
static struct item items[SITES_MAX_HERE];

/* "a1 b2": sites called a and b, with mail of users 1 and 2. */
static size_t
put_all(struct lines *l, const char *text)
{
	char name;
	unsigned uid;
	size_t n = 0;

	memset(sites, 0, sizeof(sites));
	memset(items, 0, sizeof(items));
	for (; sscanf(text, " %c%u", &name, &uid) == 2; n++) {
		static char keys[SITES_MAX_HERE][2];

		ck_assert_uint_lt(n, SITES_MAX_HERE);
		keys[n][0] = name;
		sites[n].key = keys[n];
		items[n].entry.env.uid = uid;
		site_add(&sites[n], &items[n], 0);
		lines_put(l, &sites[n]);
		ck_assert(sites[n].waiting);
		text += 2 + (text[2] == ' ');
	}
	return n;
}

static bool
always(const void *arg, const struct site *site)
{
	(void)arg;
	(void)site;
	return true;
}

/* Only the sites of that name. */
static bool
named(const void *arg, const struct site *site)
{
	return strcmp(site->key, arg) == 0;
}

static void
release(struct lines *l, size_t n)
{
	while (n-- > 0)
		task_list_release(&sites[n].tasks);
	lines_release(l);
}

static const struct {
	const char *name, *sites;
	unsigned most;
	const char *order;	/* each gets a worker, and keeps it */
} rows[] = {
	{ "nobody", "", 10, "" },
	{ "one user: as they came", "a1 b1 c1", 10, "abc" },
	{ "two users in turns", "a1 b1 c1 d2 e2", 10, "adbec" },
	{ "three of them", "a1 b1 c2 d3 e3 f3", 10, "acdbef" },
	{ "not more than so many each", "a1 b1 c1 d2", 2, "adb" },
	{ "none at all", "a1 b2", 0, "" },
};

START_TEST(order)
{
	struct lines l = { 0 };
	size_t n = put_all(&l, rows[_i].sites), i = 0;
	char got[SITES_MAX_HERE + 1] = "";
	struct site *site;

	while ((site = lines_take(&l, rows[_i].most, always, NULL)) != NULL) {
		ck_assert(!site->waiting);
		got[i++] = site->key[0];
		lines_join(&l, site);
	}
	ck_assert_msg(strcmp(got, rows[_i].order) == 0, "%s: %s",
	    rows[_i].name, got);
	release(&l, n);
}
END_TEST

/* Whose worker has ended is as if he had never had it; he who has none goes
 * before him who has one, whoever came first. */
START_TEST(workers_end)
{
	struct lines l = { 0 };
	size_t n = put_all(&l, "a1 b1 c1"), line;
	struct site *site = lines_take(&l, 1, always, NULL);

	line = lines_join(&l, site);
	ck_assert_ptr_null(lines_take(&l, 1, always, NULL));
	lines_leave(&l, line);
	site = lines_take(&l, 1, always, NULL);
	ck_assert_str_eq(site->key, "b");
	lines_join(&l, site);
	items[0].entry.env.uid = 2;
	lines_put(&l, &sites[0]);
	ck_assert_str_eq(lines_take(&l, 10, always, NULL)->key, "a");
	release(&l, n);
}
END_TEST

/* One that is not ripe holds up those behind it, and no other user. */
START_TEST(unripe)
{
	struct lines l = { 0 };
	size_t n = put_all(&l, "a1 b1 c2");

	ck_assert_ptr_null(lines_take(&l, 10, named, "b"));
	ck_assert_str_eq(lines_take(&l, 10, named, "c")->key, "c");
	ck_assert_str_eq(lines_take(&l, 10, named, "a")->key, "a");
	ck_assert_str_eq(lines_take(&l, 10, named, "b")->key, "b");
	release(&l, n);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line");
	TCase *tc = tcase_create("line");

	tcase_add_loop_test(tc, order, 0, CHECK_ROWS(rows));
	tcase_add_test(tc, workers_end);
	tcase_add_test(tc, unripe);
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
