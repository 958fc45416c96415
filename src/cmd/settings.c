#include "config.h"

#include "cmd/settings.h"

#include <inttypes.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"
#include "mail/address.h"
#include "net/resolver.h"

#define SETTINGS_FILE_MAX (1u << 20)

enum type { TYPE_TEXT, TYPE_PATH, TYPE_DOMAIN, TYPE_ADDRESS, TYPE_SERVERS,
	TYPE_LOG, TYPE_NUMBER, TYPE_TIME, TYPE_SIZE, TYPE_CHOICE };

/*
 * The keys. def is what the manual shows; one in brackets is worked out in
 * settings_complete(). min and max bound numbers, and seconds of times.
 */
static const struct key {
	const char *name;
	enum type type;
	size_t at;
	const char *def;
	uint64_t min, max;
	const char *help;
} keys[] = {
#define AT(member) offsetof(struct settings, member)
	{ "hostname", TYPE_DOMAIN, AT(hostname), "(the machine's name)", 0, 0,
	    "The name this machine greets other servers with, and by which it "
	    "signs reports and Received fields. It should be the name that its "
	    "address resolves to." },
	{ "origin", TYPE_DOMAIN, AT(origin), "(/etc/mailname, or hostname)",
	    0, 0,
	    "The domain of addresses without one: the sender login@origin, and "
	    "recipients such as root." },
	{ "spool", TYPE_PATH, AT(spool), "(/var/spool/postrider)", 0, 0,
	    "The directory in which messages wait. Where a user cannot write "
	    "there it is $XDG_STATE_HOME/postrider "
	    "(~/.local/state/postrider)." },
	{ "nameserver", TYPE_SERVERS, AT(nameserver), "(/etc/resolv.conf)",
	    0, 0,
	    "Name servers to ask instead of those in /etc/resolv.conf, blanks "
	    "between: 192.0.2.53, 127.0.0.1:5353, [2001:db8::53]:53." },
	{ "smtp-port", TYPE_NUMBER, AT(smtp_port), "25", 1, 65535,
	    "The port of mail exchangers, for tests and odd networks. With any "
	    "other than 25, addresses of this machine are not taken for "
	    "Postrider's own." },
	{ "tls", TYPE_CHOICE, AT(tls), "opportunistic", 0, 0,
	    "opportunistic: encrypt where the server offers it, go on in clear "
	    "where that fails. required: do not deliver in clear. off: never "
	    "encrypt." },
	{ "wait", TYPE_TIME, AT(wait), "30s", 0, 86400,
	    "How long a caller waits for deliveries. After that the rest is "
	    "made safe in the queue, the command returns 0, and deliveries go "
	    "on in the background." },
	{ "jobs", TYPE_NUMBER, AT(jobs), "100", 1, 2000,
	    "Delivery processes at the same time." },
	{ "site-connections", TYPE_NUMBER, AT(site_connections), "5", 1, 100,
	    "Of these, at most so many at one site, that is, at domains with "
	    "the same mail exchangers." },
	{ "connection-messages", TYPE_NUMBER, AT(connection_messages), "100",
	    1, 1000,
	    "Messages sent over one connection." },
	{ "transaction-recipients", TYPE_NUMBER, AT(transaction_recipients),
	    "100", 1, 1000,
	    "Recipients of one message in one transaction." },
	{ "lifetime", TYPE_TIME, AT(lifetime), "5d", 60, 8640000,
	    "How long delivery is tried before a message goes back to its "
	    "sender." },
	{ "bounce-lifetime", TYPE_TIME, AT(bounce_lifetime), "2d", 60, 8640000,
	    "The same for the reports that Postrider makes itself." },
	{ "retry-first", TYPE_TIME, AT(retry_first), "5m", 1, 86400,
	    "The time to the second attempt. It doubles with each further one, "
	    "and is varied by a fifth, so that not all come at once." },
	{ "retry-max", TYPE_TIME, AT(retry_max), "4h", 1, 864000,
	    "The longest time between two attempts." },
	{ "double-bounce", TYPE_ADDRESS, AT(double_bounce), "(none)", 0, 0,
	    "Where reports go that cannot be delivered to the sender. Without "
	    "it they are kept in hold/ below the spool and logged." },
	{ "dsn-size", TYPE_SIZE, AT(dsn_size), "50K", 0, 1u << 30,
	    "A report holds the whole message up to this size, of a larger one "
	    "the header only." },
	{ "log", TYPE_LOG, AT(log), "syslog", 0, 0,
	    "syslog (facility mail), stderr, none, or the path of a file." },
	{ "worker-user", TYPE_TEXT, AT(worker_user), "postrider", 0, 0,
	    "The user as whom processes that read the network run when "
	    "Postrider is started by root; nobody when there is none." },
	{ "dns-timeout", TYPE_TIME, AT(dns_timeout), "20s", 1, 600,
	    "For all the lookups of one domain." },
	{ "connect-timeout", TYPE_TIME, AT(connect_timeout), "0", 0, 600,
	    "For the connection to one address; 0: 10 seconds while a caller "
	    "waits, else 30." },
	{ "command-timeout", TYPE_TIME, AT(command_timeout), "0", 0, 3600,
	    "The longest wait for any reply but the last; 0: 15 seconds to a "
	    "minute while a caller waits, else as RFC 5321 says, 2 to 5 "
	    "minutes." },
	{ "dot-timeout", TYPE_TIME, AT(dot_timeout), "10m", 1, 3600,
	    "The wait for the reply to the end of a message. A shorter one "
	    "makes duplicates." },
	{ "destination-timeout", TYPE_TIME, AT(destination_timeout), "20m", 1,
	    86400,
	    "For one destination altogether, and a second more for each 4 KB "
	    "sent." },
#undef AT
};

