/*
 * What becomes of an entry at the end of a pass when nobody waits for it. The
 * dispatcher runs only where a test says so: a DSN that was made lies in it.
 */
#include "config.h"

#include "check.h"

#include <string.h>
#include <sys/resource.h>

#include "base/fileio.h"
#include "deliver/settle.h"
#include "deliver_lab.h"

#define POSTMASTER "pm@" LAB_NOBODY

static struct spool spool;
static struct delivery how;
static struct settle settle;

static void
settled(void *arg, struct item *item)
{
	(void)arg;
	settle_item(&settle, item);
}

static const struct dispatch_owner owner = { .settled = settled };

static void
setup(void)
{
	struct err err;

	lab_begin();
	LAB_OK(spool_open(&spool, lab_path, &err));
	how = lab_delivery();
	settle = (struct settle){ .spool = &spool, .how = &how };
	settle.dispatch = dispatch_new(&spool, &how, &owner);
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
	dispatch_each(settle.dispatch, forget, NULL);
	dispatch_free(settle.dispatch);
	spool_close(&spool);
	lab_end();
}

/*
 * An item whose forward-paths stand as the letters say: 'd'elivered,
 * 't'emporarily deferred, 'f'ailed, 'r' failed and reported, '-' nothing yet.
 */
static struct item *
item_of(const struct lab_mail *mail, const char *states)
{
	struct item *item = lab_item(&spool, mail);
	struct entry *entry = &item->entry;
	struct err err;

	ck_assert_uint_eq(entry->env.nrcpt, strlen(states));
	for (size_t i = 0; states[i] != '\0'; i++) {
		struct outcome o = { .code = 250 };

		if (states[i] == '-')
			continue;
		o.kind = states[i] == 'd' ? OUTCOME_DELIVERED :
		    states[i] == 't' ? OUTCOME_DEFERRED : OUTCOME_FAILED;
		strcpy(o.status, states[i] == 't' ? "4.2.0" : "5.1.1");
		strcpy(o.text, states[i] == 't' ? "450 4.2.0 mailbox busy" :
		    "550 5.1.1 nobody here");
		strcpy(o.host, "mx.example");
		LAB_OK(entry_record(&spool, entry, i, &o, clock_wall(),
		    &err));
		if (states[i] == 'r')
			LAB_OK(entry_record_reported(&spool, entry, &i, 1,
			    &err));
	}
	return item;
}

/* The one item that the dispatcher has; NULL when it has none. */
static void
keep_item(void *arg, struct item *item)
{
	*(struct item **)arg = item;
}

static struct item *
dsn(void)
{
	struct item *item = NULL;

	ck_assert_uint_le(dispatch_unsettled(settle.dispatch), 1);
	dispatch_each(settle.dispatch, keep_item, &item);
	return item;
}

/* The stored message of an entry, as text. */
static const char *
text_of(struct entry *entry)
{
	static char text[65536];
	struct err err;
	ssize_t n;

	LAB_OK(entry_open(&spool, entry, &err));
	n = pread_all(entry->fd, text, sizeof(text) - 1,
	    (off_t)entry->message_at);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	if ((uint64_t)n > entry->env.size)
		text[entry->env.size] = '\0';
	return text;
}

static bool
is_in(const char *id, enum spool_place place)
{
	struct entry entry = { .fd = -1 };
	struct err err;
	bool found = spool_peek(&spool, id, place, &entry, &err) == 1;

	entry_release(&entry);
	return found;
}

