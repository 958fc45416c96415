/*
 * settings: smarthosts, accounts, routes and senders. What is shown of them
 * and read back; who takes what from whom; what makes no sense together.
 */
#include "config.h"

#include "check.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/settings.h"

/* Read text as a file; nothing of this machine is in what comes out. */
static int
read_over(struct settings *s, const char *name, const char *text,
    struct err *err)
{
	struct buf file = { 0 };
	int rc;

	buf_adds(&file, text);
	rc = settings_parse(s, name, &file, err);
	buf_release(&file);
	return rc;
}

static void
begin(struct settings *s)
{
	setenv("HOME", "/home/ann", true);
	settings_init(s);
	s->hostname = xstrdup("h.example");
	s->origin = xstrdup("o.example");
	s->spool = xstrdup("/spool");
}

/* All of it. Returns 0, or -1 with *err. */
static int
load(struct settings *s, const char *text, const char *over, struct err *err)
{
	begin(s);
	if (read_over(s, "conf", text, err) < 0 ||
	    (over != NULL && read_over(s, "over", over, err) < 0))
		return -1;
	settings_complete(s);
	return settings_check(s, err);
}

/* Is it a line of the defaults? */
static bool
is_default(const char *line, size_t n)
{
	struct settings s;
	struct buf all = { 0 };
	bool found = false;
	const char *p;

	begin(&s);
	settings_show(&s, &all);
	for (p = buf_str(&all); !found && p != NULL && *p != '\0';
	    p = strchr(p, '\n'), p += p != NULL)
		found = strncmp(p, line, n) == 0;
	buf_release(&all);
	settings_release(&s);
	return found;
}

/* What is shown, without what is at its default. */
static void
show_changed(const struct settings *s, struct buf *out)
{
	struct buf all = { 0 };
	const char *line;
	size_t n;

	settings_show(s, &all);
	for (line = buf_str(&all); *line != '\0'; line += n) {
		n = strcspn(line, "\n") + 1;
		if (n > 1 && !is_default(line, n))
			buf_add(out, line, n);
	}
	buf_release(&all);
}

#define PIN "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define LOGIN "smarthost smtps://u@a:465\n"
#define FILE1 LOGIN "password-file /p\n"