static const char *const type_names[] = {
	[TYPE_TEXT] = "text", [TYPE_PATH] = "path", [TYPE_DOMAIN] = "domain",
	[TYPE_ADDRESS] = "address", [TYPE_SERVERS] = "addresses",
	[TYPE_LOG] = "word or path", [TYPE_NUMBER] = "number",
	[TYPE_TIME] = "time", [TYPE_SIZE] = "size", [TYPE_CHOICE] = "word",
};

#define NKEY (sizeof(keys) / sizeof(keys[0]))

static const char *const tls_choices[] = { "off", "opportunistic", "required" };

static char **
text_at(struct settings *s, const struct key *key)
{
	return (char **)((char *)s + key->at);
}

static uint64_t *
number_at(struct settings *s, const struct key *key)
{
	return (uint64_t *)((char *)s + key->at);
}

static void
set_text(struct settings *s, const struct key *key, const char *value)
{
	char **at = text_at(s, key);

	free(*at);
	*at = xstrdup(value);
}

/* "50K", "10M", "2G", or octets. */
static int
parse_size(const char *value, uint64_t *n)
{
	static const char units[] = "KMG";
	size_t len = strlen(value);
	const char *unit = len == 0 ? NULL :
	    strchr(units, value[len - 1] & ~0x20);
	char digits[24];
	unsigned shift = 0;

	if (unit != NULL && *unit != '\0') {
		shift = 10 * (unsigned)(unit - units + 1);
		len--;
	}
	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (str_number(digits, UINT64_MAX >> 31, n) < 0)
		return -1;
	*n <<= shift;
	return 0;
}

static int
set_number(struct settings *s, const struct key *key, const char *value,
    struct err *err)
{
	uint64_t n = 0;
	unsigned seconds = 0;
	int rc;

	if (key->type == TYPE_TIME) {
		rc = str_duration(value, &seconds);
		n = seconds;
	} else if (key->type == TYPE_SIZE)
		rc = parse_size(value, &n);
	else
		rc = str_number(value, UINT64_MAX, &n);
	if (rc < 0)
		return err_set(err, ERR_CONFIG, NULL, "\"%s\" is no %s", value,
		    key->type == TYPE_TIME ? "time, as 90s, 5m, 1h30m, 5d" :
		    key->type == TYPE_SIZE ? "size, as 4096, 50K, 10M" :
		    "number");
	if (n < key->min || n > key->max)
		return err_set(err, ERR_CONFIG, NULL, "%s is not between %"
		    PRIu64 " and %" PRIu64 "%s", value, key->min, key->max,
		    key->type == TYPE_TIME ? " seconds" : "");
	*number_at(s, key) = n;
	return 0;
}

static int
set_choice(struct settings *s, const struct key *key, const char *value,
    struct err *err)
{
	for (size_t i = 0; i < sizeof(tls_choices) / sizeof(tls_choices[0]);
	    i++)
		if (strcmp(value, tls_choices[i]) == 0) {
			*number_at(s, key) = i;
			return 0;
		}
	return err_set(err, ERR_CONFIG, NULL,
	    "\"%s\" is not one of off, opportunistic, required", value);
}

