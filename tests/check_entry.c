/* The file of an entry: head, envelope, journal, and what damage does. */
#include "config.h"

#include "spool_lab.h"

#include <sys/mman.h>

#include "base/clock.h"
#include "base/process.h"
#include "spool/entry.h"
#include "spool/envtext.h"
#include "spool/head.h"
#include "spool/journal.h"

static struct err err;

/* The bytes of a file in memory, as entry_load() wants them. */
static int
file_of(const char *data, size_t n)
{
	int fd = memfd_create("entry", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, n), (ssize_t)n);
	return fd;
}

static int
load(const char *data, size_t n, struct entry *e)
{
	int fd = file_of(data, n), rc;

	memset(e, 0, sizeof(*e));
	e->fd = -1;
	rc = entry_load(fd, e, &err);
	close(fd);
	return rc;
}

/* A whole file: message, envelope of text, the journal's lines. */
static void
compose(struct buf *out, const char *message, const char *text,
    const char *journal)
{
	struct head head = { .message_at = HEAD_LEN };
	size_t n = strlen(message);

	head.message_len = n;
	head.message_crc = crc32_add(0, message, n);
	head.envelope_at = HEAD_LEN + n;
	head.envelope_len = strlen(text);
	head.envelope_crc = crc32_add(0, text, strlen(text));
	head_write(&head, buf_reserve(out, HEAD_LEN));
	out->len += HEAD_LEN;
	buf_adds(out, message);
	buf_adds(out, text);
	buf_adds(out, journal);
}

START_TEST(head_there_and_back)
{
	struct head head = { 128, 5, 133, 99, 0xdeadbeef, 0x0000000f }, got;
	char block[HEAD_LEN];

	head_write(&head, block);
	ck_assert_int_eq(block[HEAD_LEN - 1], '\n');
	LAB_OK(head_parse(block, HEAD_LEN, 232, &got, &err));
	ck_assert_mem_eq(&head, &got, sizeof(head));
}
END_TEST

static const struct {
	const char *name;
	struct head head;
	uint64_t n, file_len;
} bad_heads[] = {
	{ "short", { 128, 5, 133, 9, 0, 0 }, 127, 142 },
	{ "empty", { 128, 5, 133, 9, 0, 0 }, 0, 0 },
	{ "file too short", { 128, 5, 133, 9, 0, 0 }, 128, 141 },
	{ "message elsewhere", { 129, 5, 134, 9, 0, 0 }, 128, 1000 },
	{ "message in the head", { 0, 133, 133, 9, 0, 0 }, 128, 1000 },
	{ "gap", { 128, 5, 134, 9, 0, 0 }, 128, 1000 },
	{ "overlap", { 128, 5, 132, 9, 0, 0 }, 128, 1000 },
	{ "1 TiB of envelope", { 128, 5, 133, 1ull << 40, 0, 0 }, 128,
	    1ull << 41 },
	{ "1 TiB of message", { 128, 1ull << 40, 128 + (1ull << 40), 9, 0, 0 },
	    128, 1000 },
	{ "all the digits", { 128, HEAD_NUMBER_MAX, HEAD_NUMBER_MAX,
	    HEAD_NUMBER_MAX, 0, 0 }, 128, UINT64_MAX },
};

START_TEST(bad_head)
{
	char block[HEAD_LEN];
	struct head got;

	head_write(&bad_heads[_i].head, block);
	ck_assert_msg(head_parse(block, bad_heads[_i].n,
	    bad_heads[_i].file_len, &got, &err) < 0, "%s",
	    bad_heads[_i].name);
	ck_assert_int_eq(err.kind, ERR_DATA);
}
END_TEST

START_TEST(newer_version)
{
	struct head head = { 128, 5, 133, 9, 0, 0 }, got;
	char block[HEAD_LEN];

	head_write(&head, block);
	block[17] = '2';
	ck_assert_int_lt(head_parse(block, HEAD_LEN, 1000, &got, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "version 02"));
}
END_TEST

START_TEST(envelope_there_and_back)
{
	struct envelope env = lab_envelope((size_t)_i), got = { 0 };
	struct buf text = { 0 };

	envtext_write(&text, &env);
	LAB_OK(envtext_parse(text.data, text.len, &got, &err));
	ck_assert(lab_equal(&env, &got));
	envelope_release(&env);
	envelope_release(&got);
	buf_release(&text);
}
END_TEST

