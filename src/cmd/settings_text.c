#include "config.h"

#include "cmd/settings_impl.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"
#include "deliver/hostport.h"
#include "mail/address.h"
#include "net/resolver.h"

static int
refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_CONFIG, NULL, "%s", why);
}

int
text_plain(const char *value, struct buf *out, struct err *err)
{
	(void)err;
	buf_adds(out, value);
	return 0;
}

int
text_path(const char *value, struct buf *out, struct err *err)
{
	size_t start = out->len;

	if (str_starts(value, "~/")) {
		/* the caller says where that is, and the group may read there */
		if (process_has_group())
			return refuse(err, "~ is the home of whoever calls: a "
			    "set-group-id program wants an absolute path");
		if (!identity_home(out))
			return refuse(err, "there is no home that ~ could be");
		value++;
		while (out->len > start && out->data[out->len - 1] == '/')
			out->len--;
	}
	if (value[0] != '/')
		return err_set(err, ERR_CONFIG, NULL,
		    "\"%s\" is no absolute path", value);
	buf_adds(out, value);
	return 0;
}

int
text_domain(const char *value, struct buf *out, struct err *err)
{
	return address_domain_parse(value, out, err);
}

int
text_address(const char *value, struct buf *out, struct err *err)
{
	return address_parse(value, NULL, out, err);
}

int
text_servers(const char *value, struct buf *out, struct err *err)
{
	if (resolver_check(value, err) < 0)
		return -1;
	buf_adds(out, value);
	return 0;
}

int
text_log(const char *value, struct buf *out, struct err *err)
{
	if (value[0] != '/' && strcmp(value, "syslog") != 0 &&
	    strcmp(value, "stderr") != 0 && strcmp(value, "none") != 0)
		return err_set(err, ERR_CONFIG, NULL, "\"%s\" is none of "
		    "syslog, stderr, none or an absolute path", value);
	buf_adds(out, value);
	return 0;
}

/* Host and port of a URL are text, of n octets. */
static int
check_authority(const char *text, size_t n, bool want_port, struct err *err)
{
	char *host = NULL;
	uint16_t port = 0;
	int rc = hostport_parse(text, n, &host, &port, err);

	free(host);
	return rc == 0 && (port != 0 || !want_port) ? 0 : -1;
}

int
text_url(const char *value, struct buf *out, struct err *err)
{
	static const char https[] = "https://";
	const char *rest = value + strlen(https);

	if (!str_istarts(value, https))
		return refuse(err, "is no URL that begins with https://");
	if (strpbrk(rest, " \t#\"<>\\") != NULL || str_has_8bit(rest))
		return refuse(err, "holds what must be escaped in a URL");
	if (memchr(rest, '@', strcspn(rest, "/?")) != NULL)
		return refuse(err, "a user has no place in it");
	if (check_authority(rest, strcspn(rest, "/?"), false, err) < 0)
		return refuse(err, "the host in it is none");
	buf_printf(out, "%s%s", https, rest);
	return 0;
}

static const char *const mechanisms[] = { "plain", "login", "cram-md5",
	"digest-md5", "scram-sha-1", "scram-sha-256", "xoauth2",
	"oauthbearer", "external", "gssapi", "ntlm" };

#define NMECHANISM (sizeof(mechanisms) / sizeof(mechanisms[0]))

int
text_mechanisms(const char *value, struct buf *out, struct err *err)
{
	bool named[NMECHANISM] = { false };
	struct strlist words = { 0 };
	size_t start = out->len, m;
	int rc = 0;

	words_split(value, &words);
	for (size_t i = 0; i < words.n && rc == 0; i++) {
		for (m = 0; m < NMECHANISM &&
		    !str_ieq(words.v[i], mechanisms[m]); m++)
			;
		if (m == NMECHANISM)
			rc = err_set(err, ERR_CONFIG, NULL,
			    "\"%s\" is none of plain, login, cram-md5, "
			    "digest-md5, scram-sha-1, scram-sha-256, xoauth2, "
			    "oauthbearer, external, gssapi, ntlm", words.v[i]);
		else if (!named[m])
			buf_printf(out, "%s%s", out->len > start ? " " : "",
			    mechanisms[m]);
		named[m < NMECHANISM ? m : 0] = true;
	}
	strlist_release(&words);
	return rc;
}

