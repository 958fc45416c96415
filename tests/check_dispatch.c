/*
 * The whole dispatcher: a spool, workers, and a server that does what the
 * recipients' names say (deliver_lab.h). Whatever happens, each recipient is
 * told to the owner exactly once a pass, and the journal on disk says what
 * the owner was told.
 */
#include "config.h"

#include "check.h"

#include <string.h>

#include "deliver/dispatch.h"
/* to look at its workers, and kill them */
#include "deliver/dispatch_impl.h"
#include "deliver_lab.h"
#include "spool/sites.h"

#define TOLD_MAX 512

static struct spool spool;
static struct delivery how;
static struct dispatch *d;

/* What the owner was told. */
static struct told {
	char	 path[64];
	char	 id[SPOOL_ID_MAX];
	struct outcome outcome;
} told[TOLD_MAX];
static size_t ntold, nsettled;
static time_t last_due;

/* Adds items while the run goes on, or not. */
static void (*when_settled)(void);
static bool (*when_room)(void);

static void
on_outcome(void *arg, struct item *item, size_t rcpt, const struct outcome *o)
{
	struct told *t = &told[ntold++];

	(void)arg;
	ck_assert_uint_le(ntold, TOLD_MAX);
	str_copy(t->path, sizeof(t->path), item->entry.env.rcpts[rcpt].path);
	str_copy(t->id, sizeof(t->id), item->entry.id);
	t->outcome = *o;
	ck_assert(outcome_valid(o));
	ck_assert_uint_ne(o->kind, OUTCOME_NONE);
}

/*
 * Is the journal on disk as the envelope in memory? A last delivery, after
 * which the entry is removed, need not be in it.
 */
static void
compare_with_disk(const struct item *item)
{
	const struct envelope *env = &item->entry.env;
	struct entry disk = { .fd = -1 };
	struct err err;
	size_t missing = 0;

	ck_assert_int_eq(spool_peek(&spool, item->entry.id, PLACE_RUN, &disk,
	    &err), 1);
	ck_assert_uint_eq(disk.env.nrcpt, env->nrcpt);
	for (size_t i = 0; i < env->nrcpt; i++) {
		const struct rcpt *a = &env->rcpts[i], *b = &disk.env.rcpts[i];

		if (a->state != b->state) {
			ck_assert_uint_eq(a->state, OUTCOME_DELIVERED);
			missing++;
			continue;
		}
		ck_assert_uint_eq(a->attempts, b->attempts);
		/* nobody asks how it was delivered */
		if (a->state == OUTCOME_DELIVERED)
			continue;
		ck_assert(lab_same(a->status, b->status));
		ck_assert(lab_same(a->text, b->text));
		ck_assert(lab_same(a->host, b->host));
	}
	if (missing > 0) {
		ck_assert_uint_eq(missing, 1);
		ck_assert_uint_eq(envelope_count(env, OUTCOME_DELIVERED),
		    env->nrcpt);
	}
	entry_release(&disk);
}

static void
on_settled(void *arg, struct item *item)
{
	struct err err;

	(void)arg;
	nsettled++;
	last_due = item->due;
	ck_assert_uint_eq(item->pending, 0);
	ck_assert_int_eq(item->reader, -1);
	compare_with_disk(item);
	LAB_OK(entry_complete(&spool, &item->entry, &err));
	item_free(item);
	if (when_settled != NULL)
		when_settled();
}

static bool
on_room(void *arg)
{
	(void)arg;
	return when_room != NULL && when_room();
}

static const struct dispatch_owner owner = { .outcome = on_outcome,
	.settled = on_settled, .more = on_room };

static void
setup(void)
{
	struct err err;

	lab_begin();
	LAB_OK(spool_open(&spool, lab_path, &err));
	how = lab_delivery();
	d = dispatch_new(&spool, &how, &owner);
}

static void
forget(void *arg, struct item *item)
{
	(void)arg;
	item_free(item);
}

static void
teardown(void)
{
	dispatch_each(d, forget, NULL);
	dispatch_free(d);
	spool_close(&spool);
	lab_end();
}

static void
add(const char *to)
{
	dispatch_add(d, lab_item(&spool, &(struct lab_mail){ .to = to }));
}

static void
run(void)
{
	ck_assert(dispatch_run(d, 0));
	ck_assert_uint_eq(dispatch_unsettled(d), 0);
}

