/*
 * Sites: which domains are one, and how their tasks are cut into loads.
 */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/site.h"

/* "10 a 20 b": preferences and names, in the order of the answer. */
static struct mx_answer
answer_of(const char *text)
{
	struct mx_answer a = { 0 };
	char name[MX_NAME_MAX];
	unsigned pref;
	int used;

	while (sscanf(text, "%u %255s%n", &pref, name, &used) == 2) {
		struct mx_host *host = &a.host[a.nhost++];

		host->pref = (uint16_t)pref;
		host->naddr = 1;
		host->addr[0].family = 4;
		str_copy(host->name, sizeof(host->name), name);
		text += used;
	}
	return a;
}

static const struct {
	const char *name, *a, *b;
	bool same;
} keys[] = {
	{ "the same", "10 a 20 b", "10 a 20 b", true },
	{ "shuffled among equals", "10 a 10 b 10 c", "10 c 10 a 10 b", true },
	{ "other numbers, same order", "10 a 20 b", "0 a 65535 b", true },
	{ "unsorted", "20 b 10 a", "10 a 20 b", true },
	{ "other order", "10 a 20 b", "20 a 10 b", false },
	{ "equal is not one after the other", "10 a 10 b", "10 a 20 b",
		false },
	{ "one more", "10 a", "10 a 20 b", false },
	{ "another one", "10 a", "10 b", false },
	{ "groups", "10 a 10 b 20 c", "10 a 20 b 20 c", false },
	{ "no joining of names", "10 ab 10 c", "10 a 10 bc", false },
	{ "literals", "0 [127.0.0.1]", "0 [127.0.0.2]", false },
	{ "all there may be", "1 a 1 b 2 c 2 d 3 e 3 f 4 g 4 h 5 i 5 j",
		"5 j 5 i 4 h 4 g 3 f 3 e 2 d 2 c 1 b 1 a", true },
};

static char no_name[] = "", work[] = "work", own[] = "own.example";
static struct account global = { .name = no_name };
static const struct way direct = { .kind = WAY_DIRECT, .account = &global,
	.global = &global };

START_TEST(key)
{
	struct mx_answer a = answer_of(keys[_i].a), b = answer_of(keys[_i].b);
	struct buf x = { 0 }, y = { 0 };

	site_key(&direct, &a, &x);
	site_key(&direct, &b, &y);
	ck_assert_msg((strcmp(buf_str(&x), buf_str(&y)) == 0) ==
	    keys[_i].same, "%s: \"%s\", \"%s\"", keys[_i].name, buf_str(&x),
	    buf_str(&y));
	buf_release(&x);
	buf_release(&y);
}
END_TEST

/* Who meets the servers under another name is another site. */
START_TEST(key_of_an_account)
{
	struct mx_answer a = answer_of("10 a");
	struct account account = { .name = work, .hostname = own };
	const struct way way = { .kind = WAY_DIRECT, .account = &account,
		.global = &global };
	struct buf x = { 0 };

	site_key(&way, &a, &x);
	ck_assert_str_eq(buf_str(&x), "mx a from work");
	buf_release(&x);
}
END_TEST

/* Whatever the DNS says; and a file that changes makes a new beginning. */
START_TEST(key_of_a_smarthost)
{
	char path[] = "/tmp/check_site.XXXXXX";
	int fd = mkstemp(path);
	struct mx_answer a = answer_of("0 one"), b = answer_of("0 two");
	struct account account = { .name = work, .password_file = path };
	const struct way way = { .kind = WAY_SMARTHOST, .account = &account,
		.global = &global };
	struct timespec then[2] = { { 1000, 0 }, { 1000, 0 } };
	struct buf x = { 0 }, y = { 0 }, z = { 0 };
	struct err err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(account_set_smarthost(&account,
	    "smtps://ann@one.example,smtps://one.example smtp://two.example",
	    &err), 0);
	site_key(&way, &a, &x);
	site_key(&way, &b, &y);
	ck_assert_str_eq(buf_str(&x), buf_str(&y));
	ck_assert_ptr_eq(strstr(buf_str(&x),
	    "smarthost smtps://ann@one.example"), buf_str(&x));
	ck_assert_int_eq(futimens(fd, then), 0);
	site_key(&way, &a, &z);
	ck_assert_str_ne(buf_str(&x), buf_str(&z));
	buf_release(&x);
	buf_release(&y);
	buf_release(&z);
	account_release_smarthost(&account);
	unlink(path);
	close(fd);
}
END_TEST

