/* options: the command line, as callers of sendmail write it and as we do. */
#include "config.h"

#include "check.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/options.h"
#include "mail/envelope.h"

#define ARGS_MAX 16

/* One command line from text: words between blanks, "''" is an empty one. */
struct line {
	char	text[256];
	char	*argv[ARGS_MAX + 1];
	int	argc;
};

static void
cut(struct line *l, const char *text)
{
	char *rest = NULL, *word;

	ck_assert(strlen(text) < sizeof(l->text));
	memcpy(l->text, text, strlen(text) + 1);
	l->argc = 0;
	for (word = strtok_r(l->text, " ", &rest); word != NULL;
	    word = strtok_r(NULL, " ", &rest)) {
		ck_assert_int_lt(l->argc, ARGS_MAX);
		l->argv[l->argc++] = strcmp(word, "''") == 0 ?
		    word + strlen(word) : word;
	}
	l->argv[l->argc] = NULL;
}

static void
add_text(struct buf *out, const char *name, const char *value)
{
	if (value != NULL)
		buf_printf(out, " %s=%s", name, value);
}

static void
add_texts(struct buf *out, const char *name, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++)
		add_text(out, name, list->v[i]);
}

static void
add_flag(struct buf *out, const char *name, bool set)
{
	if (set)
		buf_printf(out, " %s", name);
}

static void
add_number(struct buf *out, const char *name, int64_t n, int64_t def)
{
	if (n != def)
		buf_printf(out, " %s=%" PRId64, name, n);
}

static const char *const modes[] = {
	[MODE_SEND] = "send", [MODE_FILES] = "files", [MODE_FLUSH] = "flush",
	[MODE_QUEUE] = "queue", [MODE_COUNT] = "count",
	[MODE_VERIFY] = "verify", [MODE_CHECK_CONFIG] = "check",
	[MODE_SHOW] = "show", [MODE_HOLD] = "hold",
	[MODE_RELEASE] = "release", [MODE_DELETE] = "delete",
	[MODE_REQUEUE] = "requeue", [MODE_RETURN] = "return",
	[MODE_NOTHING] = "nothing", [MODE_HELP] = "help",
	[MODE_VERSION] = "version"
};

/* What differs from the defaults, in words; operands behind a bar. */
static void
describe(const struct options *o, struct buf *out)
{
	static const char *const deliveries[] = {
		[DELIVER_NOW] = NULL, [DELIVER_BACKGROUND] = "background",
		[DELIVER_QUEUE] = "queue"
	};
	static const char *const errors[] = {
		[ERRORS_PRINT] = NULL, [ERRORS_MAIL] = "mail",
		[ERRORS_MAIL_QUIET] = "mail-quiet", [ERRORS_QUIET] = "quiet"
	};

	buf_adds(out, modes[o->mode]);
	add_text(out, "delivery", deliveries[o->delivery]);
	add_text(out, "errors", errors[o->errors]);
	add_flag(out, "headers", o->from_header);
	add_flag(out, "dots", o->ignore_dots);
	add_text(out, "sender", o->sender);
	add_text(out, "name", o->full_name);
	add_text(out, "envid", o->envid);
	add_number(out, "notify", o->notify, 0);
	add_number(out, "ret", o->ret, RET_NONE);
	add_flag(out, "utf8", o->utf8);
	add_flag(out, "verbose", o->verbose);
	add_flag(out, "json", o->json);
	add_flag(out, "strict", o->strict);
	add_flag(out, "now", o->now);
	add_text(out, "config", o->config);
	add_text(out, "trace", o->trace);
	add_text(out, "tag", o->tag);
	add_text(out, "help", o->help);
	add_number(out, "wait", o->wait_s, -1);
	add_number(out, "lifetime", o->lifetime_s, -1);
	add_flag(out, "expire", o->expire);
	add_texts(out, "id", &o->only_id);
	add_texts(out, "recipient", &o->only_recipient);
	add_texts(out, "from", &o->only_sender);
	add_texts(out, "to", &o->to);
	for (int i = 0; i < o->noperand; i++)
		buf_printf(out, "%s%s", i == 0 ? " | " : " ", o->operands[i]);
}

