#include "config.h"

#include "deliver/account.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "deliver/hostport.h"

#define USER_MAX 255	/* octets; RFC 4616 wants at least that */

static const struct {
	const char *prefix;
	uint16_t port;
} schemes[] = {
	[ENDPOINT_STARTTLS] = { "smtp://", 587 },
	[ENDPOINT_TLS] = { "smtps://", 465 },
	[ENDPOINT_CLEAR] = { "smtp+plain://", 25 },
	[ENDPOINT_AUTO] = { "auto:", 0 },
};

#define NSCHEME (sizeof(schemes) / sizeof(schemes[0]))

static void
endpoint_release(struct endpoint *e)
{
	free(e->host);
	free(e->user);
	*e = (struct endpoint){ 0 };
}

/* Nothing of a URL is ever repeated in an error but its scheme: who writes a
 * password where none belongs shall not find it in a log. */
static int
refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_CONFIG, NULL, "%s", why);
}

/* Step over the scheme. */
static int
parse_scheme(struct endpoint *e, const char **text, struct err *err)
{
	for (size_t i = 0; i < NSCHEME; i++)
		if (str_istarts(*text, schemes[i].prefix)) {
			e->scheme = (uint8_t)i;
			e->port = schemes[i].port;
			*text += strlen(schemes[i].prefix);
			return 0;
		}
	return refuse(err, "is no URL that begins with smtps://, smtp://, "
	    "smtp+plain:// or auto:");
}

/* UTF-8 without control characters. */
static bool
is_clean(const char *s)
{
	char *copy = str_sanitise(xstrdup(s));
	bool same = strcmp(copy, s) == 0;

	free(copy);
	return same;
}

/* n octets in front of the last '@'. */
static int
parse_user(struct endpoint *e, const char *text, size_t n, struct err *err)
{
	struct buf user = { 0 };
	int rc = -1;

	if (memchr(text, ':', n) != NULL)
		return refuse(err, "a password has no place in it; give it "
		    "with password-file, password-command or netrc (a colon "
		    "of the user's name is written %3A)");
	if (n == 0)
		return refuse(err, "the user in front of the @ is missing");
	if (str_unescape(&user, text, n) < 0 || user.len == 0)
		refuse(err, "the user holds a % that is not followed by two "
		    "hexadecimal digits (%25 is a % itself)");
	else if (user.len > USER_MAX)
		refuse(err, "the user is too long");
	else if (!is_clean(buf_str(&user)))
		refuse(err, "the user is no text in UTF-8");
	else {
		e->user = buf_detach(&user);
		rc = 0;
	}
	buf_release(&user);
	return rc;
}

/* "host:port", perhaps with the '/' that ends a URL. */
static int
parse_host(struct endpoint *e, const char *text, struct err *err)
{
	size_t n = strlen(text);
	uint16_t port;

	if (n > 0 && text[n - 1] == '/' && e->scheme != ENDPOINT_AUTO)
		n--;
	if (hostport_parse(text, n, &e->host, &port, err) < 0)
		return refuse(err, "the host, or the port behind it, is none; "
		    "an IPv6 address stands in brackets");
	if (e->scheme == ENDPOINT_AUTO && (port != 0 ||
	    hostport_is_address(e->host)))
		return refuse(err, "auto: wants a domain, without a port");
	if (port != 0)
		e->port = port;
	return 0;
}

/* "auto:ann@example.org" is who ann@example.org is: the name to try first is
 * the whole address (RFC 6186 4). */
static void
complete_user(struct endpoint *e)
{
	struct buf user = { 0 };

	if (e->scheme != ENDPOINT_AUTO || e->user == NULL ||
	    strchr(e->user, '@') != NULL)
		return;
	buf_printf(&user, "%s@%s", e->user, e->host);
	free(e->user);
	e->user = buf_detach(&user);
}

static int
parse_url(struct endpoint *e, const char *text, struct err *err)
{
	const char *at;

	if (parse_scheme(e, &text, err) < 0)
		return -1;
	if ((at = strrchr(text, '@')) != NULL) {
		if (parse_user(e, text, (size_t)(at - text), err) < 0)
			return -1;
		text = at + 1;
	}
	if (parse_host(e, text, err) < 0)
		return -1;
	if (e->scheme == ENDPOINT_CLEAR && e->user != NULL)
		return refuse(err, "a password would travel in clear: "
		    "smtp+plain:// goes without a user");
	complete_user(e);
	return 0;
}