START_TEST(key_text)
{
	struct mx_answer a = answer_of("10 b 20 c 10 a");
	struct buf x = { 0 };

	site_key(&direct, &a, &x);
	ck_assert_str_eq(buf_str(&x), "mx a b;c");
	ck_assert_str_eq(a.host[0].name, "b");
	buf_release(&x);
}
END_TEST

/* Messages A, B, ... with ids that sort so. */
static struct item items[26];
static struct site *site;

static void
setup(void)
{
	struct mx_answer a = answer_of("10 a.example 20 b.example");

	for (size_t i = 0; i < 26; i++)
		items[i].entry.id[0] = (char)('A' + i);
	site = site_new("mx a.example;b.example", &direct, &a);
}

static void
teardown(void)
{
	site_free(site);
}

/* "A0 B1": add these tasks. */
static void
add(const char *text)
{
	unsigned row;
	char letter;
	int used;

	while (sscanf(text, " %c%u%n", &letter, &row, &used) == 2) {
		site_add(site, &items[letter - 'A'], row);
		text += used;
	}
}

/* Cut a load, and tell it in the same way. */
static const char *
load(unsigned max)
{
	static char text[1024];
	const struct task *v;
	size_t n, left = site_left(site);

	v = site_load(site, max, &n);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%s%u", i > 0 ? " " : "", v[i].item->entry.id,
		    v[i].rcpt);
	ck_assert_uint_eq(site_left(site), left - n);
	return text;
}

static const struct {
	const char *name, *add;
	unsigned max;
	const char *loads[6];
} cuts[] = {
	{ "nothing", "", 1, { "" } },
	{ "one", "A0", 1, { "A0" } },
	{ "all of a message together", "A0 B0 A1 B1 A2", 1,
		{ "A0 A1 A2", "B0 B1" } },
	{ "rows in order", "A3 A1 A2", 5, { "A1 A2 A3" } },
	{ "the oldest first", "C0 B0 A0", 2, { "A0 B0", "C0" } },
	{ "as many as there are", "A0 B0 C0", 3, { "A0 B0 C0" } },
	{ "fewer than allowed", "A0 B0", 100, { "A0 B0" } },
	{ "a message is never cut", "A0 A1 A2 A3 B0", 1,
		{ "A0 A1 A2 A3", "B0" } },
	{ "one each", "A0 B0 C0 D0 E0", 1, { "A0", "B0", "C0", "D0", "E0" } },
};

START_TEST(cut)
{
	add(cuts[_i].add);
	for (size_t i = 0; cuts[_i].loads[i] != NULL; i++)
		ck_assert_msg(strcmp(load(cuts[_i].max),
		    cuts[_i].loads[i]) == 0, "%s: load %zu", cuts[_i].name,
		    i);
	ck_assert_uint_eq(site_left(site), 0);
	ck_assert_str_eq(load(cuts[_i].max), "");
	ck_assert_uint_eq(site_left(site), 0);
}
END_TEST

START_TEST(made_of_the_answer)
{
	ck_assert_str_eq(site->key, "mx a.example;b.example");
	ck_assert_uint_eq(site->nhost, 2);
	ck_assert_str_eq(site->hosts[1].name, "b.example");
	ck_assert_uint_eq(site->hosts[0].naddr, 1);
	ck_assert_uint_eq(site_left(site), 0);
}
END_TEST

