/* The spool and its verbs, one process at a time. */
#include "config.h"

#include "spool_lab.h"

#include <stdlib.h>

#include "base/clock.h"
#include "spool/queueid.h"

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

static mode_t
mode_of(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", lab_path, name);
	ck_assert_msg(lstat(path, &st) == 0, "no %s", path);
	return st.st_mode & 07777;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

#define MANY_IDS 1000000

START_TEST(ids_are_unique_and_sort)
{
	char (*ids)[SPOOL_ID_MAX] = xcalloc(MANY_IDS, sizeof(*ids));
	size_t i;

	for (i = 0; i < MANY_IDS; i++)
		queueid_make(ids[i]);
	ck_assert(queueid_valid(ids[0]));
	ck_assert_int_lt(strncmp(ids[0], ids[MANY_IDS - 1], 10), 0);
	qsort(ids, MANY_IDS, sizeof(*ids), by_text);
	for (i = 1; i < MANY_IDS && strcmp(ids[i - 1], ids[i]) != 0; i++)
		;
	ck_assert_uint_eq(i, MANY_IDS);
	free(ids);
}
END_TEST

static const struct {
	const char *id;
	bool want;
} ids[] = {
	{ "1vBzH01kk9z00000", true },
	{ "1vBzH01kk9zzzzzz", false },	/* z is no digit of the last five */
	{ "1vBzH01kk9z0000", false },
	{ "1vBzH01kk9z000000", false },
	{ "1vBzH01kk9y00000", false },
	{ "1vBaH01kk9z00000", false },
	{ "../../../etc/pwd", false },
	{ "1vBzH01kk9z00000.new", false },
	{ "", false },
};

START_TEST(id_is_valid)
{
	ck_assert_msg(queueid_valid(ids[_i].id) == ids[_i].want, "%s",
	    ids[_i].id);
}
END_TEST

START_TEST(closing_what_was_never_opened)
{
	struct spool none = { 0 };
	struct entry e = { 0 };
	struct draft d = { 0 };

	spool_close(&none);
	spool_close(&none);
	entry_release(&e);
	draft_abort(&d);
	ck_assert_int_ge(fcntl(0, F_GETFD), 0);
}
END_TEST

static void
be_absent_deep(char *path)
{
	strcat(path, "/a/b/c///");
}

static void
be_file(char *path)
{
	strcat(path, ".file");
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void
be_link(char *path)
{
	char to[128];

	strcpy(to, path);
	strcat(path, ".link");
	ck_assert_int_eq(symlink(to, path), 0);
}

static void
be_link_with_slash(char *path)
{
	be_link(path);
	strcat(path, "/");
}

static void
be_open_to_all(char *path)
{
	strcat(path, ".all");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 01777), 0);
}

static void
be_open_to_group(char *path)
{
	strcat(path, ".group");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0770), 0);
}

static void
be_of_group(char *path)
{
	strcat(path, ".setgid");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 02770), 0);
}

static void
hold_be_file(char *path)
{
	strcat(path, ".hold");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	strcat(path, "/queue");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	*strrchr(path, '/') = '\0';
}

static const struct {
	void (*make)(char *path);
	bool ok;
	enum err_kind kind;
} places[] = {
	{ be_absent_deep, true, ERR_NONE },
	{ be_file, false, ERR_CONFIG },
	{ be_link, false, ERR_CONFIG },
	{ be_link_with_slash, false, ERR_CONFIG },
	{ be_open_to_all, false, ERR_CONFIG },
	{ be_open_to_group, false, ERR_CONFIG },
	{ be_of_group, true, ERR_NONE },
	{ hold_be_file, false, ERR_TEMP },
};

START_TEST(open_place)
{
	char path[200];
	struct spool other;
	int rc;

	strcpy(path, lab_path);
	places[_i].make(path);
	rc = spool_open(&other, path, &err);
	ck_assert_msg((rc == 0) == places[_i].ok, "%s: %s", path, err.text);
	if (rc < 0)
		ck_assert_int_eq(err.kind, places[_i].kind);
	spool_close(&other);
}
END_TEST

START_TEST(modes)
{
	struct entry e;
	char name[64];

	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_int_eq(mode_of("queue"), 0700);
	ck_assert_int_eq(mode_of("run"), 0700);
	snprintf(name, sizeof(name), "run/%s", s.mine);
	ck_assert_int_eq(mode_of(name), 0700);
	snprintf(name, sizeof(name), "run/%s/%s", s.mine, e.id);
	ck_assert_int_eq(mode_of(name), 0600);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
}
END_TEST