/* What to expect of an item whose row states are so. */
static const struct {
	const char *name, *states;
	struct lab_mail mail;
	enum { GONE, KEPT, HELD } then;
	const char *reported;	/* in the DSN; NULL: there is none */
	const char *unreported;	/* not in it */
} stories[] = {
	{ "all delivered", "dd", { .to = "a b" }, GONE, NULL, NULL },
	{ "all failed", "ff", { .to = "a b" }, GONE, "a b", "" },
	{ "one failed", "dfd", { .to = "a b c" }, GONE, "b", "a c" },
	{ "one failed, one goes on", "dft", { .to = "a b c" }, KEPT, "b",
		"a c" },
	{ "one goes on", "dt", { .to = "a b" }, KEPT, NULL, NULL },
	{ "one was not tried", "d-", { .to = "a b" }, KEPT, NULL, NULL },
	{ "not a second time", "drt", { .to = "a b c" }, KEPT, NULL, NULL },
	{ "not a second time, nothing else", "r", { .to = "a" }, GONE, NULL,
		NULL },
	{ "a further one", "rf", { .to = "a b" }, GONE, "b", "a" },
	{ "too old", "t", { .to = "a", .expired = true }, GONE, "a", "" },
	{ "too old, one of each", "dtfr", { .to = "a b c d",
		.expired = true }, GONE, "b c", "a d" },
	{ "NOTIFY=NEVER", "f", { .to = "a", .notify = NOTIFY_NEVER }, GONE,
		NULL, NULL },
	{ "NOTIFY=SUCCESS", "f", { .to = "a", .notify = NOTIFY_SUCCESS },
		GONE, NULL, NULL },
	{ "NOTIFY=DELAY", "f", { .to = "a", .notify = NOTIFY_DELAY },
		GONE, NULL, NULL },
	{ "NOTIFY=FAILURE", "f", { .to = "a", .notify = NOTIFY_FAILURE },
		GONE, "a", "" },
	{ "NOTIFY=SUCCESS,FAILURE", "f", { .to = "a",
		.notify = NOTIFY_SUCCESS | NOTIFY_FAILURE }, GONE, "a", "" },
	{ "NOTIFY=NEVER and too old", "t", { .to = "a",
		.notify = NOTIFY_NEVER, .expired = true }, GONE, NULL, NULL },
	{ "null reverse-path, delivered", "d", { .from = "", .to = "a" },
		GONE, NULL, NULL },
	{ "null reverse-path, deferred", "t", { .from = "", .to = "a" },
		KEPT, NULL, NULL },
	{ "null reverse-path, failed", "f", { .from = "", .to = "a" }, HELD,
		NULL, NULL },
	{ "null reverse-path, too old", "t", { .from = "", .to = "a",
		.expired = true }, HELD, NULL, NULL },
	{ "null reverse-path, NOTIFY=NEVER", "f", { .from = "", .to = "a",
		.notify = NOTIFY_NEVER }, GONE, NULL, NULL },
	{ "null reverse-path, one goes on", "ft", { .from = "",
		.to = "a b" }, KEPT, NULL, NULL },
};

