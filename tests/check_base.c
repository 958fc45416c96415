/* err, clock, crc, strmap and the end of memory. */
#include "config.h"

#include "check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/str.h"
#include "base/strmap.h"
#include "base/xalloc.h"

static const struct {
	enum err_kind kind;
	const char *status, *want;
} statuses[] = {
	{ ERR_TEMP, "4.4.1", "4.4.1" },
	{ ERR_TEMP, NULL, "4.3.0" },
	{ ERR_PERM, NULL, "5.3.0" },
	{ ERR_CONFIG, NULL, "5.3.0" },
};

START_TEST(err_status)
{
	struct err err = { 0 };

	ck_assert_int_eq(err_set(&err, statuses[_i].kind, statuses[_i].status,
	    "%s: %d", "x", 7), -1);
	ck_assert_int_eq(err.kind, statuses[_i].kind);
	ck_assert_str_eq(err.status, statuses[_i].want);
	ck_assert_str_eq(err.text, "x: 7");
}
END_TEST

START_TEST(err_is_bounded)
{
	char text[4 * ERR_TEXT_MAX];
	struct err err;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_TEMP, "longer than any status", "%s", text);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	ck_assert_uint_eq(strlen(err.status), sizeof(err.status) - 1);
	err_prefix(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
}
END_TEST

START_TEST(err_is_harmless)
{
	struct err err;

	err_set(&err, ERR_PERM, NULL, "550 no\r\nBcc: \x1b[2J\xff");
	ck_assert_str_eq(err.text, "550 no??Bcc: ?[2J?");
	err_prefix(&err, "a\nb");
	ck_assert_str_eq(err.text, "a?b: 550 no??Bcc: ?[2J?");
}
END_TEST

/* An argument may be the very text that is replaced. */
START_TEST(err_of_itself)
{
	struct err err;

	err_set(&err, ERR_TEMP, "4.4.2", "lost");
	err_set(&err, ERR_PERM, err.status, "again: %s", err.text);
	ck_assert_str_eq(err.text, "again: lost");
	ck_assert_str_eq(err.status, "4.4.2");
	ck_assert_int_eq(err_prefix(&err, "[%s]", err.text), -1);
	ck_assert_str_eq(err.text, "[again: lost]: again: lost");
	ck_assert_int_eq(err.kind, ERR_PERM);
}
END_TEST

START_TEST(clock_moves)
{
	int64_t a = clock_ms(), wall = clock_wall_us();

	ck_assert_int_le(a, clock_ms());
	ck_assert_int_le(wall / 1000000, clock_wall());
	/* After 2020, so that the unit is right. */
	ck_assert_int_gt(clock_wall(), 1577836800);
}
END_TEST

START_TEST(clock_left)
{
	int64_t now = clock_ms();
	int left = clock_left_ms(now + 60000);

	ck_assert_int_le(left, 60000);
	ck_assert_int_gt(left, 50000);
	ck_assert_int_eq(clock_left_ms(now), 0);
	ck_assert_int_eq(clock_left_ms(0), 0);
	ck_assert_int_eq(clock_left_ms(INT64_MAX), 60 * 60 * 1000);
}
END_TEST

static const struct {
	const char *text;
	uint32_t want;
} crcs[] = {
	{ "", 0 },
	{ "a", 0xe8b7be43 },
	{ "123456789", 0xcbf43926 },
	{ "The quick brown fox jumps over the lazy dog", 0x414fa339 },
};

START_TEST(crc_known)
{
	const char *text = crcs[_i].text;

	ck_assert_uint_eq(crc32_add(0, text, strlen(text)), crcs[_i].want);
}
END_TEST

/* However it is cut, also where eight bytes a turn do not fit. */
START_TEST(crc_in_pieces)
{
	const char *text = crcs[3].text;
	size_t n = strlen(text), cut;
	uint32_t crc;

	for (cut = 0; cut <= n; cut++) {
		crc = crc32_add(0, text, cut);
		crc = crc32_add(crc, text + cut, n - cut);
		ck_assert_uint_eq(crc, crcs[3].want);
	}
}
END_TEST

START_TEST(strmap_empty)
{
	struct strmap map = { 0 };

	ck_assert_ptr_null(strmap_get(&map, "x"));
	strmap_release(&map);
	ck_assert_ptr_null(*strmap_at(&map, ""));
	ck_assert_uint_eq(map.n, 1);
	strmap_release(&map);
	ck_assert_uint_eq(map.n, 0);
}
END_TEST