START_TEST(counts_messages)
{
	add("A0 A1 B0 C0");
	ck_assert_uint_eq(site->messages, 3);
	load(2);
	ck_assert_uint_eq(site->messages, 1);
	load(2);
	ck_assert_uint_eq(site->messages, 0);
	/* as they come when several domains are one site */
	add("A0 B0 C0 A1 B1 C1 A2 B2 C2");
	load(1);
	ck_assert_uint_eq(site->messages, 2);
	load(2);
	ck_assert_uint_eq(site->messages, 0);
}
END_TEST

START_TEST(unload_is_the_same_again)
{
	size_t n;

	add("A0 B0 A1 C0");
	ck_assert_str_eq(load(2), "A0 A1 B0");
	site_unload(site, 3);
	ck_assert_uint_eq(site_left(site), 4);
	ck_assert_uint_eq(site->messages, 3);
	ck_assert_str_eq(load(1), "A0 A1");
	site_unload(site, 2);
	ck_assert_str_eq(load(3), "A0 A1 B0 C0");
	site_unload(site, 4);
	site_load(site, 9, &n);
	ck_assert_uint_eq(n, 4);
	site_unload(site, 0);
	ck_assert_uint_eq(site_left(site), 0);
}
END_TEST

START_TEST(unload_then_more)
{
	add("B0 C0");
	ck_assert_str_eq(load(1), "B0");
	site_unload(site, 1);
	add("A0");
	ck_assert_str_eq(load(1), "A0");
	ck_assert_str_eq(load(9), "B0 C0");
}
END_TEST

START_TEST(add_after_all_was_handed_out)
{
	add("B0 B1");
	ck_assert_str_eq(load(9), "B0 B1");
	/* an older message, and one more row of the same */
	add("A0 B2");
	ck_assert_uint_eq(site_left(site), 2);
	ck_assert_str_eq(load(9), "A0 B2");
	add("C0");
	ck_assert_str_eq(load(9), "C0");
	ck_assert_uint_eq(site_left(site), 0);
}
END_TEST

START_TEST(add_after_some_was_handed_out)
{
	add("B0 C0 D0");
	ck_assert_str_eq(load(1), "B0");
	add("A0 D1 B1");
	ck_assert_uint_eq(site_left(site), 5);
	ck_assert_str_eq(load(2), "A0 B1");
	ck_assert_str_eq(load(2), "C0 D0 D1");
}
END_TEST

/* The memory for tasks is used again, however many pass through. */
START_TEST(does_not_grow)
{
	for (unsigned i = 0; i < 1000; i++) {
		add("A0 B0");
		load(9);
	}
	ck_assert_uint_lt(site->tasks.cap, 100);
	ck_assert_uint_eq(site->messages, 0);
}
END_TEST

START_TEST(many)
{
	unsigned n = 0;

	for (unsigned row = 0; row < 200; row++)
		for (int i = 25; i >= 0; i--)
			site_add(site, &items[i], row);
	while (site_left(site) > 0) {
		size_t got;
		const struct task *v = site_load(site, 3, &got);

		for (size_t i = 0; i < got; i++, n++) {
			ck_assert_str_eq(v[i].item->entry.id,
			    items[n / 200].entry.id);
			ck_assert_uint_eq(v[i].rcpt, n % 200);
		}
	}
	ck_assert_uint_eq(n, 26 * 200);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("site");
	TCase *tc = tcase_create("key");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, key, 0, CHECK_ROWS(keys));
	tcase_add_test(tc, key_text);
	tcase_add_test(tc, key_of_an_account);
	tcase_add_test(tc, key_of_a_smarthost);
	tc = tcase_create("load");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, cut, 0, CHECK_ROWS(cuts));
	tcase_add_test(tc, made_of_the_answer);
	tcase_add_test(tc, counts_messages);
	tcase_add_test(tc, unload_is_the_same_again);
	tcase_add_test(tc, unload_then_more);
	tcase_add_test(tc, add_after_all_was_handed_out);
	tcase_add_test(tc, add_after_some_was_handed_out);
	tcase_add_test(tc, does_not_grow);
	tcase_add_test(tc, many);
	return check_run(s);
}