START_TEST(story)
{
	struct item *item = item_of(&stories[_i].mail, stories[_i].states);
	time_t due = item->due = clock_wall() + 1234;
	char id[SPOOL_ID_MAX], words[64], field[96], *word, *save;
	const char *name = stories[_i].name;

	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_msg(!is_in(id, PLACE_RUN), "%s", name);
	ck_assert_msg(is_in(id, PLACE_QUEUE) == (stories[_i].then == KEPT),
	    "%s", name);
	ck_assert_msg(is_in(id, PLACE_HOLD) == (stories[_i].then == HELD),
	    "%s", name);
	ck_assert_uint_eq(settle.kept, stories[_i].then == KEPT);
	ck_assert_uint_eq(settle.held, stories[_i].then == HELD);
	ck_assert_uint_eq(settle.unkept, 0);
	ck_assert_int_eq(settle.next_due, stories[_i].then == KEPT ? due : 0);
	item = dsn();
	ck_assert_msg((item != NULL) == (stories[_i].reported != NULL), "%s",
	    name);
	if (item == NULL)
		return;
	str_copy(words, sizeof(words), stories[_i].reported);
	for (word = strtok_r(words, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		snprintf(field, sizeof(field), "rfc822; %s@" LAB_HERE, word);
		ck_assert_msg(strstr(text_of(&item->entry), field) != NULL,
		    "%s: %s", name, word);
	}
	str_copy(words, sizeof(words), stories[_i].unreported);
	for (word = strtok_r(words, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		snprintf(field, sizeof(field), "rfc822; %s@" LAB_HERE, word);
		ck_assert_msg(strstr(text_of(&item->entry), field) == NULL,
		    "%s: %s", name, word);
	}
}
END_TEST

/* The DSN is a promised entry of its own, to the sender, from nobody. */
START_TEST(dsn_is_an_entry)
{
	struct envelope *env;
	const char *text;

	settle_item(&settle, item_of(&(struct lab_mail){ .to = "a" }, "f"));
	ck_assert_ptr_nonnull(dsn());
	ck_assert(dsn()->entry.promised);
	ck_assert(is_in(dsn()->entry.id, PLACE_RUN));
	env = &dsn()->entry.env;
	ck_assert_str_eq(env->reverse_path, "");
	ck_assert_uint_eq(env->nrcpt, 1);
	ck_assert_str_eq(env->rcpts[0].path, "sender@" LAB_HERE);
	ck_assert_uint_eq(env->rcpts[0].state, OUTCOME_NONE);
	ck_assert_int_eq(env->expires_s - env->arrived_s, 2 * 86400);
	text = text_of(&dsn()->entry);
	ck_assert_uint_eq(env->size, strlen(text));
	ck_assert_ptr_nonnull(strstr(text, "Status: 5.1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "nobody here"));
	ck_assert_ptr_nonnull(strstr(text, "Auto-Submitted: auto-replied"));
	/* the whole original is in it */
	ck_assert_ptr_nonnull(strstr(text, "\r\n" LAB_MESSAGE));
}
END_TEST

static const struct {
	const char *name;
	uint8_t ret;
	uint64_t whole_max;
	bool whole;
} returns[] = {
	{ "nothing said", RET_NONE, 65536, true },
	{ "RET=FULL", RET_FULL, 65536, true },
	{ "RET=HDRS", RET_HDRS, 65536, false },
	{ "too large", RET_NONE, 10, false },
	{ "RET=FULL, too large", RET_FULL, 10, false },
};

START_TEST(what_comes_back)
{
	const char *text;

	how.dsn_whole_max = returns[_i].whole_max;
	settle_item(&settle, item_of(&(struct lab_mail){ .to = "a",
		.ret = returns[_i].ret }, "f"));
	text = text_of(&dsn()->entry);
	ck_assert_ptr_nonnull(strstr(text, "Subject: hello\r\n"));
	ck_assert_msg((strstr(text, "\r\n.one\r\n") != NULL) ==
	    returns[_i].whole, "%s", returns[_i].name);
	ck_assert(strcmp(text + strlen(text) - 4, "--\r\n") == 0);
}
END_TEST

/* The journal says that it was reported, so that nobody does it again. */
START_TEST(reported_is_in_the_journal)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a b" }, "ft");
	struct entry disk;
	struct err err;
	char id[SPOOL_ID_MAX];

	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_int_eq(spool_peek(&spool, id, PLACE_QUEUE, &disk, &err), 1);
	ck_assert(disk.env.rcpts[0].reported);
	ck_assert(!disk.env.rcpts[1].reported);
	entry_release(&disk);
}
END_TEST

/* What is too old says so, and what the last attempt said. */
START_TEST(expired_says_why)
{
	const char *text;

	settle_item(&settle, item_of(&(struct lab_mail){ .to = "a",
		.expired = true }, "t"));
	text = text_of(&dsn()->entry);
	ck_assert_ptr_nonnull(strstr(text, "Status: 4."));
	ck_assert_ptr_nonnull(strstr(text, "Action: failed\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "mailbox busy"));
}
END_TEST

/* Who became too old while his site was not due, or others were delivered, has
 * not had his last attempt. */
START_TEST(expired_meanwhile)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a",
		.expired = true }, "t");
	char id[SPOOL_ID_MAX];

	strcpy(id, item->entry.id);
	item->age_s = 3;
	settle_item(&settle, item);
	ck_assert_ptr_null(dsn());
	ck_assert(is_in(id, PLACE_QUEUE));
}
END_TEST

/* By a clock that was ten years ahead: it is not tried for ten years. */
static const struct {
	const char *name;
	time_t ahead_s;
	uint16_t attempts;
	bool given_up;
} futures[] = {
	{ "a little", 600, 200, false },
	{ "ten years, some attempts", 3650 * (time_t)86400, 100, false },
	{ "ten years, enough of them", 3650 * (time_t)86400, 101, true },
};

START_TEST(from_the_future)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a",
		.age_s = -futures[_i].ahead_s }, "t");

	item->entry.env.rcpts[0].attempts = futures[_i].attempts;
	settle_item(&settle, item);
	ck_assert_msg((dsn() != NULL) == futures[_i].given_up, "%s",
	    futures[_i].name);
	ck_assert_uint_eq(settle.kept, !futures[_i].given_up);
}
END_TEST

/* One more attempt is not owed to what has delivered before its time. */
START_TEST(expiry_changes_nothing_else)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a b c",
		.expired = true }, "dr-");
	char id[SPOOL_ID_MAX];

	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_ptr_null(dsn());
	ck_assert(is_in(id, PLACE_QUEUE));
}
END_TEST