/* Is a directory of the spool there? Removes it. */
static bool
had_place(const char *place)
{
	char name[160];

	snprintf(name, sizeof(name), "%s/%s", lab_path, place);
	return rmdir(name) == 0;
}

/* All at once; later there may be no room. */
START_TEST(all_places_are_made)
{
	ck_assert(had_place("hold") && had_place("damaged") &&
	    had_place("run") && had_place("queue"));
	spool_close(&s);
	LAB_OK(spool_open(&s, lab_path, &err));
	ck_assert_int_eq(mode_of("hold"), 0700);
	ck_assert_int_eq(mode_of("damaged"), 0700);
	/* one that somebody removes is made when it is needed */
	ck_assert(had_place("hold") && had_place("damaged") &&
	    had_place("run"));
	spool_close(&s);
	LAB_OK(spool_open(&s, lab_path, &err));
	ck_assert(had_place("run"));
	ck_assert(!had_place("hold") && !had_place("damaged"));
}
END_TEST

/* The umask of who calls takes nothing away. */
START_TEST(modes_in_a_group)
{
	struct entry e;
	char name[160];

	spool_close(&s);
	ck_assert_int_eq(chmod(lab_path, 02770), 0);
	ck_assert(had_place("hold") && had_place("damaged") &&
	    had_place("run") && had_place("queue"));
	LAB_OK(spool_open(&s, lab_path, &err));
	ck_assert(s.shared);
	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	ck_assert_int_eq(mode_of("queue"), 02770);
	snprintf(name, sizeof(name), "run/%s", s.mine);
	ck_assert_int_eq(mode_of(name), 02770);
	snprintf(name, sizeof(name), "run/%s/%s", s.mine, e.id);
	ck_assert_int_eq(mode_of(name), 0660);
	LAB_OK(entry_hold(&s, &e, &err));
	ck_assert_int_eq(mode_of("hold"), 02770);
	ck_assert_int_eq(mode_of("damaged"), 02770);
	entry_release(&e);
}
END_TEST

/* Sizes around the buffer in memory, written in pieces of all sizes. */
static const size_t sizes[] = { 0, 1, 65407, 65408, 65409, 65536, 131072,
	300000 };

START_TEST(message_of_any_size)
{
	char *data = xmalloc(sizes[_i] + 1), *back = xmalloc(sizes[_i] + 1);
	struct envelope env = lab_envelope(2);
	struct draft d;
	struct entry e;
	size_t i, step;
	char id[SPOOL_ID_MAX];

	for (i = 0; i < sizes[_i]; i++)
		data[i] = (char)(i * 7 + i / 256);
	LAB_OK(spool_draft(&s, &d, &err));
	for (i = 0; i < sizes[_i]; i += step) {
		step = 1 + i * 3 % 70001;
		if (step > sizes[_i] - i)
			step = sizes[_i] - i;
		LAB_OK(draft_write(&d, data + i, step, &err));
	}
	LAB_OK(draft_commit(&d, &env, PLACE_QUEUE, 1, false, NULL, &err));
	ck_assert_ptr_null(env.rcpts);
	strcpy(id, lab_scan(&s).id);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 1);
	LAB_OK(entry_verify(&s, &e, &err));
	ck_assert_uint_eq(e.env.size, sizes[_i]);
	ck_assert_int_eq(pread(e.fd, back, sizes[_i], (off_t)e.message_at),
	    (ssize_t)sizes[_i]);
	ck_assert(memcmp(data, back, sizes[_i]) == 0);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	free(data);
	free(back);
}
END_TEST

START_TEST(commit_to_run_and_complete)
{
	struct envelope want = lab_envelope(3);
	struct entry e;

	ck_assert_int_eq(spool_promise_all(&s, &err), -1);
	LAB_OK(lab_commit(&s, 3, PLACE_RUN, 0, _i == 1, &e, &err));
	LAB_OK(spool_promise_all(&s, &err));
	want.size = strlen(LAB_MESSAGE);
	ck_assert(lab_equal(&want, &e.env));
	ck_assert(e.promised == (_i == 1));
	ck_assert(lab_has_message(&s, &e));
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_RUN], 1);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	envelope_release(&want);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_RUN], 0);
}
END_TEST