START_TEST(strmap_many)
{
	static int values[5000];
	struct strmap map = { 0 };
	char key[16];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%d.test", i);
		*strmap_at(&map, key) = &values[i];
	}
	ck_assert_uint_eq(map.n, 5000);
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "%d.test", i);
		ck_assert_ptr_eq(strmap_get(&map, key), &values[i]);
		ck_assert_ptr_eq(*strmap_at(&map, key), &values[i]);
	}
	ck_assert_uint_eq(map.n, 5000);
	ck_assert_ptr_null(strmap_get(&map, "5000.test"));
	strmap_release(&map);
}
END_TEST

#define CHOSEN 2000

/* The longest row of slots that are taken: what a search may have to pass. */
static size_t
longest_row(const struct strmap *map)
{
	size_t row = 0, longest = 0;

	for (size_t i = 0; i < map->cap; i++) {
		row = map->slots[i].key != NULL ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	return longest;
}

/* Domains of somebody who knows the source: all have the same place in any
 * table of up to 4096 slots, with a hash that is not random. */
START_TEST(strmap_chosen)
{
	struct strmap map = { 0 };
	char key[32];

	for (unsigned i = 0; map.n < CHOSEN; i++) {
		snprintf(key, sizeof(key), "%u.test", i);
		if ((str_hash(STR_HASH_INIT, key, strlen(key)) & 4095) == 0)
			*strmap_at(&map, key) = &map;
	}
	ck_assert_uint_eq(map.cap, 4096);
	ck_assert_uint_lt(longest_row(&map), 200);
	strmap_release(&map);
}
END_TEST

static int
ask_for_more(void *arg)
{
	size_t cap = SIZE_MAX;

	if (arg != NULL)
		free(xgrow(NULL, SIZE_MAX, &cap, 1));
	return 42;
}

static const struct {
	const char *name;
	int	(*fn)(void *);
	bool	 again;		/* it has no memory either */
	bool	 parent;	/* set by the parent of who runs out of it */
	int	 code;
} ends[] = {
	{ "nothing to say", NULL, false, false, EX_TEMPFAIL },
	{ "a last word", ask_for_more, false, false, 42 },
	{ "one that wants memory", ask_for_more, true, false, EX_TEMPFAIL },
	{ "that of the parent", ask_for_more, false, true, EX_TEMPFAIL },
};

START_TEST(last_word)
{
	void *arg = ends[_i].again ? &_i : NULL;
	size_t cap = SIZE_MAX;
	int status;
	pid_t pid;

	if (ends[_i].parent)
		xalloc_last_word(ends[_i].fn, arg);
	if ((pid = fork()) == 0) {
		if (!ends[_i].parent)
			xalloc_last_word(ends[_i].fn, arg);
		free(xgrow(NULL, SIZE_MAX, &cap, 1));
		_exit(0);
	}
	xalloc_last_word(NULL, NULL);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == ends[_i].code, "%s: %d",
	    ends[_i].name, WEXITSTATUS(status));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("err");

	tcase_add_loop_test(tc, err_status, 0, CHECK_ROWS(statuses));
	tcase_add_test(tc, err_is_bounded);
	tcase_add_test(tc, err_is_harmless);
	tcase_add_test(tc, err_of_itself);
	suite_add_tcase(s, tc);

	tc = tcase_create("clock");
	tcase_add_test(tc, clock_moves);
	tcase_add_test(tc, clock_left);
	suite_add_tcase(s, tc);

	tc = tcase_create("crc");
	tcase_add_loop_test(tc, crc_known, 0, CHECK_ROWS(crcs));
	tcase_add_test(tc, crc_in_pieces);
	suite_add_tcase(s, tc);

	tc = tcase_create("strmap");
	tcase_add_test(tc, strmap_empty);
	tcase_add_test(tc, strmap_many);
	tcase_add_test(tc, strmap_chosen);
	suite_add_tcase(s, tc);

	tc = tcase_create("memory");
	tcase_add_loop_test(tc, last_word, 0, CHECK_ROWS(ends));
	suite_add_tcase(s, tc);
	return check_run(s);
}