/*
 * The original does not go before its DSN is safe: when there is no room for
 * a DSN, the original goes back into the queue.
 */
START_TEST(no_room_for_a_dsn)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a" }, "f");
	struct rlimit old, limit;
	struct entry entry;
	struct err err;
	char id[SPOOL_ID_MAX];
	time_t now = clock_wall();

	strcpy(id, item->entry.id);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 700;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	settle_item(&settle, item);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_ptr_null(dsn());
	ck_assert(is_in(id, PLACE_QUEUE));
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 0);
	ck_assert_uint_eq(settle.kept, 1);
	ck_assert_int_ge(settle.next_due, now + 60);
	/* and later it is made */
	ck_assert_int_eq(spool_claim(&spool, id, PLACE_QUEUE, &entry, &err),
	    1);
	ck_assert_uint_eq(entry.env.rcpts[0].state, OUTCOME_FAILED);
	settle_item(&settle, item_new(&entry));
	ck_assert_ptr_nonnull(dsn());
	ck_assert(!is_in(id, PLACE_QUEUE));
}
END_TEST

#define HOUR 3600

/* Who is warned of what still waits, by the age of the message. */
static const struct {
	const char *name, *states;
	struct lab_mail mail;
	unsigned setting;
	bool warned;
	time_t due_age;		/* and looked at again then; 0: as it was due */
} delays[] = {
	{ "nobody asked", "t", { .to = "a", .age_s = 5 * HOUR }, 0, false, 0 },
	{ "asked, and not yet", "t", { .to = "a", .notify = NOTIFY_DELAY,
		.age_s = 2 * HOUR }, 0, false, 4 * HOUR },
	{ "asked", "t", { .to = "a", .notify = NOTIFY_DELAY,
		.age_s = 5 * HOUR }, 0, true, 0 },
	{ "asked for all", "t", { .to = "a", .notify = NOTIFY_DELAY |
		NOTIFY_SUCCESS | NOTIFY_FAILURE, .age_s = 5 * HOUR }, 0, true,
		0 },
	{ "asked, a setting says when", "t", { .to = "a",
		.notify = NOTIFY_DELAY, .age_s = 5 * HOUR }, 8 * HOUR, false,
		8 * HOUR },
	{ "a setting", "t", { .to = "a", .age_s = 2 * HOUR }, HOUR, true, 0 },
	{ "a setting, not yet", "t", { .to = "a", .age_s = HOUR / 2 }, HOUR,
		false, HOUR },
	{ "a setting, two of them", "dtt", { .to = "c a b",
		.age_s = 2 * HOUR }, HOUR, true, 0 },
	{ "only failures wanted", "t", { .to = "a", .notify = NOTIFY_FAILURE,
		.age_s = 2 * HOUR }, HOUR, false, 0 },
	{ "nothing wanted", "t", { .to = "a", .notify = NOTIFY_NEVER,
		.age_s = 2 * HOUR }, HOUR, false, 0 },
	{ "nobody to tell", "t", { .from = "", .to = "a",
		.notify = NOTIFY_DELAY, .age_s = 5 * HOUR }, HOUR, false, 0 },
	{ "not tried", "-", { .to = "a", .notify = NOTIFY_DELAY,
		.age_s = 5 * HOUR }, HOUR, false, 0 },
	{ "given up before", "t", { .to = "a", .notify = NOTIFY_DELAY,
		.age_s = 2 * HOUR }, 5 * 24 * HOUR, false, 0 },
};

/* The entry as it is on the disk. */
static struct entry
on_disk(const char *id)
{
	struct entry entry = { .fd = -1 };
	struct err err;

	ck_assert_int_eq(spool_peek(&spool, id, PLACE_QUEUE, &entry, &err),
	    1);
	return entry;
}

