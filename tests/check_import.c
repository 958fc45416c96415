/*
 * --import-config: what becomes of the settings of msmtp, dma, nullmailer,
 * ssmtp and Postfix, setting by setting; whole samples (tests/import/); and
 * that passwords go nowhere but where they are kept.
 */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fileio.h"
#include "base/str.h"
#include "import/import.h"
#include "cmd/settings.h"

#define MAX_FILES 4

/* The files there are, by their last part; NULL: those of a sample. */
struct lab {
	const char *names[MAX_FILES], *texts[MAX_FILES];
	const char *sample;
	bool	 refuses;	/* to keep anything */
	struct buf kept;	/* "NAME PASSWORD\n" */
};

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static const char *
source_directory(void)
{
	const char *top = getenv("srcdir");

	return top != NULL ? top : ".";
}

static int
read_lab(void *context, const char *path, struct buf *out, struct err *err)
{
	const struct lab *lab = context;
	const char *name = last_part(path);
	struct buf file = { 0 };
	int rc;

	if (lab->sample != NULL) {
		buf_printf(&file, "%s/tests/import/%s/%s", source_directory(),
		    lab->sample, name);
		rc = file_read(buf_str(&file), 1 << 20, out, err);
		buf_release(&file);
		return rc;
	}
	for (size_t i = 0; i < MAX_FILES && lab->names[i] != NULL; i++)
		if (strcmp(lab->names[i], name) == 0) {
			buf_adds(out, lab->texts[i]);
			return 0;
		}
	return err_set(err, ERR_NOINPUT, NULL, "%s: not there", path);
}

static int
keep_lab(void *context, const char *name, const char *password,
    struct buf *path, struct err *err)
{
	struct lab *lab = context;

	if (lab->refuses)
		return err_set(err, ERR_TEMP, NULL, "no room");
	buf_printf(&lab->kept, "%s %s\n", name, password);
	buf_printf(path, "/keep/%s", name);
	return 0;
}

/* Import the file of that path. */
static int
import(struct lab *lab, enum import_format format, const char *path,
    bool keep, struct import_result *result, struct err *err)
{
	struct import_source source = { .format = format, .read = read_lab,
		.keep = keep ? keep_lab : NULL, .context = lab };
	int rc;

	setenv("HOME", "/home/joe", 1);
	*result = (struct import_result){ 0 };
	strlist_add(&source.paths, path);
	rc = import_translate(&source, result, err);
	strlist_release(&source.paths);
	return rc;
}

/* Complaints, a line each. */
static void
join(const struct strlist *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s\n", list->v[i]);
}

/* The lines of a file that are neither empty nor comments. */
static void
strip(const struct buf *text, struct buf *out)
{
	const char *p = text->data, *end = p + text->len, *next;

	for (; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next != NULL ? next + 1 : end;
		if (*p != '#' && *p != '\n')
			buf_add(out, p, (size_t)(next - p));
	}
}

/* The reader of settings takes it; with whole, it makes sense together. */
static void
accepted(const char *name, const struct buf *text, bool whole)
{
	struct settings settings;
	struct buf copy = { 0 };
	struct err err = { 0 };

	buf_add(&copy, text->data, text->len);
	settings_init(&settings);
	ck_assert_msg(settings_parse(&settings, "result", &copy, &err) == 0,
	    "%s: %s", name, err.text);
	settings_complete(&settings);
	ck_assert_msg(!whole || settings_check(&settings, &err) == 0,
	    "%s: %s", name, err.text);
	settings_release(&settings);
	buf_release(&copy);
}

/*
 * What the lines of a file become. want: the settings, without comments; says:
 * a part of the comments, or NULL; complains: of the complaints, NULL: there
 * must be none.
 */
struct row {
	const char *name, *text, *want, *says, *complains;
	const char *other, *other_text;	/* another file */
};

static const char *const paths[IMPORT_FORMATS] = {
	[IMPORT_MSMTP] = "/etc/msmtprc", [IMPORT_DMA] = "/etc/dma/dma.conf",
	[IMPORT_NULLMAILER] = "/etc/nullmailer/remotes",
	[IMPORT_SSMTP] = "/etc/ssmtp/ssmtp.conf",
	[IMPORT_POSTFIX] = "/etc/postfix/main.cf",
};

/* What would be a complaint in each that does not say otherwise. */
#define NOBODY "mydestination "

static void
check_row(const struct row *row, enum import_format format)
{
	struct lab lab = { .names = { last_part(paths[format]), row->other } };
	struct buf text = { 0 }, got = { 0 }, complaints = { 0 };
	struct import_result result;
	struct err err = { 0 };

	buf_printf(&text, "%s%s", row->text, format == IMPORT_POSTFIX &&
	    strstr(row->text, NOBODY) == NULL ? NOBODY "=\n" : "");
	lab.texts[0] = buf_str(&text);
	lab.texts[1] = row->other_text;
	ck_assert_msg(import(&lab, format, paths[format], true, &result,
	    &err) == 0, "%s: %s", row->name, err.text);
	strip(&result.text, &got);
	join(&result.complaints, &complaints);
	ck_assert_msg(strcmp(buf_str(&got), row->want) == 0,
	    "%s: got\n%s", row->name, buf_str(&result.text));
	ck_assert_msg(strstr(buf_str(&result.text), "hunter2") == NULL &&
	    strstr(buf_str(&complaints), "hunter2") == NULL,
	    "%s: tells the password", row->name);
	ck_assert_msg(row->says == NULL ||
	    strstr(buf_str(&result.text), row->says) != NULL,
	    "%s: does not say so:\n%s", row->name, buf_str(&result.text));
	ck_assert_msg(row->complains == NULL ? complaints.len == 0 :
	    strstr(buf_str(&complaints), row->complains) != NULL,
	    "%s: complains\n%s", row->name, buf_str(&complaints));
	accepted(row->name, &result.text, false);
	buf_release(&text);
	buf_release(&got);
	buf_release(&complaints);
	buf_release(&lab.kept);
	import_result_release(&result);
}

#define ALONE NULL, NULL
#define HOST "account default\nhost a.example\n"
#define TLS HOST "tls on\n"
#define NOT_CHECKED "Postrider always checks the certificate"