/* What is shown reads back as the same. want NULL: as the text. */
static const struct {
	const char *name, *text, *want;
} shown[] = {
	{ "nothing", "", NULL },
	{ "smarthost", "smtp-port 26\nsmarthost smtp+plain://a.example:25\n",
	    NULL },
	{ "none", "smarthost none\n", NULL },
	{ "several", "smarthost smtp://a:1,smtp://b:2 smtps://c:3\n", NULL },
	{ "default port", "smarthost smtps://A\n",
	    "smarthost smtps://a:465\n" },
	{ "command", "smarthost-command \"echo \\\"x\\\" # y\"\n", NULL },
	{ "command without quotes", "smarthost-command cat /x | tail -1\n",
	    NULL },
	{ "password file", FILE1, NULL },
	{ "path of the user", LOGIN "password-file ~/p w\n",
	    LOGIN "password-file /home/ann/p w\n" },
	{ "password command", LOGIN "password-command pass x\n", NULL },
	{ "token command", LOGIN "token-command t\nauth xoauth2\n", NULL },
	{ "netrc", LOGIN "netrc ~/.netrc\n",
	    LOGIN "netrc /home/ann/.netrc\n" },
	{ "OAuth", LOGIN "oauth-token-url https://t.example/a?b=c&d\n"
	    "oauth-client-id \"i#d\"\noauth-client-secret-file /s\n"
	    "oauth-refresh-token-file /r\noauth-scope a b\n", NULL },
	{ "token URL made canonical", LOGIN
	    "oauth-token-url HTTPS://t.example:8443\noauth-client-id i\n"
	    "oauth-refresh-token-file /r\n", LOGIN
	    "oauth-token-url https://t.example:8443\noauth-client-id i\n"
	    "oauth-refresh-token-file /r\n" },
	{ "mechanisms", FILE1 "auth PLAIN  scram-sha-256\tplain ntlm\n",
	    FILE1 "auth plain scram-sha-256 ntlm\n" },
	{ "every mechanism", FILE1 "auth plain login cram-md5 digest-md5 "
	    "scram-sha-1 scram-sha-256 xoauth2 oauthbearer external gssapi "
	    "ntlm\n", NULL },
	{ "certificates", LOGIN "auth external\nca-file /ca\n"
	    "client-cert /c\nclient-key ~/k\n",
	    LOGIN "auth external\nca-file /ca\nclient-cert /c\n"
	    "client-key /home/ann/k\n" },
	{ "certificate of a token", "smarthost smtps://a:465\n"
	    "client-cert pkcs11:token=x;object=y?pin-value=1\n", NULL },
	{ "Kerberos", LOGIN "auth gssapi\n", NULL },
	{ "pin", "smarthost smtps://a:465\ntls-pin " PIN "\n", NULL },
	{ "proxy", "proxy socks5://p.example:1080\n", NULL },
	{ "proxy with a user", "proxy socks5h://ann@p.example:1080\n", NULL },
	{ "proxy with a password", "proxy http://ann:se:cr%40et@[::1]:3128/\n",
	    "proxy http://ann:***@[::1]:3128\n" },
	{ "addresses", "source-address 192.0.2.1 2001:DB8::0\n",
	    "source-address 192.0.2.1 2001:db8::\n" },
	{ "one address", "source-address ::1\n", NULL },

	{ "sender", "from Ann@EXAMPLE.org\n", "from Ann@example.org\n" },
	{ "quoted sender", "from \"\\\"a b\\\"@x.example\"\n", NULL },
	{ "fixed sender", "from a@x\nenvelope-from fixed\n"
	    "from-header replace\n", NULL },
	{ "header", "envelope-from header\n", NULL },
	{ "header, always", "envelope-from header-always\n", NULL },
	{ "rewriting", "rewrite-sender root@* a@x.example\n"
	    "rewrite-sender *@h.example @x.example\n", NULL },
	{ "masquerade", "masquerade X.example\n", "masquerade x.example "
	    "h.example o.example *.x.example\n" },
	{ "masquerade of patterns", "masquerade x.example  *@Y .z.example\n",
	    "masquerade x.example *@y *.z.example\n" },
	{ "routes", "route .lan host 192.0.2.1:2525\n"
	    "route bad.example refuse 5.7.1 not there\n"
	    "route * from:root@* discard\nroute a@x.example direct\n", NULL },
	{ "route to the smarthost", FILE1 "route x.example smarthost\n", NULL },
	{ "route with a #", "route \"x refuse number #1\"\n", NULL },

	{ "account", "account a\n", NULL },
	{ "account with everything", "account a-B_1.2\nhostname w.example\n"
	    "smarthost smtps://u@b:465\n"
	    "password-file /p\nauth plain\nca-file /ca\nclient-cert /c\n"
	    "client-key /k\ntls-pin " PIN "\nproxy socks5://p:1\n"
	    "source-address 192.0.2.1\n"
	    "from ann@x.example *@y.example <>\n", NULL },
	{ "global hostname again", "account a\nhostname h.example\n",
	    "account a\n" },
	{ "two accounts", "account a\nsmarthost smtps://a:465\naccount b\n"
	    "smarthost smtps://b:465\nfrom *@b.example\n", NULL },
	{ "account without what it takes over", FILE1 "proxy http://p:1\n"
	    "account a\nfrom *@a.example\n", NULL },
	{ "account of none", FILE1 "account a\nsmarthost none\n", NULL },
	{ "route to an account", "route * smarthost a\naccount a\n"
	    "smarthost smtps://b:465\n", NULL },
	{ "account with a smarthost by command", "smarthost-command x\n"
	    "route * smarthost a\naccount a\nfrom *@a.example\n", NULL },
};

START_TEST(shows)
{
	const char *want = shown[_i].want != NULL ? shown[_i].want :
	    shown[_i].text;
	struct settings s, again;
	struct buf all = { 0 }, got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(load(&s, shown[_i].text, NULL, &err) == 0, "%s: %s",
	    shown[_i].name, err.text);
	show_changed(&s, &got);
	ck_assert_msg(strcmp(buf_str(&got), want) == 0, "%s: shows\n%s",
	    shown[_i].name, buf_str(&got));
	settings_show(&s, &all);
	settings_init(&again);
	ck_assert_msg(read_over(&again, "again", buf_str(&all), &err) == 0,
	    "%s: %s", shown[_i].name, err.text);
	settings_complete(&again);
	ck_assert_int_eq(settings_check(&again, &err), 0);
	buf_clear(&got);
	show_changed(&again, &got);
	ck_assert_msg(strcmp(buf_str(&got), want) == 0,
	    "%s: shows when read back\n%s", shown[_i].name, buf_str(&got));
	buf_release(&all);
	buf_release(&got);
	settings_release(&again);
	settings_release(&s);
}
END_TEST