/* URLs of one rank, commas between. */
static int
add_rank(struct account *a, char *word, uint16_t rank, struct err *err)
{
	char *url, *next;

	for (url = word; url != NULL; url = next) {
		if ((next = strchr(url, ',')) != NULL)
			*next++ = '\0';
		if (a->nendpoint == ENDPOINTS_MAX)
			return err_set(err, ERR_CONFIG, NULL,
			    "more than %d URLs", ENDPOINTS_MAX);
		a->endpoints[a->nendpoint].rank = rank;
		if (parse_url(&a->endpoints[a->nendpoint++], url, err) < 0)
			return err_prefix(err, "URL %zu", a->nendpoint);
	}
	return 0;
}

int
account_set_smarthost(struct account *a, const char *text, struct err *err)
{
	char *copy = xstrdup(text), *rest = NULL, *word;
	uint16_t rank = 0;
	int rc = 0;

	account_release_smarthost(a);
	word = strtok_r(copy, " \t\r\n", &rest);
	if (word == NULL)
		rc = refuse(err, "a URL is missing, or the word none");
	else if (strcmp(word, "none") == 0)
		rc = strtok_r(NULL, " \t\r\n", &rest) == NULL ? 0 :
		    refuse(err, "none stands alone");
	else
		for (; word != NULL && rc == 0;
		    word = strtok_r(NULL, " \t\r\n", &rest))
			rc = add_rank(a, word, rank++, err);
	free(copy);
	if (rc < 0)
		account_release_smarthost(a);
	return rc;
}

void
account_copy_smarthost(struct account *to, const struct account *from)
{
	account_release_smarthost(to);
	for (size_t i = 0; i < from->nendpoint; i++) {
		to->endpoints[i] = from->endpoints[i];
		to->endpoints[i].host = xstrdup(from->endpoints[i].host);
		if (from->endpoints[i].user != NULL)
			to->endpoints[i].user =
			    xstrdup(from->endpoints[i].user);
	}
	to->nendpoint = from->nendpoint;
	to->trouble = from->trouble;
}

bool
account_has_user(const struct account *a)
{
	for (size_t i = 0; i < a->nendpoint; i++)
		if (a->endpoints[i].user != NULL)
			return true;
	return false;
}

bool
account_needs_auth(const struct account *a)
{
	return account_has_user(a) ||
	    (a->nendpoint > 0 && a->client_cert != NULL);
}

void
account_release_smarthost(struct account *a)
{
	for (size_t i = 0; i < ENDPOINTS_MAX; i++)
		endpoint_release(&a->endpoints[i]);
	a->nendpoint = 0;
}

void
account_release(struct account *a)
{
	char *const owned[] = {
		a->name, a->password_file, a->password_command,
		a->token_command, a->netrc, a->oauth_token_url,
		a->oauth_client_id, a->oauth_client_secret_file,
		a->oauth_refresh_token_file, a->oauth_scope, a->auth,
		a->ca_file, a->client_cert, a->client_key, a->tls_pin,
		a->proxy, a->hostname, a->source_address,
	};

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
		free(owned[i]);
	strlist_release(&a->from);
	account_release_smarthost(a);
	*a = (struct account){ 0 };
}

/* What would end the user, the URL or the word is escaped. */
static void
write_user(const char *user, struct buf *out)
{
	for (; *user != '\0'; user++)
		if (strchr(" %,:/\"#@", *user) != NULL)
			buf_printf(out, "%%%02X", (unsigned char)*user);
		else
			buf_addc(out, *user);
	buf_addc(out, '@');
}

void
endpoint_write(const struct endpoint *e, struct buf *out)
{
	buf_adds(out, schemes[e->scheme].prefix);
	if (e->user != NULL)
		write_user(e->user, out);
	hostport_write(e->host, e->port, out);
}

void
account_write_smarthost(const struct account *a, struct buf *out)
{
	if (a->nendpoint == 0)
		buf_adds(out, "none");
	for (size_t i = 0; i < a->nendpoint; i++) {
		if (i > 0)
			buf_addc(out, a->endpoints[i].rank ==
			    a->endpoints[i - 1].rank ? ',' : ' ');
		endpoint_write(&a->endpoints[i], out);
	}
}