static const struct row msmtp[] = {
	{ "in clear, nobody logs in", HOST,
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "no account command", "host a.example\n",
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "STARTTLS at port 25", TLS, "smarthost smtp://a.example:25\n",
	    "msmtprc:2 host, :3 tls", NULL, ALONE },
	{ "an empty argument is on", HOST "tls\ntls_starttls\n",
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "TLS at once", TLS "tls_starttls off\n",
	    "smarthost smtps://a.example:465\n", NULL, NULL, ALONE },
	{ "TLS at once, as msmtp 1.2 had it", TLS "tls_nostarttls\n",
	    "smarthost smtps://a.example:465\n", NULL, NULL, ALONE },
	{ "neither on nor off", HOST "tls yes\n",
	    "smarthost smtp://a.example:25\n", NULL,
	    "msmtprc:3: tls yes: is neither on nor off", ALONE },
	{ "blanks, tabs, CRLF, comments",
	    "  # x\r\n\taccount\tdefault \r\n host  a.example\t\r\n\r\n",
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "quotes", "account default\nhost \"a.example\"\n",
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "IPv6", "account default\nhost 2001:db8::1\nport 26\n",
	    "smarthost smtp+plain://[2001:db8::1]:26\n", NULL, NULL, ALONE },
	{ "no port", HOST "port many\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "msmtprc:3: port many: is no port", ALONE },
	{ "no host name", "account default\nhost a/b\n", "", NULL,
	    "\"a/b\" is no host", ALONE },

	{ "password", TLS "auth on\nuser ann\npassword x y\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "user who is an address", TLS "auth on\nuser ann@b.example\n"
	    "password x\n", "smarthost smtp://ann%40b.example@a.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "strange user", TLS "auth on\nuser a:b%c/d\npassword x\n",
	    "smarthost smtp://a%3Ab%25c%2Fd@a.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "password without TLS", HOST "auth on\nuser ann\npassword x\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL,
	    "went to a.example in clear", ALONE },
	{ "auth off", TLS "auth off\nuser ann\npassword x\n",
	    "smarthost smtp://a.example:25\n",
	    "# msmtprc:6: password: it does not log in", NULL, ALONE },
	{ "auth is not set", TLS "user ann\npassword x\n",
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "password unset", TLS "auth on\nuser ann\npassword x\npassword\n"
	    "passwordeval pass show a\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-command pass show a\n", NULL, NULL, ALONE },
	{ "command with quotes and #", TLS "auth on\nuser ann\n"
	    "passwordeval echo \"a#b\" \\c\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-command \"echo \\\"a#b\\\" \\\\c\"\n",
	    NULL, NULL, ALONE },
	{ "mechanism", TLS "auth cram-md5\nuser ann\npassword x\n",
	    "smarthost smtp://ann@a.example:25\nauth cram-md5\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "channel binding", TLS "auth scram-sha-1-plus\nuser ann\n"
	    "password x\n",
	    "smarthost smtp://ann@a.example:25\nauth scram-sha-1\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "no such mechanism", TLS "auth magic\nuser ann\npassword x\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL,
	    "msmtprc:4 auth: auth: \"magic\"", ALONE },
	{ "token", TLS "auth oauthbearer\nuser ann\npasswordeval tok\n",
	    "smarthost smtp://ann@a.example:25\nauth oauthbearer\n"
	    "token-command tok\n", NULL, NULL, ALONE },
	{ "token in the file", TLS "auth xoauth2\nuser ann\npassword ya29\n",
	    "smarthost smtp://ann@a.example:25\nauth xoauth2\n", NULL,
	    "msmtprc:6: password: a token that", ALONE },
	{ "Kerberos", TLS "auth gssapi\nuser ann\n",
	    "smarthost smtp://ann@a.example:25\nauth gssapi\n",
	    NULL, NULL, ALONE },
	{ "certificate", TLS "auth external\ntls_cert_file ~/c.pem\n"
	    "tls_key_file ~/k.pem\n",
	    "smarthost smtp://a.example:25\nauth external\n"
	    "client-cert /home/joe/c.pem\nclient-key /home/joe/k.pem\n",
	    NULL, NULL, ALONE },
	{ "no user", TLS "auth on\npassword x\n",
	    "smarthost smtp://a.example:25\n", NULL,
	    "there is no user to log in as", ALONE },
	{ "keyring", TLS "auth on\nuser ann\n",
	    "smarthost smtp://ann@a.example:25\n",
	    "\n# password-command secret-tool lookup host a.example service "
	    "smtp user ann\n", "default has no password for ann", ALONE },
	{ ".netrc", TLS "auth on\nuser ann\n",
	    "smarthost smtp://ann@a.example:25\nnetrc /home/joe/.netrc\n",
	    NULL, NULL, ".netrc", "machine a.example login ann password x" },
	{ ".netrc without the machine", TLS "auth on\nuser ann\n",
	    "smarthost smtp://ann@a.example:25\n", NULL,
	    "has no password for ann", ".netrc",
	    "machine b.example login ann password x" },

	{ "authorities", TLS "tls_trust_file /x/ca.pem\n",
	    "smarthost smtp://a.example:25\nca-file /x/ca.pem\n",
	    NULL, NULL, ALONE },
	{ "the system's authorities", TLS "tls_trust_file system\n",
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "no authorities", TLS "tls_trust_file\n",
	    "smarthost smtp://a.example:25\n", NOT_CHECKED, NOT_CHECKED,
	    ALONE },
	{ "not checked", TLS "tls_certcheck off\n",
	    "smarthost smtp://a.example:25\n",
	    "\n# msmtprc:4: tls_certcheck off: " NOT_CHECKED, NOT_CHECKED,
	    ALONE },
	{ "not checked, as msmtp 1.2 had it", TLS "tls_nocertcheck\n",
	    "smarthost smtp://a.example:25\n", NULL, NOT_CHECKED, ALONE },
	{ "fingerprint", TLS "tls_fingerprint 00:11\n",
	    "smarthost smtp://a.example:25\n", NULL,
	    "msmtprc:4: tls_fingerprint 00:11: it is that of a certificate",
	    ALONE },
	{ "no such setting", TLS "tls_crl_file /x\n",
	    "smarthost smtp://a.example:25\n", "\n# msmtprc:4: tls_crl_file "
	    "/x: Postrider has no such setting\n", NULL, ALONE },
	{ "relative path", TLS "tls_trust_file ca.pem\n",
	    "smarthost smtp://a.example:25\n", NULL, "no absolute path",
	    ALONE },

	{ "proxy", TLS "proxy_host 127.0.0.1\nproxy_port 9050\n",
	    "smarthost smtp://a.example:25\nproxy socks5://127.0.0.1:9050\n",
	    NULL, NULL, ALONE },
	{ "proxy at its usual port", TLS "proxy_host ::1\n",
	    "smarthost smtp://a.example:25\nproxy socks5://[::1]:1080\n",
	    NULL, NULL, ALONE },
	{ "name and address", TLS "domain c.example\nsource_ip 192.0.2.1\n",
	    "smarthost smtp://a.example:25\nhostname c.example\n"
	    "source-address 192.0.2.1\n", NULL, NULL, ALONE },
	{ "name that msmtp fills in", TLS "domain %H\n",
	    "smarthost smtp://a.example:25\n", "the machine's full name",
	    NULL, ALONE },

	{ "sender", TLS "from ann@b.example\n",
	    "smarthost smtp://a.example:25\nfrom ann@b.example\n",
	    NULL, NULL, ALONE },
	{ "sender by login", TLS "from %U@b.example\n",
	    "smarthost smtp://a.example:25\norigin b.example\n",
	    NULL, NULL, ALONE },
	{ "sender by login, before 1.8.8", TLS "auto_from on\n"
	    "maildomain b.example\n",
	    "smarthost smtp://a.example:25\norigin b.example\n",
	    NULL, NULL, ALONE },
	{ "sender of the header", TLS "from %F\n",
	    "smarthost smtp://a.example:25\nenvelope-from header\n",
	    NULL, NULL, ALONE },
	{ "sender of the header always", TLS "from %F\n"
	    "allow_from_override off\n",
	    "smarthost smtp://a.example:25\nenvelope-from header-always\n",
	    NULL, NULL, ALONE },
	{ "fixed sender", TLS "from ann@b.example\n"
	    "allow_from_override off\nset_from_header on\n",
	    "smarthost smtp://a.example:25\nfrom ann@b.example\n"
	    "envelope-from fixed\nfrom-header replace\n", NULL, NULL, ALONE },
	{ "no sender", TLS "from ann\n", "smarthost smtp://a.example:25\n",
	    NULL, "msmtprc:4 from: from: ", ALONE },

	{ "timeout", TLS "timeout 30\n", "smarthost smtp://a.example:25\n"
	    "connect-timeout 30s\ncommand-timeout 30s\n", NULL, NULL, ALONE },
	{ "long timeout", TLS "connect_timeout 9000\n",
	    "smarthost smtp://a.example:25\n"
	    "connect-timeout 600s\ncommand-timeout 3600s\n",
	    NULL, NULL, ALONE },
	{ "no timeout", TLS "timeout off\n",
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "log", TLS "logfile ~/log\nsyslog on\n",
	    "smarthost smtp://a.example:25\nlog /home/joe/log\n",
	    "the log goes to the file", NULL, ALONE },
	{ "syslog", TLS "syslog LOG_USER\n",
	    "smarthost smtp://a.example:25\nlog syslog\n", "facility is mail",
	    NULL, ALONE },
	{ "what is so anyway", TLS "protocol smtp\nset_date_header auto\n"
	    "set_msgid_header\nremove_bcc_headers on\ndsn_notify off\n"
	    "set_to_header off\nlogfile\n", "smarthost smtp://a.example:25\n",
	    NULL, NULL, ALONE },
	{ "Bcc stays", TLS "keepbcc on\n", "smarthost smtp://a.example:25\n",
	    NULL, "remove_bcc_headers off: Bcc is always removed", ALONE },
	{ "aliases", TLS "aliases /etc/aliases\n",
	    "smarthost smtp://a.example:25\n", NULL,
	    "msmtprc:4: aliases /etc/aliases: there are no aliases", ALONE },
	{ "LMTP", HOST "protocol lmtp\n", "", NULL,
	    "names no server that Postrider can use", ALONE },
	{ "no host", "account default\nport 25\n", "", NULL,
	    "names no server that Postrider can use", ALONE },
	{ "a socket", HOST "socket /run/x\n", "", NULL,
	    "names no server that Postrider can use", ALONE },
	{ "no such command", HOST "pasword hunter2\n",
	    "smarthost smtp+plain://a.example:25\n",
	    "# msmtprc:3: pasword: msmtp has no such command\n",
	    "msmtprc:3: pasword: msmtp has no such", ALONE },
	{ "eval", HOST "eval echo port 26\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "msmtprc:3: eval: a command whose output", ALONE },
	{ "set twice", HOST "port 26\nport 27\n",
	    "smarthost smtp+plain://a.example:27\n", ":4 port", NULL, ALONE },

	{ "accounts", "defaults\nport 587\ntls on\n"
	    "account a\nhost a.example\nfrom a@x.example\n"
	    "account b : a\nfrom b@x.example\nport 25\n"
	    "account default : b\n",
	    "smarthost smtp://a.example:25\nfrom b@x.example\n"
	    "account a\nfrom a@x.example a+*@x.example\n"
	    "smarthost smtp://a.example:587\n"
	    "account b\nfrom b@x.example b+*@x.example\n"
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "defaults that change are not inherited",
	    "defaults\nport 1\naccount a\nhost a.example\n"
	    "defaults\nport 2\naccount default : a\n",
	    "smarthost smtp+plain://a.example:2\n"
	    "account a\nsmarthost smtp+plain://a.example:1\n",
	    NULL, NULL, ALONE },
	{ "inherited from two", "account a\nhost a.example\nport 1\n"
	    "account b\nhost b.example\naccount default : a, b\n",
	    "smarthost smtp+plain://b.example:1\n"
	    "account a\nsmarthost smtp+plain://a.example:1\n"
	    "account b\nsmarthost smtp+plain://b.example:25\n",
	    NULL, NULL, ALONE },
	{ "not defined before", "account default : a\nhost b.example\n",
	    "smarthost smtp+plain://b.example:25\n", NULL,
	    "account a is not defined before", ALONE },
	{ "no account default", "account a\nhost a.example\n"
	    "from a@x.example\n",
	    "smarthost smtp+plain://a.example:25\nfrom a@x.example\n"
	    "account a\nfrom a@x.example a+*@x.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "there is no account default", ALONE },
	{ "patterns", HOST "account a\nhost a.example\nfrom *@x.example\n"
	    "account b\nhost b.example\nfrom [ab]@x.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "account a\nfrom *@x.example\n"
	    "smarthost smtp+plain://a.example:25\n"
	    "account b\nsmarthost smtp+plain://b.example:25\n",
	    "is no pattern that Postrider knows", NULL, ALONE },
	{ "detail of its own", HOST "account a\nhost a.example\n"
	    "from a+b@x.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "account a\nfrom a+b@x.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "default comes first", HOST "from *@x.example\n"
	    "account a\nhost a.example\nfrom a@x.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "account a\nsmarthost smtp+plain://a.example:25\n",
	    "account default, which comes before, takes it", NULL, ALONE },
	{ "one password, kept once", TLS "auth on\nuser u\npassword x\n"
	    "account b : default\n",
	    "smarthost smtp://u@a.example:25\n"
	    "password-file /keep/default.password\n"
	    "account b\nsmarthost smtp://u@a.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "names that cannot be", HOST "account a b/c\nhost b.example\n"
	    "account a-b/c\nhost c.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "account a-b-c\nsmarthost smtp+plain://b.example:25\n"
	    "account a-b-c-2\nsmarthost smtp+plain://c.example:25\n",
	    NULL, NULL, ALONE },
	{ "what there is once", HOST "timeout 5\naccount a\nhost a.example\n"
	    "timeout 6\n", "smarthost smtp+plain://a.example:25\n"
	    "connect-timeout 5s\ncommand-timeout 5s\n"
	    "account a\nsmarthost smtp+plain://a.example:25\n",
	    "# msmtprc:6: timeout 6: there is one such setting", NULL, ALONE },
	{ "handed down", HOST "proxy_host p.example\n"
	    "account a\nhost a.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "proxy socks5://p.example:1080\n"
	    "account a\nsmarthost smtp+plain://a.example:25\n",
	    NULL, "account a had no such setting; here it takes proxy",
	    ALONE },
};

START_TEST(msmtp_row)
{
	check_row(&msmtp[_i], IMPORT_MSMTP);
}
END_TEST

#define SMARTHOST "SMARTHOST a.example\nNULLCLIENT\n"
#define CHECKED "Postrider checks the certificate of the smarthost all the same"

static const struct row dma[] = {
	{ "in clear", SMARTHOST, "smarthost smtp+plain://a.example:25\n",
	    NULL, NULL, ALONE },
	{ "comments anywhere, tabs", "# x\nSMARTHOST\ta.example # here\n"
	    "NULLCLIENT\nPORT   26\n#PORT 27\n",
	    "smarthost smtp+plain://a.example:26\n",
	    "dma.conf:2 SMARTHOST, :4 PORT", NULL, ALONE },
	{ "TLS at once", SMARTHOST "SECURETRANSFER\nVERIFYCERT\nPORT 465\n",
	    "smarthost smtps://a.example:465\n", NULL, NULL, ALONE },
	{ "STARTTLS", SMARTHOST "SECURETRANSFER\nSTARTTLS\nVERIFYCERT\n",
	    "smarthost smtp://a.example:25\n", NULL, NULL, ALONE },
	{ "not checked", SMARTHOST "SECURETRANSFER\nSTARTTLS\n",
	    "smarthost smtp://a.example:25\n", NULL, CHECKED, ALONE },
	{ "STARTTLS where it works", SMARTHOST "SECURETRANSFER\nSTARTTLS\n"
	    "OPPORTUNISTIC_TLS\nPORT 26\n",
	    "route * host a.example:26\n", NULL, NULL, ALONE },
	{ "STARTTLS alone", SMARTHOST "STARTTLS\n",
	    "smarthost smtp+plain://a.example:25\n",
	    "STARTTLS: SECURETRANSFER is not set", NULL, ALONE },
	{ "logs in", SMARTHOST "SECURETRANSFER\nVERIFYCERT\n"
	    "AUTHPATH /etc/dma/auth.conf\n",
	    "smarthost smtps://ann%40b.example@a.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL,
	    "auth.conf", "ann@b.example|a.example:x:y" },
	{ "the last entry counts", SMARTHOST "SECURETRANSFER\nVERIFYCERT\n"
	    "AUTHPATH /etc/dma/auth.conf\n",
	    "smarthost smtps://bob@a.example:25\n"
	    "password-file /keep/default.password\n",
	    "# auth.conf:1: ann|a.example: no mail goes", NULL,
	    "auth.conf", "ann|a.example:x\nbob|a.example y\n" },
	{ "logs in in clear", SMARTHOST "INSECURE\nAUTHPATH auth.conf\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL,
	    "went to a.example in clear",
	    "auth.conf", "ann|a.example:x" },
	{ "logs in, and STARTTLS may fail", SMARTHOST "SECURETRANSFER\n"
	    "STARTTLS\nOPPORTUNISTIC_TLS\nVERIFYCERT\nAUTHPATH auth.conf\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL,
	    "logs in over TLS only", "auth.conf", "ann|a.example:x" },
	{ "no such auth.conf", SMARTHOST "AUTHPATH /etc/dma/auth.conf\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "AUTHPATH /etc/dma/auth.conf: /etc/dma/auth.conf: not there",
	    ALONE },
	{ "no entry", SMARTHOST "AUTHPATH auth.conf\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "auth.conf:2: line: is not of the form",
	    "auth.conf", "# x\nsecret without a bar\n" },
	{ "certificate", SMARTHOST "SECURETRANSFER\nVERIFYCERT\n"
	    "CERTFILE /x/c.pem\n", "smarthost smtps://a.example:25\n"
	    "client-cert /x/c.pem\nclient-key /x/c.pem\n",
	    NULL, NULL, ALONE },
	{ "fingerprint", SMARTHOST "FINGERPRINT 0011\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "FINGERPRINT 0011: it is that of a certificate", ALONE },
	{ "masquerade, user and host", SMARTHOST "MASQUERADE ann@b.example\n",
	    "from ann@b.example\nenvelope-from fixed\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "masquerade, user", SMARTHOST "MASQUERADE ann@\n"
	    "MAILNAME b.example\n", "from ann@b.example\n"
	    "envelope-from fixed\nhostname b.example\norigin b.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "masquerade, host", SMARTHOST "MASQUERADE c.example\n"
	    "MAILNAME b.example\n", "origin c.example\n"
	    "rewrite-sender * @c.example\nhostname b.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL, ALONE },
	{ "name of a file", SMARTHOST "MAILNAME /etc/mailname\n",
	    "hostname b.example\norigin b.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL,
	    "mailname", "b.example\n" },
	{ "whole messages", SMARTHOST "FULLBOUNCE\n",
	    "smarthost smtp+plain://a.example:25\ndsn-size 1G\n",
	    NULL, NULL, ALONE },
	{ "mailboxes", "SMARTHOST a.example\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "NULLCLIENT was not set", ALONE },
	{ "direct, in clear", "NULLCLIENT\nSPOOLDIR /var/spool/dma\n", "",
	    "Postrider does where a server offers it", NULL, ALONE },
	{ "direct, STARTTLS", "NULLCLIENT\nSECURETRANSFER\nSTARTTLS\n",
	    "tls required\n", NULL, NULL, ALONE },
	{ "direct, TLS where it works", "NULLCLIENT\nSECURETRANSFER\n"
	    "STARTTLS\nOPPORTUNISTIC_TLS\n", "tls opportunistic\n",
	    NULL, NULL, ALONE },
	{ "empty smarthost", "SMARTHOST\nNULLCLIENT\n", "", NULL, NULL,
	    ALONE },
	{ "deferred", SMARTHOST "DEFER\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "DEFER: callers say so: -odq", ALONE },
	{ "no such word", SMARTHOST "PASSWORD hunter2\n",
	    "smarthost smtp+plain://a.example:25\n",
	    "# dma.conf:3: PASSWORD: the other program",
	    "dma.conf:3: PASSWORD: the other program", ALONE },
};

START_TEST(dma_row)
{
	check_row(&dma[_i], IMPORT_DMA);
}
END_TEST

static const struct row nullmailer[] = {
	{ "a host", "a.example\n", "smarthost smtp+plain://a.example:25\n",
	    NULL, NULL, ALONE },
	{ "options with and without hyphens",
	    "# x\n\na.example smtp --port=587 starttls\n",
	    "smarthost smtp://a.example:587\n", "# remotes:3 a.example",
	    NULL, ALONE },
	{ "TLS at once", "a.example smtp ssl\n",
	    "smarthost smtps://a.example:465\n", NULL, NULL, ALONE },
	{ "logs in", "a.example smtp tls user=ann pass='x y\"z'\n",
	    "smarthost smtps://ann@a.example:465\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "logs in in clear", "a.example smtp user=ann pass=x\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n", NULL,
	    "went to a.example in clear", ALONE },
	{ "AUTH LOGIN", "a.example smtp tls user=ann pass=x auth-login\n",
	    "smarthost smtps://ann@a.example:465\n"
	    "password-file /keep/default.password\nauth login\n",
	    NULL, NULL, ALONE },
	{ "certificate", "a.example smtp tls auth-external "
	    "x509certfile=/c.pem x509cafile=/ca.pem\n",
	    "smarthost smtps://a.example:465\nclient-cert /c.pem\n"
	    "client-key /c.pem\nauth external\nca-file /ca.pem\n",
	    NULL, NULL, ALONE },
	{ "one after the other", "a.example smtp tls user=u pass=x\n"
	    "b.example smtp starttls user=v pass=x\nc.example\n",
	    "smarthost smtps://u@a.example:465 smtp://v@b.example:25 "
	    "smtp+plain://c.example:25\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "another password", "a.example smtp tls user=u pass=x\n"
	    "b.example smtp tls user=v pass=y\n",
	    "smarthost smtps://u@a.example:465\n"
	    "password-file /keep/default.password\n", NULL,
	    "remotes:2: b.example: has another password", ALONE },
	{ "password of the second", "a.example smtp tls\n"
	    "b.example smtp tls user=v pass=y\n",
	    "smarthost smtps://a.example:465 smtps://v@b.example:465\n"
	    "password-file /keep/default.password\n", NULL, NULL, ALONE },
	{ "not checked", "a.example smtp tls insecure\n",
	    "smarthost smtps://a.example:465\n", NULL,
	    "remotes:1: insecure: " NOT_CHECKED, ALONE },
	{ "QMQP", "a.example qmqp\nb.example smtp\n",
	    "smarthost smtp+plain://b.example:25\n", NULL,
	    "remotes:1: a.example: only SMTP is spoken", ALONE },
	{ "source", "a.example smtp source=192.0.2.1\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "source-address 192.0.2.1\n", NULL, NULL, ALONE },
	{ "no port", "a.example smtp port=many\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "remotes:1: port many: is no port", ALONE },
	{ "no host", "user=ann pass=hunter2\nb.example\n",
	    "smarthost smtp+plain://b.example:25\n",
	    "# remotes:1: line: a host is missing",
	    "remotes:1: line: a host is missing", ALONE },
	{ "no such option", "a.example smtp passwd=hunter2\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "remotes:1: passwd: the other program", ALONE },
	{ "me", "a.example\n", "hostname b.example\norigin b.example\n"
	    "smarthost smtp+plain://a.example:25\n", "# me\n", NULL,
	    "me", " b.example \nx\n" },
	{ "helohost", "a.example\n", "hostname b.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL,
	    "helohost", "b.example" },
	{ "defaulthost", "a.example\n", "origin b.example\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL,
	    "defaulthost", "b.example\n" },
	{ "one sender", "a.example\n", "from ann@b.example\n"
	    "envelope-from fixed\n"
	    "smarthost smtp+plain://a.example:25\n", NULL, NULL,
	    "allmailfrom", "ann@b.example\n" },
	{ "one recipient", "a.example\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "adminaddr: ann@b.example: recipients are not changed",
	    "adminaddr", "ann@b.example\n" },
	{ "pause", "a.example\n", "smarthost smtp+plain://a.example:25\n"
	    "retry-first 60s\n", NULL, NULL, "pausetime", "60\n" },
	{ "no pause", "a.example\n", "smarthost smtp+plain://a.example:25\n",
	    "# pausetime: 0: each run is one pass", NULL, "pausetime",
	    "0\n" },
	{ "longest pause", "a.example\n",
	    "smarthost smtp+plain://a.example:25\nretry-max 86400s\n",
	    NULL, NULL, "maxpause", "86400\n" },
	{ "lifetime", "a.example\n", "smarthost smtp+plain://a.example:25\n"
	    "lifetime 604800s\n", NULL, NULL, "queuelifetime", "604800\n" },
	{ "no lifetime", "a.example\n",
	    "smarthost smtp+plain://a.example:25\n", NULL,
	    "queuelifetime: lifetime: \"weeks\"", "queuelifetime",
	    "week\n" },
	{ "double bounces", "a.example\n",
	    "smarthost smtp+plain://a.example:25\n"
	    "double-bounce ann@b.example\n", NULL, NULL,
	    "doublebounceto", "ann@b.example\n" },
};

START_TEST(nullmailer_row)
{
	check_row(&nullmailer[_i], IMPORT_NULLMAILER);
}
END_TEST

#define HUB "mailhub=a.example\nFromLineOverride=YES\n"
#define ALWAYS "envelope-from header-always\n"
#define CA "TLS_CA_File=/ca.pem\n"

static const struct row ssmtp[] = {
	{ "in clear", HUB, "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "case and blanks", " MAILHUB = a.example \r\n# x\r\n"
	    "fromlineoverride\t=\tyes\r\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "port", "mailhub=a.example:26\nFromLineOverride=YES\n",
	    "smarthost smtp+plain://a.example:26\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "RemotePort", HUB "RemotePort=27\n",
	    "smarthost smtp+plain://a.example:27\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "STARTTLS", HUB CA "UseSTARTTLS=YES\n",
	    "smarthost smtp://a.example:25\nca-file /ca.pem\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "TLS at once", HUB CA "UseTLS=YES\n",
	    "smarthost smtps://a.example:465\nca-file /ca.pem\n" ALWAYS,
	    "where no server begins with TLS", NULL, ALONE },
	{ "TLS at once, at a port", CA "FromLineOverride=YES\nUseTLS=YES\n"
	    "mailhub=a.example:587\n",
	    "smarthost smtps://a.example:587\nca-file /ca.pem\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "taken back", HUB "UseSTARTTLS=YES\nUseTLS=NO\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "not checked", HUB "UseSTARTTLS=YES\n",
	    "smarthost smtp://a.example:25\n" ALWAYS, NULL,
	    "ssmtp checked no certificate", ALONE },
	{ "logs in", HUB CA "UseSTARTTLS=YES\nAuthUser=ann@b.example\n"
	    "AuthPass=x=y#z\nAuthMethod=CRAM-MD5\n",
	    "smarthost smtp://ann%40b.example@a.example:25\n"
	    "password-file /keep/default.password\nauth cram-md5\n"
	    "ca-file /ca.pem\n" ALWAYS, NULL, NULL, ALONE },
	{ "logs in in clear", HUB CA "AuthUser=ann\nAuthPass=x\n",
	    "smarthost smtp://ann@a.example:25\n"
	    "password-file /keep/default.password\n"
	    "ca-file /ca.pem\n" ALWAYS, NULL, "went to a.example in clear",
	    ALONE },
	{ "no password", HUB CA "UseSTARTTLS=YES\nAuthUser=ann\n",
	    "smarthost smtp://ann@a.example:25\nca-file /ca.pem\n" ALWAYS,
	    NULL, "ssmtp.conf:5: AuthUser ann: there is no AuthPass",
	    ALONE },
	{ "no user", HUB "AuthPass=hunter2\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    "# ssmtp.conf:3: AuthPass: there is no AuthUser\n", NULL, ALONE },
	{ "certificate", HUB CA "UseSTARTTLS=YES\nUseTLSCert=YES\n"
	    "TLSCert=/c.pem\nTLSKey=/k.pem\n",
	    "smarthost smtp://a.example:25\nca-file /ca.pem\n"
	    "client-cert /c.pem\nclient-key /k.pem\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "certificate that is not used", HUB "TLSCert=/c.pem\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    "UseTLSCert is not YES", NULL, ALONE },
	{ "names", HUB "hostname=b.example\nrewriteDomain=c.example\n",
	    "hostname b.example\norigin c.example\n"
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "rewriteDomain that is an address", HUB
	    "rewriteDomain=ann@c.example\n", "origin c.example\n"
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    NULL, NULL, ALONE },
	{ "the login is the sender", "mailhub=a.example\n"
	    "rewriteDomain=c.example\nFromLineOverride=NO\n",
	    "origin c.example\nsmarthost smtp+plain://a.example:25\n"
	    "from-header replace\nrewrite-sender * @c.example\n",
	    NULL, NULL, ALONE },
	{ "the login is the sender, at the host", "mailhub=a.example\n"
	    "hostname=b.example\n",
	    "hostname b.example\norigin b.example\n"
	    "smarthost smtp+plain://a.example:25\n"
	    "from-header replace\nrewrite-sender * @b.example\n",
	    NULL, NULL, ALONE },
	{ "senders by login", HUB "rewriteDomain=c.example\n",
	    "origin c.example\nsmarthost smtp+plain://a.example:25\n"
	    "rewrite-sender root@c.example ann@d.example\n" ALWAYS
	    "account root\nfrom ann@d.example\n"
	    "smarthost smtp+plain://e.example:26\n", NULL, NULL,
	    "revaliases", "# x\nroot:ann@d.example:e.example:26\n" },
	{ "senders by login, no domain", HUB,
	    "smarthost smtp+plain://a.example:25\n"
	    "rewrite-sender root@* ann@d.example\n" ALWAYS, NULL, NULL,
	    "revaliases", "root:ann@d.example\nno colon\n" },
	{ "alias of nothing", HUB, "smarthost smtp+plain://a.example:25\n"
	    ALWAYS, NULL, "revaliases:1: root: an address is missing",
	    "revaliases", "root:\n" },
	{ "root", HUB "root=ann@b.example\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS, NULL,
	    "ssmtp.conf:3: root ann@b.example: recipients", ALONE },
	{ "empty root", HUB "root=\nMinUserId=\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS, NULL,
	    "", ALONE },
	{ "no mailhub", "FromLineOverride=YES\n", ALWAYS, NULL,
	    "there is no mailhub", ALONE },
	{ "no line", HUB "hunter2\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    "# ssmtp.conf:3: line: is not of the form",
	    "ssmtp.conf:3: line: is not of the form", ALONE },
	{ "no such key", HUB "Password=hunter2\n",
	    "smarthost smtp+plain://a.example:25\n" ALWAYS,
	    "# ssmtp.conf:3: Password: the other program",
	    "ssmtp.conf:3: Password: the other program", ALONE },
};

START_TEST(ssmtp_row)
{
	check_row(&ssmtp[_i], IMPORT_SSMTP);
}
END_TEST

#define RELAY "relayhost = [a.example]:587\n"
#define SASL "smtp_sasl_auth_enable = yes\n" \
	"smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"
#define SECURE "smtp_tls_security_level = secure\n"
#define LOGGED_IN RELAY SECURE SASL
#define TO_ANN "smarthost smtp://ann@a.example:587\n" \
	"password-file /keep/default.password\n"
#define PASSWD "sasl_passwd", "[a.example]:587 ann:x\n"

static const struct row postfix[] = {
	{ "relay without a word of TLS", RELAY,
	    "route * host a.example:587\n", "# main.cf:1 relayhost", NULL,
	    ALONE },
	{ "encrypted where it works", RELAY "smtp_tls_security_level = may\n",
	    "tls opportunistic\nroute * host a.example:587\n", NULL, NULL,
	    ALONE },
	{ "encrypted, not checked", RELAY
	    "smtp_tls_security_level = encrypt\n",
	    "tls required\nroute * host a.example:587\n", NULL, NULL, ALONE },
	{ "checked", RELAY SECURE, "smarthost smtp://a.example:587\n"
	    "tls required\n", NULL, NULL, ALONE },
	{ "in clear", RELAY "smtp_tls_security_level = none\n",
	    "smarthost smtp+plain://a.example:587\ntls off\n", NULL, NULL,
	    ALONE },
	{ "TLS at once", "relayhost = [a.example]:smtps\n"
	    "smtp_tls_wrappermode = yes\n" SECURE,
	    "smarthost smtps://a.example:465\ntls required\n", NULL, NULL,
	    ALONE },
	{ "older words", RELAY "smtp_use_tls = yes\nsmtp_enforce_tls = yes\n",
	    "tls required\nroute * host a.example:587\n", NULL, NULL, ALONE },
	{ "no such level", RELAY "smtp_tls_security_level = much\n",
	    "route * host a.example:587\n", NULL,
	    "main.cf:2: smtp_tls_security_level much: is no such", ALONE },
	{ "fingerprint", RELAY "smtp_tls_security_level = fingerprint\n",
	    "smarthost smtp://a.example:587\ntls required\n", NULL,
	    "tls-pin takes the public key's", ALONE },
	{ "by its MX", "relayhost = a.example\n", "route * host a.example\n",
	    NULL, "Postfix asked the DNS for the mail exchangers of a.example",
	    ALONE },
	{ "addresses", "relayhost = [192.0.2.1], [ipv6:2001:db8::1]:26\n"
	    SECURE, "smarthost smtp://192.0.2.1:25 "
	    "smtp://[2001:db8::1]:26\ntls required\n", NULL, NULL, ALONE },
	{ "IPv6 as a route", "relayhost = [2001:db8::1]\n",
	    "route * host [2001:db8::1]\n", NULL, NULL, ALONE },
	{ "no relay", "relayhost = [a.example\n" SECURE, "tls required\n",
	    NULL, "main.cf:1: [a.example: is no server", ALONE },
	{ "no port", "relayhost = [a.example]:many\n", "", NULL,
	    "is no server", ALONE },
	{ "empty", "relayhost =\n", "", NULL, NULL, ALONE },
	{ "fallback", RELAY SECURE "smtp_fallback_relay = [b.example]\n",
	    "smarthost smtp://a.example:587 smtp://b.example:25\n"
	    "tls required\n", NULL, NULL, ALONE },
	{ "fallback of none", "smtp_fallback_relay = [b.example]\n", "", NULL,
	    "there is no fallback for the mail exchangers", ALONE },

	{ "logs in", LOGGED_IN, TO_ANN "tls required\n", NULL, NULL, PASSWD },
	{ "by the host's name", LOGGED_IN, TO_ANN "tls required\n", NULL,
	    NULL, "sasl_passwd", "A.example\tann:x\n" },
	{ "in other brackets", LOGGED_IN, "smarthost smtp://a.example:587\n"
	    "tls required\n", "# sasl_passwd:1: [a.example]: no mail goes",
	    NULL, "sasl_passwd", "[a.example] ann:x\n" },
	{ "user who is an address", LOGGED_IN,
	    "smarthost smtp://ann%40b.example@a.example:587\n"
	    "password-file /keep/default.password\ntls required\n", NULL,
	    NULL, "sasl_passwd", "a.example ann@b.example:x:y z\n" },
	{ "certificate that was not checked", RELAY SASL
	    "smtp_tls_security_level = encrypt\n", TO_ANN "tls required\n",
	    NULL, "Postfix did not check the certificate of a.example",
	    PASSWD },
	{ "in clear", RELAY SASL "smtp_tls_security_level = none\n",
	    TO_ANN "tls off\n", NULL, "went to a.example in clear", PASSWD },
	{ "AUTH is off", RELAY SECURE "smtp_sasl_auth_enable = no\n"
	    "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n",
	    "smarthost smtp://a.example:587\ntls required\n",
	    "smtp_sasl_auth_enable is not yes", NULL, PASSWD },
	{ "no table of passwords", RELAY SECURE
	    "smtp_sasl_auth_enable = yes\n",
	    "smarthost smtp://a.example:587\ntls required\n", NULL,
	    "there is no smtp_sasl_password_maps", ALONE },
	{ "table that is not there", LOGGED_IN,
	    "smarthost smtp://a.example:587\ntls required\n", NULL,
	    "main.cf:4: smtp_sasl_password_maps hash:/etc/postfix/"
	    "sasl_passwd: /etc/postfix/sasl_passwd: not there", ALONE },
	{ "table of another kind", RELAY SECURE
	    "smtp_sasl_auth_enable = yes\n"
	    "smtp_sasl_password_maps = mysql:/etc/postfix/my.cf\n",
	    "smarthost smtp://a.example:587\ntls required\n", NULL,
	    "tables of the type mysql are not read here", ALONE },
	{ "table in the file itself", RELAY SECURE
	    "smtp_sasl_auth_enable = yes\n"
	    "smtp_sasl_password_maps = inline:{ { [a.example]:587 = ann:x }, "
	    "b=c }\n", TO_ANN "tls required\n", NULL, NULL, ALONE },
	{ "one password for all", RELAY SECURE
	    "smtp_sasl_auth_enable = yes\n"
	    "smtp_sasl_password_maps = static:ann:x\n",
	    TO_ANN "tls required\n", NULL, NULL, ALONE },
	{ "no password", LOGGED_IN,
	    "smarthost smtp://ann@a.example:587\n"
	    "password-file /keep/default.password\ntls required\n",
	    NULL, NULL, "sasl_passwd", "a.example ann\n" },
	{ "no row", LOGGED_IN, "smarthost smtp://a.example:587\n"
	    "tls required\n", NULL, "sasl_passwd:1: line: is not of the form",
	    "sasl_passwd", "hunter2\n" },
	{ "mechanisms", LOGGED_IN "smtp_sasl_mechanism_filter = PLAIN, "
	    "login\n", TO_ANN "auth plain login\ntls required\n", NULL, NULL,
	    PASSWD },
	{ "not these mechanisms", LOGGED_IN
	    "smtp_sasl_mechanism_filter = !gssapi, static:all\n",
	    TO_ANN "tls required\n", NULL, "auth takes a list", PASSWD },
	{ "certificates", RELAY SECURE "smtp_tls_CAfile = /ca.pem\n"
	    "smtp_tls_cert_file = /c.pem\nsmtp_tls_key_file = "
	    "$smtp_tls_cert_file\n", "ca-file /ca.pem\n"
	    "smarthost smtp://a.example:587\nclient-cert /c.pem\n"
	    "client-key /c.pem\ntls required\n", NULL, NULL, ALONE },
	{ "chain of certificates", RELAY SECURE
	    "smtp_tls_chain_files = /c.pem\n",
	    "smarthost smtp://a.example:587\nclient-cert /c.pem\n"
	    "client-key /c.pem\ntls required\n", NULL, NULL, ALONE },

	{ "by sender", RELAY SECURE "smtp_sasl_auth_enable = yes\n"
	    "smtp_sasl_password_maps = inline:{ { ann@b.example = ann:x } }\n"
	    "smtp_sender_dependent_authentication = yes\n",
	    "smarthost smtp://a.example:587\ntls required\n"
	    "account ann-b.example\nfrom ann@b.example\n"
	    "smarthost smtp://ann@a.example:587\n"
	    "password-file /keep/ann-b.example.password\n", NULL, NULL,
	    ALONE },
	{ "relay by sender", RELAY SECURE "sender_dependent_relayhost_maps = "
	    "hash:/etc/postfix/senders\n",
	    "smarthost smtp://a.example:587\ntls required\n"
	    "account ann-b.example\nfrom ann@b.example\n"
	    "smarthost smtp://a.example:587\n"
	    "account bob\nfrom bob@*\nsmarthost smtp://d.example:25\n"
	    "account b.example\nfrom b.example\n"
	    "smarthost smtp://c.example:25\n", NULL, NULL, "senders",
	    "@b.example [c.example]\nann@b.example DUNNO\n"
	    "bob [d.example]\n" },
	{ "sender without a relay", "smtp_sasl_auth_enable = yes\n" SECURE
	    "smtp_sasl_password_maps = inline:{ { ann@b.example = ann:x } }\n"
	    "smtp_sender_dependent_authentication = yes\n",
	    "tls required\n", NULL, "there is no relayhost for this sender",
	    ALONE },

	{ "names", "myhostname = h.b.example\nmydomain = b.example\n"
	    "myorigin = $mydomain\n", "hostname h.b.example\n"
	    "origin b.example\n", NULL, NULL, ALONE },
	{ "domain of the name", "myhostname = h.b.example\n"
	    "myorigin = ${mydomain}\n", "hostname h.b.example\n"
	    "origin b.example\n", NULL, NULL, ALONE },
	{ "name alone", "myhostname = h.b.example\n",
	    "hostname h.b.example\norigin h.b.example\n", NULL, NULL, ALONE },
	{ "name for greetings", "myhostname = h.b.example\n"
	    "smtp_helo_name = m.$mydomain\n", "hostname m.b.example\n"
	    "origin h.b.example\n", NULL, NULL, ALONE },
	{ "origin in a file", "myorigin = /etc/mailname\n",
	    "origin b.example\n", NULL, NULL, "mailname", "b.example\n" },
	{ "$name in all its forms", "a = b.example\nempty =\n"
	    "myorigin = ${empty?x}${empty:$(a)}${a?{}:{y}}${a:z}\n",
	    "origin b.example\n", "# main.cf:1: a: is no parameter of "
	    "Postfix's own", NULL, ALONE },
	{ "$name in a circle", "myorigin = $a\na = x$myorigin\n", "", NULL,
	    "main.cf:1: myorigin $a: what it refers to cannot be worked out",
	    ALONE },
	{ "$name that compares", "myorigin = ${{$a} == {b} ? {c} : {d}}\n",
	    "", NULL, "cannot be worked out", ALONE },
	{ "lines that go on", "myorigin =\n# x\n\n   b.\n\n#y\n"
	    "\texample\n", "", NULL, "origin: control character", ALONE },
	{ "lines that go on, with a list", "relayhost = [a.example]\n"
	    "  # no\n\t[b.example]\n" SECURE,
	    "smarthost smtp://a.example:25 smtp://b.example:25\n"
	    "tls required\n", NULL, NULL, ALONE },
	{ "set twice", "myorigin = a.example\nmyorigin = b.example\n",
	    "origin b.example\n", "# main.cf:2 myorigin", NULL, ALONE },
	{ "no parameter", "myorigin = b.example\nhunter2\n",
	    "origin b.example\n", "# main.cf:2: line: is not of the form",
	    "main.cf:2: line: is not of the form", ALONE },

	{ "masquerade", "masquerade_domains = b.example\n",
	    "masquerade b.example .b.example\n", NULL, NULL, ALONE },
	{ "several, one exempt",
	    "masquerade_domains = !x.b.example, b.example c.example\n",
	    "rewrite-sender x.b.example @x.b.example\n"
	    "rewrite-sender b.example @b.example\n"
	    "rewrite-sender .b.example @b.example\n"
	    "rewrite-sender c.example @c.example\n"
	    "rewrite-sender .c.example @c.example\n", NULL,
	    "!x.b.example: domains below it are not exempt", ALONE },
	{ "users who are exempt", "masquerade_domains = b.example\n"
	    "masquerade_exceptions = root\n",
	    "masquerade b.example .b.example\n", NULL,
	    "main.cf:2: masquerade_exceptions root: users are not", ALONE },
	{ "canonical", "myorigin = o.example\n"
	    "sender_canonical_maps = hash:/etc/postfix/c\n",
	    "origin o.example\n"
	    "rewrite-sender ann@b.example ann.b@c.example\n"
	    "rewrite-sender bob@o.example robert@o.example\n"
	    "rewrite-sender b.example @d.example\n", NULL, NULL, "c",
	    "@b.example @d.example\nbob robert\n"
	    "ann@b.example ann.b@c.example\n" },
	{ "recipients as well", "canonical_maps = static:ann@b.example\n",
	    "rewrite-sender * ann@b.example\n", NULL,
	    "recipients are not rewritten, senders only", ALONE },
	{ "recipients alone", "recipient_canonical_maps = hash:/x\n", "",
	    NULL, "main.cf:1: recipient_canonical_maps hash:/x: recipients",
	    ALONE },
	{ "regular expressions", "sender_canonical_maps = "
	    "regexp:/etc/postfix/r\n",
	    "rewrite-sender root@h.b.example ann@b.example\n"
	    "rewrite-sender * bob@b.example\n", NULL, "r:2: pattern: ",
	    "r", "/^root@h\\.b\\.example$/i ann@b.example\n"
	    "/^a.*@/ c@b.example\n/./ bob@b.example\nif /x/\n" },
	{ "no address", "sender_canonical_maps = static:ann\n", "", NULL,
	    "rewrite-sender: ", ALONE },

	{ "routes", RELAY "transport_maps = hash:/etc/postfix/t\n",
	    "route ann@b.example host 192.0.2.1:26\n"
	    "route longer.b.example discard\n"
	    "route b.example direct\n"
	    "route .x.b.example refuse 5.1.2 gone\n"
	    "route .b.example host c.example\n"
	    "route * host a.example:587\n"
	    "route * host a.example:587\n", NULL, NULL, "t",
	    "* :\n.b.example relay:[c.example]\nb.example smtp:\n"
	    "longer.b.example discard:\n.x.b.example error:5.1.2 gone\n"
	    "ann@b.example :[192.0.2.1]:26\n" },
	{ "as all other mail", LOGGED_IN
	    "transport_maps = inline:{ b.example=: }\n",
	    TO_ANN "tls required\nroute b.example smarthost\n", NULL, NULL,
	    PASSWD },
	{ "as all other mail, direct",
	    "transport_maps = inline:{ b.example=: }\n",
	    "route b.example direct\n", NULL, NULL, ALONE },
	{ "route that logs in", SECURE SASL
	    "transport_maps = inline:{ b.example=smtp:[a.example]:587, "
	    "c.example=smtp:[a.example]:587 }\n",
	    "tls required\nroute b.example smarthost a.example\n"
	    "route c.example smarthost a.example\n"
	    "account a.example\nsmarthost smtp://ann@a.example:587\n"
	    "password-file /keep/a.example.password\n", NULL, NULL, PASSWD },
	{ "no such transport", "transport_maps = inline:{ b.example=uucp:x "
	    "c.example=local: d.example=x }\n", "", NULL,
	    "main.cf:1: b.example uucp:x: Postrider has no such transport",
	    ALONE },
	{ "default transport", "default_transport = smtp:[a.example]\n",
	    "route * host a.example\n", NULL, NULL, ALONE },
	{ "no mail goes out", "default_transport = error:no mail\n",
	    "route * refuse no mail\n", NULL, NULL, ALONE },

	{ "times", "maximal_queue_lifetime = 3\nbounce_queue_lifetime = 1d\n"
	    "delay_warning_time = 4\n"
	    "minimal_backoff_time = 300s\nmaximal_backoff_time = 4000\n"
	    "smtp_connect_timeout = 30\nsmtp_data_done_timeout = 600s\n",
	    "connect-timeout 30s\ndot-timeout 600s\nlifetime 3d\n"
	    "bounce-lifetime 1d\ndelay-warning 4h\nretry-first 300s\n"
	    "retry-max 4000s\n",
	    NULL, NULL, ALONE },
	{ "numbers", "default_process_limit = 50\n"
	    "default_destination_concurrency_limit = 20\n"
	    "smtp_destination_concurrency_limit = 10\n"
	    "smtp_destination_recipient_limit = 50\n"
	    "bounce_size_limit = 100000\n",
	    "jobs 50\nsite-connections 10\ntransaction-recipients 50\n"
	    "dsn-size 100000\n", "_concurrency_limit 20: is set already",
	    NULL, ALONE },
	{ "number that is too large", "default_process_limit = 50000\n", "",
	    NULL, "main.cf:1 default_process_limit: jobs: 50000", ALONE },
	{ "addresses of ours", "smtp_bind_address = 192.0.2.1\n"
	    "smtp_bind_address6 = 2001:db8::1\n",
	    "source-address 192.0.2.1 2001:db8::1\n", NULL, NULL, ALONE },
	{ "log", "maillog_file = /var/log/postfix.log\n",
	    "log /var/log/postfix.log\n", NULL, NULL, ALONE },
	{ "what receives mail", "smtpd_banner = x\nmynetworks = 127.0.0.0/8\n"
	    "myorigin = b.example\n", "origin b.example\n",
	    "# main.cf:1: smtpd_banner x: Postrider does not receive mail\n",
	    NULL, ALONE },
	{ "patterns in headers", "smtp_header_checks = regexp:/x\n", "", NULL,
	    "main.cf:1: smtp_header_checks regexp:/x: messages are not",
	    ALONE },
	{ "signatures", "non_smtpd_milters = inet:localhost:8891\n", "",
	    NULL, "a signature (DKIM)", ALONE },
	{ "users of this machine", "mydestination = $myhostname\n"
	    "myhostname = b.example\n", "hostname b.example\n"
	    "origin b.example\n", NULL, "main.cf:1: mydestination b.example: "
	    "mail to users", ALONE },
	{ "passwords of nobody", "smtp_sasl_password_maps = "
	    "static:ann:hunter2\nlmtp_sasl_password_maps = "
	    "inline:{a=ann:hunter2}\n", "",
	    "# main.cf:1: smtp_sasl_password_maps: smtp_sasl_auth_enable", NULL,
	    ALONE },
	{ "password in front of the server", LOGGED_IN,
	    "smarthost smtp://a.example:587\ntls required\n",
	    "# sasl_passwd:1: row: no mail goes", NULL,
	    "sasl_passwd", "ann:hunter2 [a.example]:587\n" },
	{ "of his own", "smtp_bind_address = 192.0.2.1\nmine = hunter2\n",
	    "source-address 192.0.2.1\n",
	    "# main.cf:2: mine: is no parameter of Postfix's own\n", NULL,
	    ALONE },
};

START_TEST(postfix_row)
{
	check_row(&postfix[_i], IMPORT_POSTFIX);
}
END_TEST

/*
 * Samples: tests/import/NAME has the files, and want, what comes out.
 */
static const struct {
	const char *name, *file;
	enum import_format format;
	const char *secrets[6];
} samples[] = {
	{ "msmtp-system", "/etc/msmtprc", IMPORT_MSMTP, { NULL } },
	{ "msmtp-user", "/home/joe/.config/msmtprc", IMPORT_MSMTP,
	    { "sec#ret 123", "hunter2", NULL } },
	{ "dma", "/etc/dma/dma.conf", IMPORT_DMA,
	    { "p:ss word", "not this one", NULL } },
	{ "dma-direct", "/etc/dma/dma.conf", IMPORT_DMA, { NULL } },
	{ "nullmailer", "/etc/nullmailer/remotes", IMPORT_NULLMAILER,
	    { "my pass phrase", "=else", NULL } },
	{ "ssmtp", "/etc/ssmtp/ssmtp.conf", IMPORT_SSMTP,
	    { "abc=def", NULL } },
	{ "ssmtp-aliases", "/etc/ssmtp/ssmtp.conf", IMPORT_SSMTP, { NULL } },
	{ "postfix-sasl", "/etc/postfix/main.cf", IMPORT_POSTFIX,
	    { "to:p secret", "x:y", NULL } },
	{ "postfix-senders", "/etc/postfix/main.cf", IMPORT_POSTFIX,
	    { "password1", "password2", "hunter3", NULL } },
	{ "postfix-debian", "/etc/postfix/main.cf", IMPORT_POSTFIX,
	    { NULL } },
};

static void
import_sample(int i, bool keep, struct lab *lab, struct import_result *result)
{
	struct err err = { 0 };

	*lab = (struct lab){ .sample = samples[i].name };
	ck_assert_msg(import(lab, samples[i].format, samples[i].file, keep,
	    result, &err) == 0, "%s: %s", samples[i].name, err.text);
}

START_TEST(sample)
{
	struct buf path = { 0 }, want = { 0 };
	struct import_result result;
	struct lab lab;
	struct err err;

	import_sample(_i, true, &lab, &result);
	buf_printf(&path, "%s/tests/import/%s/want", source_directory(),
	    samples[_i].name);
	ck_assert_msg(file_read(buf_str(&path), 1 << 20, &want, &err) == 0,
	    "%s", err.text);
	ck_assert_msg(strcmp(buf_str(&want), buf_str(&result.text)) == 0,
	    "%s: got\n%s", samples[_i].name, buf_str(&result.text));
	accepted(samples[_i].name, &result.text, true);
	ck_assert_uint_gt(result.settings, 0);
	ck_assert_uint_eq(result.unkept, 0);
	buf_release(&path);
	buf_release(&want);
	buf_release(&lab.kept);
	import_result_release(&result);
}
END_TEST

/* Neither in the result nor in a complaint, kept or not. */
START_TEST(secret)
{
	struct import_result result;
	struct lab lab;

	for (int keep = 0; keep < 2; keep++) {
		struct buf all = { 0 };

		import_sample(_i, keep != 0, &lab, &result);
		buf_add(&all, result.text.data, result.text.len);
		join(&result.complaints, &all);
		for (size_t i = 0; samples[_i].secrets[i] != NULL; i++)
			ck_assert_msg(strstr(buf_str(&all),
			    samples[_i].secrets[i]) == NULL, "%s: tells %s",
			    samples[_i].name, samples[_i].secrets[i]);
		accepted(samples[_i].name, &result.text, false);
		buf_release(&all);
		buf_release(&lab.kept);
		import_result_release(&result);
	}
}
END_TEST

/* A file that ends anywhere. */
START_TEST(cut)
{
	struct buf path = { 0 }, text = { 0 }, part = { 0 };
	struct import_result result;
	struct err err;

	buf_printf(&path, "%s/tests/import/%s/%s", source_directory(),
	    samples[_i].name, last_part(samples[_i].file));
	ck_assert_msg(file_read(buf_str(&path), 1 << 20, &text, &err) == 0,
	    "%s", err.text);
	for (size_t n = 0; n < text.len; n += 37) {
		struct lab lab = { .names = { last_part(samples[_i].file) } };

		buf_clear(&part);
		buf_add(&part, text.data, n);
		lab.texts[0] = buf_str(&part);
		if (import(&lab, samples[_i].format, samples[_i].file, true,
		    &result, &err) == 0)
			accepted(samples[_i].name, &result.text, false);
		buf_release(&lab.kept);
		import_result_release(&result);
	}
	buf_release(&path);
	buf_release(&text);
	buf_release(&part);
}
END_TEST

/* What of a sample is kept, and under which name. */
START_TEST(kept)
{
	struct import_result result;
	struct lab lab;

	import_sample(8, true, &lab, &result);
	ck_assert_str_eq(samples[8].name, "postfix-senders");
	ck_assert_str_eq(buf_str(&lab.kept), "default.password hunter3\n"
	    "user1-example.com.password password1\n"
	    "user2-example.net.password password2\n");
	buf_release(&lab.kept);
	import_result_release(&result);
}
END_TEST

/* Without a place for it: a line that says what is missing. */
START_TEST(not_kept)
{
	static const char file[] = "account default\nhost a.example\n"
	    "tls on\nauth on\nuser ann\npassword hunter2\n";
	struct lab lab = { .names = { "msmtprc" }, .texts = { file },
		.refuses = true };
	struct import_result result;
	struct err err;

	for (int keep = 0; keep < 2; keep++) {
		ck_assert_int_eq(import(&lab, IMPORT_MSMTP, "/etc/msmtprc",
		    keep != 0, &result, &err), 0);
		ck_assert_ptr_nonnull(strstr(buf_str(&result.text),
		    "\n# password-file " SYSCONFDIR
		    "/postrider/default.password\n"));
		ck_assert_uint_eq(result.unkept, (size_t)keep);
		ck_assert_uint_eq(result.complaints.n, 1);
		ck_assert_ptr_nonnull(strstr(result.complaints.v[0],
		    keep != 0 ? "could not be kept: no room" :
		    "--passwords"));
		import_result_release(&result);
	}
}
END_TEST

/* A user's file over the system's. */
START_TEST(two_files)
{
	struct lab lab = { .names = { "msmtprc", ".msmtprc" }, .texts = {
	    "defaults\nport 1\naccount default\nhost a.example\n"
	    "account b\nhost b.example\n",
	    "account default\nhost c.example\n" } };
	struct import_source source = { .format = IMPORT_MSMTP,
		.read = read_lab, .context = &lab };
	struct import_result result = { 0 };
	struct buf got = { 0 };
	struct err err;

	strlist_add(&source.paths, "/etc/msmtprc");
	strlist_add(&source.paths, "/home/joe/.msmtprc");
	ck_assert_int_eq(import_translate(&source, &result, &err), 0);
	strip(&result.text, &got);
	ck_assert_str_eq(buf_str(&got), "smarthost smtp+plain://c.example:25\n"
	    "account b\nsmarthost smtp+plain://b.example:1\n");
	buf_release(&got);
	strlist_release(&source.paths);
	import_result_release(&result);
}
END_TEST

/*
 * What cannot be imported at all.
 */
static const struct {
	const char *name, *path, *text;
	enum import_format format;
	enum err_kind kind;
} hopeless[] = {
	{ "not there", "/etc/msmtprc", NULL, IMPORT_MSMTP, ERR_NOINPUT },
	{ "not there", "/etc/main.cf", NULL, IMPORT_POSTFIX, ERR_NOINPUT },
	{ "not there", "/etc/remotes", NULL, IMPORT_NULLMAILER, ERR_NOINPUT },
	{ "empty", "/etc/msmtprc", "", IMPORT_MSMTP, ERR_CONFIG },
	{ "comments", "/etc/dma.conf", "# x\n\n", IMPORT_DMA, ERR_CONFIG },
	{ "another format", "/etc/main.cf", "account default\nhost x\n",
	    IMPORT_POSTFIX, ERR_CONFIG },
	{ "prose", "/etc/ssmtp.conf", "Dear Sir,\nyours = truly\n",
	    IMPORT_SSMTP, ERR_CONFIG },
	{ "no remote", "/etc/remotes", "x qmqp\n", IMPORT_NULLMAILER,
	    ERR_CONFIG },
};

START_TEST(no_use)
{
	struct lab lab = { .names = { hopeless[_i].text != NULL ?
	    last_part(hopeless[_i].path) : NULL },
		.texts = { hopeless[_i].text } };
	struct import_result result;
	struct err err = { 0 };

	ck_assert_msg(import(&lab, hopeless[_i].format, hopeless[_i].path,
	    true, &result, &err) == -1, "%s: imported", hopeless[_i].name);
	ck_assert_int_eq(err.kind, hopeless[_i].kind);
	ck_assert_ptr_nonnull(strstr(err.text, hopeless[_i].path));
	import_result_release(&result);
}
END_TEST

static int
read_nul(void *context, const char *path, struct buf *out, struct err *err)
{
	(void)context;
	(void)path;
	(void)err;
	buf_add(out, "host a.example\n\0", 16);
	return 0;
}

START_TEST(no_text)
{
	struct import_source source = { .read = read_nul };
	struct import_result result;
	struct err err;

	strlist_add(&source.paths, "/x");
	for (source.format = 0; source.format < IMPORT_FORMATS;
	    source.format++) {
		result = (struct import_result){ 0 };
		ck_assert_int_eq(import_translate(&source, &result, &err),
		    -1);
		ck_assert_int_eq(err.kind, ERR_CONFIG);
		import_result_release(&result);
	}
	strlist_release(&source.paths);
}
END_TEST

/* Long files end: so many of each line. */
static const struct {
	const char *name, *begin, *line;
	enum import_format format;
	const char *complains;
} floods[] = {
	{ "accounts", "", "account x%zu\nhost a.example\n", IMPORT_MSMTP,
	    "too many accounts" },
	{ "commands", HOST, "no_such_%zu x\n", IMPORT_MSMTP,
	    "no_such_10: msmtp has no" },
	{ "remotes", "", "h%zu.example smtp\n", IMPORT_NULLMAILER,
	    "an account has at most" },
	{ "words", "SMARTHOST a.example\n", "X%zu y\n", IMPORT_DMA,
	    "X10: the other program" },
	{ "keys", HUB, "x%zu=y\n", IMPORT_SSMTP, "x10: the other program" },
	{ "parameters", "myorigin = a.example\n", "x%zu = $x1$x2\n",
	    IMPORT_POSTFIX, "this is too long" },
	{ "rows", "transport_maps = inline:{ x=discard:\n",
	    " x%zu=discard:\n", IMPORT_POSTFIX, "" },
	{ "braces", "myorigin = a.example\nx = ", "${x%zu?{",
	    IMPORT_POSTFIX, "cannot be worked out" },
};

START_TEST(flood)
{
	struct buf text = { 0 }, complaints = { 0 };
	struct lab lab = { .names = { last_part(paths[floods[_i].format]) } };
	struct import_result result;
	struct err err = { 0 };

	buf_adds(&text, floods[_i].begin);
	for (size_t i = 0; i < 3000; i++) {
		const char *mark = strstr(floods[_i].line, "%zu");

		buf_add(&text, floods[_i].line,
		    (size_t)(mark - floods[_i].line));
		buf_printf(&text, "%zu%s", i, mark + 3);
	}
	lab.texts[0] = buf_str(&text);
	ck_assert_msg(import(&lab, floods[_i].format,
	    paths[floods[_i].format], true, &result, &err) == 0, "%s: %s",
	    floods[_i].name, err.text);
	join(&result.complaints, &complaints);
	ck_assert_msg(strstr(buf_str(&complaints), floods[_i].complains) !=
	    NULL, "%s: complains\n%.2000s", floods[_i].name,
	    buf_str(&complaints));
	accepted(floods[_i].name, &result.text, false);
	buf_release(&text);
	buf_release(&complaints);
	import_result_release(&result);
}
END_TEST

/*
 * Which format it is.
 */
static const struct {
	const char *path, *text;
	enum import_format want;
} guesses[] = {
	{ "/etc/msmtprc", "", IMPORT_MSMTP },
	{ "/home/ann/.msmtprc", "", IMPORT_MSMTP },
	{ "/home/ann/.config/msmtp/config", "", IMPORT_MSMTP },
	{ "/etc/dma/dma.conf", "", IMPORT_DMA },
	{ "remotes", "", IMPORT_NULLMAILER },
	{ "old/ssmtp.conf", "", IMPORT_SSMTP },
	{ "main.cf", "", IMPORT_POSTFIX },
	{ "x", "# x\naccount default\nhost a.example\n", IMPORT_MSMTP },
	{ "x", "SMARTHOST a.example\nPORT 25\n", IMPORT_DMA },
	{ "x", "a.example smtp --port=25\n", IMPORT_NULLMAILER },
	{ "x", "mailhub=a.example\nUseTLS=YES\n", IMPORT_SSMTP },
	{ "x", "relayhost =\nmyhostname = x\n", IMPORT_POSTFIX },
	{ "x", "", IMPORT_FORMATS },
	{ "x", "Dear Sir,\n\nhow are you?\n", IMPORT_FORMATS },
	{ "msmtprc.example", "", IMPORT_FORMATS },
};

START_TEST(guess)
{
	struct buf text = { 0 };

	buf_adds(&text, guesses[_i].text);
	ck_assert_msg(import_guess(guesses[_i].path, &text) ==
	    guesses[_i].want, "%s: %s", guesses[_i].path, guesses[_i].text);
	buf_release(&text);
}
END_TEST

/* Each sample is known for what it is under any name. */
START_TEST(guess_sample)
{
	struct buf path = { 0 }, text = { 0 };
	struct err err;

	buf_printf(&path, "%s/tests/import/%s/%s", source_directory(),
	    samples[_i].name, last_part(samples[_i].file));
	ck_assert_msg(file_read(buf_str(&path), 1 << 20, &text, &err) == 0,
	    "%s", err.text);
	ck_assert_int_eq(import_guess("x", &text), samples[_i].format);
	buf_release(&path);
	buf_release(&text);
}
END_TEST

START_TEST(by_name)
{
	for (enum import_format f = 0; f < IMPORT_FORMATS; f++)
		ck_assert_int_eq(import_by_name(import_names[f]), f);
	ck_assert_int_eq(import_by_name("Postfix"), IMPORT_POSTFIX);
	ck_assert_int_eq(import_by_name("sendmail"), IMPORT_FORMATS);
	ck_assert_int_eq(import_by_name(""), IMPORT_FORMATS);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import");
	TCase *tc = tcase_create("import");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, msmtp_row, 0, CHECK_ROWS(msmtp));
	tcase_add_loop_test(tc, dma_row, 0, CHECK_ROWS(dma));
	tcase_add_loop_test(tc, nullmailer_row, 0, CHECK_ROWS(nullmailer));
	tcase_add_loop_test(tc, ssmtp_row, 0, CHECK_ROWS(ssmtp));
	tcase_add_loop_test(tc, postfix_row, 0, CHECK_ROWS(postfix));
	tcase_add_loop_test(tc, sample, 0, CHECK_ROWS(samples));
	tcase_add_loop_test(tc, secret, 0, CHECK_ROWS(samples));
	tcase_add_loop_test(tc, cut, 0, CHECK_ROWS(samples));
	tcase_add_test(tc, kept);
	tcase_add_test(tc, not_kept);
	tcase_add_test(tc, two_files);
	tcase_add_loop_test(tc, no_use, 0, CHECK_ROWS(hopeless));
	tcase_add_test(tc, no_text);
	tcase_add_loop_test(tc, flood, 0, CHECK_ROWS(floods));
	tcase_add_loop_test(tc, guess, 0, CHECK_ROWS(guesses));
	tcase_add_loop_test(tc, guess_sample, 0, CHECK_ROWS(samples));
	tcase_add_test(tc, by_name);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