/* "hunter2" stands where a secret could: no error may repeat it. */
static const struct {
	const char *name, *text, *says;
} bad[] = {
	{ "smarthost without a scheme", "smarthost hunter2\n",
	    "conf:1: smarthost: URL 1: " },
	{ "password in the smarthost", "smarthost smtps://u:hunter2@a\n",
	    "conf:1: smarthost: URL 1: a password" },
	{ "none and more", "smarthost none smtps://a\n",
	    "conf:1: smarthost: none stands alone" },
	{ "smarthost twice", "smarthost none\nsmarthost none\n",
	    "conf:2: smarthost: was set before in this file" },
	{ "smarthost and a command", "smarthost-command x\nsmarthost none\n",
	    "conf:1: smarthost-command: there is a smarthost already "
	    "(conf:2)" },
	{ "relative path", "password-file hunter\n",
	    "conf:1: password-file: \"hunter\" is no absolute path" },
	{ "path of another user", "password-file ~bob/p\n",
	    "conf:1: password-file: " },
	{ "token URL in clear", "oauth-token-url http://t.example\n",
	    "conf:1: oauth-token-url: is no URL that begins with https" },
	{ "token URL without a host", "oauth-token-url https:///x\n",
	    "conf:1: oauth-token-url: the host" },
	{ "token URL with a user", "oauth-token-url https://u:hunter2@x/\n",
	    "conf:1: oauth-token-url: a user" },
	{ "token URL with a blank", "oauth-token-url https://x/a hunter2\n",
	    "conf:1: oauth-token-url: holds" },
	{ "no mechanism", "auth plain hunter\n",
	    "conf:1: auth: \"hunter\" is none of plain, login" },
	{ "comma between mechanisms", "auth plain,login\n", "conf:1: auth: " },
	{ "no pkcs11", "client-cert pkcs11:\n",
	    "conf:1: client-cert: is no pkcs11: URI" },
	{ "other URI", "client-key http://x\n", "conf:1: client-key: " },
	{ "pin of another hash", "tls-pin sha512//hunter2\n",
	    "conf:1: tls-pin: is not sha256" },
	{ "pin too short", "tls-pin sha256//hunter2=\n",
	    "conf:1: tls-pin: is not sha256" },
	{ "pin of 33 octets", "tls-pin sha256//"
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUA\n",
	    "conf:1: tls-pin: " },
	{ "pin that no 32 octets have", "tls-pin sha256//"
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
	    "conf:1: tls-pin: " },
	{ "two pins", "tls-pin " PIN ";" PIN "\n", "conf:1: tls-pin: " },
	{ "other proxy", "proxy ftp://hunter2\n", "conf:1: proxy: is no URL" },
	{ "slash in the proxy's password", "proxy http://u:hun/ter2@p:80\n",
	    "conf:1: proxy: the user" },
	{ "at in the proxy's password", "proxy http://u:hun@ter2@p:80\n",
	    "conf:1: proxy: the user" },
	{ "proxy without a port", "proxy http://u:hunter2@p\n",
	    "conf:1: proxy: HOST:PORT" },
	{ "proxy without a host", "proxy http://u:hunter2@:80\n",
	    "conf:1: proxy: HOST:PORT" },
	{ "proxy without anything", "proxy socks5://\n",
	    "conf:1: proxy: HOST:PORT" },
	{ "proxy with a path", "proxy http://u:hunter2@p:80/x\n",
	    "conf:1: proxy: HOST:PORT" },
	{ "slash alone behind the user", "proxy http://u@/\n",
	    "conf:1: proxy: HOST:PORT" },
	{ "proxy's empty user", "proxy http://:hunter2@p:80\n",
	    "conf:1: proxy: the user" },
	{ "proxy's bad escape", "proxy http://u:hunter2%@p:80\n",
	    "conf:1: proxy: the user" },
	{ "proxy's control character", "proxy http://u:hunter2%0a@p:80\n",
	    "conf:1: proxy: the user" },
	{ "proxy with a blank", "proxy http://u:hunter2 x@p:80\n",
	    "conf:1: proxy: the user" },
	{ "no IP address", "source-address a.example\n",
	    "conf:1: source-address: \"a.example\" is no IP" },
	{ "IPv4 twice", "source-address 192.0.2.1 192.0.2.2\n",
	    "conf:1: source-address: one address" },
	{ "three of them", "source-address 192.0.2.1 ::1 192.0.2.2\n",
	    "conf:1: source-address: one address" },
	{ "no sender", "from ann\n", "conf:1: from: " },
	{ "patterns outside of accounts", "from *@a.example\n",
	    "conf:1: from: " },
	{ "half a rule", "rewrite-sender root\n", "conf:1: rewrite-sender: " },
	{ "masquerade as nothing", "masquerade a..b\n",
	    "conf:1: masquerade: " },
	{ "masquerade of no pattern", "masquerade a.example x@y@z\n",
	    "conf:1: masquerade: " },
	{ "no route", "route *\n", "conf:1: route: " },
	{ "no such way", "route * nowhere\n", "conf:1: route: " },

	{ "no name", "account\n", "conf:1: account: a value is missing" },
	{ "blank in a name", "account a b\n", "conf:1: account: \"a b\"" },
	{ "slash in a name", "account ../x\n", "conf:1: account: " },
	{ "name too long", "account "
	    "1234567890123456789012345678901234567890"
	    "1234567890123456789012345\n", "conf:1: account: " },
	{ "account twice", "account a\naccount b\naccount a\n",
	    "conf:3: account: a began at conf:1 already" },
	{ "key twice in an account", "account a\nauth plain\nauth login\n",
	    "conf:3: auth: was set before in this account" },
	{ "global key in an account", "account a\njobs 7\n",
	    "conf:2: jobs: belongs before the first account" },
	{ "route in an account", "account a\nroute * direct\n",
	    "conf:2: route: belongs before the first account" },
	{ "command in an account", "account a\nsmarthost-command x\n",
	    "conf:2: smarthost-command: belongs before" },
	{ "bad value in an account", "account a\nproxy x\n",
	    "conf:2: proxy: is no URL" },
	{ "no pattern in an account", "account a\nfrom a@b@c\n",
	    "conf:2: from: " },

	{ "netrc for two hosts", "smarthost smtps://u@a smtps://u@b\n"
	    "netrc /n\n", "conf:2: netrc: the smarthosts are several" },
	{ "two sources", FILE1 "\nnetrc /n\n",
	    "conf:4: netrc: there is password-file already" },
	{ "two others", LOGIN "token-command x\noauth-token-url https://a\n",
	    "conf:3: oauth-token-url: there is token-command already" },
	{ "two in an account", "account a\n" FILE1 "password-command x\n",
	    "conf:4: password-command: there is password-file" },
	{ "user without a password", LOGIN,
	    "conf:1: smarthost: there is a user, but no password: set one of "
	    "password-file, password-command, token-command, netrc, "
	    "oauth-token-url" },
	{ "user of one without", "smarthost smtps://a smtps://u@b\n",
	    "conf:1: smarthost: there is a user" },
	{ "in an account", "account a\n\n" LOGIN,
	    "conf:3: smarthost: there is a user" },
	{ "certificate without external", LOGIN "client-cert /c\n",
	    "conf:1: smarthost: there is a user" },
	{ "external without a certificate", LOGIN "auth external\n",
	    "conf:1: smarthost: there is a user" },
	{ "password without a user", "smarthost smtps://a\n"
	    "password-file /p\n", "conf:2: password-file: nobody to log in" },
	{ "password without a smarthost", "netrc /n\n",
	    "conf:1: netrc: there is no smarthost" },
	{ "password without a user in an account", FILE1 "account a\n"
	    "smarthost smtps://a\nnetrc /n\n", "conf:5: netrc: nobody" },
	{ "password in clear", "smarthost smtp+plain://u@a\n"
	    "password-file /p\n", "conf:1: smarthost: URL 1: a password "
	    "would travel in clear" },
	{ "auto with a proxy", "smarthost auto:a\nproxy http://p:1\n",
	    "conf:2: proxy: a smarthost of auto:" },
	{ "auto in an account", "proxy http://p:1\naccount a\n"
	    "smarthost auto:a\n", "conf:1: proxy: account a: a smarthost" },
	{ "OAuth without a client", LOGIN "oauth-token-url https://a\n"
	    "oauth-refresh-token-file /r\n",
	    "conf:2: oauth-token-url: oauth-client-id is missing" },
	{ "OAuth without a token", LOGIN "oauth-token-url https://a\n"
	    "oauth-client-id i\n",
	    "conf:2: oauth-token-url: oauth-refresh-token-file is missing" },
	{ "OAuth without a URL", FILE1 "oauth-client-id i\n",
	    "conf:3: oauth-client-id: oauth-token-url is missing" },
	{ "key without a certificate", FILE1 "client-key /k\n",
	    "conf:3: client-key: client-cert is missing" },
	{ "fixed to nothing", "envelope-from fixed\n",
	    "conf:1: envelope-from: fixed, but" },
	{ "route to no account", "\nroute * smarthost b\naccount a\n",
	    "conf:2: route * smarthost b: there is no account b" },
	{ "route to an account without a smarthost",
	    "route * smarthost a\naccount a\n",
	    "conf:1: route * smarthost a: account a has no smarthost" },
};