/* A domain or an address, kept in canonical form. */
static int
set_mail_name(struct settings *s, const struct key *key, const char *value,
    struct err *err)
{
	struct buf name = { 0 };
	int rc = key->type == TYPE_DOMAIN ?
	    address_domain_parse(value, &name, err) :
	    address_parse(value, NULL, &name, err);

	if (rc == 0)
		set_text(s, key, buf_str(&name));
	buf_release(&name);
	return rc;
}

static int
set_value(struct settings *s, const struct key *key, const char *value,
    struct err *err)
{
	if (value[0] == '\0')
		return err_set(err, ERR_CONFIG, NULL, "a value is missing");
	switch (key->type) {
	case TYPE_NUMBER:
	case TYPE_TIME:
	case TYPE_SIZE:
		return set_number(s, key, value, err);
	case TYPE_CHOICE:
		return set_choice(s, key, value, err);
	case TYPE_DOMAIN:
	case TYPE_ADDRESS:
		return set_mail_name(s, key, value, err);
	case TYPE_SERVERS:
		if (resolver_check(value, err) < 0)
			return -1;
		break;
	case TYPE_PATH:
		if (value[0] != '/')
			return err_set(err, ERR_CONFIG, NULL,
			    "\"%s\" is no absolute path", value);
		break;
	case TYPE_LOG:
		if (value[0] != '/' && strcmp(value, "syslog") != 0 &&
		    strcmp(value, "stderr") != 0 && strcmp(value, "none") != 0)
			return err_set(err, ERR_CONFIG, NULL, "\"%s\" is none "
			    "of syslog, stderr, none or an absolute path",
			    value);
		break;
	case TYPE_TEXT:
		break;
	}
	set_text(s, key, value);
	return 0;
}

void
settings_init(struct settings *s)
{
	struct err err;

	*s = (struct settings){ 0 };
	for (size_t i = 0; i < NKEY; i++)
		if (keys[i].def[0] != '(')
			set_value(s, &keys[i], keys[i].def, &err);
}

void
settings_release(struct settings *s)
{
	for (size_t i = 0; i < NKEY; i++)
		switch (keys[i].type) {
		case TYPE_NUMBER:
		case TYPE_TIME:
		case TYPE_SIZE:
		case TYPE_CHOICE:
			break;
		default:
			free(*text_at(s, &keys[i]));
		}
	*s = (struct settings){ 0 };
}