/* What was known before the commit is known after a crash. */
START_TEST(commit_keeps_states)
{
	struct envelope env = lab_envelope(3);
	struct outcome o = lab_outcome(OUTCOME_FAILED);
	struct entry e;
	struct draft d;

	envelope_note(&env, 1, &o, 1700000001);
	env.rcpts[1].reported = true;
	LAB_OK(spool_draft(&s, &d, &err));
	LAB_OK(draft_commit(&d, &env, PLACE_QUEUE, 1, true, NULL, &err));
	ck_assert_int_eq(spool_claim(&s, lab_scan(&s).id, PLACE_QUEUE, &e,
	    &err), 1);
	ck_assert_int_eq(e.env.rcpts[0].state, OUTCOME_NONE);
	ck_assert_int_eq(e.env.rcpts[1].state, OUTCOME_FAILED);
	ck_assert_str_eq(e.env.rcpts[1].text, o.text);
	ck_assert(e.env.rcpts[1].reported);
	entry_release(&e);
}
END_TEST

START_TEST(abort_leaves_nothing)
{
	struct draft d;
	char *data = xcalloc(1, 100000);
	char path[256];

	LAB_OK(spool_draft(&s, &d, &err));
	LAB_OK(draft_write(&d, data, _i ? 100000 : 10, &err));
	draft_abort(&d);
	draft_abort(&d);
	snprintf(path, sizeof(path), "%s/run/%s", lab_path, s.mine);
	ck_assert_int_eq(rmdir(path), 0);
	/* And somebody having removed it is no matter. */
	LAB_OK(spool_draft(&s, &d, &err));
	draft_abort(&d);
	free(data);
}
END_TEST

START_TEST(record_defer_claim)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct outcome yes = lab_outcome(OUTCOME_DELIVERED);
	struct outcome no = lab_outcome(OUTCOME_FAILED);
	time_t now = clock_wall();
	size_t rows[2] = { 2, 3 };
	struct lab_seen seen;
	struct entry e, again;

	LAB_OK(lab_commit(&s, 4, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_record(&s, &e, 0, &late, now, &err));
	LAB_OK(entry_record(&s, &e, 1, &yes, now, &err));
	entry_close(&e);
	LAB_OK(entry_record(&s, &e, 2, &no, now, &err));
	LAB_OK(entry_record(&s, &e, 3, &no, now, &err));
	LAB_OK(entry_record(&s, &e, 0, &late, now + 5, &err));
	LAB_OK(entry_record_reported(&s, &e, rows, 2, &err));
	LAB_OK(entry_record_reported(&s, &e, rows, 0, &err));
	LAB_OK(entry_defer(&s, &e, now + 300, _i == 1, &err));
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE], 1);
	ck_assert_uint_eq(seen.n[PLACE_RUN], 0);
	ck_assert_int_eq(seen.due, now + 300);
	ck_assert_int_eq(spool_claim(&s, seen.id, PLACE_QUEUE, &again, &err),
	    1);
	/* What a host says to a delivery is not kept. */
	free(e.env.rcpts[1].text);
	e.env.rcpts[1].text = NULL;
	ck_assert(lab_equal(&e.env, &again.env));
	ck_assert_int_eq(again.env.rcpts[0].attempts, 2);
	ck_assert(again.env.rcpts[3].reported);
	ck_assert(again.promised);
	ck_assert_int_eq(again.fd, -1);
	ck_assert(lab_has_message(&s, &again));
	entry_release(&e);
	entry_release(&again);
}
END_TEST

START_TEST(hold_and_release)
{
	struct lab_seen seen;
	struct entry e;
	char id[SPOOL_ID_MAX];

	LAB_OK(lab_commit(&s, 1, PLACE_QUEUE, 5, false, NULL, &err));
	strcpy(id, lab_scan(&s).id);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_HOLD, &e, &err), 0);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 1);
	LAB_OK(entry_hold(&s, &e, &err));
	entry_release(&e);
	seen = lab_scan(&s);
	ck_assert(seen.n[PLACE_HOLD] == 1 && seen.n[PLACE_QUEUE] == 0);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 0);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_HOLD, &e, &err), 1);
	LAB_OK(entry_defer(&s, &e, 7, true, &err));
	entry_release(&e);
	seen = lab_scan(&s);
	ck_assert(seen.n[PLACE_HOLD] == 0 && seen.n[PLACE_QUEUE] == 1);
	ck_assert_int_eq(seen.due, 7);
}
END_TEST