START_TEST(refused)
{
	struct settings s;
	struct err err = { 0 };

	ck_assert_msg(load(&s, bad[_i].text, NULL, &err) == -1,
	    "%s: accepted", bad[_i].name);
	ck_assert_int_eq(err.kind, ERR_CONFIG);
	ck_assert_msg(str_starts(err.text, bad[_i].says), "%s: says \"%s\"",
	    bad[_i].name, err.text);
	ck_assert_msg(strstr(err.text, "hunter2") == NULL, "%s: says \"%s\"",
	    bad[_i].name, err.text);
	settings_release(&s);
}
END_TEST

/* " key=value" */
static void
describe_one(struct buf *out, const char *key, const char *value)
{
	if (value != NULL)
		buf_printf(out, " %s=%s", key, value);
}

/* What an account logs in with, and where: "NAME: ..." */
static void
describe(const struct account *a, struct buf *out)
{
	buf_printf(out, "%s: ", a->name);
	account_write_smarthost(a, out);
	if (a->trouble.kind != ERR_NONE)
		buf_adds(out, " trouble");
	describe_one(out, "file", a->password_file);
	describe_one(out, "command", a->password_command);
	describe_one(out, "token", a->token_command);
	describe_one(out, "netrc", a->netrc);
	describe_one(out, "url", a->oauth_token_url);
	describe_one(out, "id", a->oauth_client_id);
	describe_one(out, "secret", a->oauth_client_secret_file);
	describe_one(out, "refresh", a->oauth_refresh_token_file);
	describe_one(out, "scope", a->oauth_scope);
	describe_one(out, "auth", a->auth);
	describe_one(out, "ca", a->ca_file);
	describe_one(out, "cert", a->client_cert);
	describe_one(out, "key", a->client_key);
	describe_one(out, "pin", a->tls_pin);
	describe_one(out, "proxy", a->proxy);
	describe_one(out, "hostname", a->hostname);
	describe_one(out, "source", a->source_address);
}

