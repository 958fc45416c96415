/*
 * One pass over the queue: what it opens, what it attempts, what it leaves.
 */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/process.h"
#include "deliver/flush.h"
#include "deliver_lab.h"
#include "spool/sites.h"

#define HOUR 3600

static struct spool spool;
static struct delivery how;
static struct flush_options options;
static struct flush_result result;
static time_t now;

static void
setup(void)
{
	struct err err;

	lab_begin();
	LAB_OK(spool_open(&spool, lab_path, &err));
	how = lab_delivery();
	now = clock_wall();
}

static void
teardown(void)
{
	spool_close(&spool);
	lab_end();
}

static void
flush(void)
{
	struct err err;

	LAB_OK(flush_run(&spool, &how, &options, &result, &err));
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 0);
}

static void
queue(const char *to, time_t due, char *id)
{
	lab_queue(&spool, &(struct lab_mail){ .to = to }, due, id);
}

static bool
is_in(const char *id, const char *place)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", lab_path, place, id);
	return access(path, F_OK) == 0;
}

/* Its time in queue/, 0 when it is not there. */
static time_t
due_of(const char *id)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/queue/%s", lab_path, id);
	return stat(path, &st) == 0 ? st.st_mtime : 0;
}

static void
check_result(size_t attempted, size_t delivered, size_t deferred,
    size_t failed, size_t kept, size_t waiting)
{
	ck_assert_uint_eq(result.attempted, attempted);
	ck_assert_uint_eq(result.delivered, delivered);
	ck_assert_uint_eq(result.deferred, deferred);
	ck_assert_uint_eq(result.failed, failed);
	ck_assert_uint_eq(result.kept, kept);
	ck_assert_uint_eq(result.waiting, waiting);
}

/* Write over what stands at an offset of an entry, without changing its
 * time. A negative offset counts from the message's start. */
static void
spoil(const char *id, off_t at, const char *with)
{
	struct entry entry;
	struct stat st;
	struct err err;
	char path[256];
	int fd;

	ck_assert_int_eq(spool_peek(&spool, id, PLACE_QUEUE, &entry, &err), 1);
	if (at < 0)
		at = (off_t)entry.message_at - at;
	entry_release(&entry);
	snprintf(path, sizeof(path), "%s/queue/%s", lab_path, id);
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pwrite(fd, with, strlen(with), at),
	    (ssize_t)strlen(with));
	ck_assert_int_eq(futimens(fd, (struct timespec[]){ st.st_atim,
		st.st_mtim }), 0);
	close(fd);
}

START_TEST(empty)
{
	flush();
	check_result(0, 0, 0, 0, 0, 0);
	ck_assert_int_eq(result.next_due, 0);
}
END_TEST

/* One of everything, and what is said of it at the end. */
START_TEST(counts)
{
	char later[SPOOL_ID_MAX], waits[SPOOL_ID_MAX];

	queue("ok1 ok2", now - 1, NULL);
	queue("ok3 later1", now - 2, later);
	queue("ok4 no1", now - 3, NULL);
	queue("ok5", now + HOUR, waits);
	queue("ok6", now + 2 * HOUR, NULL);
	flush();
	/* the DSN about no1 is delivered in the same pass, and not counted */
	check_result(3, 4, 1, 1, 1, 2);
	ck_assert_int_eq(due_of(waits), now + HOUR);
	ck_assert_int_eq(result.next_due, due_of(later));
	ck_assert_int_ge(result.next_due, now + 240);
	ck_assert_int_le(result.next_due, clock_wall() + 360);
	ck_assert_uint_eq(lab_accepted("sender@" LAB_HERE), 1);
	ck_assert_uint_eq(lab_accepted("ok5@" LAB_HERE), 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 3);
}
END_TEST

START_TEST(nothing_due)
{
	queue("ok1", now + 3 * HOUR, NULL);
	queue("ok2", now + 2 * HOUR, NULL);
	flush();
	check_result(0, 0, 0, 0, 0, 2);
	ck_assert_int_eq(result.next_due, now + 2 * HOUR);
	ck_assert_uint_eq(lab.book->connections, 0);
}
END_TEST