START_TEST(delay)
{
	struct item *item = item_of(&delays[_i].mail, delays[_i].states);
	time_t arrived = item->entry.env.arrived_s;
	time_t due = item->due = clock_wall() + 4 * HOUR;
	char id[SPOOL_ID_MAX];
	const char *name = delays[_i].name, *text;
	struct entry entry;

	how.delay_warning_s = delays[_i].setting;
	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_int_eq(settle.next_due, delays[_i].due_age > 0 ? arrived +
	    delays[_i].due_age : due);
	ck_assert_msg((dsn() != NULL) == delays[_i].warned, "%s", name);
	entry = on_disk(id);
	for (size_t i = 0; i < entry.env.nrcpt; i++)
		ck_assert_msg(entry.env.rcpts[i].warned == (delays[_i].warned &&
		    delays[_i].states[i] == 't'), "%s: row %zu", name, i);
	entry_release(&entry);
	if (!delays[_i].warned)
		return;
	text = text_of(&dsn()->entry);
	ck_assert_ptr_nonnull(strstr(text, "rfc822; a@" LAB_HERE));
	ck_assert_ptr_null(strstr(text, "rfc822; c@" LAB_HERE));
	ck_assert_ptr_nonnull(strstr(text, "\r\nAction: delayed\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nStatus: 4.2.0\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nWill-Retry-Until: "));
	ck_assert_ptr_nonnull(strstr(text, "Subject: hello\r\n"));
	/* of the text the header only */
	ck_assert_ptr_null(strstr(text, "\r\n.one\r\n"));
}
END_TEST

/* Once for each forward-path, also of a message that was read from the disk. */
START_TEST(warned_once)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a b",
		.age_s = 2 * HOUR }, "t-");
	const struct outcome late = { .kind = OUTCOME_DEFERRED };
	struct entry entry;
	struct err err;
	char id[SPOOL_ID_MAX];

	how.delay_warning_s = HOUR;
	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_ptr_nonnull(dsn());
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(spool_claim(&spool, id, PLACE_QUEUE, &entry,
		    &err), 1);
		LAB_OK(entry_record(&spool, &entry, 0, &late, clock_wall(),
		    &err));
		settle_item(&settle, item_new(&entry));
	}
	ck_assert_uint_eq(dispatch_unsettled(settle.dispatch), 1);
	/* the other one has its own */
	ck_assert_int_eq(spool_claim(&spool, id, PLACE_QUEUE, &entry, &err),
	    1);
	LAB_OK(entry_record(&spool, &entry, 1, &late, clock_wall(), &err));
	settle_item(&settle, item_new(&entry));
	ck_assert_uint_eq(dispatch_unsettled(settle.dispatch), 2);
}
END_TEST

/* A warning that cannot be noted would be sent again and again: it is not
 * sent, and nothing is left of it. */
START_TEST(no_room_for_a_note)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a",
		.age_s = 2 * HOUR }, "t");
	struct outcome late = { .kind = OUTCOME_DEFERRED };
	struct rlimit old, limit;
	struct entry entry;
	struct err err;
	char id[SPOOL_ID_MAX];

	how.delay_warning_s = HOUR;
	strcpy(id, item->entry.id);
	memset(late.text, 'x', sizeof(late.text) - 1);
	while (item->entry.end < 10000)
		LAB_OK(entry_record(&spool, &item->entry, 0, &late,
		    clock_wall(), &err));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = item->entry.end;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	settle_item(&settle, item);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert_ptr_null(dsn());
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_RUN], 0);
	entry = on_disk(id);
	ck_assert(!entry.env.rcpts[0].warned);
	entry_release(&entry);
}
END_TEST

static const struct {
	const char *name, *from, *to, *states, *want;
} doubles[] = {
	{ "a failure has its sender", "s@" LAB_HERE, "a", "f",
		"s@" LAB_HERE },
	{ "a bounce that fails", "", "a", "f", POSTMASTER },
	{ "what cannot reach him", "", POSTMASTER, "f", NULL },
	{ "nor one of several", "", "a " POSTMASTER, "ff", NULL },
	{ "he is not concerned", "", "a " POSTMASTER, "fd", POSTMASTER },
};

START_TEST(double_bounce)
{
	struct item *item = item_of(&(struct lab_mail){
		.from = doubles[_i].from, .to = doubles[_i].to },
	    doubles[_i].states);
	char id[SPOOL_ID_MAX];

	how.double_bounce = POSTMASTER;
	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_msg(is_in(id, PLACE_HOLD) == (doubles[_i].want == NULL),
	    "%s", doubles[_i].name);
	ck_assert(!is_in(id, PLACE_RUN));
	if (doubles[_i].want == NULL) {
		ck_assert_ptr_null(dsn());
		return;
	}
	ck_assert_msg(strcmp(dsn()->entry.env.rcpts[0].path,
	    doubles[_i].want) == 0, "%s", doubles[_i].name);
	ck_assert_str_eq(dsn()->entry.env.reverse_path, "");
}
END_TEST