/* The one thing that was told of a path. */
static const struct outcome *
outcome_of(const char *local)
{
	const struct told *found = NULL;
	char path[64];

	snprintf(path, sizeof(path), strchr(local, '@') != NULL ? "%s" :
	    "%s@" LAB_HERE, local);
	for (size_t i = 0; i < ntold; i++)
		if (strcmp(told[i].path, path) == 0) {
			ck_assert_msg(found == NULL, "%s was told twice",
			    path);
			found = &told[i];
		}
	ck_assert_msg(found != NULL, "%s was not told", path);
	return &found->outcome;
}

/* 'd', 't' (deferred), '?' (deferred, in doubt), 'f'. */
static char
letter(const struct outcome *o)
{
	return o->kind == OUTCOME_DELIVERED ? 'd' :
	    o->kind == OUTCOME_FAILED ? 'f' : o->in_doubt ? '?' : 't';
}

static const struct {
	const char *name, *to, *want;
	unsigned connections, messages;
} stories[] = {
	{ "delivered", "ok", "d", 1, 1 },
	{ "refused", "no", "f", 1, 0 },
	{ "deferred", "later", "t", 1, 0 },
	{ "greylisted", "grey", "t", 1, 0 },
	{ "mixed", "ok1 no1 later1 ok2 no2 grey1", "dftdft", 1, 1 },
	{ "nobody", "no later", "ft", 1, 0 },
	{ "refused after the dot", "ok refuse no later", "ffft", 1, 1 },
	{ "the server dies after the dot", "hangup", "?", 1, 1 },
	{ "it dies, and had refused some", "ok no hangup later", "?f?t", 1,
		1 },
	{ "connection refused", "u@" LAB_NOBODY, "t", 0, 0 },
	{ "a refused connection is nobody else's",
		"ok u@" LAB_NOBODY " ok@" LAB_THERE, "dtd", 2, 2 },
	{ "a server that dies is nobody else's", "hangup ok@" LAB_THERE
		" no u@" LAB_NOBODY, "?dft", 2, 2 },
	{ "not an address", "u@[300.1.2.3] u@[junk] ok", "ffd", 1, 1 },
	{ "no address at all to talk to", "u@[300.1.2.3]", "f", 0, 0 },
};

START_TEST(story)
{
	char to[256], *save, *word;
	size_t n = 0;

	add(stories[_i].to);
	run();
	str_copy(to, sizeof(to), stories[_i].to);
	for (word = strtok_r(to, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save), n++) {
		const struct outcome *o = outcome_of(word);
		char path[64];

		ck_assert_msg(letter(o) == stories[_i].want[n],
		    "%s: %s: %c, %s", stories[_i].name, word, letter(o),
		    o->text);
		snprintf(path, sizeof(path), strchr(word, '@') != NULL ?
		    "%s" : "%s@" LAB_HERE, word);
		ck_assert_uint_eq(lab_accepted(path),
		    o->kind == OUTCOME_DELIVERED);
	}
	ck_assert_uint_eq(ntold, n);
	ck_assert_uint_eq(nsettled, 1);
	ck_assert_msg(lab.book->connections == stories[_i].connections &&
	    lab.book->messages == stories[_i].messages,
	    "%s: %u connections, %u messages", stories[_i].name,
	    lab.book->connections, lab.book->messages);
	ck_assert(strpbrk(stories[_i].want, "t?") != NULL ?
	    last_due > clock_wall() : last_due == 0);
}
END_TEST

/* What an outcome says of itself. */
START_TEST(words)
{
	const struct outcome *o;

	add("ok no u@" LAB_NOBODY);
	run();
	o = outcome_of("ok");
	ck_assert_int_eq(o->code, 250);
	ck_assert_str_eq(o->status, "2.0.0");
	ck_assert_str_eq(o->text, "250 2.0.0 taken");
	ck_assert_str_eq(o->host, LAB_HERE);
	ck_assert_str_eq(o->address, "127.0.0.1");
	ck_assert_uint_eq(o->port, lab.port);
	ck_assert_str_eq(o->tls, "");
	ck_assert(o->relayed_no_dsn);
	o = outcome_of("no");
	ck_assert_int_eq(o->code, 550);
	ck_assert_str_eq(o->status, "5.1.1");
	ck_assert_uint_eq(o->stage, STAGE_RCPT);
	o = outcome_of("u@" LAB_NOBODY);
	ck_assert_int_eq(o->code, 0);
	ck_assert_str_eq(o->status, "4.4.1");
	ck_assert_uint_eq(o->stage, STAGE_CONNECT);
	ck_assert(o->whole_site);
}
END_TEST