/* Nobody opened it: it is damaged, and stands where it was. */
START_TEST(what_is_not_due_is_not_opened)
{
	char id[SPOOL_ID_MAX];

	queue("ok1", now + HOUR, id);
	spoil(id, 0, "nonsense");
	queue("ok2", now - 1, NULL);
	flush();
	check_result(1, 1, 0, 0, 0, 1);
	ck_assert_int_eq(due_of(id), now + HOUR);
}
END_TEST

/* The second pass takes up what the first one left, and that only. */
START_TEST(two_passes)
{
	struct timespec past[2] = { { .tv_sec = now - 1 },
		{ .tv_sec = now - 1 } };
	char id[SPOOL_ID_MAX], path[256];

	queue("ok1 later1 no1", now - 1, id);
	flush();
	check_result(1, 1, 1, 1, 1, 0);
	flush();
	check_result(0, 0, 0, 0, 0, 1);
	snprintf(path, sizeof(path), "%s/queue/%s", lab_path, id);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, past, 0), 0);
	flush();
	check_result(1, 0, 1, 0, 1, 0);
	/* twice as long as the first time */
	ck_assert_int_ge(due_of(id), now + 480);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 1);
	ck_assert_uint_eq(lab_accepted("sender@" LAB_HERE), 1);
}
END_TEST

/* A process that has committed one, written half of another, and died. */
static void
die(void)
{
	struct spool other;
	struct draft draft;
	struct err err;
	struct item *item;

	LAB_MUST(spool_open(&other, lab_path, &err) == 0);
	item = lab_item(&other, &(struct lab_mail){ .to = "ok1 ok2" });
	LAB_MUST(entry_record(&other, &item->entry, 0, &(struct outcome){
		.kind = OUTCOME_DELIVERED }, clock_wall(), &err) == 0);
	LAB_MUST(spool_draft(&other, &draft, &err) == 0);
	LAB_MUST(draft_write(&draft, "Subject: x\r\n", 12, &err) == 0);
	_exit(0);
}

START_TEST(recovers)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		die();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 1);
	flush();
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 0);
	ck_assert_uint_eq(lab_accepted("ok2@" LAB_HERE), 1);
}
END_TEST

/* What a living process has is left to it. */
START_TEST(leaves_the_living_alone)
{
	struct spool other;
	struct item *item;
	struct err err;

	LAB_OK(spool_open(&other, lab_path, &err));
	item = lab_item(&other, &(struct lab_mail){ .to = "ok1" });
	queue("ok2", now - 1, NULL);
	LAB_OK(flush_run(&spool, &how, &options, &result, &err));
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 1);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 0);
	LAB_OK(entry_complete(&other, &item->entry, &err));
	item_free(item);
	spool_close(&other);
}
END_TEST

static const struct {
	const char *name;
	off_t at;
	const char *with;
} damages[] = {
	{ "its first line", 0, "not ours" },
	{ "its envelope", 40, "\377\377" },
	{ "its message", -1, "S" },
	{ "the end of its message", 3 - (off_t)sizeof(LAB_MESSAGE), "x" },
};

START_TEST(damaged)
{
	char id[SPOOL_ID_MAX];

	queue("ok1", now - 3, NULL);
	queue("ok2", now - 2, id);
	queue("ok3", now - 1, NULL);
	spoil(id, damages[_i].at, damages[_i].with);
	flush();
	ck_assert_msg(is_in(id, "damaged"), "%s", damages[_i].name);
	ck_assert(!is_in(id, "queue"));
	check_result(2, 2, 0, 0, 0, 0);
	ck_assert_uint_eq(lab_accepted("ok2@" LAB_HERE), 0);
	/* and stays there */
	flush();
	check_result(0, 0, 0, 0, 0, 0);
}
END_TEST

