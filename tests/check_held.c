/* Entries of hold/ in hand, what somebody did with an entry, what is no entry. */
#include "config.h"

#include "spool_lab.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "spool/held.h"

#define LATER (time_t)(clock_wall() + 3600)

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

static const char *
path_of(const char *place, const char *id)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", lab_path, place, id);
	return path;
}

static bool
is_in(const char *place, const char *id)
{
	return access(path_of(place, id), F_OK) == 0;
}

/* One entry in queue/, due later. */
static void
queue(char *id)
{
	LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, LATER, true, NULL, &err));
	strcpy(id, lab_scan(&s).id);
}

/* One in hold/, as --hold puts it there. */
static void
hold(char *id)
{
	struct entry e;

	queue(id);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 1);
	LAB_OK(entry_record_deed(&s, &e, EVENT_HELD, 1000, 1700000500,
	    &err));
	LAB_OK(entry_hold(&s, &e, &err));
	entry_release(&e);
}

START_TEST(who_holds_it_is_known)
{
	char id[SPOOL_ID_MAX];
	struct entry e;

	hold(id);
	ck_assert_int_eq(spool_peek(&s, id, PLACE_HOLD, &e, &err), 1);
	ck_assert_int_eq(e.env.held_s, 1700000500);
	ck_assert_uint_eq(e.env.held_by, 1000);
	entry_release(&e);
}
END_TEST

START_TEST(release)
{
	char id[SPOOL_ID_MAX];
	struct entry e;
	struct lab_seen seen;

	hold(id);
	ck_assert_int_eq(held_open(&s, id, &e, &err), 1);
	LAB_OK(entry_record_deed(&s, &e, EVENT_RELEASED, 0, 1700000600,
	    &err));
	LAB_OK(held_release(&s, &e, &err));
	entry_release(&e);
	LAB_OK(spool_sync(&s, &err));
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE], 1);
	ck_assert_uint_eq(seen.n[PLACE_HOLD] + seen.n[PLACE_RUN], 0);
	ck_assert_str_eq(seen.id, id);
	ck_assert_int_le(seen.due, clock_wall());
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 1);
	ck_assert_int_eq(e.env.held_s, 0);
	ck_assert(lab_has_message(&s, &e));
	entry_release(&e);
}
END_TEST

START_TEST(remove_held)
{
	char id[SPOOL_ID_MAX];
	struct entry e;

	hold(id);
	ck_assert_int_eq(held_open(&s, id, &e, &err), 1);
	LAB_OK(held_remove(&s, &e, &err));
	LAB_OK(held_remove(&s, &e, &err));	/* and is no error then */
	entry_release(&e);
	LAB_OK(spool_sync(&s, &err));
	ck_assert(!is_in("hold", id));
	ck_assert_int_eq(held_open(&s, id, &e, &err), 0);
}
END_TEST

/* What was recorded in hold/ is in the entry that is claimed from there. */
START_TEST(claim_with_what_was_recorded)
{
	struct outcome no = lab_outcome(OUTCOME_FAILED);
	char id[SPOOL_ID_MAX];
	struct entry e;

	hold(id);
	ck_assert_int_eq(held_open(&s, id, &e, &err), 1);
	LAB_OK(entry_record(&s, &e, 0, &no, 1700000700, &err));
	ck_assert(is_in("hold", id));
	LAB_OK(held_claim(&s, &e, &err));
	ck_assert(!is_in("hold", id));
	LAB_OK(entry_record(&s, &e, 1, &no, 1700000700, &err));
	LAB_OK(entry_defer(&s, &e, LATER, true, &err));
	entry_release(&e);
	ck_assert_int_eq(spool_peek(&s, id, PLACE_QUEUE, &e, &err), 1);
	ck_assert_uint_eq(envelope_count(&e.env, OUTCOME_FAILED), 2);
	entry_release(&e);
}
END_TEST