static const struct {
	const char *to;
	time_t from, till;
} dues[] = {
	{ "later", 240, 360 },
	{ "grey", 360, 432 },
	{ "grey later", 240, 360 },	/* the earlier of the two */
	{ "hangup", 240, 360 },
	{ "u@" LAB_NOBODY, 240, 360 },
};

START_TEST(due)
{
	time_t now = clock_wall();

	add(dues[_i].to);
	run();
	ck_assert_int_ge(last_due, now + dues[_i].from);
	ck_assert_int_le(last_due, clock_wall() + dues[_i].till);
}
END_TEST

START_TEST(nothing_to_do)
{
	run();
	ck_assert_uint_eq(nsettled, 0);
}
END_TEST

/* Rows that are decided already are not attempted again, and not told. */
START_TEST(decided_before)
{
	struct item *item = lab_item(&spool, &(struct lab_mail){
		.to = "ok1 no1 ok2 later1" });
	struct outcome o = { .kind = OUTCOME_DELIVERED };
	struct err err;

	LAB_OK(entry_record(&spool, &item->entry, 0, &o, clock_wall(), &err));
	o.kind = OUTCOME_FAILED;
	LAB_OK(entry_record(&spool, &item->entry, 1, &o, clock_wall(), &err));
	o.kind = OUTCOME_DEFERRED;
	LAB_OK(entry_record(&spool, &item->entry, 3, &o, clock_wall(), &err));
	dispatch_add(d, item);
	run();
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(outcome_of("ok2")->kind, OUTCOME_DELIVERED);
	ck_assert_uint_eq(outcome_of("later1")->kind, OUTCOME_DEFERRED);
	ck_assert_uint_eq(lab_accepted("ok1@" LAB_HERE), 0);
}
END_TEST

START_TEST(all_decided_before)
{
	struct item *item = lab_item(&spool, &(struct lab_mail){
		.to = "ok" });
	struct outcome o = { .kind = OUTCOME_FAILED };
	struct err err;

	LAB_OK(entry_record(&spool, &item->entry, 0, &o, clock_wall(), &err));
	dispatch_add(d, item);
	ck_assert_uint_eq(dispatch_unsettled(d), 1);
	run();
	ck_assert_uint_eq(nsettled, 1);
	ck_assert_uint_eq(ntold, 0);
	ck_assert_uint_eq(lab.book->connections, 0);
}
END_TEST

static void
add_many(unsigned n)
{
	char to[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(to, sizeof(to), "ok%u", i);
		add(to);
	}
}

/* ok0 to ok<n-1> were each accepted once, and told once. */
static void
all_delivered(unsigned n)
{
	char path[64];

	ck_assert_uint_eq(ntold, n);
	ck_assert_uint_eq(nsettled, n);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "ok%u@" LAB_HERE, i);
		ck_assert_uint_eq(outcome_of(path)->kind, OUTCOME_DELIVERED);
		ck_assert_uint_eq(lab_accepted(path), 1);
	}
	ck_assert_uint_eq(lab.book->naccepted, n);
}

static const struct {
	const char *name;
	unsigned messages, each, connections;
} batches[] = {
	{ "two over one", 2, 100, 1 },
	{ "as many as may be", 5, 5, 1 },
	{ "one more", 6, 5, 2 },
	{ "one each", 4, 1, 4 },
	{ "many", 60, 25, 3 },
};

START_TEST(batch)
{
	how.connection_messages = batches[_i].each;
	add_many(batches[_i].messages);
	run();
	all_delivered(batches[_i].messages);
	ck_assert_msg(lab.book->connections == batches[_i].connections &&
	    lab.book->messages == batches[_i].messages &&
	    lab.book->most_messages <= batches[_i].each,
	    "%s: %u connections, %u messages", batches[_i].name,
	    lab.book->connections, lab.book->messages);
}
END_TEST

/* Several workers at one site share the work and do not double it. */
START_TEST(several_connections)
{
	how.site_connections = 3;
	how.connection_messages = 10;
	add_many(100);
	run();
	all_delivered(100);
	ck_assert_uint_eq(lab.book->connections, 10);
}
END_TEST