static bool
is_to_ok2(void *arg, const struct entry *entry)
{
	++*(unsigned *)arg;
	return str_starts(entry->env.rcpts[0].path, "ok2");
}

/*
 * Whatever else stands in queue/ under the name of an entry, and would be the
 * first one to be sent: it is not sent, it is not lost, it stops nothing.
 * Each makes something of an entry's file.
 */
static void
make_directory(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
make_fifo(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
make_socket(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mknod(path, S_IFSOCK | 0600, 0), 0);
}

static void
make_link(const char *path)
{
	char elsewhere[300];

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", lab_dir);
	ck_assert_int_eq(rename(path, elsewhere), 0);
	ck_assert_int_eq(symlink(elsewhere, path), 0);
}

static void
make_dangling(const char *path)
{
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/nowhere", path), 0);
}

static void
make_second_name(const char *path)
{
	char elsewhere[300];

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", lab_dir);
	ck_assert_int_eq(link(path, elsewhere), 0);
}

static void
make_writable(const char *path)
{
	ck_assert_int_eq(chmod(path, 0666), 0);
}

static void
make_somebodys(const char *path)
{
	if (geteuid() == 0)
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
	else
		make_writable(path);
}

static void
make_empty(const char *path)
{
	ck_assert_int_eq(truncate(path, 0), 0);
}

/* A gigabyte of nothing. */
static void
make_vast(const char *path)
{
	make_empty(path);
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
}

/* An entry, and then a gigabyte of nothing. */
static void
make_long(const char *path)
{
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
}

static void
make_newer(const char *path)
{
	int fd = open(path, O_WRONLY);

	ck_assert_int_eq(pwrite(fd, "2", 1, 17), 1);
	close(fd);
}

static void
make_rubbish(const char *path)
{
	unsigned char rubbish[4096];
	int fd = open(path, O_WRONLY | O_TRUNC);

	process_random(rubbish, sizeof(rubbish));
	ck_assert_int_eq(write(fd, rubbish, sizeof(rubbish)),
	    (ssize_t)sizeof(rubbish));
	close(fd);
}

static const struct {
	const char *name;
	void	(*make)(const char *path);
} hostiles[] = {
	{ "a directory", make_directory },
	{ "a FIFO", make_fifo },
	{ "a socket", make_socket },
	{ "a link to an entry", make_link },
	{ "a link to nowhere", make_dangling },
	{ "a second name", make_second_name },
	{ "writable by all", make_writable },
	{ "somebody else's", make_somebodys },
	{ "empty", make_empty },
	{ "a gigabyte of zeros", make_vast },
	{ "an entry and a gigabyte of zeros", make_long },
	{ "of a newer version", make_newer },
	{ "rubbish", make_rubbish },
};

/* As cron calls it, everything at once, and for somebody else. */
START_TEST(hostile)
{
	char id[SPOOL_ID_MAX], path[256];
	unsigned asked = 0;
	size_t row = (size_t)_i / 3;

	options.now = _i % 3 == 1;
	if (_i % 3 == 2) {
		options.wanted = is_to_ok2;
		options.arg = &asked;
	}
	queue("ok2", now - 3, id);
	snprintf(path, sizeof(path), "%s/queue/%s", lab_path, id);
	hostiles[row].make(path);
	utimensat(AT_FDCWD, path, (struct timespec[]){ { .tv_sec = now - 3 },
	    { .tv_sec = now - 3 } }, AT_SYMLINK_NOFOLLOW);
	queue("ok2", now - 2, NULL);
	queue("ok2", now - 1, NULL);
	flush();
	ck_assert_msg(result.delivered == 2 && result.damaged == 1,
	    "%s: %zu delivered, %zu damaged", hostiles[row].name,
	    result.delivered, result.damaged);
	ck_assert_uint_eq(lab_accepted("ok2@" LAB_HERE), 2);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_DAMAGED], 1);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 0);
	flush();
	check_result(0, 0, 0, 0, 0, 0);
}
END_TEST