/* Reports about reports: how far it goes, and how far this one has come. */
static const struct {
	const char *name, *from, *head, *then;	/* NULL: it is held */
} depths[] = {
	{ "no report", "s@" LAB_HERE, NULL, "1" },
	{ "no report, and from nobody", "", NULL, "1" },
	{ "a report", "", "X-Postrider-Depth: 1\r\n", "2" },
	{ "one about it", "", "X-Postrider-Depth: 2\r\n", NULL },
	{ "sent on", "s@" LAB_HERE, "Received: x\r\n"
		"x-postrider-depth:  4 \r\n", "5" },
	{ "and round in a circle", "s@" LAB_HERE,
		"X-Postrider-Depth: 5\r\n", NULL },
	{ "far too long", "s@" LAB_HERE,
		"X-Postrider-Depth: 99999999999999999999\r\n", NULL },
	{ "whatever that is", "s@" LAB_HERE, "X-Postrider-Depth:\r\n",
		NULL },
};

START_TEST(depth)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a",
		.from = depths[_i].from, .head = depths[_i].head }, "f");
	char id[SPOOL_ID_MAX], field[64];

	how.double_bounce = POSTMASTER;
	strcpy(id, item->entry.id);
	settle_item(&settle, item);
	ck_assert_msg(is_in(id, PLACE_HOLD) == (depths[_i].then == NULL),
	    "%s", depths[_i].name);
	ck_assert((dsn() == NULL) == (depths[_i].then == NULL));
	if (dsn() == NULL)
		return;
	snprintf(field, sizeof(field), "\r\nX-Postrider-Depth: %s\r\n",
	    depths[_i].then);
	ck_assert_msg(strstr(text_of(&dsn()->entry), field) != NULL, "%s",
	    depths[_i].name);
}
END_TEST

/* Nor is there a warning at its end. */
START_TEST(depth_of_a_warning)
{
	how.delay_warning_s = HOUR;
	settle_item(&settle, item_of(&(struct lab_mail){ .to = "a",
		.age_s = 2 * HOUR, .head = "X-Postrider-Depth: 5\r\n" },
	    "t"));
	ck_assert_ptr_null(dsn());
	ck_assert_uint_eq(settle.kept, 1);
}
END_TEST

/*
 * From a refused message to the end: what the sender does not take goes to
 * the double bounce address, and what that does not take is held. No bounce
 * of a bounce of a bounce.
 */
static const struct {
	const char *name, *from, *double_bounce;
	size_t kept, held;
	unsigned accepted;
} chains[] = {
	{ "the sender takes it", "ok@" LAB_HERE, NULL, 0, 0, 1 },
	{ "he does not", "no@" LAB_HERE, NULL, 0, 1, 0 },
	{ "but somebody does", "no@" LAB_HERE, "ok@" LAB_HERE, 0, 0, 1 },
	{ "nobody does", "no@" LAB_HERE, "no2@" LAB_HERE, 0, 1, 0 },
	{ "the same one", "no@" LAB_HERE, "no@" LAB_HERE, 0, 1, 0 },
	{ "later", "later@" LAB_HERE, NULL, 1, 0, 0 },
	{ "later there", "no@" LAB_HERE, "u@" LAB_NOBODY, 1, 0, 0 },
};

START_TEST(chain)
{
	struct lab_seen seen;

	how.double_bounce = chains[_i].double_bounce;
	dispatch_add(settle.dispatch, lab_item(&spool, &(struct lab_mail){
		.from = chains[_i].from, .to = "no1 ok1" }));
	ck_assert(dispatch_run(settle.dispatch, 0));
	seen = lab_scan(&spool);
	ck_assert_uint_eq(seen.n[PLACE_RUN], 0);
	ck_assert_msg(seen.n[PLACE_QUEUE] == chains[_i].kept, "%s",
	    chains[_i].name);
	ck_assert_msg(seen.n[PLACE_HOLD] == chains[_i].held, "%s",
	    chains[_i].name);
	ck_assert_uint_eq(settle.kept, chains[_i].kept);
	ck_assert_uint_eq(settle.held, chains[_i].held);
	ck_assert_uint_eq(lab.book->naccepted, 1 + chains[_i].accepted);
	ck_assert_uint_eq(lab_accepted("ok@" LAB_HERE), chains[_i].accepted);
}
END_TEST