/* Further entries do not stop for want of descriptors. */
START_TEST(more_than_stay_open)
{
	add_many(150);
	run();
	all_delivered(150);
}
END_TEST

START_TEST(many_recipients)
{
	char to[8192] = "", path[64];

	how.transaction_recipients = 20;
	for (unsigned i = 0; i < 90; i++)
		snprintf(to + strlen(to), sizeof(to) - strlen(to), "%s%u ",
		    i % 9 == 4 ? "no" : "ok", i);
	add(to);
	run();
	ck_assert_uint_eq(ntold, 90);
	for (unsigned i = 0; i < 90; i++) {
		snprintf(path, sizeof(path), "%s%u@" LAB_HERE,
		    i % 9 == 4 ? "no" : "ok", i);
		ck_assert_uint_eq(outcome_of(path)->kind, i % 9 == 4 ?
		    OUTCOME_FAILED : OUTCOME_DELIVERED);
		ck_assert_uint_eq(lab_accepted(path), i % 9 != 4);
	}
	ck_assert_uint_eq(lab.book->connections, 1);
}
END_TEST

/* With one worker at a time, sites wait for each other and all are served. */
START_TEST(one_job)
{
	how.jobs = 1;
	add("ok1 ok2@" LAB_THERE " u@" LAB_NOBODY);
	add("ok3 ok4@" LAB_THERE " no");
	run();
	ck_assert_uint_eq(ntold, 6);
	ck_assert_uint_eq(lab.book->naccepted, 4);
	ck_assert_uint_eq(lab.book->connections, 2);
}
END_TEST

/* Ended workers do not stay behind as zombies, however many there were. */
START_TEST(workers_are_reaped)
{
	how.jobs = 2;
	how.connection_messages = 1;
	add_many(40);
	run();
	all_delivered(40);
	ck_assert_uint_eq(lab.book->connections, 40);
	dispatch_free(d);
	d = dispatch_new(&spool, &how, &owner);
	lab_server_end();
	ck_assert_uint_le(lab_children(), how.jobs);
	lab_server_start();
}
END_TEST

/* Beyond the deadline it returns; a second run goes on where it was. */
START_TEST(deadline)
{
	add("wait");
	add("no@" LAB_THERE " u@" LAB_NOBODY);
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	while (dispatch_unsettled(d) > 1)
		ck_assert(!dispatch_run(d, clock_ms() + 10));
	ck_assert(!dispatch_run(d, clock_ms() + 10));
	ck_assert_uint_eq(d->nworker, 1);
	lab_go();
	run();
	ck_assert_uint_eq(ntold, 3);
	ck_assert_uint_eq(outcome_of("wait")->kind, OUTCOME_DELIVERED);
	ck_assert_uint_eq(lab_accepted("wait@" LAB_HERE), 1);
	ck_assert_uint_eq(lab.book->connections, 2);
}
END_TEST

/* A forked copy of the process goes on with what was begun. */
START_TEST(goes_on_in_a_copy)
{
	int status;
	pid_t pid;

	add("wait");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		LAB_MUST(dispatch_run(d, 0));
		LAB_MUST(ntold == 1 && nsettled == 1);
		LAB_MUST(told[0].outcome.kind == OUTCOME_DELIVERED);
		_exit(0);
	}
	lab_go();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(lab_accepted("wait@" LAB_HERE), 1);
}
END_TEST

/* A signal has come: what is begun is left, nothing is told. */
START_TEST(stop)
{
	volatile sig_atomic_t flag = 1;

	how.stop = &flag;
	add("wait");
	ck_assert(!dispatch_run(d, 0));
	ck_assert_uint_eq(dispatch_unsettled(d), 1);
	ck_assert_uint_eq(ntold, 0);
	flag = 0;
	lab_go();
	run();
	ck_assert_uint_eq(outcome_of("wait")->kind, OUTCOME_DELIVERED);
}
END_TEST

/* Doubt defers. */
START_TEST(worker_killed)
{
	add("ok1 wait ok2");
	add("ok3@" LAB_THERE);
	add("later1");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	while (dispatch_unsettled(d) > 2)
		ck_assert(!dispatch_run(d, clock_ms() + 10));
	ck_assert_uint_eq(d->nworker, 1);
	kill(d->workers[0].pid, SIGKILL);
	run();
	ck_assert_uint_eq(ntold, 5);
	ck_assert_uint_eq(nsettled, 3);
	ck_assert_int_eq(letter(outcome_of("ok1")), '?');
	ck_assert_int_eq(letter(outcome_of("ok2")), '?');
	ck_assert_int_eq(letter(outcome_of("wait")), '?');
	ck_assert_int_eq(letter(outcome_of("later1")), '?');
	ck_assert_int_eq(letter(outcome_of("ok3@" LAB_THERE)), 'd');
	ck_assert_str_eq(outcome_of("ok1")->status, "4.3.0");
	ck_assert_uint_eq(lab.book->naccepted, 1);
	ck_assert_int_ge(last_due, clock_wall() + 200);
}
END_TEST