/* Cut anywhere: as a crash, or a full disk elsewhere, may leave a copy. */
START_TEST(truncated)
{
	char ids[64][SPOOL_ID_MAX], path[2048];
	struct stat st;
	unsigned n;

	for (n = 0; n < 64; n++) {
		queue("ok1", now - 100 + (time_t)n, ids[n]);
		snprintf(path, sizeof(path), "%s/queue/%s", lab_path, ids[n]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(truncate(path, st.st_size * n / 64), 0);
		ck_assert_int_eq(utimensat(AT_FDCWD, path,
		    (struct timespec[]){ st.st_atim, st.st_mtim }, 0), 0);
	}
	queue("ok2", now - 1, NULL);
	flush();
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_uint_eq(result.damaged, 64);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_DAMAGED], 64);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 0);
}
END_TEST

/* A spool of which not everything can be read: said, and gone on with. */
START_TEST(strange_hold)
{
	struct err err;
	int fd;

	ck_assert_int_eq(unlinkat(spool.fd, "hold", AT_REMOVEDIR), 0);
	fd = openat(spool.fd, "hold", O_WRONLY | O_CREAT, 0600);
	close(fd);
	queue("ok1", now - 1, NULL);
	ck_assert_int_eq(flush_run(&spool, &how, &options, &result, &err), -1);
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_ptr_nonnull(strstr(err.text, "hold"));
}
END_TEST

/* Nothing can be claimed: said once, and not tried with each. */
START_TEST(no_directory_is_free)
{
	char dir[256], command[600];
	struct err err;

	for (unsigned n = 0; n < 20; n++)
		queue("ok1", now - 1, NULL);
	/* there is none, and none can be made */
	spool_close(&spool);
	LAB_OK(spool_open(&spool, lab_path, &err));
	snprintf(dir, sizeof(dir), "%s/run", lab_path);
	snprintf(command, sizeof(command), "rmdir %s/* %s", dir, dir);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(flush_run(&spool, &how, &options, &result, &err), -1);
	ck_assert_int_eq(err.kind, ERR_TEMP);
	ck_assert_ptr_nonnull(strstr(err.text, "in run"));
	ck_assert_uint_eq(result.matched, 1);
	ck_assert_uint_eq(result.attempted, 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 20);
}
END_TEST