/* One account of those there are, by name. */
static const char *
describe_named(const struct settings *s, const char *name, struct buf *out)
{
	const struct account *a = name[0] == '\0' ? &s->routing.accounts[0] :
	    routing_account(&s->routing, name);

	buf_clear(out);
	ck_assert_ptr_nonnull(a);
	describe(a, out);
	return buf_str(out);
}

#define OAUTH "oauth-token-url https://t\noauth-client-id i\n" \
	"oauth-client-secret-file /s\noauth-refresh-token-file /r\n" \
	"oauth-scope c\n"
#define ALL_OTHERS "auth plain\nca-file /ca\nclient-cert /c\n" \
	"client-key /k\ntls-pin " PIN "\nproxy http://p:1\n" \
	"hostname g.example\nsource-address ::1\n"

/* What account a is when all is read. */
static const struct {
	const char *name, *text, *want;
} inherited[] = {
	{ "nothing there", "account a\n", "a: none" },
	{ "everything", FILE1 ALL_OTHERS "account a\n",
	    "a: smtps://u@a:465 file=/p auth=plain ca=/ca cert=/c key=/k "
	    "pin=" PIN " proxy=http://p:1 source=::1" },
	{ "tokens", LOGIN OAUTH "account a\n",
	    "a: smtps://u@a:465 url=https://t id=i secret=/s refresh=/r "
	    "scope=c" },
	{ "smarthost of its own: no password, certificate, pin",
	    FILE1 ALL_OTHERS "account a\nsmarthost smtps://b\n",
	    "a: smtps://b:465 ca=/ca proxy=http://p:1 source=::1" },
	{ "smarthost of its own: no token",
	    LOGIN OAUTH "account a\nsmarthost smtps://b\n",
	    "a: smtps://b:465" },
	{ "the same smarthost, but its own",
	    FILE1 "account a\nsmarthost smtps://a\n", "a: smtps://a:465" },
	{ "no smarthost, of its own", FILE1 ALL_OTHERS "account a\n"
	    "smarthost none\n", "a: none ca=/ca proxy=http://p:1 source=::1" },
	{ "password of its own", FILE1 "auth plain\naccount a\n"
	    "password-file /q\n", "a: smtps://u@a:465 file=/q auth=plain" },
	{ "other source of its own", FILE1 "account a\nnetrc /n\n",
	    "a: smtps://u@a:465 netrc=/n" },
	{ "password instead of tokens", LOGIN OAUTH "account a\nnetrc /n\n",
	    "a: smtps://u@a:465 netrc=/n" },
	{ "scope of its own", LOGIN OAUTH "account a\noauth-scope d\n",
	    "a: smtps://u@a:465 url=https://t id=i secret=/s refresh=/r "
	    "scope=d" },
	{ "other token server: secrets stay with the first", LOGIN OAUTH
	    "account a\noauth-token-url https://w\noauth-client-id j\n"
	    "oauth-refresh-token-file /x\n",
	    "a: smtps://u@a:465 url=https://w id=j refresh=/x" },
	{ "certificate of its own: no key", FILE1 ALL_OTHERS
	    "account a\nclient-cert /d\n",
	    "a: smtps://u@a:465 file=/p auth=plain ca=/ca cert=/d pin=" PIN
	    " proxy=http://p:1 source=::1" },
	{ "all the others of its own", FILE1 ALL_OTHERS "account a\n"
	    "auth login\nca-file /cb\nclient-cert /d\nclient-key /l\n"
	    "proxy http://q:1\nhostname b.example\nsource-address ::2\n",
	    "a: smtps://u@a:465 file=/p auth=login ca=/cb cert=/d key=/l "
	    "pin=" PIN " proxy=http://q:1 hostname=b.example source=::2" },
	{ "an account before it", FILE1 "account b\n"
	    "smarthost smtps://w@b\nnetrc /n\nauth plain\naccount a\n",
	    "a: smtps://u@a:465 file=/p" },
	{ "a command", "smarthost-command x\npassword-file /p\naccount a\n",
	    "a: none trouble file=/p" },
	{ "a command, but its own", "smarthost-command x\n"
	    "password-file /p\naccount a\nsmarthost smtps://b\n",
	    "a: smtps://b:465" },
};