/* Any string in any field comes back, and none becomes a field. */
START_TEST(envelope_of_anything)
{
	struct envelope env = { 0 }, got = { 0 };
	struct buf text = { 0 };
	unsigned char bytes[48];
	size_t i;

	process_random(bytes, sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++) {
		if (bytes[i] == 0 || bytes[i] > 200)
			bytes[i] = (unsigned char)"\n\r %"[i % 4];
	}
	bytes[15] = bytes[31] = bytes[47] = '\0';
	env.reverse_path = xstrdup((char *)bytes);
	env.envid = xstrdup((char *)bytes + 16);
	env.submitter = xstrdup((char *)bytes + 32);
	env.account = xstrdup((char *)bytes + 16);
	envelope_append(&env, (char *)bytes)->orcpt =
	    xstrdup((char *)bytes + 16);
	envelope_append(&env, "\nto evil@example.com")->orcpt = xstrdup("");
	envtext_write(&text, &env);
	LAB_OK(envtext_parse(text.data, text.len, &got, &err));
	ck_assert(lab_equal(&env, &got));
	envelope_release(&env);
	envelope_release(&got);
	buf_release(&text);
}
END_TEST

#define START "from a@b\narrived 1\nexpires 2\nuid 0\n"

static const struct {
	const char *name, *text;
} bad_envelopes[] = {
	{ "empty", "" },
	{ "no from", "arrived 1\nexpires 2\nuid 0\n" },
	{ "no uid", "from a@b\narrived 1\nexpires 2\n" },
	{ "from twice", START "from c@d\n" },
	{ "from without", "from\narrived 1\nexpires 2\nuid 0\n" },
	{ "unknown key", START "colour red\n" },
	{ "prefix of a key", START "t a@b\n" },
	{ "empty line", START "\n" },
	{ "blank at the end", START "to a@b \n" },
	{ "two blanks", START "to  a@b\n" },
	{ "line not ended", START "to a@b" },
	{ "bad escape", START "to a%4\n" },
	{ "escaped NUL", START "to a%00b\n" },
	{ "too many fields", START "to a@b 1 x y\n" },
	{ "very many fields", START "to a b c d e f g h i j k l m n\n" },
	{ "notify too large", START "to a@b 16\n" },
	{ "notify no number", START "to a@b x\n" },
	{ "number with sign", "from a@b\narrived -1\nexpires 2\nuid 0\n" },
	{ "number too long",
	    "from a\narrived 99999999999999999999999999\nexpires 2\nuid 0\n" },
	{ "uid too large", "from a\narrived 1\nexpires 2\nuid 4294967296\n" },
	{ "body too large", START "body 256\n" },
	{ "ret what", START "ret maybe\n" },
	{ "utf8 with field", START "utf8 1\n" },
	{ "carriage return", START "utf8\r\n" },
	{ "account twice", START "account a\naccount b\n" },
	{ "account without", START "account\n" },
	{ "account with more", START "account a b\n" },
};

START_TEST(bad_envelope)
{
	struct envelope env = { 0 };
	struct buf file = { 0 };
	struct entry e;

	ck_assert_msg(envtext_parse(bad_envelopes[_i].text,
	    strlen(bad_envelopes[_i].text), &env, &err) < 0, "%s",
	    bad_envelopes[_i].name);
	ck_assert_int_eq(err.kind, ERR_DATA);
	envelope_release(&env);
	compose(&file, "x\r\n", bad_envelopes[_i].text, "");
	ck_assert_int_lt(load(file.data, file.len, &e), 0);
	entry_release(&e);
	buf_release(&file);
}
END_TEST

/* The account is named when somebody named it: a file has it or not. */
START_TEST(account)
{
	static const char *const texts[] = { START, START "account %\n",
		START "account my%20work\nto a@b\n" };
	static const char *const want[] = { NULL, "", "my work" };
	struct envelope env = { 0 };
	struct buf text = { 0 };

	LAB_OK(envtext_parse(texts[_i], strlen(texts[_i]), &env, &err));
	ck_assert_pstr_eq(env.account, want[_i]);
	envtext_write(&text, &env);
	ck_assert_str_eq(buf_str(&text), texts[_i]);
	envelope_release(&env);
	ck_assert_ptr_null(env.account);
	buf_release(&text);
}
END_TEST