/* Names that no entry has are nobody's business. */
START_TEST(foreign_files)
{
	int fd = openat(spool.queue_fd, "README", O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(mkdirat(spool.queue_fd, "lost+found", 0700), 0);
	queue("ok1", now - 1, NULL);
	flush();
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert(is_in("README", "queue"));
}
END_TEST

START_TEST(all_now)
{
	options.now = true;
	queue("ok1", now - 1, NULL);
	queue("ok2", now + HOUR, NULL);
	queue("later1", now + HOUR, NULL);
	flush();
	check_result(3, 2, 1, 0, 1, 0);
}
END_TEST

static bool
is_it(void *arg, const char *id)
{
	return strcmp(id, arg) == 0;
}

static bool
is_wanted(void *arg, const struct entry *entry)
{
	return strcmp(entry->id, arg) == 0;
}

/* What cannot be meant is not even opened. */
START_TEST(selected_by_id)
{
	char id[SPOOL_ID_MAX], other[SPOOL_ID_MAX];

	queue("ok1", now - 5, other);
	spoil(other, 0, "nonsense");
	queue("ok2", now + HOUR, id);
	options.could = is_it;
	options.wanted = is_wanted;
	options.arg = id;
	flush();
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_uint_eq(result.damaged, 0);
	ck_assert(is_in(other, "queue"));
	/* named itself, it is set aside and counts as damaged */
	options.arg = other;
	flush();
	check_result(0, 0, 0, 0, 0, 0);
	ck_assert_uint_eq(result.matched, 0);
	ck_assert_uint_eq(result.damaged, 1);
	ck_assert(is_in(other, "damaged"));
}
END_TEST

/* A selector has those attempted that it names, due or not. */
START_TEST(selected)
{
	unsigned asked = 0;
	char due[SPOOL_ID_MAX], later[SPOOL_ID_MAX];

	options.wanted = is_to_ok2;
	options.arg = &asked;
	queue("ok1", now - 5, due);
	queue("ok2", now + HOUR, NULL);
	queue("ok3", now + HOUR, later);
	flush();
	check_result(1, 1, 0, 0, 0, 0);
	ck_assert_uint_eq(asked, 3);
	ck_assert_int_eq(due_of(due), now - 5);
	ck_assert_int_eq(due_of(later), now + HOUR);
}
END_TEST

static unsigned told;

static void
count_outcome(void *arg, struct item *item, size_t rcpt,
    const struct outcome *o)
{
	(void)item;
	(void)rcpt;
	(void)o;
	++*(unsigned *)arg;
}

START_TEST(outcomes_are_told)
{
	options.outcome = count_outcome;
	options.arg = &told;
	queue("ok1 later1 no1", now - 1, NULL);
	flush();
	ck_assert_uint_eq(told, 4);	/* with the DSN's */
}
END_TEST

static void
remember(const char *literal, time_t next_s)
{
	struct site_memory m = { .failures = 1, .first_s = now - 100,
		.next_s = next_s };
	struct err err;
	char key[64];

	snprintf(key, sizeof(key), "mx %s", literal);
	LAB_OK(sites_set(&spool, key, &m, &err));
}

/* A site that failed keeps its entries waiting, without a connection. */
START_TEST(site_that_failed)
{
	char id[SPOOL_ID_MAX];

	remember(LAB_HERE, now + HOUR);
	queue("ok1", now - 1, id);
	queue("ok2@" LAB_THERE, now - 1, NULL);
	flush();
	check_result(2, 1, 0, 0, 1, 0);
	ck_assert_int_eq(due_of(id), now + HOUR);
	ck_assert_int_eq(result.next_due, now + HOUR);
	ck_assert_uint_eq(lab.book->connections, 1);
}
END_TEST

START_TEST(site_that_failed_is_forced)
{
	how.force = true;
	options.now = true;
	remember(LAB_HERE, now + HOUR);
	queue("ok1", now + HOUR, NULL);
	flush();
	check_result(1, 1, 0, 0, 0, 0);
}
END_TEST

/* One attempt a pass at a site that is down, however many entries wait. */
START_TEST(site_that_fails_now)
{
	for (int i = 0; i < 250; i++)
		queue("u@" LAB_NOBODY, now - 1, NULL);
	how.connection_messages = 10;
	how.force = _i == 1;
	flush();
	ck_assert_uint_eq(result.attempted, 250);
	ck_assert_uint_eq(result.kept, 250);
	ck_assert_uint_eq(result.delivered, 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 250);
	ck_assert_int_ge(result.next_due, now + 240);
}
END_TEST

/* A full queue, given over as room comes free. */
START_TEST(many)
{
	char to[32];

	how.site_connections = 2;
	for (unsigned i = 0; i < 350; i++) {
		snprintf(to, sizeof(to), "ok%u", i);
		queue(to, now - 1, NULL);
	}
	flush();
	check_result(350, 350, 0, 0, 0, 0);
	ck_assert_uint_eq(lab.book->naccepted, 350);
	for (unsigned i = 0; i < 350; i++) {
		snprintf(to, sizeof(to), "ok%u@" LAB_HERE, i);
		ck_assert_uint_eq(lab_accepted(to), 1);
	}
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 0);
}
END_TEST

/* Somebody has requeued it: that counts for more than what is remembered. */
START_TEST(site_that_failed_requeued)
{
	char id[SPOOL_ID_MAX];
	struct entry entry;
	struct err err;

	remember(LAB_HERE, now + HOUR);
	queue("ok1", now + HOUR, id);
	ck_assert_int_eq(spool_claim(&spool, id, PLACE_QUEUE, &entry, &err),
	    1);
	LAB_OK(entry_record_deed(&spool, &entry, EVENT_REQUEUED, 0, now,
	    &err));
	LAB_OK(entry_defer(&spool, &entry, now - 1, true, &err));
	entry_release(&entry);
	queue("ok2", now - 1, NULL);
	flush();
	check_result(2, 1, 0, 0, 1, 0);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 1);
}
END_TEST