START_TEST(inherits)
{
	struct settings s;
	struct buf got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(load(&s, inherited[_i].text, NULL, &err) == 0,
	    "%s: %s", inherited[_i].name, err.text);
	ck_assert_msg(strcmp(describe_named(&s, "a", &got),
	    inherited[_i].want) == 0, "%s: got %s", inherited[_i].name,
	    buf_str(&got));
	buf_release(&got);
	settings_release(&s);
}
END_TEST

/* A second file over the first: what account which is then. */
static const struct {
	const char *name, *text, *over, *which, *want;
} layers[] = {
	{ "other smarthost: nothing to log in with", FILE1 ALL_OTHERS,
	    "smarthost smtps://b\n", "",
	    ": smtps://b:465 ca=/ca proxy=http://p:1 source=::1" },
	{ "other smarthost, its own password", FILE1 ALL_OTHERS,
	    "netrc /n\nsmarthost smtps://v@b\n", "",
	    ": smtps://v@b:465 netrc=/n ca=/ca proxy=http://p:1 source=::1" },
	{ "no tokens either", LOGIN OAUTH, "smarthost smtps://b\n", "",
	    ": smtps://b:465" },
	{ "none", FILE1, "smarthost none\n", "", ": none" },
	{ "a command instead", FILE1, "smarthost-command x\n", "",
	    ": none trouble" },
	{ "a smarthost instead of a command",
	    "smarthost-command x\npassword-file /p\n",
	    "smarthost smtps://a\n", "", ": smtps://a:465" },
	{ "other password", FILE1 "auth plain\n", "password-file /q\n", "",
	    ": smtps://u@a:465 file=/q auth=plain" },
	{ "other source", FILE1, "netrc /n\n", "",
	    ": smtps://u@a:465 netrc=/n" },
	{ "password instead of tokens", LOGIN OAUTH, "netrc /n\n", "",
	    ": smtps://u@a:465 netrc=/n" },
	{ "other scope", LOGIN OAUTH, "oauth-scope d\n", "",
	    ": smtps://u@a:465 url=https://t id=i secret=/s refresh=/r "
	    "scope=d" },
	{ "other token server", LOGIN OAUTH, "oauth-token-url https://w\n"
	    "oauth-client-id j\noauth-refresh-token-file /x\n", "",
	    ": smtps://u@a:465 url=https://w id=j refresh=/x" },
	{ "other certificate", "smarthost smtps://a\nclient-cert /c\n"
	    "client-key /k\n", "client-cert /d\n", "",
	    ": smtps://a:465 cert=/d" },
	{ "other key", "smarthost smtps://a\nclient-cert /c\n"
	    "client-key /k\n", "client-key /l\n", "",
	    ": smtps://a:465 cert=/c key=/l" },
	{ "nothing of that", FILE1, "jobs 7\n", "",
	    ": smtps://u@a:465 file=/p" },

	{ "an account is replaced whole", "account a\n" FILE1 "auth plain\n"
	    "account b\n", "account a\nsmarthost smtps://b\n", "a",
	    "a: smtps://b:465" },
	{ "one beside it stays", "account a\n" FILE1 "auth plain\n",
	    "account b\nsmarthost smtps://b\n", "a",
	    "a: smtps://u@a:465 file=/p auth=plain" },
	{ "with a smarthost of its own it keeps all", "account a\n" FILE1,
	    "smarthost smtps://b\n", "a", "a: smtps://u@a:465 file=/p" },
	{ "without one, its password was for another", FILE1 "account a\n"
	    "password-file /q\nauth plain\nca-file /ca\n",
	    "smarthost smtps://b\n", "a", "a: smtps://b:465 ca=/ca" },
	{ "without one, it keeps it while that one stays", FILE1
	    "account a\npassword-file /q\n", "auth plain\n", "a",
	    "a: smtps://u@a:465 file=/q auth=plain" },
	{ "it keeps its password beside another", FILE1 "account a\n"
	    "password-file /q\n", "netrc /n\n", "a",
	    "a: smtps://u@a:465 file=/q" },
	{ "a new account takes the first file's", FILE1, "account a\n", "a",
	    "a: smtps://u@a:465 file=/p" },
};