START_TEST(peek_wherever_it_is)
{
	struct outcome late = lab_outcome(OUTCOME_DEFERRED);
	struct entry e, seen;
	struct buf header = { 0 };
	struct spool other;

	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_record(&s, &e, 1, &late, 1700000000, &err));
	LAB_OK(spool_open(&other, lab_path, &err));
	ck_assert_int_eq(spool_peek(&other, e.id, PLACE_QUEUE, &seen, &err),
	    0);
	ck_assert_int_eq(spool_peek(&other, e.id, PLACE_RUN, &seen, &err), 1);
	ck_assert(lab_equal(&e.env, &seen.env));
	LAB_OK(entry_header(&other, &seen, 1000, &header, &err));
	ck_assert_str_eq(buf_str(&header), "Subject: hello\r\nTo: you\r\n");
	entry_release(&seen);
	ck_assert_int_eq(spool_peek(&other, "../../etc/passwd", PLACE_RUN,
	    &seen, &err), 0);
	ck_assert_int_eq(spool_peek(&other, e.id, PLACE_HOLD, &seen, &err), 0);
	LAB_OK(entry_hold(&s, &e, &err));
	ck_assert_int_eq(spool_peek(&other, e.id, PLACE_HOLD, &seen, &err), 1);
	entry_release(&seen);
	entry_release(&e);
	spool_close(&other);
	buf_release(&header);
}
END_TEST

static bool
note_run(void *arg, const char *id, enum spool_place place, time_t due)
{
	(void)id;
	(void)due;
	ck_assert_int_eq(place, PLACE_RUN);
	strcpy(arg, s.seen_in);
	return true;
}

/* A scan says in which directory of run, and that is where one looks. */
START_TEST(peek_in_run)
{
	struct spool other;
	struct entry e, seen;
	char run[SPOOL_ID_MAX] = "";

	LAB_OK(lab_commit(&s, 1, PLACE_QUEUE, 5, false, NULL, &err));
	ck_assert_int_eq(spool_claim(&s, lab_scan(&s).id, PLACE_QUEUE, &e,
	    &err), 1);
	LAB_OK(entry_complete(&s, &e, &err));
	entry_release(&e);
	LAB_OK(spool_open(&other, lab_path, &err));
	LAB_OK(lab_commit(&other, 1, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(spool_scan(&s, note_run, run, &err));
	ck_assert_str_eq(run, "1");
	ck_assert_int_eq(spool_peek_run(&s, e.id, run, &seen, &err), 1);
	ck_assert(lab_equal(&e.env, &seen.env));
	entry_release(&seen);
	ck_assert_int_eq(spool_peek_run(&s, e.id, "0", &seen, &err), 0);
	ck_assert_int_eq(spool_peek_run(&s, e.id, "2", &seen, &err), 0);
	ck_assert_int_eq(spool_peek_run(&s, e.id, "../run/1", &seen, &err),
	    0);
	ck_assert_int_eq(spool_peek_run(&s, "../1/passwd", "1", &seen, &err),
	    0);
	/* in which, is not known */
	ck_assert_int_eq(spool_peek(&s, e.id, PLACE_RUN, &seen, &err), 1);
	entry_release(&seen);
	entry_release(&e);
	spool_close(&other);
}
END_TEST

static const struct {
	const char *message;
	size_t max;
	const char *want;
} headers[] = {
	{ "A: b\r\nC: d\r\n\r\nbody\r\n\r\n", 100, "A: b\r\nC: d\r\n" },
	{ "A: b\r\nC: d\r\n\r\nbody\r\n", 9, "A: b\r\n" },
	{ "A: b\r\nC: d\r\n\r\nbody\r\n", 12, "A: b\r\nC: d\r\n" },
	{ "A: b\r\nC: d\r\n\r\nbody\r\n", 0, "" },
	{ "\r\nbody\r\n", 100, "" },
	{ "A: b\r\n", 100, "A: b\r\n" },
	{ "", 100, "" },
	{ "A: \r\r\n\r\n", 100, "A: \r\r\n" },
};

START_TEST(header_of_message)
{
	struct envelope env = lab_envelope(1);
	struct buf out = { 0 };
	struct entry e;
	struct draft d;

	LAB_OK(spool_draft(&s, &d, &err));
	LAB_OK(draft_write(&d, headers[_i].message,
	    strlen(headers[_i].message), &err));
	LAB_OK(draft_commit(&d, &env, PLACE_RUN, 0, false, &e, &err));
	buf_adds(&out, "+");
	LAB_OK(entry_header(&s, &e, headers[_i].max, &out, &err));
	ck_assert_str_eq(buf_str(&out) + 1, headers[_i].want);
	entry_release(&e);
	buf_release(&out);
}
END_TEST

START_TEST(long_header)
{
	struct envelope env = lab_envelope(1);
	struct buf out = { 0 }, message = { 0 };
	struct entry e;
	struct draft d;
	size_t n;

	while (message.len < 200000)
		buf_adds(&message, "X-Long: line\r\n");
	n = message.len;
	buf_adds(&message, "\r\nbody");
	LAB_OK(spool_draft(&s, &d, &err));
	LAB_OK(draft_write(&d, message.data, message.len, &err));
	LAB_OK(draft_commit(&d, &env, PLACE_RUN, 0, false, &e, &err));
	LAB_OK(entry_header(&s, &e, 1 << 20, &out, &err));
	ck_assert_uint_eq(out.len, n);
	entry_release(&e);
	buf_release(&out);
	buf_release(&message);
}
END_TEST

START_TEST(reader_cannot_write)
{
	struct entry e;
	int fd;

	LAB_OK(lab_commit(&s, 1, PLACE_RUN, 0, false, &e, &err));
	fd = entry_reader(&s, &e, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	close(fd);
	entry_release(&e);
}
END_TEST

static const struct {
	time_t ahead;
	bool now;
} times[] = {
	{ -10 * 365 * 86400, false },
	{ 0, false },
	{ 29 * 86400, false },
	{ 31 * 86400, true },
	{ 10 * 365 * 86400, true },
};

/* A clock that jumped keeps nothing waiting for years. */
START_TEST(due_time)
{
	time_t now = clock_wall(), due = now + times[_i].ahead, got;

	LAB_OK(lab_commit(&s, 1, PLACE_QUEUE, due, false, NULL, &err));
	got = lab_scan(&s).due;
	if (times[_i].now)
		ck_assert(got >= now && got <= now + 10);
	else
		ck_assert_int_eq(got, due);
}
END_TEST

static const char *const foreign[] = { "README", ".hidden", "x",
	"1vBzH01kk9z00000.new", "1vBzH01kk9z00000~", "1vBaH01kk9z00000" };

START_TEST(foreign_names_are_left_alone)
{
	size_t i, dir;
	static const char *const dirs[] = { "queue", "run" };
	char path[256];
	struct lab_seen seen;

	for (dir = 0; dir < 2; dir++) {
		for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s/%s", lab_path,
			    dirs[dir], foreign[i]);
			close(open(path, O_CREAT | O_WRONLY, 0600));
		}
	}
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE] + seen.n[PLACE_RUN], 0);
	LAB_OK(spool_recover(&s, NULL, &err));
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		snprintf(path, sizeof(path), "%s/run/%s", lab_path,
		    foreign[i]);
		ck_assert_int_eq(access(path, F_OK), 0);
	}
}
END_TEST