/* One that was killed after its first message: that one stays delivered. */
START_TEST(worker_killed_half_way)
{
	add("ok1");
	add("wait");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	while (dispatch_unsettled(d) > 1)
		ck_assert(!dispatch_run(d, clock_ms() + 10));
	kill(d->workers[0].pid, SIGKILL);
	run();
	ck_assert_int_eq(letter(outcome_of("ok1")), 'd');
	ck_assert_int_eq(letter(outcome_of("wait")), '?');
	ck_assert_uint_eq(ntold, 2);
}
END_TEST

/* It hangs beyond its ceiling, and is killed. */
START_TEST(worker_takes_too_long)
{
	pid_t pid;

	add("wait");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	pid = d->workers[0].pid;
	d->workers[0].deadline = clock_ms() - 1;
	run();
	ck_assert_int_eq(letter(outcome_of("wait")), '?');
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
}
END_TEST

/* When the dispatcher goes, its workers do not stay. */
START_TEST(freed_while_at_work)
{
	pid_t pid;

	add("wait");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	pid = d->workers[0].pid;
	dispatch_each(d, forget, NULL);
	dispatch_free(d);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), -1);
	ck_assert_uint_eq(ntold, 0);
	d = dispatch_new(&spool, &how, &owner);
}
END_TEST

static const char *next;

static void
add_next(void)
{
	const char *to = next;

	next = NULL;
	if (to != NULL)
		add(to);
}

/* An item more, as settle.h adds a DSN. */
START_TEST(added_when_settled)
{
	next = "ok2 no@" LAB_THERE;
	when_settled = add_next;
	add("ok1");
	run();
	ck_assert_uint_eq(ntold, 3);
	ck_assert_uint_eq(nsettled, 2);
	ck_assert_uint_eq(lab.book->naccepted, 2);
}
END_TEST

static unsigned brought;

static bool
bring(void)
{
	char to[32];

	for (int i = 0; i < 7 && brought < 50; i++) {
		snprintf(to, sizeof(to), "ok%u", brought++);
		add(to);
	}
	return brought < 50;
}

START_TEST(brought_while_there_is_room)
{
	when_room = bring;
	run();
	all_delivered(50);
}
END_TEST

static struct site_memory
memory_of(const char *literal)
{
	struct site_memory m;
	char key[64];

	snprintf(key, sizeof(key), "mx %s", literal);
	sites_get(&spool, key, &m);
	return m;
}

static void
set_memory(const char *literal, unsigned failures, time_t next_s)
{
	struct site_memory m = { .failures = failures,
		.first_s = clock_wall() - 1000, .next_s = next_s };
	struct err err;
	char key[64];

	snprintf(key, sizeof(key), "mx %s", literal);
	LAB_OK(sites_set(&spool, key, &m, &err));
}

START_TEST(a_site_that_failed_is_remembered)
{
	struct site_memory m;

	add("ok u@" LAB_NOBODY);
	run();
	m = memory_of(LAB_NOBODY);
	ck_assert_uint_eq(m.failures, 1);
	ck_assert_int_ge(m.next_s, clock_wall() + 200);
	ck_assert_int_ge(m.first_s, clock_wall() - 100);
	ck_assert_ptr_nonnull(strstr(m.reason, "refused"));
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 0);
}
END_TEST

/* One recipient's deferral is not the site's. */
START_TEST(a_recipient_is_no_site)
{
	add("later");
	add("hangup");
	run();
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 0);
}
END_TEST

START_TEST(a_site_that_failed_is_spared)
{
	time_t at = clock_wall() + 1000;

	set_memory(LAB_HERE, 2, at);
	add("ok1 ok2@" LAB_THERE);
	run();
	ck_assert_uint_eq(lab.book->connections, 1);
	ck_assert_uint_eq(ntold, 1);
	ck_assert_uint_eq(outcome_of("ok2@" LAB_THERE)->kind,
	    OUTCOME_DELIVERED);
	ck_assert_int_eq(last_due, at);
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 2);
}
END_TEST

