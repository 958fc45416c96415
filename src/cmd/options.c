#include "config.h"

#include "cmd/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cmd/settings.h"
#include "mail/envelope.h"

/* "::" takes its value only when it is glued on: -q, -q30m, -qRjohn. */
static const char short_options[] =
    "A:B:b:C:cD:d::E::e:F:f:Gh:IiJ::L:M:mN:nO:o:p:Qq::R:r:sTtUV:vX:x";

enum {
	LONG_SEND = 256, LONG_TO, LONG_FLUSH, LONG_NOW, LONG_QUEUE, LONG_JSON,
	LONG_STRICT, LONG_WAIT, LONG_CONFIG, LONG_HELP, LONG_VERSION,
	LONG_ACCOUNT, LONG_EXPLAIN, LONG_IMPORT, LONG_FORMAT, LONG_PASSWORDS,
	LONG_SHOW, LONG_HOLD, LONG_RELEASE, LONG_DELETE, LONG_REQUEUE,
	LONG_RETURN, LONG_EXPIRE
};

static const struct option long_options[] = {
	{ "send", no_argument, NULL, LONG_SEND },
	{ "to", required_argument, NULL, LONG_TO },
	{ "flush", no_argument, NULL, LONG_FLUSH },
	{ "now", no_argument, NULL, LONG_NOW },
	{ "queue", no_argument, NULL, LONG_QUEUE },
	{ "show", no_argument, NULL, LONG_SHOW },
	{ "hold", no_argument, NULL, LONG_HOLD },
	{ "release", no_argument, NULL, LONG_RELEASE },
	{ "delete", no_argument, NULL, LONG_DELETE },
	{ "requeue", no_argument, NULL, LONG_REQUEUE },
	{ "return", no_argument, NULL, LONG_RETURN },
	{ "expire", required_argument, NULL, LONG_EXPIRE },
	{ "json", no_argument, NULL, LONG_JSON },
	{ "strict", no_argument, NULL, LONG_STRICT },
	{ "wait", required_argument, NULL, LONG_WAIT },
	{ "account", required_argument, NULL, LONG_ACCOUNT },
	{ "explain", no_argument, NULL, LONG_EXPLAIN },
	{ "check-config", no_argument, NULL, LONG_CONFIG },
	{ "import-config", no_argument, NULL, LONG_IMPORT },
	{ "format", required_argument, NULL, LONG_FORMAT },
	{ "passwords", required_argument, NULL, LONG_PASSWORDS },
	{ "help", optional_argument, NULL, LONG_HELP },
	{ "version", no_argument, NULL, LONG_VERSION },
	{ NULL, 0, NULL, 0 }
};

static int
usage(struct err *err, const char *what, const char *value)
{
	return err_set(err, ERR_USAGE, NULL, "%s%s%s", what,
	    value != NULL ? " " : "", value != NULL ? value : "");
}

/* What is done with the queue, one at a time: "--delete --queue" would not say
 * whether something is deleted. */
static const struct work {
	int	 c;
	enum mode mode;
	const char *name;
	bool	 wants_what;	/* "all" has to be said */
} works[] = {
	{ LONG_FLUSH, MODE_FLUSH, "--flush", false },
	{ LONG_QUEUE, MODE_QUEUE, "--queue", false },
	{ LONG_SHOW, MODE_SHOW, "--show", true },
	{ LONG_HOLD, MODE_HOLD, "--hold", true },
	{ LONG_RELEASE, MODE_RELEASE, "--release", true },
	{ LONG_DELETE, MODE_DELETE, "--delete", true },
	{ LONG_REQUEUE, MODE_REQUEUE, "--requeue", true },
	{ LONG_RETURN, MODE_RETURN, "--return", true },
};

#define NWORKS (sizeof(works) / sizeof(works[0]))

static int
parse_work(struct options *o, const struct work *work, struct err *err)
{
	if (o->asked != NULL && strcmp(o->asked, work->name) != 0)
		return err_set(err, ERR_USAGE, NULL, "%s and %s: one at a time",
		    o->asked, work->name);
	o->asked = work->name;
	o->mode = work->mode;
	return 0;
}