/*
 * A file with three forward-paths and five lines of journal. journal_at gets
 * where the journal begins, last_at where its last line does.
 */
static void
sample(struct buf *out, struct entry *want, size_t *journal_at,
    size_t *last_at)
{
	struct envelope env = lab_envelope(3);
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct outcome no = lab_outcome(OUTCOME_FAILED);
	struct buf text = { 0 }, lines = { 0 };
	uint32_t seed;

	envtext_write(&text, &env);
	envelope_release(&env);
	seed = crc32_add(0, text.data, text.len);
	journal_outcome(&lines, seed, 0, &late, 1700000100);
	journal_outcome(&lines, seed, 1, &no, 1700000100);
	journal_reported(&lines, seed, 1);
	journal_warned(&lines, seed, 0);
	*last_at = lines.len;
	journal_outcome(&lines, seed, 2, &late, 1700000200);
	compose(out, LAB_MESSAGE, buf_str(&text), buf_str(&lines));
	*journal_at = out->len - lines.len;
	*last_at += *journal_at;
	LAB_OK(load(out->data, out->len, want));
	buf_release(&text);
	buf_release(&lines);
}

START_TEST(journal_tells_what_became)
{
	struct buf file = { 0 };
	size_t journal_at, last_at;
	struct entry e;

	sample(&file, &e, &journal_at, &last_at);
	ck_assert_int_eq(e.env.rcpts[0].state, OUTCOME_DEFERRED);
	ck_assert_int_eq(e.env.rcpts[0].attempts, 1);
	ck_assert_int_eq(e.env.rcpts[0].last_s, 1700000100);
	ck_assert_str_eq(e.env.rcpts[0].host, "mx.example.net");
	ck_assert_str_eq(e.env.rcpts[0].text, "450 4.2.0 not now, 100% sure");
	ck_assert_int_eq(e.env.rcpts[1].state, OUTCOME_FAILED);
	ck_assert(e.env.rcpts[1].reported && !e.env.rcpts[0].reported);
	ck_assert(e.env.rcpts[0].warned && !e.env.rcpts[1].warned);
	ck_assert_uint_eq(e.env.size, strlen(LAB_MESSAGE));
	ck_assert_uint_eq(e.end, file.len);
	ck_assert(!e.torn);
	entry_release(&e);
	buf_release(&file);
}
END_TEST

/*
 * One bit is wrong, wherever: the entry is refused, or only its message is
 * (which entry_verify() finds), or the last line has lost its end and does
 * not count.
 */
START_TEST(every_bit)
{
	struct buf file = { 0 };
	size_t journal_at, last_at, i, message_end;
	struct entry want, want_less, got;
	int rc;

	sample(&file, &want, &journal_at, &last_at);
	LAB_OK(load(file.data, last_at, &want_less));
	message_end = HEAD_LEN + strlen(LAB_MESSAGE);
	for (i = 0; i < file.len * 8; i++) {
		file.data[i / 8] = (char)(file.data[i / 8] ^ 1 << i % 8);
		rc = load(file.data, file.len, &got);
		if (i / 8 >= HEAD_LEN && i / 8 < message_end)
			ck_assert(rc == 0 && lab_equal(&got.env, &want.env));
		else if (i / 8 == file.len - 1)
			ck_assert_msg(rc == 0 && got.torn && got.end ==
			    last_at && lab_equal(&got.env, &want_less.env),
			    "bit %zu of the last line end", i);
		else
			ck_assert_msg(rc < 0 && err.kind == ERR_DATA,
			    "bit %zu was not found", i);
		entry_release(&got);
		file.data[i / 8] = (char)(file.data[i / 8] ^ 1 << i % 8);
	}
	entry_release(&want);
	entry_release(&want_less);
	buf_release(&file);
}
END_TEST

