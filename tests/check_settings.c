/* settings: what postrider.conf may hold, and that its manual says so. Account
 * blocks, and what makes no sense together, are in check_settings_account.c. */
#include "config.h"

#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "cmd/settings.h"

/* Read text as the file "conf"; n may be less than it looks like (NUL). */
static int
parse(struct settings *s, const char *text, size_t n, struct err *err)
{
	struct buf file = { 0 };
	int rc;

	settings_init(s);
	buf_add(&file, text, n);
	rc = settings_parse(s, "conf", &file, err);
	buf_release(&file);
	return rc;
}

/* The settings that the rows below look at, in words. */
static void
describe(const struct settings *s, struct buf *out)
{
	buf_printf(out, "%s|%s|%s|%s|%llu|%llu|%llu|%llu",
	    s->hostname != NULL ? s->hostname : "-",
	    s->spool != NULL ? s->spool : "-",
	    s->nameserver != NULL ? s->nameserver : "-", s->log,
	    (unsigned long long)s->jobs, (unsigned long long)s->wait,
	    (unsigned long long)s->dsn_size, (unsigned long long)s->tls);
}

#define DEFAULTS "|-|-|syslog|100|30|51200|1"

static const struct {
	const char *name, *text, *want;
} good[] = {
	{ "empty", "", "-" DEFAULTS },
	{ "empty lines", "\n\n  \n\t\n", "-" DEFAULTS },
	{ "comments", "# one\n  # two\n#\n", "-" DEFAULTS },
	{ "no newline at the end", "jobs 7", "-|-|-|syslog|7|30|51200|1" },
	{ "blanks and tabs", " \tjobs\t  7 \t\n",
	    "-|-|-|syslog|7|30|51200|1" },
	{ "CRLF", "jobs 7\r\nwait 5s\r\n\r\n# x\r\n",
	    "-|-|-|syslog|7|5|51200|1" },
	{ "comment behind a value", "jobs 7 # seven\nwait 5#x\n",
	    "-|-|-|syslog|7|5|51200|1" },

	{ "quoted", "spool \"/a b\"\n", "-|/a b|-|syslog|100|30|51200|1" },
	{ "quoted #", "spool \"/a#b\" # x\n",
	    "-|/a#b|-|syslog|100|30|51200|1" },
	{ "quoted quote", "spool \"/a\\\"b\\\\c\\d\"\n",
	    "-|/a\"b\\c\\d|-|syslog|100|30|51200|1" },
	{ "blank inside without quotes", "spool /a b\n",
	    "-|/a b|-|syslog|100|30|51200|1" },
	{ "quoted number", "jobs \"7\"\n", "-|-|-|syslog|7|30|51200|1" },
	{ "quoted blanks at the ends", "spool \"/a \"\n",
	    "-|/a |-|syslog|100|30|51200|1" },

	{ "domain, made canonical", "hostname Mail.EXAMPLE.org\n",
	    "mail.example.org" DEFAULTS },
	{ "domain in Unicode", "hostname b\xc3\xbc" "cher.example\n",
	    "xn--bcher-kva.example" DEFAULTS },
	{ "name servers", "nameserver 192.0.2.53 [2001:db8::53]:5353\n",
	    "-|-|192.0.2.53 [2001:db8::53]:5353|syslog|100|30|51200|1" },
	{ "log to a file", "log /var/log/x\n",
	    "-|-|-|/var/log/x|100|30|51200|1" },
	{ "no log", "log none\n", "-|-|-|none|100|30|51200|1" },
	{ "choice", "tls required\n", "-|-|-|syslog|100|30|51200|2" },
	{ "other choice", "tls off\n", "-|-|-|syslog|100|30|51200|0" },

	{ "time in units", "wait 1h30m5s\n",
	    "-|-|-|syslog|100|5405|51200|1" },
	{ "time in seconds", "wait 90\n", "-|-|-|syslog|100|90|51200|1" },
	{ "least time", "wait 0\n", "-|-|-|syslog|100|0|51200|1" },
	{ "largest time", "wait 1d\n", "-|-|-|syslog|100|86400|51200|1" },
	{ "least number", "jobs 1\n", "-|-|-|syslog|1|30|51200|1" },
	{ "largest number", "jobs 2000\n", "-|-|-|syslog|2000|30|51200|1" },
	{ "size in octets", "dsn-size 4096\n",
	    "-|-|-|syslog|100|30|4096|1" },
	{ "size in K", "dsn-size 10k\n", "-|-|-|syslog|100|30|10240|1" },
	{ "size in M", "dsn-size 2M\n", "-|-|-|syslog|100|30|2097152|1" },
	{ "largest size", "dsn-size 1G\n",
	    "-|-|-|syslog|100|30|1073741824|1" },
	{ "least size", "dsn-size 0\n", "-|-|-|syslog|100|30|0|1" },
};