/* -b: what to be. */
static int
parse_become(struct options *o, const char *value, struct err *err)
{
	static const struct {
		char letter;
		enum mode mode;
	} modes[] = {
		{ 'm', MODE_SEND }, { 'a', MODE_SEND }, { 'p', MODE_QUEUE },
		{ 'P', MODE_COUNT }, { 'v', MODE_VERIFY },
		{ 'i', MODE_NOTHING }, { 'h', MODE_NOTHING },
		{ 'H', MODE_NOTHING },
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (value[0] == modes[i].letter && value[1] == '\0') {
			o->mode = modes[i].mode;
			return 0;
		}
	if (strcmp(value, "s") == 0 || strcmp(value, "S") == 0)
		return usage(err, "this version does not read SMTP from "
		    "standard input: -b", value);
	if (strcmp(value, "d") == 0 || strcmp(value, "D") == 0 ||
	    strcmp(value, "l") == 0)
		return usage(err, "there is no daemon; the queue is worked off "
		    "by --flush from cron: -b", value);
	return usage(err, "unknown mode: -b", value);
}

/* -e, -oe, ErrorMode. */
static int
parse_error_mode(struct options *o, const char *value, struct err *err)
{
	switch (value[0]) {
	case 'p':
		o->errors = ERRORS_PRINT;
		return 0;
	case 'm':
	case 'w':
		o->errors = ERRORS_MAIL;
		return 0;
	case 'e':
		o->errors = ERRORS_MAIL_QUIET;
		return 0;
	case 'q':
		o->errors = ERRORS_QUIET;
		return 0;
	}
	return usage(err, "unknown error mode: -oe", value);
}

/* -od, DeliveryMode. */
static int
parse_delivery_mode(struct options *o, const char *value, struct err *err)
{
	switch (value[0]) {
	case 'i':
		o->delivery = DELIVER_NOW;
		return 0;
	case 'b':
		o->delivery = DELIVER_BACKGROUND;
		return 0;
	case 'q':
	case 'd':
		o->delivery = DELIVER_QUEUE;
		return 0;
	}
	return usage(err, "unknown delivery mode: -od", value);
}

/* IgnoreDots=true, -oitrue: a value that is absent means yes. */
static bool
is_true(const char *value)
{
	return value[0] == '\0' || strchr("tTyY1", value[0]) != NULL;
}

static int
parse_lifetime(struct options *o, const char *value, struct err *err)
{
	unsigned seconds;

	if (str_duration(value, &seconds) < 0)
		return usage(err, "not a time, as 90s, 30m, 5d:", value);
	if (seconds > LIFETIME_MAX_S)
		return usage(err, "more than 100 days:", value);
	o->lifetime_s = seconds;
	return 0;
}

/* -O Name=value. Those without a meaning here are accepted. */
static int
parse_long_o(struct options *o, const char *value, struct err *err)
{
	const char *text = strchr(value, '=');

	text = text != NULL ? text + 1 : "";
	if (str_istarts(value, "DeliveryMode="))
		return parse_delivery_mode(o, text, err);
	if (str_istarts(value, "ErrorMode="))
		return parse_error_mode(o, text, err);
	if (str_istarts(value, "Timeout.queuereturn="))
		return parse_lifetime(o, text, err);
	if (str_istarts(value, "IgnoreDots"))
		o->ignore_dots = is_true(text);
	return 0;
}

/* -oX: the old one-letter options. */
static int
parse_o(struct options *o, const char *value, struct err *err)
{
	switch (value[0]) {
	case 'i':
		o->ignore_dots = is_true(value + 1);
		return 0;
	case 'd':
		return parse_delivery_mode(o, value + 1, err);
	case 'e':
		return parse_error_mode(o, value + 1, err);
	}
	return 0;
}

/* -qIid, -qRrecipient, -qSsender: of which messages. They flush, unless
 * something else is done with the queue ("mailq -qRexample"). */
static bool
parse_only(struct options *o, const char *value)
{
	switch (value[0]) {
	case 'I':
		strlist_add(&o->only_id, value + 1);
		break;
	case 'R':
		strlist_add(&o->only_recipient, value + 1);
		break;
	case 'S':
		strlist_add(&o->only_sender, value + 1);
		break;
	default:
		return false;
	}
	if (o->asked == NULL && o->mode != MODE_QUEUE)
		o->mode = MODE_FLUSH;
	return true;
}

/* -q, -qf, -q30m. */
static int
parse_q(struct options *o, const char *value, struct err *err)
{
	if (value != NULL && parse_only(o, value))
		return 0;
	o->mode = MODE_FLUSH;
	if (value == NULL || value[0] == '\0')
		return 0;
	switch (value[0]) {
	case 'f':
		o->now = true;
		return 0;
	case 'p':
		value++;
		break;
	}
	/* an interval asks for a daemon; one pass is what can be given */
	if (strchr("0123456789smhdw", value[0]) != NULL) {
		o->interval = value;
		return 0;
	}
	return usage(err, "unknown queue flag: -q", value);
}

static int
parse_ret(struct options *o, const char *value, struct err *err)
{
	if (str_ieq(value, "full"))
		o->ret = RET_FULL;
	else if (str_ieq(value, "hdrs"))
		o->ret = RET_HDRS;
	else
		return usage(err, "neither full nor hdrs: -R", value);
	return 0;
}

static int
parse_envid(struct options *o, const char *value, struct err *err)
{
	if (!xtext_valid(value))
		return usage(err, "not xtext of at most 100 characters: -V",
		    value);
	if (!xtext_printable(value))
		return usage(err, "stands for what cannot be printed: -V",
		    value);
	o->envid = value;
	return 0;
}

/* -XV, -XV+=: not a file, but Postfix's way to ask for VERP. */
static int
parse_trace(struct options *o, const char *value, struct err *err)
{
	if (value[0] == 'V' && (value[1] == '\0' || strlen(value) == 3))
		return usage(err, "there is no VERP: -X", value);
	o->trace = value;
	return 0;
}

static int
parse_wait(struct options *o, const char *value, struct err *err)
{
	unsigned seconds;

	if (str_duration(value, &seconds) < 0)
		return usage(err, "not a time, as 90s, 5m: --wait", value);
	o->wait_s = seconds;
	return 0;
}

/* Options that only set something. Returns false for any other. */
static bool
parse_simple(struct options *o, int c)
{
	switch (c) {
	case 't':	o->from_header = true; break;
	case 'i':	o->ignore_dots = true; break;
	case 'f':
	case 'r':	o->sender = optarg; break;
	case 'F':	o->full_name = optarg; break;
	case 'U':	o->utf8 = true; break;
	case 'd':
	case 'v':	o->verbose = true; break;
	case 'C':	o->config = optarg; break;
	case 'L':	o->tag = optarg; break;
	case 'I':	o->mode = MODE_NOTHING; break;
	case LONG_SEND:	o->mode = MODE_FILES; break;
	case LONG_TO:	strlist_add(&o->to, optarg); break;
	case LONG_NOW:	o->now = true; break;
	case LONG_JSON:	o->json = true; break;
	case LONG_STRICT: o->strict = true; break;
	case LONG_CONFIG: o->mode = MODE_CHECK_CONFIG; break;
	case LONG_ACCOUNT: o->account = optarg; break;
	case LONG_EXPLAIN: o->mode = MODE_EXPLAIN; break;
	case LONG_IMPORT: o->mode = MODE_IMPORT; break;
	case LONG_FORMAT: o->import_format = optarg; break;
	case LONG_PASSWORDS: o->import_passwords = optarg; break;
	case LONG_HELP:	o->mode = MODE_HELP; o->help = optarg; break;
	case LONG_VERSION: o->mode = MODE_VERSION; break;
	default:
		return false;
	}
	return true;
}

/* What sendmail's callers pass and what has no meaning here. */
static bool
is_ignored(int c)
{
	return strchr("ABcDEGhJmnpsTx", c) != NULL;
}

/* The word that getopt has just read: behind it may stand its value. */
static const char *
last_word(char **argv)
{
	return argv[optind - (optarg == argv[optind - 1] ? 2 : 1)];
}

/*
 * getopt_long(3) takes "--d" for --delete as long as no other begins so. What
 * removes mail must not hang on that, and a script that says --re today would
 * mean something else with the next option.
 */
static int
check_in_full(const char *word, struct err *err)
{
	int len = (int)strcspn(word, "=");

	for (const struct option *o = long_options; o->name != NULL; o++)
		if (strlen(o->name) + 2 == (size_t)len &&
		    strncmp(word + 2, o->name, strlen(o->name)) == 0)
			return 0;
	return err_set(err, ERR_USAGE, NULL, "unknown option %.*s", len, word);
}

/* Name a short option by its letter: it may stand in a cluster. */
static int
refuse(struct err *err, const char *what, const char *argument)
{
	char letter[3] = { '-', (char)optopt, '\0' };

	return usage(err, what, optopt > 0 && optopt < 256 ? letter : argument);
}

static int
parse_one(struct options *o, int c, char **argv, struct err *err)
{
	if ((c >= LONG_SEND || optopt >= LONG_SEND) &&
	    check_in_full(last_word(argv), err) < 0)
		return -1;
	if (parse_simple(o, c))
		return 0;
	for (size_t i = 0; i < NWORKS; i++)
		if (c == works[i].c)
			return parse_work(o, &works[i], err);
	switch (c) {
	case 'b':
		return parse_become(o, optarg, err);
	case 'e':
		return parse_error_mode(o, optarg, err);
	case 'N':
		return notify_parse(optarg, &o->notify, err);
	case 'O':
		return parse_long_o(o, optarg, err);
	case 'o':
		return parse_o(o, optarg, err);
	case 'q':
		return parse_q(o, optarg, err);
	case 'R':
		return parse_ret(o, optarg, err);
	case 'V':
		return parse_envid(o, optarg, err);
	case 'X':
		return parse_trace(o, optarg, err);
	case LONG_WAIT:
		return parse_wait(o, optarg, err);
	case LONG_EXPIRE:
		o->expire = true;
		return parse_lifetime(o, optarg, err);
	case 'M':
	case 'Q':
		return usage(err, c == 'M' ? "macros cannot be set: -M (to "
		    "look at or remove a message: --show, --delete)" :
		    "there is no quarantine: -Q", NULL);
	case ':':
		return refuse(err, "a value is missing behind",
		    argv[optind - 1]);
	}
	if (c != '?' && is_ignored(c))
		return 0;
	return refuse(err, "unknown option", argv[optind - 1]);
}

/* The name it is called by chooses the mode. */
static void
parse_name(struct options *o, const char *argv0)
{
	static const struct {
		const char *name;
		enum mode mode;
	} names[] = {
		{ "mailq", MODE_QUEUE }, { "runq", MODE_FLUSH },
		{ "newaliases", MODE_NOTHING }, { "hoststat", MODE_NOTHING },
		{ "purgestat", MODE_NOTHING },
	};
	const char *slash = strrchr(argv0, '/');

	o->name = slash != NULL ? slash + 1 : argv0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(o->name, names[i].name) == 0)
			o->mode = names[i].mode;
}