START_TEST(its_time_has_come)
{
	set_memory(LAB_HERE, 2, clock_wall() - 1);
	set_memory(LAB_NOBODY, 2, clock_wall() - 1);
	add("ok u@" LAB_NOBODY);
	run();
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 0);
	ck_assert_uint_eq(memory_of(LAB_NOBODY).failures, 3);
	ck_assert_int_ge(memory_of(LAB_NOBODY).next_s, clock_wall() + 900);
}
END_TEST

START_TEST(force)
{
	how.force = true;
	set_memory(LAB_HERE, 2, clock_wall() + 1000);
	add("ok");
	run();
	ck_assert_uint_eq(outcome_of("ok")->kind, OUTCOME_DELIVERED);
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 0);
}
END_TEST

/* An entry at its end is tried once more, whatever is remembered. */
START_TEST(last_chance)
{
	set_memory(LAB_HERE, 2, clock_wall() + 1000);
	dispatch_add(d, lab_item(&spool, &(struct lab_mail){ .to = "ok",
		.expired = true }));
	run();
	ck_assert_uint_eq(outcome_of("ok")->kind, OUTCOME_DELIVERED);
}
END_TEST

/* A worker that died has not shown that its site works. */
START_TEST(a_dead_worker_forgives_nothing)
{
	set_memory(LAB_HERE, 2, clock_wall() - 1);
	add("wait");
	ck_assert(!dispatch_run(d, clock_ms()));
	lab_heard();
	kill(d->workers[0].pid, SIGKILL);
	run();
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 2);
}
END_TEST

/* What waits for a site fails with it. */
START_TEST(a_site_fails_for_all)
{
	how.connection_messages = 1;
	for (int i = 0; i < 5; i++)
		add("u@" LAB_NOBODY);
	run();
	ck_assert_uint_eq(ntold, 5);
	for (size_t i = 0; i < ntold; i++)
		ck_assert_int_eq(letter(&told[i].outcome), 't');
	ck_assert_uint_eq(memory_of(LAB_NOBODY).failures, 1);
}
END_TEST

static void
add_three(void)
{
	when_settled = NULL;
	add("ok1");
	add("no1");
	add("ok2");
}

/*
 * What comes later for a site that has failed, in the same run, is not told
 * anybody else's verdict: delivered is only what the server took.
 */
START_TEST(a_site_that_failed_and_more_for_it)
{
	static const char *const later[] = { "ok1", "no1", "ok2" };

	how.force = _i == 1;
	how.connection_messages = 1;
	lab.book->busy_from = lab.book->busy_to = 1;
	when_settled = add_three;
	add("ok0");
	run();
	ck_assert_int_eq(letter(outcome_of("ok0")), 't');
	ck_assert_int_eq(outcome_of("ok0")->whole_site, true);
	ck_assert_uint_eq(nsettled, 4);
	for (size_t i = 0; i < ntold; i++)
		ck_assert_uint_eq(lab_accepted(told[i].path),
		    told[i].outcome.kind == OUTCOME_DELIVERED);
	for (size_t i = 0; i < 3 && how.force; i++)
		ck_assert_ptr_nonnull(outcome_of(later[i]));
	/* neither in this run nor in a later one */
	ck_assert_uint_eq(lab.book->connections, 1);
	ck_assert_int_ge(last_due, clock_wall() + 200);
}
END_TEST

/* Nobody's many names stand in front of another user's only one. */
START_TEST(users_take_turns_at_the_resolver)
{
	struct item *many, *one;

	many = lab_item(&spool, &(struct lab_mail){
	    .to = "a@a.test a@b.test a@c.test a@d.test" });
	one = lab_item(&spool, &(struct lab_mail){ .to = "z@z.test" });
	many->entry.env.uid = 1001;
	one->entry.env.uid = 1002;
	dispatch_add(d, many);
	dispatch_add(d, one);
	ck_assert_uint_eq(d->nask, 5);
	dispatch_dns_sort(d);
	ck_assert_str_eq(d->ask[0].target->name, "a.test");
	ck_assert_str_eq(d->ask[1].target->name, "z.test");
	ck_assert_str_eq(d->ask[2].target->name, "b.test");
	ck_assert_str_eq(d->ask[4].target->name, "d.test");
}
END_TEST

