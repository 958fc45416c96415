#include "config.h"

#include "base/secret.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

START_TEST(set_and_clear)
{
	struct secret s = { 0 };

	secret_clear(&s);
	secret_set(&s, "blue sky", 8);
	ck_assert_str_eq(s.text, "blue sky");
	ck_assert_uint_eq(s.len, 8);
	secret_set(&s, "red", 3);
	ck_assert_str_eq(s.text, "red");
	ck_assert_uint_eq(s.len, 3);
	secret_clear(&s);
	ck_assert_ptr_null(s.text);
	ck_assert_uint_eq(s.len, 0);
}
END_TEST

START_TEST(part_of_itself)
{
	struct secret s = { 0 };

	secret_set(&s, "one two", 7);
	secret_set(&s, s.text + 4, 3);
	ck_assert_str_eq(s.text, "two");
	secret_clear(&s);
}
END_TEST

START_TEST(largest)
{
	static char text[SECRET_MAX];
	struct secret s = { 0 };

	memset(text, 'x', sizeof(text));
	secret_set(&s, text, sizeof(text));
	ck_assert_uint_eq(s.len, SECRET_MAX);
	ck_assert_uint_eq(strlen(s.text), SECRET_MAX);
	secret_clear(&s);
}
END_TEST

START_TEST(empty)
{
	struct secret s = { 0 };

	secret_set(&s, "", 0);
	ck_assert_str_eq(s.text, "");
	secret_clear(&s);
}
END_TEST

/* Whether some octets are zero. */
static bool
is_wiped(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\0')
			return false;
	return true;
}

/* What a child does must be true there, and change nothing here. */
START_TEST(all_but_one)
{
	struct secret a = { 0 }, b = { 0 }, c = { 0 };
	struct secret moved;
	int status;
	pid_t pid;

	secret_set(&a, "first", 5);
	secret_set(&b, "second", 6);
	secret_set(&c, "third", 5);
	/* a secret is still the same one in another struct */
	moved = b;
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		secret_clear_all_but(&moved);
		_exit(is_wiped(a.text, 5) && is_wiped(c.text, 5) &&
		    strcmp(b.text, "second") == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(a.text, "first");
	ck_assert_str_eq(c.text, "third");
	secret_clear_all_but(NULL);
	ck_assert(is_wiped(a.text, 5) && is_wiped(b.text, 6));
	secret_clear(&b);
	secret_clear(&a);
	secret_clear(&c);
	secret_clear_all_but(NULL);
}
END_TEST

/* The line of /proc/self/smaps that follows the mapping with that address. */
static bool
flags_of(const void *address, char *flags, int size)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long from, to, at = (unsigned long)address;
	bool inside = false, is_found = false;

	while (maps != NULL && !is_found &&
	    fgets(flags, size, maps) != NULL) {
		if (sscanf(flags, "%lx-%lx ", &from, &to) == 2)
			inside = at >= from && at < to;
		is_found = inside && strncmp(flags, "VmFlags:", 8) == 0;
	}
	if (maps != NULL)
		fclose(maps);
	return is_found;
}

START_TEST(not_dumped)
{
	struct secret s = { 0 };
	char flags[256];

	secret_set(&s, "x", 1);
	if (flags_of(s.text, flags, sizeof(flags)))
		ck_assert_msg(strstr(flags, " dd") != NULL, "%s", flags);
	secret_clear(&s);
}
END_TEST

START_TEST(wipe)
{
	char text[] = "password";

	secret_wipe(text, sizeof(text));
	ck_assert(is_wiped(text, sizeof(text)));
	secret_wipe(NULL, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("secret");
	TCase *tc = tcase_create("secret");

	tcase_add_test(tc, set_and_clear);
	tcase_add_test(tc, part_of_itself);
	tcase_add_test(tc, largest);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, all_but_one);
	tcase_add_test(tc, not_dumped);
	tcase_add_test(tc, wipe);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