/* Cut anywhere: refused, or as if the lines that are not whole were not. */
START_TEST(every_length)
{
	struct buf file = { 0 };
	size_t journal_at, last_at, n, whole;
	struct entry e, got;

	sample(&file, &e, &journal_at, &last_at);
	entry_release(&e);
	for (n = 0; n < file.len; n++) {
		if (n < journal_at) {
			ck_assert_int_lt(load(file.data, n, &got), 0);
			ck_assert_int_eq(err.kind, ERR_DATA);
			entry_release(&got);
			continue;
		}
		for (whole = n; whole > journal_at; whole--) {
			if (file.data[whole - 1] == '\n')
				break;
		}
		LAB_OK(load(file.data, whole, &e));
		LAB_OK(load(file.data, n, &got));
		ck_assert_uint_eq(got.end, whole);
		ck_assert(got.torn == (n != whole));
		ck_assert(lab_equal(&e.env, &got.env));
		entry_release(&e);
		entry_release(&got);
	}
	buf_release(&file);
}
END_TEST

/* Not the end of the journal was never written, but something before it. */
static const struct {
	const char *name;
	size_t before;		/* NULs, before they go on to a sector's end */
	size_t more;		/* and then these, which break the sector */
	bool ok;
} gaps[] = {
	{ "to the sector's end", 2, 0, true },
	{ "longer", 3000, 0, true },
	{ "goes on", 2, 1, false },
	{ "many", 600, 511, false },
};

START_TEST(gap_in_the_journal)
{
	struct buf file = { 0 }, line = { 0 };
	struct outcome yes = lab_outcome(OUTCOME_DELIVERED);
	size_t journal_at, last_at, n;
	struct entry e, got;

	sample(&file, &e, &journal_at, &last_at);
	buf_adds(&file, "deferred 0 17000");
	n = file.len + gaps[_i].before;
	n = (n + 511) / 512 * 512 + gaps[_i].more;
	while (file.len < n)
		buf_addc(&file, '\0');
	buf_adds(&file, "rest of a line 0123abcd\n");
	journal_outcome(&line, e.seed, 0, &yes, 1700000300);
	buf_add(&file, line.data, line.len);
	ck_assert_msg((load(file.data, file.len, &got) == 0) == gaps[_i].ok,
	    "%s", gaps[_i].name);
	if (gaps[_i].ok) {
		ck_assert_int_eq(got.env.rcpts[0].state, OUTCOME_DELIVERED);
		ck_assert_uint_eq(got.end, file.len);
	}
	entry_release(&got);
	entry_release(&e);
	buf_release(&line);
	buf_release(&file);
}
END_TEST

/* Zeros from here to the end were never promised to be anything. */
START_TEST(zeros_at_the_end)
{
	struct buf file = { 0 };
	size_t journal_at, last_at, i;
	struct entry e, got;

	sample(&file, &e, &journal_at, &last_at);
	for (i = 0; i < 5000; i++)
		buf_addc(&file, '\0');
	LAB_OK(load(file.data, file.len, &got));
	ck_assert(got.torn && got.end == e.end);
	ck_assert(lab_equal(&e.env, &got.env));
	entry_release(&got);
	entry_release(&e);
	buf_release(&file);
}
END_TEST

/* seed 0: a line of another entry. */
static const struct {
	const char *name, *line;
	bool own_seed;
} bad_lines[] = {
	{ "another entry's", "delivered 0 1700000300 250 2.0.0 mx % ", false },
	{ "row too large", "delivered 3 1700000300 250 2.0.0 mx % ", true },
	{ "row of 2^64", "delivered 18446744073709551616 1 250 2 mx % ",
	    true },
	{ "unknown word", "sent 0 1700000300 250 2.0.0 mx % ", true },
	{ "field missing", "delivered 0 1700000300 250 2.0.0 mx ", true },
	{ "field too many", "delivered 0 1700000300 250 2.0.0 mx % x ", true },
	{ "status too long", "failed 0 1 550 5.1.1000000000000 mx % ", true },
	{ "code too large", "failed 0 1 70000 5.1.1 mx % ", true },
	{ "reported what", "reported ", true },
	{ "reported whom", "reported 3 ", true },
	{ "held when", "held 0 ", true },
	{ "held by a name", "held 1700000300 alice ", true },
	{ "held by too large a uid", "held 1700000300 4294967296 ", true },
	{ "held by two", "held 1700000300 0 0 ", true },
	{ "released before 1970", "released -1 0 ", true },
	{ "requeued, a row", "requeued 0 1700000300 0 250 2.0.0 mx % ", true },
	{ "another entry's hold", "held 1700000300 0 ", false },
	{ "warned whom", "warned 3 ", true },
	{ "nothing", "", true },
};