static bool
stop_at_once(void *arg, const char *id, enum spool_place place, time_t due)
{
	(void)id;
	(void)place;
	(void)due;
	return ++*(int *)arg < 2;
}

START_TEST(scan_can_be_stopped)
{
	int i, n = 0;

	for (i = 0; i < 5; i++)
		LAB_OK(lab_commit(&s, 1, PLACE_QUEUE, 1, false, NULL, &err));
	LAB_OK(spool_scan(&s, stop_at_once, &n, &err));
	ck_assert_int_eq(n, 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool");
	TCase *tc = tcase_create("ids"), *verbs = tcase_create("verbs");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ids_are_unique_and_sort);
	tcase_add_loop_test(tc, id_is_valid, 0, CHECK_ROWS(ids));
	tcase_add_test(tc, closing_what_was_never_opened);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(verbs, setup, teardown);
	tcase_add_loop_test(verbs, open_place, 0, CHECK_ROWS(places));
	tcase_add_test(verbs, all_places_are_made);
	tcase_add_test(verbs, modes);
	tcase_add_test(verbs, modes_in_a_group);
	tcase_add_loop_test(verbs, message_of_any_size, 0, CHECK_ROWS(sizes));
	tcase_add_loop_test(verbs, commit_to_run_and_complete, 0, 2);
	tcase_add_test(verbs, commit_keeps_states);
	tcase_add_loop_test(verbs, abort_leaves_nothing, 0, 2);
	tcase_add_loop_test(verbs, record_defer_claim, 0, 2);
	tcase_add_test(verbs, hold_and_release);
	tcase_add_test(verbs, peek_wherever_it_is);
	tcase_add_test(verbs, peek_in_run);
	tcase_add_loop_test(verbs, header_of_message, 0, CHECK_ROWS(headers));
	tcase_add_test(verbs, long_header);
	tcase_add_test(verbs, reader_cannot_write);
	tcase_add_loop_test(verbs, due_time, 0, CHECK_ROWS(times));
	tcase_add_test(verbs, foreign_names_are_left_alone);
	tcase_add_test(verbs, scan_can_be_stopped);
	suite_add_tcase(suite, verbs);
	return check_run(suite);
}