/* Ten minutes are no time to wait for an hour: tried all the same, and again
 * within a sixth of them. */
START_TEST(short_life)
{
	struct lab_mail mail = { .to = "ok1 later1", .life_s = 600 };
	char id[SPOOL_ID_MAX];

	remember(LAB_HERE, now + HOUR);
	lab_queue(&spool, &mail, now - 1, id);
	flush();
	check_result(1, 1, 1, 0, 1, 0);
	ck_assert_int_ge(due_of(id), now + 80);
	ck_assert_int_le(due_of(id), clock_wall() + 100);
}
END_TEST

/* And a site that is down keeps it for as short a while. */
START_TEST(short_life_site_down)
{
	struct lab_mail mail = { .to = "u@" LAB_NOBODY, .life_s = 600 };
	char id[SPOOL_ID_MAX], other[SPOOL_ID_MAX];

	lab_queue(&spool, &mail, now - 1, id);
	queue("u@" LAB_NOBODY, now - 1, other);
	flush();
	ck_assert_uint_eq(result.kept, 2);
	ck_assert_int_le(due_of(id), clock_wall() + 100);
	ck_assert_int_ge(due_of(other), now + 240);
}
END_TEST

/* What a clock that has jumped leaves behind keeps nothing waiting. */
static const struct {
	const char *name;
	time_t due, site_due;
	bool tried;
} jumps[] = {
	{ "none", -1, 0, true },
	{ "none, not due", HOUR, 0, false },
	{ "none, the site is not due", -1, HOUR, false },
	{ "the entry is due in two days", 48 * HOUR, 0, true },
	{ "in ten years", 87600 * HOUR, 0, true },
	{ "since ten years", -87600 * HOUR, 0, true },
	{ "the site is due in two days", -1, 48 * HOUR, true },
	{ "and both", 48 * HOUR, 87600 * HOUR, true },
};

START_TEST(clock_that_jumped)
{
	char id[SPOOL_ID_MAX];

	if (jumps[_i].site_due != 0)
		remember(LAB_HERE, now + jumps[_i].site_due);
	queue("ok1", now + jumps[_i].due, id);
	flush();
	ck_assert_msg(result.delivered == jumps[_i].tried, "%s",
	    jumps[_i].name);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], !jumps[_i].tried);
}
END_TEST

/* A site that has been down for longer than a message may wait. */
static const struct {
	const char *name, *to;
	unsigned failures;
	time_t since_s;
	int before;		/* attempts before this one */
	bool given_up;
} losts[] = {
	{ "since an hour", "u@" LAB_NOBODY, 20, HOUR, 1, false },
	{ "since a week", "u@" LAB_NOBODY, 40, 168 * HOUR, 1, true },
	{ "since a week, and this is new", "u@" LAB_NOBODY, 40, 168 * HOUR, 0,
		false },
	{ "twice in a week", "u@" LAB_NOBODY, 2, 168 * HOUR, 1, false },
	{ "in a week: a clock has jumped", "u@" LAB_NOBODY, 40, -168 * HOUR,
		1, false },
	{ "since a week, and is back", "later@" LAB_HERE, 40, 168 * HOUR, 1,
		false },
};

