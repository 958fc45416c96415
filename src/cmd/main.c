/*
 * postrider: sends mail, in sendmail's place.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/command.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"
#include "cmd/exitcode.h"
#include "cmd/flush.h"
#include "import/import.h"
#include "cmd/list.h"
#include "cmd/manage.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/result.h"
#include "cmd/settings.h"
#include "cmd/show.h"
#include "cmd/submit.h"
#include "cmd/verify.h"
#include "deliver/credential.h"
#include "mail/idn.h"
#include "net/curllib.h"
#include "net/tls.h"

#define DEFAULT_TAG "postrider"

/* Every send waits for it. */
#define SMARTHOST_COMMAND_S 10
#define SMARTHOST_COMMAND_MAX 4096

static int
print_help(const struct options *o)
{
	struct buf text = { 0 };
	bool known = options_help(&text, o->help);

	if (known)
		output_write(&text);
	else
		result_complain(o->name, "--help has no topic %s; there is "
		    "--help and --help=settings", o->help);
	buf_release(&text);
	return known ? EX_OK : EX_USAGE;
}

/* Can the file of a setting be read at all? */
static int
check_file(const char *setting, const char *path, struct err *err)
{
	if (path == NULL || str_istarts(path, "pkcs11:") ||
	    access(path, R_OK) == 0)
		return 0;
	return err_set(err, ERR_CONFIG, NULL, "%s %s: %s", setting, path,
	    strerror(errno));
}

static int
check_account(const struct account *a, struct err *err)
{
	if (a->nendpoint == 0)
		return 0;
	if (check_file("ca-file", a->ca_file, err) < 0 ||
	    check_file("client-cert", a->client_cert, err) < 0 ||
	    check_file("client-key", a->client_key, err) < 0)
		return -1;
	return account_needs_auth(a) ? credential_check(a, err) : 0;
}

/* Passwords and other files that are not there, or open to others. */
static int
check_accounts(const struct options *o, const struct routing *routing)
{
	struct err err;
	int code = EX_OK;

	for (size_t i = 0; i < routing->naccount; i++) {
		const struct account *account = &routing->accounts[i];

		if (check_account(account, &err) == 0)
			continue;
		result_complain(o->name, "%s%s%s%s", account->name[0] != '\0' ?
		    "account " : "", account->name,
		    account->name[0] != '\0' ? ": " : "", err.text);
		code = EX_CONFIG;
	}
	return code;
}

/* What is in effect, and what in it will make trouble. */
static int
print_settings(const struct options *o, const struct settings *settings)
{
	struct buf text = { 0 };

	settings_show(settings, &text);
	output_write(&text);
	buf_release(&text);
	if (strchr(settings->hostname, '.') == NULL)
		result_complain(o->name, "hostname %s is no full name; other "
		    "servers may refuse it", settings->hostname);
	if (strchr(settings->origin, '.') == NULL)
		result_complain(o->name, "origin %s is no full domain; mail "
		    "from %s and to root will find no way back",
		    settings->origin, settings->origin);
	return check_accounts(o, &settings->routing);
}

static int
print_version(void)
{
	struct buf text = { 0 };

	buf_printf(&text, "postrider " PACKAGE_VERSION "\n"
	    "GnuTLS %s, libidn2 %s, libcurl %s, "
	    "DNS by the C library's resolver\n",
	    tls_library(), idn_library(), curllib_version());
	output_write(&text);
	buf_release(&text);
	return EX_OK;
}

/* The dialogue goes to standard error, or is appended to a file. Returns the
 * descriptor; -1 for nowhere; -2 when it cannot be opened. */
static int
open_trace(const struct options *o)
{
	int fd = -1;

	if (o->trace != NULL) {
		fd = open(o->trace, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY |
		    O_CLOEXEC, 0600);
		if (fd < 0) {
			result_complain(o->name, "-X %s: %s", o->trace,
			    strerror(errno));
			return -2;
		}
	} else if (o->verbose)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd;
}

static int
run_mode(const struct options *o, const struct settings *settings,
    const struct delivery *how, struct spool *spool)
{
	switch (o->mode) {
	case MODE_QUEUE:
		return list_run(o, how, spool);
	case MODE_COUNT:
		return list_count(o, spool);
	case MODE_SHOW:
		return show_run(o, spool);
	case MODE_FLUSH:
		return flush_queue(o, how, spool);
	case MODE_HOLD:
	case MODE_RELEASE:
	case MODE_DELETE:
	case MODE_REQUEUE:
	case MODE_RETURN:
		return manage_run(o, how, spool);
	default:
		return submit_run(o, settings, how, spool);
	}
}