int
text_certificate(const char *value, struct buf *out, struct err *err)
{
	if (!str_istarts(value, "pkcs11:"))
		return text_path(value, out, err);
	if (strpbrk(value, " \t") != NULL || str_has_8bit(value) ||
	    value[strlen("pkcs11:")] == '\0')
		return refuse(err, "is no pkcs11: URI");
	buf_adds(out, value);
	return 0;
}

/* 32 octets are 43 characters, of the last of which two bits are 0, and one
 * '='. */
int
text_pin(const char *value, struct buf *out, struct err *err)
{
	static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char prefix[] = "sha256//";
	const char *hash = value + strlen(prefix);

	if (!str_starts(value, prefix) || strspn(hash, base64) != 43 ||
	    strcmp(hash + 43, "=") != 0 ||
	    (strchr(base64, hash[42]) - base64) % 4 != 0)
		return refuse(err, "is not sha256// and the 44 characters of "
		    "a hash in base 64");
	buf_adds(out, value);
	return 0;
}

/* "USER:PASSWORD" in front of the '@', n octets. */
static int
check_proxy_user(const char *text, size_t n, struct err *err)
{
	/* libcurl must find the same end of it (RFC 3986 3.2.1) */
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:%";
	struct buf user = { 0 };
	int rc = n == 0 || text[0] == ':' ||
	    strspn(text, unreserved) < n ? -1 : str_unescape(&user, text, n);

	if (rc < 0 || str_has_control(buf_str(&user)))
		rc = refuse(err, "the user or the password in it is none; "
		    "what is no letter or digit is written %XX");
	buf_release(&user);
	return rc;
}

/* The value is never repeated: it may hold a password. */
int
text_proxy(const char *value, struct buf *out, struct err *err)
{
	static const char *const schemes[] = { "socks5://", "socks5h://",
		"http://" };
	const char *rest = NULL, *at;
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_istarts(value, schemes[i])) {
			rest = value + strlen(schemes[i]);
			break;
		}
	if (rest == NULL)
		return refuse(err, "is no URL that begins with socks5:// or "
		    "http://");
	n = strlen(rest);
	n -= n > 0 && rest[n - 1] == '/';
	if ((at = strrchr(rest, '@')) != NULL && check_proxy_user(rest,
	    (size_t)(at - rest), err) < 0)
		return -1;
	at = at != NULL ? at + 1 : rest;
	if (at > rest + n ||
	    check_authority(at, (size_t)(rest + n - at), true, err) < 0)
		return refuse(err, "HOST:PORT is missing in it; an IPv6 "
		    "address stands in brackets");
	buf_adds(out, schemes[i]);
	buf_add(out, rest, n);
	return 0;
}

void
text_proxy_mask(const char *proxy, struct buf *out)
{
	const char *user = strstr(proxy, "://") + strlen("://");
	const char *at = strrchr(user, '@'), *colon = strchr(user, ':');

	if (at == NULL || colon > at) {
		buf_adds(out, proxy);
		return;
	}
	buf_add(out, proxy, (size_t)(colon - proxy));
	buf_printf(out, ":***%s", at);
}

/* Which family a word is of, appended in normal form; -1: of none. */
static int
add_address(const char *word, struct buf *out)
{
	int family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
	char normal[INET6_ADDRSTRLEN];
	unsigned char ip[16];

	if (inet_pton(family, word, ip) != 1 ||
	    inet_ntop(family, ip, normal, sizeof(normal)) == NULL)
		return -1;
	buf_adds(out, normal);
	return family;
}

int
text_addresses(const char *value, struct buf *out, struct err *err)
{
	struct strlist words = { 0 };
	int family, before = -1, rc = 0;

	words_split(value, &words);
	for (size_t i = 0; i < words.n && rc == 0; i++) {
		if (i > 0)
			buf_addc(out, ' ');
		family = add_address(words.v[i], out);
		if (family < 0)
			rc = err_set(err, ERR_CONFIG, NULL,
			    "\"%s\" is no IP address", words.v[i]);
		else if (family == before || i > 1)
			rc = refuse(err, "one address of a family is enough");
		before = family;
	}
	strlist_release(&words);
	return rc;
}