/* A command that dies with it in hand leaves it held. */
START_TEST(death_leaves_it_held)
{
	char id[SPOOL_ID_MAX];
	struct entry e;
	int status;
	pid_t pid;

	hold(id);
	pid = fork();
	if (pid == 0) {
		struct spool other;
		struct outcome no = lab_outcome(OUTCOME_FAILED);

		LAB_MUST(spool_open(&other, lab_path, &err) == 0);
		LAB_MUST(held_open(&other, id, &e, &err) == 1);
		LAB_MUST(entry_record(&other, &e, 0, &no, 1, &err) == 0);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	LAB_OK(spool_recover(&s, NULL, &err));
	ck_assert(is_in("hold", id));
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
}
END_TEST

START_TEST(one_at_a_time)
{
	char id[SPOOL_ID_MAX];
	struct entry e, other;

	hold(id);
	ck_assert_int_eq(held_open(&s, id, &e, &err), 1);
	ck_assert_int_eq(held_open(&s, id, &other, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	entry_release(&other);
	ck_assert(is_in("hold", id));
	entry_release(&e);
	ck_assert_int_eq(held_open(&s, id, &other, &err), 1);
	entry_release(&other);
}
END_TEST

START_TEST(gone)
{
	char id[SPOOL_ID_MAX];
	struct entry e;

	ck_assert_int_eq(held_open(&s, "4jXf6N2cvZz3NHVT", &e, &err), 0);
	ck_assert_int_eq(held_open(&s, "../queue/x", &e, &err), 0);
	queue(id);
	ck_assert_int_eq(held_open(&s, id, &e, &err), 0);
}
END_TEST

/* What stands in hold/ and is none goes where the damaged are. */
START_TEST(damaged)
{
	char id[SPOOL_ID_MAX];
	struct entry e;
	int fd;

	hold(id);
	fd = open(path_of("hold", id), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	close(fd);
	ck_assert_int_eq(held_open(&s, id, &e, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DATA);
	entry_release(&e);
	ck_assert(!is_in("hold", id) && is_in("damaged", id));
	ck_assert_int_eq(spool_discard(&s, id, &err), 1);
	ck_assert(!is_in("damaged", id));
	ck_assert_int_eq(spool_discard(&s, id, &err), 0);
	ck_assert_int_eq(spool_discard(&s, "../queue", &err), 0);
}
END_TEST

/* A directory that was set aside goes when nothing is lost with it. */
START_TEST(damaged_directory)
{
	const char *id = "4jXf6N2cvZz3NHVT";
	char file[300];

	ck_assert_int_eq(mkdir(path_of("damaged", id), 0700), 0);
	snprintf(file, sizeof(file), "%s/letter", path_of("damaged", id));
	close(open(file, O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(spool_discard(&s, id, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DATA);
	ck_assert_ptr_nonnull(strstr(err.text, path_of("damaged", id)));
	ck_assert_int_eq(access(file, F_OK), 0);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(spool_discard(&s, id, &err), 1);
	ck_assert(!is_in("damaged", id));
	ck_assert_int_eq(spool_discard(&s, id, &err), 0);
}
END_TEST

/* So does all else that can be there. */
START_TEST(damaged_fifo)
{
	const char *id = "4jXf6N2cvZz3NHVT";

	ck_assert_int_eq(mkfifo(path_of("damaged", id), 0600), 0);
	ck_assert_int_eq(spool_discard(&s, id, &err), 1);
	ck_assert_int_eq(symlink("/nonexistent", path_of("damaged", id)), 0);
	ck_assert_int_eq(spool_discard(&s, id, &err), 1);
	ck_assert_int_eq(spool_discard(&s, id, &err), 0);
}
END_TEST

/* Where there is a copy of it in queue/, neither takes the other's place. */
START_TEST(release_beside_a_copy)
{
	char id[SPOOL_ID_MAX];
	struct entry e;

	hold(id);
	close(open(path_of("queue", id), O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(held_open(&s, id, &e, &err), 1);
	LAB_OK(held_release(&s, &e, &err));
	ck_assert_str_ne(e.id, id);
	ck_assert(is_in("queue", e.id) && is_in("queue", id));
	entry_release(&e);
}
END_TEST

START_TEST(unclaim_keeps_the_time)
{
	time_t due = LATER;
	struct entry e;
	struct lab_seen seen;

	LAB_OK(lab_commit(&s, 2, PLACE_QUEUE, due, true, NULL, &err));
	seen = lab_scan(&s);
	ck_assert_int_eq(spool_claim(&s, seen.id, PLACE_QUEUE, &e, &err), 1);
	LAB_OK(entry_unclaim(&s, &e, &err));
	entry_release(&e);
	seen = lab_scan(&s);
	ck_assert_uint_eq(seen.n[PLACE_QUEUE], 1);
	ck_assert_int_eq(seen.due, due);
}
END_TEST

struct story {
	struct buf text;
};

static void
tell(void *arg, const struct event *e)
{
	struct story *story = arg;

	buf_printf(&story->text, "%s %zu %ld %lu %s;", event_name(e->kind),
	    e->rcpt, (long)e->time_s, (unsigned long)e->uid,
	    e->outcome.host);
}

/* The history in order, while the entry waits, and while it is in hand. */
START_TEST(history)
{
	static const char want[] =
	    "deferred 1 1700000100 0 mx.example.net;"
	    "held 0 1700000200 1000 ;released 0 1700000300 0 ;"
	    "requeued 0 1700000400 4294967295 ;"
	    "failed 0 1700000500 0 mx.example.net;reported 0 0 0 ;"
	    "delivered 1 1700000600 0 mx.example.net;";
	struct outcome later = lab_outcome(OUTCOME_DEFERRED);
	struct outcome no = lab_outcome(OUTCOME_FAILED);
	struct outcome yes = lab_outcome(OUTCOME_DELIVERED);
	struct story story = { { 0 } };
	const size_t row = 0;
	struct entry e, peek;

	LAB_OK(lab_commit(&s, 2, PLACE_RUN, 0, true, &e, &err));
	LAB_OK(entry_record(&s, &e, 1, &later, 1700000100, &err));
	LAB_OK(entry_record_deed(&s, &e, EVENT_HELD, 1000, 1700000200, &err));
	LAB_OK(entry_record_deed(&s, &e, EVENT_RELEASED, 0, 1700000300,
	    &err));
	LAB_OK(entry_record_deed(&s, &e, EVENT_REQUEUED, UINT32_MAX,
	    1700000400, &err));
	LAB_OK(entry_record(&s, &e, 0, &no, 1700000500, &err));
	LAB_OK(entry_record_reported(&s, &e, &row, 1, &err));
	LAB_OK(entry_record(&s, &e, 1, &yes, 1700000600, &err));
	LAB_OK(entry_history(&s, &e, tell, &story, &err));
	ck_assert_str_eq(buf_str(&story.text), want);
	buf_clear(&story.text);
	ck_assert_int_eq(spool_peek(&s, e.id, PLACE_RUN, &peek, &err), 1);
	LAB_OK(entry_history(&s, &peek, tell, &story, &err));
	ck_assert_str_eq(buf_str(&story.text), want);
	entry_release(&peek);
	entry_release(&e);
	buf_release(&story.text);
}
END_TEST

/* Requeued: what was tried is forgotten, and the next attempt is forced. */
START_TEST(requeued)
{
	struct outcome later = lab_outcome(OUTCOME_DEFERRED);
	char id[SPOOL_ID_MAX];
	struct entry e;

	queue(id);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), 1);
	for (int i = 0; i < 3; i++)
		LAB_OK(entry_record(&s, &e, 0, &later, 1700000100, &err));
	LAB_OK(entry_record_deed(&s, &e, EVENT_REQUEUED, 0, 1700000200,
	    &err));
	LAB_OK(entry_record(&s, &e, 1, &later, 1700000300, &err));
	LAB_OK(entry_unclaim(&s, &e, &err));
	entry_release(&e);
	ck_assert_int_eq(spool_peek(&s, id, PLACE_QUEUE, &e, &err), 1);
	ck_assert_uint_eq(e.env.rcpts[0].attempts, 0);
	ck_assert_uint_eq(e.env.rcpts[0].state, OUTCOME_DEFERRED);
	ck_assert(e.env.rcpts[0].forced);
	ck_assert_uint_eq(e.env.rcpts[1].attempts, 1);
	ck_assert(!e.env.rcpts[1].forced);
	entry_release(&e);
}
END_TEST

static void
note_stranger(void *arg, enum spool_place place, const char *name)
{
	struct buf *text = arg;

	buf_printf(text, "%s%s ", place == PLACE_HOLD ? "hold/" : "", name);
}

START_TEST(strangers)
{
	char id[SPOOL_ID_MAX];
	struct buf text = { 0 };

	LAB_OK(spool_strangers(&s, note_stranger, &text, &err));
	ck_assert_uint_eq(text.len, 0);
	hold(id);
	queue(id);
	close(open(path_of("queue", "README"), O_WRONLY | O_CREAT, 0600));
	close(open(path_of("queue", ".hidden"), O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(mkdir(path_of("hold", "old"), 0700), 0);
	LAB_OK(spool_strangers(&s, note_stranger, &text, &err));
	ck_assert_str_eq(buf_str(&text), "README hold/old ");
	buf_release(&text);
}
END_TEST

/* Told by a scan, for a flush to set it aside: all that has an entry's name. */
static const struct {
	const char *name;
	mode_t mode;
} things[] = {
	{ "a directory", S_IFDIR | 0700 },
	{ "a FIFO", S_IFIFO | 0600 },
	{ "a socket", S_IFSOCK | 0600 },
	{ "a link", S_IFLNK },
};

START_TEST(what_is_no_file)
{
	const char *id = "4jXf6N2cvZz3NHVT", *path = path_of("queue", id);
	struct entry e;

	if (S_ISLNK(things[_i].mode))
		ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	else if (S_ISDIR(things[_i].mode))
		ck_assert_int_eq(mkdir(path, 0700), 0);
	else
		ck_assert_int_eq(mknod(path, things[_i].mode, 0), 0);
	ck_assert_msg(lab_scan(&s).n[PLACE_QUEUE] == 1, "%s",
	    things[_i].name);
	ck_assert_int_eq(spool_claim(&s, id, PLACE_QUEUE, &e, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DATA);
	entry_release(&e);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_QUEUE], 0);
	ck_assert_uint_eq(lab_scan(&s).n[PLACE_DAMAGED], 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("held");
	TCase *tc = tcase_create("held");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, who_holds_it_is_known);
	tcase_add_test(tc, release);
	tcase_add_test(tc, remove_held);
	tcase_add_test(tc, claim_with_what_was_recorded);
	tcase_add_test(tc, death_leaves_it_held);
	tcase_add_test(tc, one_at_a_time);
	tcase_add_test(tc, gone);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, damaged_directory);
	tcase_add_test(tc, damaged_fifo);
	tcase_add_test(tc, release_beside_a_copy);
	tcase_add_test(tc, unclaim_keeps_the_time);
	tcase_add_test(tc, history);
	tcase_add_test(tc, requeued);
	tcase_add_test(tc, strangers);
	tcase_add_loop_test(tc, what_is_no_file, 0, CHECK_ROWS(things));
	suite_add_tcase(suite, tc);
	return check_run(suite);
}