START_TEST(over)
{
	struct settings s;
	struct buf got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(load(&s, layers[_i].text, layers[_i].over, &err) == 0,
	    "%s: %s", layers[_i].name, err.text);
	ck_assert_msg(strcmp(describe_named(&s, layers[_i].which, &got),
	    layers[_i].want) == 0, "%s: got %s", layers[_i].name,
	    buf_str(&got));
	buf_release(&got);
	settings_release(&s);
}
END_TEST

/* Rules and accounts of a second file come first, each file in its order. */
START_TEST(order)
{
	struct settings s;
	struct buf got = { 0 };
	struct err err = { 0 };

	ck_assert_msg(load(&s,
	    "route a direct\nroute b direct\nrewrite-sender a x@y\n"
	    "masquerade m.example n.example\n"
	    "account a\nfrom a@b\naccount b\naccount c\n",
	    "route c direct\nroute d direct\nroute e direct\n"
	    "rewrite-sender b x@y\nrewrite-sender c x@y\n"
	    "masquerade o.example\naccount d\naccount b\nfrom b@c\n",
	    &err) == 0, "%s", err.text);
	show_changed(&s, &got);
	ck_assert_str_eq(buf_str(&got),
	    "rewrite-sender b x@y\nrewrite-sender c x@y\n"
	    "rewrite-sender a x@y\n"
	    "masquerade o.example h.example *.o.example\n"
	    "route c direct\nroute d direct\nroute e direct\n"
	    "route a direct\nroute b direct\n"
	    "account d\naccount b\nfrom b@c\naccount a\nfrom a@b\n"
	    "account c\n");
	ck_assert_uint_eq(s.routing.nroute, 5);
	ck_assert_str_eq(s.routing.routes[0].to.v[0], "c");
	ck_assert_str_eq(s.routing.routes[3].to.v[0], "a");
	ck_assert(str_starts(s.routing.routes[3].rule, "conf:1: "));
	buf_release(&got);
	settings_release(&s);
}
END_TEST

/* Two files that make no sense together. */
START_TEST(over_refused)
{
	struct settings s;
	struct err err = { 0 };

	ck_assert_int_eq(load(&s, "account a\nfrom *@x.example\n"
	    "password-file /p\n" , "\nsmarthost smtps://u@b\nnetrc /n\n"
	    "account b\nsmarthost smtps://w@c\n", &err), -1);
	ck_assert_msg(str_starts(err.text, "over:5: smarthost: there is a "
	    "user"), "says \"%s\"", err.text);
	settings_release(&s);
	ck_assert_int_eq(load(&s, FILE1, "\nsmarthost smtps://u@b\n"
	    "account b\n", &err), -1);
	ck_assert_msg(str_starts(err.text, "over:2: smarthost: there is a "
	    "user"), "says \"%s\"", err.text);
	settings_release(&s);
}
END_TEST