static const struct {
	const char *name, *line, *want;
} good[] = {
	{ "nothing at all", "sendmail", "send" },
	{ "recipients", "sendmail a@b c@d", "send | a@b c@d" },

	/* clusters and attached arguments */
	{ "cluster", "sendmail -ti", "send headers dots" },
	{ "cluster with a value", "sendmail -tifa@b",
	    "send headers dots sender=a@b" },
	{ "cluster, value behind", "sendmail -tif a@b c@d",
	    "send headers dots sender=a@b | c@d" },
	{ "attached", "sendmail -fa@b -FName -Ltag -N never",
	    "send sender=a@b name=Name notify=1 tag=tag" },
	{ "apart", "sendmail -f a@b -F Name -L tag",
	    "send sender=a@b name=Name tag=tag" },
	{ "ended by its value", "sendmail -bm -oi -om x@y",
	    "send dots | x@y" },

	/* order */
	{ "options behind recipients", "sendmail a@b -i c@d -v",
	    "send dots verbose | a@b c@d" },
	{ "-- ends them", "sendmail -i -- -v a@b", "send dots | -v a@b" },
	{ "-- as the only one", "sendmail --", "send" },
	{ "- is an operand", "postrider --send - x", "files | - x" },
	{ "- alone", "sendmail -", "send | -" },

	/* the sender */
	{ "last -f wins", "sendmail -fa@b -f c@d", "send sender=c@d" },
	{ "-r is -f", "sendmail -fa@b -r c@d", "send sender=c@d" },
	{ "empty -f", "sendmail -f ''", "send sender=" },
	{ "null -f", "sendmail -f <>", "send sender=<>" },
	{ "-f takes what begins with -", "sendmail -f -t a@b",
	    "send sender=-t | a@b" },

	/* -b */
	{ "-bm", "sendmail -bm", "send" },
	{ "-ba", "sendmail -ba", "send" },
	{ "-b apart", "sendmail -b p", "queue" },
	{ "-bp", "sendmail -bp", "queue" },
	{ "-bP", "sendmail -bP", "count" },
	{ "-bv", "sendmail -bv a@b", "verify | a@b" },
	{ "-bi", "sendmail -bi", "nothing" },
	{ "-bh", "sendmail -bh", "nothing" },
	{ "-bH", "sendmail -bH", "nothing" },
	{ "-I", "sendmail -I", "nothing" },

	/* -q */
	{ "-q", "sendmail -q", "flush" },
	{ "-q takes nothing behind it", "sendmail -q a@b", "flush | a@b" },
	{ "-q30m", "sendmail -q30m", "flush" },
	{ "-q1h30m", "sendmail -q1h30m", "flush" },
	{ "-qp5m", "sendmail -qp5m", "flush" },
	{ "-qp", "sendmail -qp", "flush" },
	{ "-qf", "sendmail -qf", "flush now" },
	{ "-qI", "sendmail -qIabc", "flush id=abc" },
	{ "-qR", "sendmail -qRexample.org",
	    "flush recipient=example.org" },
	{ "-qS", "sendmail -qSann@", "flush from=ann@" },
	{ "-qR and -qf", "sendmail -qRann -qf", "flush now recipient=ann" },
	{ "-qR twice", "sendmail -qRann -qRbob -qSx",
	    "flush recipient=ann recipient=bob from=x" },
	{ "-vq", "sendmail -vq", "flush verbose" },
	{ "mailq -qR", "mailq -qRann", "queue recipient=ann" },
	{ "-bp -qS", "sendmail -bp -qSann", "queue from=ann" },
	{ "-qI -bp", "sendmail -qIabc -bp", "queue id=abc" },
	{ "--delete -qS", "postrider --delete -qSann", "delete from=ann" },
	{ "-qS --delete", "postrider -qSann --delete", "delete from=ann" },

	/* -o, -O, -e */
	{ "-oi", "sendmail -oi", "send dots" },
	{ "-oitrue", "sendmail -oitrue", "send dots" },
	{ "-oifalse", "sendmail -i -oifalse", "send" },
	{ "-odi", "sendmail -odb -odi", "send" },
	{ "-odb", "sendmail -odb", "send delivery=background" },
	{ "-odq", "sendmail -odq", "send delivery=queue" },
	{ "-odd", "sendmail -odd", "send delivery=queue" },
	{ "-oem", "sendmail -oem", "send errors=mail" },
	{ "-oew", "sendmail -oew", "send errors=mail" },
	{ "-oee", "sendmail -oee", "send errors=mail-quiet" },
	{ "-oeq", "sendmail -oeq", "send errors=quiet" },
	{ "-oep", "sendmail -oem -oep", "send" },
	{ "-em", "sendmail -em", "send errors=mail" },
	{ "-e apart", "sendmail -e q", "send errors=quiet" },
	{ "-o apart", "sendmail -o i", "send dots" },
	{ "other -o", "sendmail -oA/etc/aliases -or5m -oMrX -o7 -oQ/x",
	    "send" },
	{ "-O", "sendmail -O DeliveryMode=b -OErrorMode=q -OIgnoreDots",
	    "send delivery=background errors=quiet dots" },
	{ "-O lower case", "sendmail -O deliverymode=q -O ignoredots=True",
	    "send delivery=queue dots" },
	{ "-O IgnoreDots=false", "sendmail -i -O IgnoreDots=false", "send" },
	{ "-O Timeout.queuereturn", "sendmail -OTimeout.queuereturn=3d",
	    "send lifetime=259200" },
	{ "other -O", "sendmail -O QueueDirectory=/x -OTimeout.connect=5",
	    "send" },

	/* reports */
	{ "-N never", "sendmail -N never", "send notify=1" },
	{ "-N of three", "sendmail -N success,FAILURE,Delay",
	    "send notify=14" },
	{ "-R full", "sendmail -Rfull", "send ret=1" },
	{ "-R hdrs", "sendmail -R HDRS", "send ret=2" },
	{ "-V", "sendmail -V a+2Bb", "send envid=a+2Bb" },

	/* accepted, of no meaning here */
	{ "ignored flags", "sendmail -G -n -m -x -c -s -T a@b",
	    "send | a@b" },
	{ "ignored with values",
	    "sendmail -B 8BITMIME -h 3 -pUUCP:host -D /dev/null -Am a@b",
	    "send | a@b" },
	{ "value only when attached", "sendmail -E -J -E5 a@b",
	    "send | a@b" },
	{ "-d", "sendmail -d -d0.1", "send verbose" },
	{ "-v", "sendmail -v", "send verbose" },
	{ "-U", "sendmail -U", "send utf8" },
	{ "-C and -X", "sendmail -C /c -X/t", "send config=/c trace=/t" },

	/* ours */
	{ "--send", "postrider --send a b", "files | a b" },
	{ "--to, more than once", "postrider --send --to a@b --to=c@d m",
	    "files to=a@b to=c@d | m" },
	{ "--flush", "postrider --flush --now --json",
	    "flush json now" },
	{ "--flush WHAT", "postrider --flush example.org",
	    "flush | example.org" },
	{ "--queue", "postrider --queue --json", "queue json" },
	{ "--queue WHAT", "mailq --queue from:<>", "queue | from:<>" },
	{ "--queue twice", "postrider --queue --queue", "queue" },
	{ "--show", "postrider --show 4jX", "show | 4jX" },
	{ "--hold", "postrider --hold older:2h", "hold | older:2h" },
	{ "--hold all", "postrider --hold all", "hold | all" },
	{ "--release", "postrider --release --json all",
	    "release json | all" },
	{ "--delete", "postrider --delete -- from:a@b to:c@d",
	    "delete | from:a@b to:c@d" },
	{ "--requeue", "postrider --requeue older:2h",
	    "requeue | older:2h" },
	{ "--return", "postrider --return a@b", "return | a@b" },
	{ "--expire", "postrider --expire 10m a@b",
	    "send lifetime=600 expire | a@b" },
	{ "--expire at most", "postrider --expire 100d a@b",
	    "send lifetime=8640000 expire | a@b" },
	{ "--expire of files", "postrider --send --expire 1h x",
	    "files lifetime=3600 expire | x" },
	{ "--strict --wait", "postrider --strict --wait 1m30s a@b",
	    "send strict wait=90 | a@b" },
	{ "its value looks like it", "postrider --to --to --send x",
	    "files to=--to | x" },
	{ "a value like a cut word", "postrider -F --d --account --d a@b",
	    "send name=--d | a@b" },
	{ "--wait 0", "postrider --wait=0", "send wait=0" },
	{ "--check-config", "postrider --check-config", "check" },
	{ "--help", "postrider --help", "help" },
	{ "--help=settings", "postrider --help=settings",
	    "help help=settings" },
	{ "--version", "postrider --version", "version" },

	/* names */
	{ "full path", "/usr/sbin/sendmail -t", "send headers" },
	{ "mailq", "/usr/bin/mailq", "queue" },
	{ "mailq with options", "mailq -v -Ac", "queue verbose" },
	{ "runq", "runq", "flush" },
	{ "newaliases", "newaliases", "nothing" },
	{ "hoststat", "hoststat", "nothing" },
	{ "purgestat", "purgestat", "nothing" },
	{ "send-mail", "send-mail a@b", "send | a@b" },
	{ "a name beginning so", "mailq2 a@b", "send | a@b" },
};