START_TEST(site_that_is_lost)
{
	const char *at = strchr(losts[_i].to, '@') + 1;
	const struct outcome late = { .kind = OUTCOME_DEFERRED };
	struct site_memory m = { .failures = losts[_i].failures,
		.first_s = now - losts[_i].since_s, .next_s = now - 1 };
	char key[64], id[SPOOL_ID_MAX];
	struct entry entry;
	struct err err;

	snprintf(key, sizeof(key), "mx %s", at);
	LAB_OK(sites_set(&spool, key, &m, &err));
	queue(losts[_i].to, now - 1, id);
	ck_assert_int_eq(spool_claim(&spool, id, PLACE_QUEUE, &entry, &err),
	    1);
	for (int i = 0; i < losts[_i].before; i++)
		LAB_OK(entry_record(&spool, &entry, 0, &late, now - 600,
		    &err));
	LAB_OK(entry_defer(&spool, &entry, now - 1, false, &err));
	entry_release(&entry);
	flush();
	ck_assert_msg(result.deferred == !losts[_i].given_up, "%s",
	    losts[_i].name);
	ck_assert_uint_eq(result.failed, losts[_i].given_up);
	ck_assert_msg(is_in(id, "queue") != losts[_i].given_up, "%s",
	    losts[_i].name);
	ck_assert_uint_eq(lab_accepted("sender@" LAB_HERE),
	    losts[_i].given_up);
	/* what began in the future begins now */
	sites_get(&spool, key, &m);
	ck_assert_int_le(m.first_s, clock_wall());
}
END_TEST

START_TEST(expired)
{
	struct lab_mail mail = { .to = "u@" LAB_NOBODY, .expired = true };

	remember(LAB_NOBODY, now + HOUR);
	lab_queue(&spool, &mail, now - 1, NULL);
	flush();
	/* tried once more, given up, and the sender has his DSN */
	check_result(1, 0, 0, 1, 0, 0);
	ck_assert_uint_eq(lab_accepted("sender@" LAB_HERE), 1);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 0);
}
END_TEST

/* Two flushes at the same time share the work and do not double it. */
START_TEST(two_at_once)
{
	char to[32];
	struct err err;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < 120; i++) {
		snprintf(to, sizeof(to), "ok%u", i);
		queue(to, now - 1, NULL);
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct spool other;

		LAB_MUST(spool_open(&other, lab_path, &err) == 0);
		LAB_MUST(flush_run(&other, &how, &options, &result,
		    &err) == 0);
		spool_close(&other);
		_exit(0);
	}
	LAB_OK(flush_run(&spool, &how, &options, &result, &err));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	for (unsigned i = 0; i < 120; i++) {
		snprintf(to, sizeof(to), "ok%u@" LAB_HERE, i);
		ck_assert_uint_eq(lab_accepted(to), 1);
	}
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 0);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("flush");
	TCase *tc = tcase_create("flush");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, counts);
	tcase_add_test(tc, nothing_due);
	tcase_add_test(tc, what_is_not_due_is_not_opened);
	tcase_add_test(tc, two_passes);
	tcase_add_test(tc, recovers);
	tcase_add_test(tc, leaves_the_living_alone);
	tcase_add_loop_test(tc, damaged, 0, CHECK_ROWS(damages));
	tcase_add_loop_test(tc, hostile, 0, 3 * CHECK_ROWS(hostiles));
	tcase_add_test(tc, truncated);
	tcase_add_test(tc, strange_hold);
	tcase_add_test(tc, no_directory_is_free);
	tcase_add_test(tc, foreign_files);
	tcase_add_test(tc, all_now);
	tcase_add_test(tc, selected);
	tcase_add_test(tc, selected_by_id);
	tcase_add_test(tc, outcomes_are_told);
	tcase_add_test(tc, site_that_failed);
	tcase_add_test(tc, site_that_failed_is_forced);
	tcase_add_loop_test(tc, site_that_fails_now, 0, 2);
	tcase_add_test(tc, site_that_failed_requeued);
	tcase_add_test(tc, short_life);
	tcase_add_test(tc, short_life_site_down);
	tcase_add_test(tc, many);
	tcase_add_loop_test(tc, clock_that_jumped, 0, CHECK_ROWS(jumps));
	tcase_add_loop_test(tc, site_that_is_lost, 0, CHECK_ROWS(losts));
	tcase_add_test(tc, expired);
	tcase_add_test(tc, two_at_once);
	return check_run(s);
}