/* The earliest of all that are kept. */
START_TEST(next_due)
{
	static const time_t after[] = { 500, 100, 300 };
	time_t now = clock_wall();

	for (size_t i = 0; i < 3; i++) {
		struct item *item = item_of(&(struct lab_mail){
			.to = "a" }, "t");

		item->due = now + after[i];
		settle_item(&settle, item);
	}
	ck_assert_uint_eq(settle.kept, 3);
	ck_assert_int_eq(settle.next_due, now + 100);
	ck_assert_uint_eq(lab_scan(&spool).n[PLACE_QUEUE], 3);
}
END_TEST

START_TEST(due_of_several_rows)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a b" }, "tt");
	time_t now = clock_wall();

	item_due(item, now + 700);
	item_due(item, now + 200);
	item_due(item, now + 900);
	settle_item(&settle, item);
	ck_assert_int_eq(lab_scan(&spool).due, now + 200);
}
END_TEST

/* Put off without a time: after trouble of our own. */
START_TEST(no_due)
{
	time_t now = clock_wall();

	settle_item(&settle, item_of(&(struct lab_mail){ .to = "a" }, "t"));
	ck_assert_int_ge(settle.next_due, now + 60);
	ck_assert_int_le(settle.next_due, clock_wall() + 600);
	ck_assert_int_eq(lab_scan(&spool).due, settle.next_due);
}
END_TEST

/* What cannot go back into the queue stays, where somebody finds it; but what
 * a caller is to send again is for nobody else. */
static const struct {
	const char *name;
	bool	 promise, drop, sync_fails, promised;
	bool	 kept, there;
} backs[] = {
	{ "a flush", false, false, false, true, false, true },
	{ "safe where it is", true, true, false, false, true, true },
	{ "not even that", true, true, true, false, false, false },
	{ "the same, told already", true, false, true, false, false, true },
	{ "was promised before", true, true, true, true, false, true },
};

START_TEST(cannot_be_kept)
{
	struct item *item = item_of(&(struct lab_mail){ .to = "a" }, "t");
	char id[SPOOL_ID_MAX];
	int queue_fd = spool.queue_fd;

	settle.promise = backs[_i].promise;
	settle.drop = backs[_i].drop;
	item->entry.sync_failed = backs[_i].sync_fails;
	item->entry.promised = backs[_i].promised;
	strcpy(id, item->entry.id);
	/* a directory into which nothing can be renamed */
	spool.queue_fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(spool.queue_fd, 0);
	settle_item(&settle, item);
	close(spool.queue_fd);
	spool.queue_fd = queue_fd;
	ck_assert_msg(settle.unkept == !backs[_i].kept, "%s", backs[_i].name);
	ck_assert_msg(settle.kept == backs[_i].kept, "%s", backs[_i].name);
	ck_assert(backs[_i].kept || settle.trouble.kind == ERR_TEMP);
	ck_assert_msg(is_in(id, PLACE_RUN) == backs[_i].there, "%s",
	    backs[_i].name);
	ck_assert(!is_in(id, PLACE_QUEUE));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("settle");
	TCase *tc = tcase_create("settle");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, story, 0, CHECK_ROWS(stories));
	tcase_add_test(tc, dsn_is_an_entry);
	tcase_add_loop_test(tc, what_comes_back, 0, CHECK_ROWS(returns));
	tcase_add_test(tc, reported_is_in_the_journal);
	tcase_add_test(tc, expired_says_why);
	tcase_add_test(tc, expiry_changes_nothing_else);
	tcase_add_test(tc, expired_meanwhile);
	tcase_add_loop_test(tc, from_the_future, 0, CHECK_ROWS(futures));
	tcase_add_loop_test(tc, delay, 0, CHECK_ROWS(delays));
	tcase_add_test(tc, warned_once);
	tcase_add_test(tc, no_room_for_a_note);
	tcase_add_loop_test(tc, depth, 0, CHECK_ROWS(depths));
	tcase_add_test(tc, depth_of_a_warning);
	tcase_add_test(tc, no_room_for_a_dsn);
	tcase_add_loop_test(tc, double_bounce, 0, CHECK_ROWS(doubles));
	tcase_add_loop_test(tc, chain, 0, CHECK_ROWS(chains));
	tcase_add_test(tc, next_due);
	tcase_add_test(tc, due_of_several_rows);
	tcase_add_test(tc, no_due);
	tcase_add_loop_test(tc, cannot_be_kept, 0, CHECK_ROWS(backs));
	return check_run(s);
}