START_TEST(accepted)
{
	struct options o;
	struct line l;
	struct buf got = { 0 };
	struct err err = { 0 };

	cut(&l, good[_i].line);
	ck_assert_msg(options_parse(&o, l.argc, l.argv, &err) == 0,
	    "%s: %s", good[_i].name, err.text);
	describe(&o, &got);
	ck_assert_msg(strcmp(buf_str(&got), good[_i].want) == 0,
	    "%s: got \"%s\", not \"%s\"", good[_i].name, buf_str(&got),
	    good[_i].want);
	buf_release(&got);
	options_release(&o);
}
END_TEST

static const struct {
	const char *name, *line, *says;
} bad[] = {
	{ "unknown letter", "sendmail -Z", "-Z" },
	{ "unknown word", "postrider --nonsense", "--nonsense" },
	{ "a letter of a word", "postrider --d all", "unknown option --d" },
	{ "most of a word", "postrider --delet all",
	    "unknown option --delet" },
	{ "cut, with a value", "postrider --acc=x a@b",
	    "unknown option --acc" },
	{ "cut, with a value apart", "postrider --acc x a@b",
	    "unknown option --acc" },
	{ "cut, the value missing", "postrider --wai",
	    "unknown option --wai" },
	{ "cut, a value too many", "postrider --que=x",
	    "unknown option --que" },
	{ "cut, of several", "postrider --re all", "unknown option --re" },
	{ "cut, behind an operand", "postrider all -v --del",
	    "unknown option --del" },
	{ "value missing", "sendmail -f", "-f" },
	{ "value missing, long", "postrider --wait", "--wait" },
	{ "value too many", "postrider --flush=x", "--flush" },
	{ "recipient like an option", "sendmail -zoo@example.org",
	    "unknown option" },
	{ "-bs", "sendmail -bs", "does not read SMTP" },
	{ "-bS", "sendmail -bS", "does not read SMTP" },
	{ "-bd", "sendmail -bd", "no daemon" },
	{ "-bD", "sendmail -bD", "no daemon" },
	{ "-bl", "sendmail -bl", "no daemon" },
	{ "-bt", "sendmail -bt", "-b t" },
	{ "-b with more", "sendmail -bpx", "-b px" },
	{ "-qQ", "sendmail -qQ", "-q Q" },
	{ "-qG", "sendmail -qGgroup", "-q Ggroup" },
	{ "-q!", "sendmail -q!Rx", "-q !Rx" },
	{ "-Q", "sendmail -Q", "quarantine" },
	{ "-M", "sendmail -Mmacro", "macros" },
	{ "-M of Exim", "mailq -Mvh 4jX", "--show, --delete" },
	{ "-od", "sendmail -odx", "delivery mode" },
	{ "-od alone", "sendmail -od", "delivery mode" },
	{ "-oe", "sendmail -oex", "error mode" },
	{ "-e", "sendmail -ex", "error mode" },
	{ "-N", "sendmail -N maybe", "maybe" },
	{ "-N never and more", "sendmail -N never,delay", "never" },
	{ "-R", "sendmail -R some", "some" },
	{ "-V", "sendmail -V a=b", "xtext" },
	{ "-O Timeout", "sendmail -OTimeout.queuereturn=soon", "soon" },
	{ "--wait", "postrider --wait soon", "soon" },
	{ "--send without files", "postrider --send", "--send" },
	{ "--delete of nothing", "postrider --delete", "--delete all" },
	{ "--delete of an empty text", "postrider --delete -qR", "all" },
	{ "--hold of nothing", "postrider --hold --json", "--hold all" },
	{ "--return of nothing", "postrider --return", "--return all" },
	{ "--release of nothing", "postrider --release", "--release all" },
	{ "--requeue of nothing", "postrider --requeue --json",
	    "--requeue all" },
	{ "--show of nothing", "postrider --show", "--show: name what" },
	{ "two at once", "postrider --delete --queue x",
	    "--delete and --queue" },
	{ "two of the same kind", "postrider --flush x --hold",
	    "--flush and --hold" },
	{ "--now and --hold", "postrider --hold all --now", "--now" },
	{ "--expire what", "postrider --expire soon a@b", "soon" },
	{ "--expire too long", "postrider --expire 4294967295 a@b",
	    "more than 100 days" },
	{ "--expire a second too long", "postrider --expire 8640001 a@b",
	    "more than 100 days" },
	{ "-O Timeout too long", "sendmail -OTimeout.queuereturn=101d a@b",
	    "more than 100 days" },
	{ "--expire and --flush", "postrider --flush --expire 1h",
	    "--expire" },
	{ "--now alone", "postrider --now a@b", "--now" },
	{ "-bv without addresses", "sendmail -bv", "-bv" },
};