START_TEST(accepted)
{
	struct settings s;
	struct buf got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(parse(&s, good[_i].text, strlen(good[_i].text),
	    &err) == 0, "%s: %s", good[_i].name, err.text);
	describe(&s, &got);
	ck_assert_msg(strcmp(buf_str(&got), good[_i].want) == 0,
	    "%s: got %s", good[_i].name, buf_str(&got));
	buf_release(&got);
	settings_release(&s);
}
END_TEST

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *name, *text;
	size_t n;
	const char *says;	/* how it begins */
} bad[] = {
	{ "unknown key", TEXT("jobs 1\nno-such 1\n"),
	    "conf:2: no-such: there is no such" },
	{ "keys have a case", TEXT("Jobs 1\n"), "conf:1: Jobs: " },
	{ "= is no part of it", TEXT("jobs=1\n"), "conf:1: jobs=1: " },
	{ "twice", TEXT("jobs 1\n\njobs 1\n"), "conf:3: jobs: was set" },
	{ "no value", TEXT("jobs\n"), "conf:1: jobs: a value is missing" },
	{ "only a comment", TEXT("jobs # x\n"),
	    "conf:1: jobs: a value is missing" },
	{ "empty quotes", TEXT("spool \"\"\n"),
	    "conf:1: spool: a value is missing" },
	{ "no number", TEXT("jobs many\n"), "conf:1: jobs: \"many\"" },
	{ "negative", TEXT("jobs -1\n"), "conf:1: jobs: \"-1\"" },
	{ "half a number", TEXT("jobs 7x\n"), "conf:1: jobs: \"7x\"" },
	{ "too small", TEXT("jobs 0\n"), "conf:1: jobs: 0 is not between" },
	{ "too large", TEXT("jobs 2001\n"),
	    "conf:1: jobs: 2001 is not between 1 and 2000" },
	{ "nobody", TEXT("recipients-max 0\n"),
	    "conf:1: recipients-max: 0 is not between 1 and 1000000" },
	{ "more than the queue takes", TEXT("recipients-max 1000001\n"),
	    "conf:1: recipients-max: 1000001 is not" },
	{ "far too large", TEXT("jobs 99999999999999999999999\n"),
	    "conf:1: jobs: " },
	{ "no time", TEXT("wait soon\n"), "conf:1: wait: \"soon\"" },
	{ "no such unit", TEXT("wait 5y\n"), "conf:1: wait: \"5y\"" },
	{ "time too long", TEXT("wait 86401\n"),
	    "conf:1: wait: 86401 is not between" },
	{ "time too short", TEXT("lifetime 59s\n"), "conf:1: lifetime: " },
	{ "no size", TEXT("dsn-size big\n"), "conf:1: dsn-size: \"big\"" },
	{ "unit alone", TEXT("dsn-size K\n"), "conf:1: dsn-size: \"K\"" },
	{ "unit twice", TEXT("dsn-size 1KK\n"),
	    "conf:1: dsn-size: \"1KK\"" },
	{ "size too large", TEXT("dsn-size 2G\n"), "conf:1: dsn-size: " },
	{ "size beyond all", TEXT("dsn-size 18446744073709551615G\n"),
	    "conf:1: dsn-size: " },
	{ "no choice", TEXT("tls maybe\n"), "conf:1: tls: \"maybe\" is not "
	    "one of off, opportunistic, required" },
	{ "word of another choice", TEXT("envelope-from keep\n"),
	    "conf:1: envelope-from: \"keep\" is not one of option, header, "
	    "header-always, fixed" },
	{ "not yet a word", TEXT("from-header repl\n"),
	    "conf:1: from-header: \"repl\" is not one of keep, replace" },
	{ "choice has a case", TEXT("tls Off\n"), "conf:1: tls: \"Off\"" },
	{ "no domain", TEXT("hostname a..b\n"), "conf:1: hostname: " },
	{ "no address", TEXT("double-bounce x\n"),
	    "conf:1: double-bounce: " },
	{ "no name server", TEXT("nameserver dns.example\n"),
	    "conf:1: nameserver: " },
	{ "relative path", TEXT("spool var\n"), "conf:1: spool: " },
	{ "no log", TEXT("log file\n"), "conf:1: log: " },
	{ "quote without end", TEXT("spool \"/x\n"),
	    "conf:1: spool: the quotes" },
	{ "backslash at the end", TEXT("spool \"/x\\"),
	    "conf:1: spool: the quotes" },
	{ "text behind a quote", TEXT("spool \"/x\" y\n"),
	    "conf:1: spool: the quotes" },
	{ "quote inside", TEXT("spool /x\"y\"\n"),
	    "conf:1: spool: the quotes" },
	{ "control character", TEXT("origin a\x01\n"),
	    "conf:1: origin: a control character" },
	{ "NUL", TEXT("jobs 1\n\0\n"), "conf: holds a NUL" },
	{ "NUL at the end", TEXT("jobs 1\n\0"), "conf: holds a NUL" },
};