static bool
has_text(const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i][0] != '\0')
			return true;
	return false;
}

/* Of what is done with the queue, what must not be done to all of it because
 * an argument has got lost. */
static int
check_what(const struct options *o, struct err *err)
{
	bool named = o->noperand > 0 || has_text(&o->only_id) ||
	    has_text(&o->only_recipient) || has_text(&o->only_sender);

	for (size_t i = 0; i < NWORKS; i++)
		if (o->mode == works[i].mode && works[i].wants_what && !named)
			return err_set(err, ERR_USAGE, NULL, "%s: name what; "
			    "\"%s all\" is for everything", works[i].name,
			    works[i].name);
	return 0;
}

static int
check(const struct options *o, struct err *err)
{
	if (check_what(o, err) < 0)
		return -1;
	if (o->expire && o->mode != MODE_SEND && o->mode != MODE_FILES)
		return usage(err, "--expire goes with sending", NULL);
	if (o->mode == MODE_FILES && o->noperand == 0)
		return usage(err, "--send: name files, mailboxes or - for "
		    "standard input", NULL);
	if (o->now && o->mode != MODE_FLUSH)
		return usage(err, "--now goes with --flush", NULL);
	if (o->mode == MODE_VERIFY && o->noperand == 0)
		return usage(err, "-bv: name addresses", NULL);
	if (o->mode == MODE_EXPLAIN && o->noperand == 0)
		return usage(err, "--explain: name addresses", NULL);
	if ((o->import_format != NULL || o->import_passwords != NULL) &&
	    o->mode != MODE_IMPORT)
		return usage(err, "--format and --passwords go with "
		    "--import-config", NULL);
	return 0;
}

int
options_parse(struct options *o, int argc, char **argv, struct err *err)
{
	int c;

	*o = (struct options){ .wait_s = -1, .lifetime_s = -1 };
	parse_name(o, argc > 0 && argv[0] != NULL ? argv[0] : "postrider");
	if (argc == 0)
		return usage(err, "called without a name (argc is 0)", NULL);
	opterr = 0;
	optind = optopt = 0;
	/* ':' in front tells a missing value from an unknown option */
	char wanted[sizeof(short_options) + 1] = ":";

	memcpy(wanted + 1, short_options, sizeof(short_options));
	while ((c = getopt_long(argc, argv, wanted, long_options, NULL)) != -1)
		if (parse_one(o, c, argv, err) < 0)
			return -1;
	o->operands = argv + optind;
	o->noperand = argc - optind;
	return check(o, err);
}

void
options_release(struct options *o)
{
	strlist_release(&o->to);
	strlist_release(&o->only_id);
	strlist_release(&o->only_recipient);
	strlist_release(&o->only_sender);
}