static const struct key *
find_key(const char *name)
{
	for (size_t i = 0; i < NKEY; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* Undo the quoting of a value, or cut its comment, in place. Returns 0, or
 * -1 for a quote that does not end or text behind it. */
static int
unquote(char *value)
{
	char *in = value + 1, *out = value;

	if (*value != '"') {
		if ((in = strchr(value, '#')) != NULL)
			*in = '\0';
		str_trim(value);
		return strchr(value, '"') == NULL ? 0 : -1;
	}
	for (; *in != '"'; in++) {
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		if (*in == '\0')
			return -1;
		*out++ = *in;
	}
	*out = '\0';
	in = str_trim(in + 1);
	return *in == '\0' || *in == '#' ? 0 : -1;
}

/* One line. seen: keys of this file, by number. */
static int
parse_line(struct settings *s, char *line, bool *seen, struct err *err)
{
	const struct key *key;
	char *name = str_trim(line), *value;

	if (*name == '\0' || *name == '#')
		return 0;
	value = name + strcspn(name, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value = str_trim(value);
	if ((key = find_key(name)) == NULL)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: there is no such setting", name);
	if (seen[key - keys])
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: was set before in this file", name);
	seen[key - keys] = true;
	if (unquote(value) < 0)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: the quotes do not match", name);
	if (set_value(s, key, str_trim(value), err) < 0) {
		err->kind = ERR_CONFIG;
		return err_prefix(err, "%s", name);
	}
	return 0;
}

int
settings_parse(struct settings *s, const char *name, struct buf *text,
    struct err *err)
{
	bool seen[NKEY] = { false };
	char *line, *end;
	unsigned number = 0;

	if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: holds a NUL byte; this is no text", name);
	buf_str(text);
	for (line = text->data; line != NULL && *line != '\0'; line = end) {
		number++;
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		if (parse_line(s, line, seen, err) < 0)
			return err_prefix(err, "%s:%u", name, number);
	}
	return 0;
}

int
settings_read(struct settings *s, const char *path, int missing_ok,
    struct err *err)
{
	struct buf text = { 0 };
	struct stat st;
	int rc = -1;

	if (missing_ok && stat(path, &st) < 0 && errno == ENOENT)
		return 0;
	if (file_read(path, SETTINGS_FILE_MAX, &text, err) < 0)
		err->kind = ERR_CONFIG;
	else
		rc = settings_parse(s, path, &text, err);
	buf_release(&text);
	return rc;
}

int
settings_load(struct settings *s, const char *file, struct err *err)
{
	struct buf path = { 0 };
	int rc;

	if (file != NULL)
		return settings_read(s, file, false, err);
	rc = settings_read(s, SYSCONFDIR "/postrider.conf", true, err);
	/* with the group, his settings would steer what reads others' mail */
	if (rc == 0 && geteuid() != 0 && !process_has_group() &&
	    identity_user_path("XDG_CONFIG_HOME", ".config", "postrider.conf",
	    &path))
		rc = settings_read(s, buf_str(&path), true, err);
	buf_release(&path);
	return rc;
}

void
settings_complete(struct settings *s)
{
	if (s->hostname == NULL)
		s->hostname = identity_hostname();
	if (s->origin == NULL)
		s->origin = identity_origin(s->hostname);
	if (s->spool == NULL)
		s->spool = identity_spool();
}

void
settings_delivery(const struct settings *s, struct delivery *how)
{
	*how = (struct delivery){
		.hostname = s->hostname,
		.nameserver = s->nameserver,
		.port = (uint16_t)s->smtp_port,
		.tls = (enum tls_level)s->tls,
		.jobs = (unsigned)s->jobs,
		.site_connections = (unsigned)s->site_connections,
		.connection_messages = (unsigned)s->connection_messages,
		.transaction_recipients = (unsigned)s->transaction_recipients,
		.dns_s = (unsigned)s->dns_timeout,
		.connect_s = (unsigned)s->connect_timeout,
		.command_s = (unsigned)s->command_timeout,
		.dot_s = (unsigned)s->dot_timeout,
		.ceiling_s = (unsigned)s->destination_timeout,
		.retry = { (unsigned)s->retry_first, (unsigned)s->retry_max },
		.bounce_lifetime_s = (unsigned)s->bounce_lifetime,
		.dsn_whole_max = s->dsn_size,
		.double_bounce = s->double_bounce,
		.trace_fd = -1,
	};
}

/* One setting as a file would have it; nothing for one that is not set. */
static void
show_one(const struct settings *s, const struct key *key, struct buf *out)
{
	const char *text = NULL;

	switch (key->type) {
	case TYPE_NUMBER:
	case TYPE_SIZE:
		buf_printf(out, "%s %" PRIu64 "\n", key->name,
		    *(const uint64_t *)((const char *)s + key->at));
		return;
	case TYPE_TIME:
		buf_printf(out, "%s %" PRIu64 "s\n", key->name,
		    *(const uint64_t *)((const char *)s + key->at));
		return;
	case TYPE_CHOICE:
		text = tls_choices[s->tls];
		break;
	default:
		text = *(char *const *)((const char *)s + key->at);
	}
	if (text != NULL && text[0] != '\0')
		buf_printf(out, "%s %s\n", key->name, text);
}

void
settings_show(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < NKEY; i++)
		show_one(s, &keys[i], out);
}

/* Break help into lines of at most 72 columns behind an indent. */
static void
wrap(struct buf *out, const char *text, const char *indent)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > 70) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_adds(out, column == 0 ? indent : " ");
		column += n + 1;
		buf_add(out, text, n);
		text += n;
		text += *text == ' ';
	}
	buf_addc(out, '\n');
}

void
settings_list(struct buf *out)
{
	for (size_t i = 0; i < NKEY; i++) {
		buf_printf(out, "%s %s  (default: %s)\n", keys[i].name,
		    type_names[keys[i].type], keys[i].def);
		wrap(out, keys[i].help, "    ");
	}
}

void
settings_list_mdoc(struct buf *out)
{
	for (size_t i = 0; i < NKEY; i++) {
		buf_printf(out, ".It Ic %s Ar %s\nDefault:\n.Li \"%s\" .\n",
		    keys[i].name, type_names[keys[i].type], keys[i].def);
		wrap(out, keys[i].help, "");
	}
}