START_TEST(bad_line)
{
	struct buf file = { 0 };
	size_t journal_at, last_at, start;
	struct entry e, got;
	uint32_t seed;

	sample(&file, &e, &journal_at, &last_at);
	seed = bad_lines[_i].own_seed ? e.seed : 0;
	start = file.len;
	buf_adds(&file, bad_lines[_i].line);
	buf_printf(&file, "%08x\n", (unsigned)crc32_add(seed,
	    file.data + start, file.len - start));
	ck_assert_msg(load(file.data, file.len, &got) < 0, "%s",
	    bad_lines[_i].name);
	ck_assert_int_eq(err.kind, ERR_DATA);
	entry_release(&got);
	entry_release(&e);
	buf_release(&file);
}
END_TEST

/* What a host says may hold anything that can be said in a line. */
START_TEST(journal_of_anything)
{
	struct envelope env = lab_envelope(1);
	struct outcome o = { .kind = OUTCOME_DEFERRED };
	struct buf line = { 0 };
	struct event event;

	strcpy(o.text, "\ndelivered 0 1 250 2.0.0 x % 12345678\n%00 \x1b[2J");
	strcpy(o.host, "mx evil");
	journal_outcome(&line, 7, 0, &o, 5);
	ck_assert_ptr_eq(memchr(line.data, '\n', line.len),
	    line.data + line.len - 1);
	ck_assert_int_eq(journal_parse(line.data, line.len - 1, 7, &event),
	    1);
	journal_apply(&event, &env);
	ck_assert_str_eq(env.rcpts[0].text, o.text);
	ck_assert_str_eq(env.rcpts[0].host, o.host);
	ck_assert_int_eq(env.rcpts[0].state, OUTCOME_DEFERRED);
	buf_release(&line);
	envelope_release(&env);
}
END_TEST

#define MANY 100000

START_TEST(hundred_thousand)
{
	struct envelope env = lab_envelope(MANY);
	struct outcome o = lab_outcome(OUTCOME_DEFERRED);
	struct buf text = { 0 }, lines = { 0 }, file = { 0 };
	struct entry e;
	int64_t start, took;
	uint32_t seed;
	size_t i;

	envtext_write(&text, &env);
	seed = crc32_add(0, text.data, text.len);
	for (i = 0; i < MANY; i++)
		journal_outcome(&lines, seed, i, &o, 1700000100);
	compose(&file, LAB_MESSAGE, buf_str(&text), buf_str(&lines));
	start = clock_ms();
	LAB_OK(load(file.data, file.len, &e));
	took = clock_ms() - start;
	ck_assert_uint_eq(e.env.nrcpt, MANY);
	ck_assert_uint_eq(envelope_count(&e.env, OUTCOME_DEFERRED), MANY);
	/* Far less, without sanitizers on a machine that does other things. */
	ck_assert_msg(took < 3000, "%lld ms", (long long)took);
	entry_release(&e);
	envelope_release(&env);
	buf_release(&text);
	buf_release(&lines);
	buf_release(&file);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("entry");
	TCase *tc = tcase_create("parts"), *damage = tcase_create("damage");

	tcase_add_test(tc, head_there_and_back);
	tcase_add_loop_test(tc, bad_head, 0, CHECK_ROWS(bad_heads));
	tcase_add_test(tc, newer_version);
	tcase_add_loop_test(tc, envelope_there_and_back, 0, 8);
	tcase_add_loop_test(tc, envelope_of_anything, 0, 20);
	tcase_add_loop_test(tc, bad_envelope, 0, CHECK_ROWS(bad_envelopes));
	tcase_add_loop_test(tc, account, 0, 3);
	tcase_add_test(tc, journal_tells_what_became);
	tcase_add_test(tc, journal_of_anything);
	tcase_add_test(tc, hundred_thousand);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(damage, 60);
	tcase_add_test(damage, every_bit);
	tcase_add_test(damage, every_length);
	tcase_add_loop_test(damage, gap_in_the_journal, 0, CHECK_ROWS(gaps));
	tcase_add_test(damage, zeros_at_the_end);
	tcase_add_loop_test(damage, bad_line, 0, CHECK_ROWS(bad_lines));
	suite_add_tcase(suite, damage);
	return check_run(suite);
}