START_TEST(refused)
{
	struct options o;
	struct line l;
	struct err err = { 0 };

	cut(&l, bad[_i].line);
	ck_assert_msg(options_parse(&o, l.argc, l.argv, &err) == -1,
	    "%s: accepted", bad[_i].name);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_msg(strstr(err.text, bad[_i].says) != NULL,
	    "%s: says \"%s\"", bad[_i].name, err.text);
	ck_assert_ptr_nonnull(o.name);
	options_release(&o);
}
END_TEST

/* execve(2) with no arguments at all is somebody's attempt at something. */
START_TEST(no_name)
{
	char *argv[] = { NULL };
	struct options o;
	struct err err = { 0 };

	ck_assert_int_eq(options_parse(&o, 0, argv, &err), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_str_eq(o.name, "postrider");
	options_release(&o);
}
END_TEST

START_TEST(name_as_called)
{
	char *argv[] = { (char[]){ "/usr/lib/sendmail" }, NULL };
	struct options o;
	struct err err;

	ck_assert_int_eq(options_parse(&o, 1, argv, &err), 0);
	ck_assert_str_eq(o.name, "sendmail");
	options_release(&o);
}
END_TEST

START_TEST(help)
{
	struct buf text = { 0 };

	ck_assert(options_help(&text, NULL));
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "--flush"));
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "77 somebody"));
	buf_clear(&text);
	ck_assert(options_help(&text, "settings"));
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "smtp-port"));
	buf_clear(&text);
	ck_assert(!options_help(&text, "nonsense"));
	ck_assert_uint_eq(text.len, 0);
	buf_release(&text);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_loop_test(tc, accepted, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, no_name);
	tcase_add_test(tc, name_as_called);
	tcase_add_test(tc, help);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
