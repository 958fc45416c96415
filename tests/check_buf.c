/* buf, xalloc and strlist: memory that grows. */
#include "config.h"

#include "check.h"

#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "base/strlist.h"
#include "base/xalloc.h"

/* AddressSanitizer would end the program before xalloc can. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

START_TEST(empty)
{
	struct buf b = { 0 };

	buf_release(&b);
	ck_assert_str_eq(buf_str(&b), "");
	ck_assert_uint_eq(b.len, 0);
	buf_clear(&b);
	buf_consume(&b, 0);
	buf_add(&b, NULL, 0);
	ck_assert_uint_eq(b.len, 0);
	buf_release(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(append)
{
	struct buf b = { 0 };

	buf_adds(&b, "one");
	buf_addc(&b, ' ');
	buf_add(&b, "two\0three", 9);
	buf_printf(&b, "%d", 4);
	ck_assert_uint_eq(b.len, 14);
	ck_assert_mem_eq(b.data, "one two\0three4", 14);
	ck_assert_int_eq(buf_str(&b)[14], '\0');
	buf_release(&b);
}
END_TEST

START_TEST(one_by_one)
{
	struct buf b = { 0 };
	unsigned i;

	for (i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	ck_assert_uint_eq(b.len, 100000);
	for (i = 0; i < 100000; i++)
		ck_assert_int_eq(b.data[i], (char)('a' + i % 26));
	buf_release(&b);
}
END_TEST

/* Around every length at which vsnprintf's first try may just not fit. */
START_TEST(printf_lengths)
{
	struct buf b = { 0 };
	int len;

	for (len = 0; len < 300; len++) {
		buf_clear(&b);
		buf_adds(&b, "x");
		buf_printf(&b, "%*s|", len, "");
		ck_assert_uint_eq(b.len, (size_t)len + 2);
		ck_assert_int_eq(b.data[b.len - 1], '|');
		buf_release(&b);
	}
}
END_TEST

START_TEST(consume)
{
	struct buf b = { 0 };

	buf_adds(&b, "250 ok\r\n354 go");
	buf_consume(&b, 8);
	ck_assert_str_eq(buf_str(&b), "354 go");
	buf_consume(&b, b.len);
	ck_assert_str_eq(buf_str(&b), "");
	buf_release(&b);
}
END_TEST

START_TEST(detach)
{
	struct buf b = { 0 };
	char *s;

	s = buf_detach(&b);
	ck_assert_str_eq(s, "");
	free(s);
	buf_adds(&b, "mine");
	s = buf_detach(&b);
	ck_assert_str_eq(s, "mine");
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len, 0);
	free(s);
}
END_TEST

START_TEST(reserve)
{
	struct buf b = { 0 };

	memcpy(buf_reserve(&b, 1000), "abc", 3);
	b.len += 3;
	ck_assert_uint_ge(b.cap, 1000);
	ck_assert_str_eq(buf_str(&b), "abc");
	ck_assert_ptr_nonnull(buf_reserve(&b, 0));
	buf_release(&b);
}
END_TEST

/* Exits with EX_TEMPFAIL: the sum wraps, or the product does. */
START_TEST(reserve_too_much)
{
	struct buf b = { 0 };

	buf_addc(&b, 'x');
	buf_reserve(&b, SIZE_MAX);
}
END_TEST

START_TEST(product_wraps)
{
	xrealloc(NULL, SIZE_MAX / 2, 4);
}
END_TEST

START_TEST(grow)
{
	int *v = NULL;
	size_t n, cap = 0;

	for (n = 0; n < 1000; n++) {
		v = xgrow(v, n, &cap, sizeof(*v));
		ck_assert_uint_gt(cap, n);
		v[n] = (int)n;
	}
	for (n = 0; n < 1000; n++)
		ck_assert_int_eq(v[n], (int)n);
	free(v);
}
END_TEST

START_TEST(nothing)
{
	void *p[4];
	size_t i;

	p[0] = xmalloc(0);
	p[1] = xcalloc(0, 8);
	p[2] = xrealloc(xmalloc(3), 0, 1);
	p[3] = xstrdup("");
	for (i = 0; i < 4; i++) {
		ck_assert_ptr_nonnull(p[i]);
		free(p[i]);
	}
}
END_TEST

START_TEST(copies)
{
	char *s = xstrndup("abcdef", 3), *t = xstrndup("ab", 10);

	ck_assert_str_eq(s, "abc");
	ck_assert_str_eq(t, "ab");
	free(s);
	free(t);
}
END_TEST

START_TEST(list_owns)
{
	struct strlist list = { 0 };
	char name[] = "a";

	strlist_release(&list);
	strlist_add(&list, name);
	name[0] = 'b';
	strlist_take(&list, xstrdup(name));
	ck_assert_uint_eq(list.n, 2);
	ck_assert_str_eq(list.v[0], "a");
	ck_assert_str_eq(list.v[1], "b");
	strlist_release(&list);
	ck_assert_uint_eq(list.n, 0);
	ck_assert_ptr_null(list.v);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, empty);
	tcase_add_test(tc, append);
	tcase_add_test(tc, one_by_one);
	tcase_add_test(tc, printf_lengths);
	tcase_add_test(tc, consume);
	tcase_add_test(tc, detach);
	tcase_add_test(tc, reserve);
	suite_add_tcase(s, tc);

	tc = tcase_create("xalloc");
	tcase_add_test(tc, grow);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, copies);
	tcase_add_exit_test(tc, reserve_too_much, EX_TEMPFAIL);
	tcase_add_exit_test(tc, product_wraps, EX_TEMPFAIL);
	suite_add_tcase(s, tc);

	tc = tcase_create("strlist");
	tcase_add_test(tc, list_owns);
	suite_add_tcase(s, tc);
	return check_run(s);
}