static int
run_in_spool(const struct options *o, const struct settings *settings,
    const struct delivery *how)
{
	struct spool spool = { .fd = -1 };
	struct err err;
	int code;

	if (spool_open(&spool, settings->spool, &err) < 0) {
		if (o->mode == MODE_SEND)
			submit_drain();
		result_complain(o->name, "%s", err.text);
		return exitcode_of_err(&err);
	}
	if (spool.shared)
		process_avoid_group(spool.gid);
	code = run_mode(o, settings, how, &spool);
	spool_close(&spool);
	return code;
}

static bool
is_sending(const struct options *o)
{
	return o->mode == MODE_SEND || o->mode == MODE_FILES;
}

/* Modes in which mail may go out. */
static bool
may_send(const struct options *o)
{
	return is_sending(o) || o->mode == MODE_FLUSH ||
	    o->mode == MODE_RETURN || o->mode == MODE_VERIFY ||
	    o->mode == MODE_EXPLAIN;
}

/*
 * Which smarthost there is in this network: what the command prints is what
 * the setting would say. When it cannot tell, mail waits.
 */
static void
find_smarthost(const struct options *o, struct settings *settings)
{
	struct buf text = { 0 };
	struct err err;

	if (settings->smarthost_command == NULL || !may_send(o) ||
	    o->delivery == DELIVER_QUEUE)
		return;
	/* it runs as the caller, and who can make it print what he likes would
	 * be shown the password that the group guards */
	if (process_serves_guest()) {
		err_set(&err, ERR_TEMP, "4.3.5", "smarthost-command is not run "
		    "for users who may not read the queue: the next flush "
		    "sends this");
		settings_smarthost(settings, NULL, &err);
		return;
	}
	if (command_output("smarthost-command", settings->smarthost_command,
	    SMARTHOST_COMMAND_S, SMARTHOST_COMMAND_MAX, &text, &err) == 0) {
		buf_str(&text);
		text.data[strcspn(text.data, "\n")] = '\0';
		settings_smarthost(settings, text.data, NULL);
	} else
		settings_smarthost(settings, NULL, &err);
	buf_release(&text);
}

static int
run(const struct options *o, struct settings *settings)
{
	struct delivery how;
	struct err err;

	settings_init(settings);
	if (settings_load(settings, o->config, &err) < 0)
		goto wrong;
	settings_complete(settings);
	if (settings_check(settings, &err) < 0)
		goto wrong;
	find_smarthost(o, settings);
	if (o->mode == MODE_CHECK_CONFIG)
		return print_settings(o, settings);
	/* a log that cannot be written costs no mail; syslog takes its place */
	if (log_open(settings->log, o->tag != NULL ? o->tag : DEFAULT_TAG,
	    &err) < 0)
		log_line(LOG_LEVEL_WARNING, "log", "%s", err.text);
	settings_delivery(settings, &how);
	how.guest = process_serves_guest();
	if ((how.trace_fd = open_trace(o)) == -2) {
		if (o->mode == MODE_SEND)
			submit_drain();
		return EX_CANTCREAT;
	}
	process_find_user(settings->worker_user);
	if (o->mode == MODE_VERIFY || o->mode == MODE_EXPLAIN)
		return verify_run(o, settings, &how);
	return run_in_spool(o, settings, &how);
wrong:
	if (o->mode == MODE_SEND)
		submit_drain();
	result_complain(o->name, "%s", err.text);
	return exitcode_of_err(&err);
}

/* Modes that need neither settings nor spool. Returns -1 for the others. */
static int
run_simple(const struct options *o)
{
	switch (o->mode) {
	case MODE_HELP:
		return print_help(o);
	case MODE_VERSION:
		return print_version();
	case MODE_IMPORT:
		return import_run(o);
	case MODE_NOTHING:
		/* there is no alias table, and nothing to forget */
		return EX_OK;
	default:
		return -1;
	}
}

int
main(int argc, char **argv)
{
	struct settings settings = { 0 };
	struct options options;
	struct err err;
	int code;

	process_sanitise();
	if (options_parse(&options, argc, argv, &err) < 0) {
		process_drop_group();
		if (options.mode == MODE_SEND)
			submit_drain();
		result_complain(options.name, "%s; --help shows the options",
		    err.text);
		options_release(&options);
		return exitcode_of_err(&err);
	}
	/* files that the caller names are his to open, not ours */
	if (options.config != NULL || options.trace != NULL ||
	    options.mode == MODE_CHECK_CONFIG || options.mode == MODE_IMPORT)
		process_drop_group();
	output_init(options.name);
	code = run_simple(&options);
	if (code < 0)
		code = run(&options, &settings);
	/* what becomes of mail is not changed by who cannot be told of it */
	if (code == EX_OK && output_failed() && !is_sending(&options))
		code = EX_IOERR;
	log_close();
	settings_release(&settings);
	options_release(&options);
	return code;
}