/*
 * A server that takes one connection and turns the second away is not down:
 * all goes over the first.
 */
START_TEST(one_connection_is_its_limit)
{
	how.site_connections = 2;
	how.connection_messages = 30;
	lab.book->busy_from = lab.book->busy_to = 2;
	/* one in each load, so that whoever comes first stays */
	add("wait1");
	add_many(29);
	add("wait2");
	for (int i = 0; i < 29; i++)
		add("more");
	ck_assert(!dispatch_run(d, clock_ms()));
	ck_assert_uint_eq(d->nworker, 2);
	while (d->nworker == 2)
		ck_assert(!dispatch_run(d, clock_ms() + 10));
	lab_go();
	lab_go();
	run();
	ck_assert_uint_eq(ntold, 60);
	for (size_t i = 0; i < ntold; i++)
		ck_assert_uint_eq(told[i].outcome.kind, OUTCOME_DELIVERED);
	ck_assert_uint_eq(lab.book->naccepted, 60);
	ck_assert_uint_eq(memory_of(LAB_HERE).failures, 0);
}
END_TEST

/* Ways other than the mail exchangers of a domain. */

static char no_name[] = "";
static struct account global;
static struct routing routing;

/* rules: one a line, %u being the server's port. smarthost: or NULL. */
static void
set_ways(const char *rules, const char *smarthost)
{
	char text[512], url[256], *save = NULL, *line;
	struct err err;

	global = (struct account){ .name = no_name };
	routing = (struct routing){ .accounts = &global, .naccount = 1 };
	how.routing = &routing;
	snprintf(text, sizeof(text), "%s", rules);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		char *mark = strstr(line, ":PORT");

		if (mark != NULL)
			snprintf(mark, 8, ":%u", (unsigned)lab.port);
		LAB_OK(routing_add(&routing, line, "f:1", &err));
	}
	if (smarthost == NULL)
		return;
	snprintf(url, sizeof(url), "%s:%u", smarthost, (unsigned)lab.port);
	LAB_OK(account_set_smarthost(&global, url, &err));
}

static void
drop_ways(void)
{
	struct routing none = routing;

	none.accounts = NULL;
	none.naccount = 0;
	routing_release(&none);
	account_release_smarthost(&global);
}

START_TEST(goes_where_the_rule_says)
{
	set_ways("a.test host 127.0.0.1:PORT\n", NULL);
	add("x@a.test no@a.test");
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 'd');
	ck_assert_int_eq(letter(outcome_of("no@a.test")), 'f');
	ck_assert_uint_eq(outcome_of("x@a.test")->port, lab.port);
	ck_assert_uint_eq(lab_accepted("x@a.test"), 1);
	ck_assert_uint_eq(lab.book->connections, 1);
	drop_ways();
}
END_TEST

START_TEST(goes_nowhere)
{
	set_ways("a.test discard\nb.test refuse 5.1.6 they moved\n", NULL);
	add("x@a.test x@b.test ok");
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 'd');
	ck_assert_int_eq(letter(outcome_of("x@b.test")), 'f');
	ck_assert_str_eq(outcome_of("x@b.test")->status, "5.1.6");
	ck_assert_str_eq(outcome_of("x@b.test")->text, "they moved");
	ck_assert_int_eq(letter(outcome_of("ok")), 'd');
	ck_assert_uint_eq(lab.book->messages, 1);
	drop_ways();
}
END_TEST

/* All of a message goes through it at once, whatever the domains. */
START_TEST(through_a_smarthost)
{
	set_ways("", "smtp+plain://127.0.0.1");
	add("x@a.test no@b.test later@c.test ok");
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 'd');
	ck_assert_int_eq(letter(outcome_of("no@b.test")), 'f');
	ck_assert_int_eq(letter(outcome_of("later@c.test")), 't');
	ck_assert_int_eq(letter(outcome_of("ok")), 'd');
	ck_assert_str_eq(outcome_of("ok")->host, "127.0.0.1");
	ck_assert_uint_eq(outcome_of("ok")->port, lab.port);
	ck_assert_uint_eq(lab.book->connections, 1);
	ck_assert_uint_eq(lab.book->messages, 1);
	drop_ways();
}
END_TEST