START_TEST(refused)
{
	struct settings s;
	struct err err = { 0 };
	size_t n = strlen(bad[_i].says);

	ck_assert_msg(parse(&s, bad[_i].text, bad[_i].n, &err) == -1,
	    "%s: accepted", bad[_i].name);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_msg(strncmp(err.text, bad[_i].says, n) == 0,
	    "%s: says \"%s\"", bad[_i].name, err.text);
	settings_release(&s);
}
END_TEST

/* A second file is read over the first; only the keys in it change. */
START_TEST(over)
{
	struct settings s;
	struct buf file = { 0 };
	struct err err;

	ck_assert_int_eq(parse(&s, TEXT("jobs 7\nwait 5s\n"), &err), 0);
	buf_adds(&file, "jobs 8\n");
	ck_assert_int_eq(settings_parse(&s, "other", &file, &err), 0);
	ck_assert_uint_eq(s.jobs, 8);
	ck_assert_uint_eq(s.wait, 5);
	buf_release(&file);
	settings_release(&s);
}
END_TEST

/* How a file of n octets, all comment, is read. */
static int
read_file_of(size_t n, struct err *err)
{
	char path[] = "/tmp/check_settings.XXXXXX";
	struct settings s;
	struct buf text = { 0 };
	int fd = mkstemp(path), rc;

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < n; i++)
		buf_addc(&text, i % 80 == 79 ? '\n' : '#');
	ck_assert_int_eq(write_all(fd, text.data, n), 0);
	close(fd);
	settings_init(&s);
	rc = settings_read(&s, path, false, err);
	settings_release(&s);
	unlink(path);
	buf_release(&text);
	return rc;
}

START_TEST(file_size)
{
	struct err err = { 0 };

	ck_assert_msg(read_file_of(1, &err) == 0, "%s", err.text);
	ck_assert_msg(read_file_of(1 << 20, &err) == 0, "%s", err.text);
	ck_assert_int_eq(read_file_of((1 << 20) + 1, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
}
END_TEST

static const char *const no_files[] = { "/no/such/file", "/dev/zero", "/" };

START_TEST(no_file)
{
	struct settings s;
	struct err err = { 0 };

	settings_init(&s);
	ck_assert_int_eq(settings_read(&s, no_files[_i], false, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, no_files[_i]));
	ck_assert_int_eq(settings_read(&s, "/no/such/file", true, &err), 0);
	settings_release(&s);
}
END_TEST

/* "name  (default: value)": every default in the list is a good value. */
START_TEST(defaults)
{
	struct settings s;
	struct buf list = { 0 };
	char name[64], value[128], text[256];
	struct err err = { 0 };
	const char *line;
	int n = 0;

	settings_list(&list);
	for (line = buf_str(&list); line != NULL && *line != '\0';
	    line = strchr(line, '\n'), line += line != NULL) {
		if (*line == ' ' || sscanf(line,
		    "%63s %*[^(](default: %127[^)\n]", name,
		    value) != 2 || value[0] == '(')
			continue;
		n++;
		snprintf(text, sizeof(text), "%s %s\n", name, value);
		ck_assert_msg(parse(&s, text, strlen(text), &err) == 0,
		    "%s", err.text);
		settings_release(&s);
	}
	ck_assert_int_ge(n, 15);
	buf_release(&list);
}
END_TEST

#define LIST_BEGIN ".\\\" settings: begin\n"
#define LIST_END ".\\\" settings: end\n"

/* The list in the manual is the table's; scripts/man-settings writes it. */
START_TEST(manual)
{
	const char *top = getenv("srcdir"), *from, *to;
	struct buf path = { 0 }, page = { 0 }, list = { 0 };
	struct err err = { 0 };

	buf_printf(&path, "%s/man/postrider.conf.5", top != NULL ? top : ".");
	ck_assert_msg(file_read(buf_str(&path), 1 << 20, &page, &err) == 0,
	    "%s", err.text);
	from = strstr(buf_str(&page), LIST_BEGIN);
	ck_assert_ptr_nonnull(from);
	from += strlen(LIST_BEGIN);
	to = strstr(from, LIST_END);
	ck_assert_ptr_nonnull(to);
	settings_list_mdoc(&list);
	ck_assert_msg(list.len == (size_t)(to - from) &&
	    memcmp(list.data, from, list.len) == 0,
	    "the list of settings is not that of the program: "
	    "run scripts/man-settings");
	buf_release(&path);
	buf_release(&page);
	buf_release(&list);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("settings");
	TCase *tc = tcase_create("settings");

	tcase_add_loop_test(tc, accepted, 0, CHECK_ROWS(good));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_test(tc, over);
	tcase_add_test(tc, file_size);
	tcase_add_loop_test(tc, no_file, 0, CHECK_ROWS(no_files));
	tcase_add_test(tc, defaults);
	tcase_add_test(tc, manual);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
