#include "config.h"

#include "net/https.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "net/curllib.h"

/* Octets of the header; a server may send them without end. */
#define HEADER_MAX 65536

struct exchange {
	const struct curllib *lib;
	CURL	*easy;
	struct curl_slist *header;
	struct buf *body;
	size_t	 max, nheader;
	bool	 too_long;
	char	 why[CURL_ERROR_SIZE];
};

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	n *= size;
	if (n > x->max - x->body->len) {
		x->too_long = true;
		return 0;
	}
	buf_add(x->body, data, n);
	return n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	(void)data;
	n *= size;
	if (n > HEADER_MAX - x->nheader) {
		x->too_long = true;
		return 0;
	}
	x->nheader += n;
	return n;
}

/* Text for libcurl to keep, or a number; true when it was taken. */
static bool
set_text(struct exchange *x, CURLoption option, const char *text)
{
	return x->lib->easy_setopt(x->easy, option, text) == CURLE_OK;
}

static bool
set_number(struct exchange *x, CURLoption option, long n)
{
	return x->lib->easy_setopt(x->easy, option, n) == CURLE_OK;
}

static bool
only_https(struct exchange *x)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return set_text(x, CURLOPT_PROTOCOLS_STR, "https");
#else
	return set_number(x, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS);
#endif
}

/* "socks5" would look the host up here; a proxy is to do that. Without one,
 * none: not those of the environment either. */
static bool
set_proxy(struct exchange *x, const char *proxy)
{
	struct buf text = { 0 };
	bool ok;

	if (proxy != NULL && str_istarts(proxy, "socks5://"))
		buf_printf(&text, "socks5h%s", strchr(proxy, ':'));
	else if (proxy != NULL)
		buf_adds(&text, proxy);
	ok = set_text(x, CURLOPT_PROXY, buf_str(&text));
	buf_release(&text);
	return ok;
}

static bool
set_callbacks(struct exchange *x)
{
	const struct curllib *lib = x->lib;

	return lib->easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body) ==
	    CURLE_OK &&
	    lib->easy_setopt(x->easy, CURLOPT_WRITEDATA, x) == CURLE_OK &&
	    lib->easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, take_header) ==
	    CURLE_OK &&
	    lib->easy_setopt(x->easy, CURLOPT_HEADERDATA, x) == CURLE_OK &&
	    lib->easy_setopt(x->easy, CURLOPT_ERRORBUFFER, x->why) ==
	    CURLE_OK;
}

static bool
set_header(struct exchange *x)
{
	struct curl_slist *more;

	more = x->lib->slist_append(NULL, "Accept: application/json");
	if (more == NULL)
		return false;
	x->header = more;
	/* no "100 Continue": forms are short, and servers forget it */
	more = x->lib->slist_append(x->header, "Expect:");
	return more != NULL && x->lib->easy_setopt(x->easy,
	    CURLOPT_HTTPHEADER, x->header) == CURLE_OK;
}

/* With a file that is named, the system's directory does not count. */
static bool
set_authorities(struct exchange *x, const char *ca_file)
{
	return ca_file == NULL || (set_text(x, CURLOPT_CAINFO, ca_file) &&
	    set_text(x, CURLOPT_CAPATH, NULL));
}

/* Every one counts: without it the exchange might be less safe. */
static bool
prepare(struct exchange *x, const struct https_request *q)
{
	return only_https(x) && set_callbacks(x) && set_header(x) &&
	    set_text(x, CURLOPT_URL, q->url) &&
	    /* not copied: it is the caller who wipes it */
	    set_text(x, CURLOPT_POSTFIELDS, q->form) &&
	    set_number(x, CURLOPT_POSTFIELDSIZE, (long)strlen(q->form)) &&
	    set_text(x, CURLOPT_USERAGENT, "postrider/" PACKAGE_VERSION) &&
	    set_number(x, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
	    set_number(x, CURLOPT_FOLLOWLOCATION, 0L) &&
	    set_number(x, CURLOPT_SSL_VERIFYPEER, 1L) &&
	    set_number(x, CURLOPT_SSL_VERIFYHOST, 2L) &&
	    set_number(x, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
	    set_authorities(x, q->ca_file) &&
	    set_proxy(x, q->proxy) &&
	    set_number(x, CURLOPT_NETRC, CURL_NETRC_IGNORED) &&
	    set_number(x, CURLOPT_NOSIGNAL, 1L) &&
	    set_number(x, CURLOPT_TIMEOUT_MS, (long)q->timeout_s * 1000);
}

static const char *
status_of(CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
		return "4.7.5";
	default:
		return "4.4.1";
	}
}

static int
perform(struct exchange *x, const struct https_request *q, unsigned *status,
    struct err *err)
{
	CURLcode code = x->lib->easy_perform(x->easy);
	long number = 0;

	if (x->too_long)
		return err_set(err, ERR_TEMP, "4.4.1",
		    "%s: the answer is longer than %zu octets", q->url,
		    q->max);
	if (code != CURLE_OK)
		return err_set(err, ERR_TEMP, status_of(code), "%s: %s",
		    q->url, x->why[0] != '\0' &&
		    strstr(x->why, "://") == NULL ? x->why :
		    x->lib->easy_strerror(code));
	x->lib->easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &number);
	*status = (unsigned)number;
	return 0;
}

int
https_post(const struct https_request *q, unsigned *status, struct buf *body,
    struct err *err)
{
	struct exchange x = { .body = body, .max = q->max };
	int rc = -1;

	buf_clear(body);
	buf_reserve(body, q->max + 1);
	if ((x.lib = curllib_get(err)) == NULL)
		return -1;
	x.easy = x.lib->easy_init();
	if (x.easy == NULL || !prepare(&x, q))
		err_set(err, ERR_TEMP, "4.4.1",
		    "%s: libcurl cannot be set up for it", q->url);
	else
		rc = perform(&x, q, status, err);
	x.lib->easy_cleanup(x.easy);
	x.lib->slist_free_all(x.header);
	return rc;
}