START_TEST(the_next_smarthost)
{
	char url[96];

	snprintf(url, sizeof(url), "smtp+plain://127.0.0.3:%u "
	    "smtp+plain://127.0.0.2", (unsigned)lab.port);
	set_ways("", url);
	add("x@a.test");
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 'd');
	ck_assert_str_eq(outcome_of("x@a.test")->host, "127.0.0.2");
	drop_ways();
}
END_TEST

/* What is wrong with the password costs no connection, and no mail. */
START_TEST(no_password)
{
	static char path[] = "/nowhere/password";

	set_ways("", "smtp://ann@127.0.0.1");
	global.password_file = path;
	add("x@a.test y@b.test");
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 't');
	ck_assert_int_eq(letter(outcome_of("y@b.test")), 't');
	ck_assert_uint_eq(outcome_of("x@a.test")->stage, STAGE_AUTH);
	ck_assert_ptr_nonnull(strstr(outcome_of("x@a.test")->text,
	    "password-file"));
	ck_assert_uint_eq(lab.book->connections, 0);
	drop_ways();
}
END_TEST

/* A command that takes its time holds up nobody else. */
START_TEST(password_command)
{
	static char command[] = "sleep 1; exit 3";
	int64_t before = clock_ms();

	set_ways("a.test smarthost\n* direct\n", "smtp://ann@127.0.0.1");
	global.password_command = command;
	add("x@a.test ok");
	while (ntold == 0)
		ck_assert(!dispatch_run(d, clock_ms() + 10));
	ck_assert_int_eq(letter(outcome_of("ok")), 'd');
	ck_assert_int_lt(clock_ms() - before, 900);
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 't');
	ck_assert_ptr_nonnull(strstr(outcome_of("x@a.test")->text,
	    "password-command"));
	drop_ways();
}
END_TEST

START_TEST(unknown_account)
{
	struct item *item = lab_item(&spool,
	    &(struct lab_mail){ .to = "x@a.test" });

	item->entry.env.account = xstrdup("gone");
	dispatch_add(d, item);
	run();
	ck_assert_int_eq(letter(outcome_of("x@a.test")), 't');
	ck_assert_ptr_nonnull(strstr(outcome_of("x@a.test")->text, "gone"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dispatch");
	TCase *tc = tcase_create("outcomes");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, story, 0, CHECK_ROWS(stories));
	tcase_add_test(tc, words);
	tcase_add_loop_test(tc, due, 0, CHECK_ROWS(dues));
	tcase_add_test(tc, nothing_to_do);
	tcase_add_test(tc, decided_before);
	tcase_add_test(tc, all_decided_before);
	tcase_add_loop_test(tc, batch, 0, CHECK_ROWS(batches));
	tcase_add_test(tc, several_connections);
	tcase_add_test(tc, more_than_stay_open);
	tcase_add_test(tc, many_recipients);
	tcase_add_test(tc, one_job);
	tcase_add_test(tc, added_when_settled);
	tcase_add_test(tc, brought_while_there_is_room);

	tc = tcase_create("processes");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, workers_are_reaped);
	tcase_add_test(tc, users_take_turns_at_the_resolver);
	tcase_add_test(tc, deadline);
	tcase_add_test(tc, goes_on_in_a_copy);
	tcase_add_test(tc, stop);
	tcase_add_test(tc, worker_killed);
	tcase_add_test(tc, worker_killed_half_way);
	tcase_add_test(tc, worker_takes_too_long);
	tcase_add_test(tc, freed_while_at_work);

	tc = tcase_create("sites");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_site_that_failed_is_remembered);
	tcase_add_test(tc, a_recipient_is_no_site);
	tcase_add_test(tc, a_site_that_failed_is_spared);
	tcase_add_test(tc, its_time_has_come);
	tcase_add_test(tc, force);
	tcase_add_test(tc, last_chance);
	tcase_add_test(tc, a_dead_worker_forgives_nothing);
	tcase_add_test(tc, a_site_fails_for_all);
	tcase_add_loop_test(tc, a_site_that_failed_and_more_for_it, 0, 2);
	tcase_add_test(tc, one_connection_is_its_limit);
	tc = tcase_create("ways");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, goes_where_the_rule_says);
	tcase_add_test(tc, goes_nowhere);
	tcase_add_test(tc, through_a_smarthost);
	tcase_add_test(tc, the_next_smarthost);
	tcase_add_test(tc, no_password);
	tcase_add_test(tc, password_command);
	tcase_add_test(tc, unknown_account);
	suite_add_tcase(s, tc);
	return check_run(s);
}