/* What a command has printed; text NULL: it has failed. */
static const struct {
	const char *name, *text, *said, *which, *want, *why;
} commands[] = {
	{ "a smarthost", "password-file /p\n", "smtps://u@a", "",
	    ": smtps://u@a:465 file=/p", "" },
	{ "for an account, too", "password-file /p\naccount a\n",
	    "smtps://u@a", "a", "a: smtps://u@a:465 file=/p", "" },
	{ "not for one with its own", "password-file /p\naccount a\n"
	    "smarthost smtps://b\n", "smtps://u@a", "a", "a: smtps://b:465",
	    "" },
	{ "not for one with none", "password-file /p\naccount a\n"
	    "smarthost none\n", "smtps://u@a", "a", "a: none", "" },
	{ "none", "password-file /p\naccount a\n", "none", "a",
	    "a: none file=/p", "" },
	{ "no user", "", "smtps://a smtps://b", "",
	    ": smtps://a:465 smtps://b:465", "" },
	{ "nothing", "", "", "", ": none trouble",
	    "smarthost-command: a URL is missing" },
	{ "nonsense", "account a\n", "Usage: x", "a", "a: none trouble",
	    "smarthost-command: URL 1: is no URL" },
	{ "a user without a password", "account a\nnetrc /n\n",
	    "smtps://u@a", "", ": none trouble",
	    "smarthost-command: smarthost: there is a user" },
	{ "but the account has one", "account a\nnetrc /n\n",
	    "smtps://u@a", "a", "a: smtps://u@a:465 netrc=/n", "" },
	{ "a password without a user", "password-file /p\n", "smtps://a", "",
	    ": smtps://a:465 file=/p", "" },
	{ "in clear", "password-file /p\n", "smtp+plain://u@a", "",
	    ": none trouble file=/p",
	    "smarthost-command: URL 1: a password would travel" },
	{ "it failed", "account a\n", NULL, "a", "a: none trouble",
	    "the reason" },
};

START_TEST(by_command)
{
	const struct account *a;
	struct settings s;
	struct buf text = { 0 };
	struct err err = { 0 }, why = { 0 };

	buf_printf(&text, "smarthost-command x\n%s", commands[_i].text);
	ck_assert_msg(load(&s, buf_str(&text), NULL, &err) == 0, "%s: %s",
	    commands[_i].name, err.text);
	err_set(&why, ERR_TEMP, NULL, "the reason");
	settings_smarthost(&s, commands[_i].said,
	    commands[_i].said == NULL ? &why : NULL);
	ck_assert_msg(strcmp(describe_named(&s, commands[_i].which, &text),
	    commands[_i].want) == 0, "%s: got %s", commands[_i].name,
	    buf_str(&text));
	a = commands[_i].which[0] == '\0' ? &s.routing.accounts[0] :
	    routing_account(&s.routing, commands[_i].which);
	ck_assert_msg(str_starts(a->trouble.text, commands[_i].why),
	    "%s: trouble is %s", commands[_i].name, a->trouble.text);
	ck_assert(a->trouble.kind == (commands[_i].why[0] == '\0' ?
	    ERR_NONE : ERR_TEMP));
	buf_release(&text);
	settings_release(&s);
}
END_TEST

/* Without smarthost, mail goes direct; deliver/ is told of the routing. */
START_TEST(delivery)
{
	struct settings s;
	struct delivery how;
	struct err err;

	ck_assert_int_eq(load(&s, "", NULL, &err), 0);
	settings_delivery(&s, &how);
	ck_assert_ptr_eq(how.routing, &s.routing);
	ck_assert_uint_eq(how.routing->naccount, 1);
	ck_assert_str_eq(how.routing->accounts[0].name, "");
	ck_assert_uint_eq(how.routing->accounts[0].nendpoint, 0);
	ck_assert_int_eq(how.routing->accounts[0].trouble.kind, ERR_NONE);
	ck_assert(rewrite_is_empty(&s.rewrite));
	settings_release(&s);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("settings_account");
	TCase *tc = tcase_create("settings_account");

	tcase_add_loop_test(tc, shows, 0, CHECK_ROWS(shown));
	tcase_add_loop_test(tc, refused, 0, CHECK_ROWS(bad));
	tcase_add_loop_test(tc, inherits, 0, CHECK_ROWS(inherited));
	tcase_add_loop_test(tc, over, 0, CHECK_ROWS(layers));
	tcase_add_test(tc, order);
	tcase_add_test(tc, over_refused);
	tcase_add_loop_test(tc, by_command, 0, CHECK_ROWS(commands));
	tcase_add_test(tc, delivery);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return check_run(suite());
}
