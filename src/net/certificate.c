#include "config.h"

#include "net/certificate.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "net/tlslib.h"

#define NAME_MAX_TEXT 128
#define NAMES_SHOWN 3

/* A chain, read. */
struct chain {
	const struct tlslib *lib;
	gnutls_x509_crt_t crt[CERTIFICATE_CHAIN_MAX];
	unsigned n;
	char	pin[60];	/* "sha256//..." of the first */
};

static void
base64(const unsigned char *data, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long word;
	size_t i, j;

	for (i = 0; i < n; i += 3) {
		word = (unsigned long)data[i] << 16;
		if (i + 1 < n)
			word |= (unsigned long)data[i + 1] << 8;
		if (i + 2 < n)
			word |= data[i + 2];
		for (j = 0; j < 4; j++)
			*out++ = i + j > n ? '=' :
			    digits[word >> (18 - 6 * j) & 63];
	}
	*out = '\0';
}

/* The key in the form of tls-pin. */
static void
pin_of(const struct chain *c, char *out)
{
	unsigned char hash[32];
	size_t size = sizeof(hash);

	strcpy(out, "sha256//");
	if (c->lib->x509_crt_get_key_id(c->crt[0], GNUTLS_KEYID_USE_SHA256,
	    hash, &size) == 0 && size == sizeof(hash))
		base64(hash, size, out + strlen(out));
}

static void
chain_release(struct chain *c)
{
	while (c->n > 0)
		c->lib->x509_crt_deinit(c->crt[--c->n]);
}

/* Returns false without a certificate that can be read. */
static bool
chain_read(struct chain *c, const struct certificate_question *q)
{
	gnutls_datum_t pem;
	struct err err;

	c->n = 0;
	if ((c->lib = tlslib_get(&err)) == NULL)
		return false;
	while (c->n < q->n) {
		if (c->lib->x509_crt_init(&c->crt[c->n]) < 0)
			break;
		pem.data = (unsigned char *)q->chain[c->n];
		pem.size = (unsigned)strlen(q->chain[c->n]);
		if (c->lib->x509_crt_import(c->crt[c->n++], &pem,
		    GNUTLS_X509_FMT_PEM) < 0) {
			chain_release(c);
			return false;
		}
	}
	if (c->n > 0)
		pin_of(c, c->pin);
	return c->n > 0;
}

/* A part of a distinguished name: the common name, else the organisation. */
typedef __typeof__(gnutls_x509_crt_get_dn_by_oid) dn_fn;

static bool
dn_name(const struct chain *c, dn_fn *get, char *out)
{
	static const char *const oids[] = { GNUTLS_OID_X520_COMMON_NAME,
		GNUTLS_OID_X520_ORGANIZATION_NAME,
		GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME };
	size_t i, size;

	for (i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
		size = NAME_MAX_TEXT;
		if (get(c->crt[0], oids[i], 0, 0, out, &size) >= 0)
			return true;
	}
	return false;
}

/* The i-th name or address that it is for. Returns 1; 0 when it is of another
 * kind; -1 behind the last. */
static int
alt_name(const struct chain *c, unsigned i, char *out)
{
	unsigned char raw[NAME_MAX_TEXT];
	size_t size = sizeof(raw) - 1;
	int type = c->lib->x509_crt_get_subject_alt_name(c->crt[0], i, raw,
	    &size, NULL);

	if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return 0;
	if (type < 0)
		return -1;
	if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16))
		return inet_ntop(size == 4 ? AF_INET : AF_INET6, raw, out,
		    NAME_MAX_TEXT) != NULL;
	if (type != GNUTLS_SAN_DNSNAME || size >= sizeof(raw))
		return 0;
	raw[size] = '\0';
	strcpy(out, (char *)raw);
	return 1;
}

static void
say_names(const struct chain *c, struct buf *out)
{
	char name[NAME_MAX_TEXT];
	unsigned i, found = 0;
	int rc;

	for (i = 0; (rc = alt_name(c, i, name)) >= 0; i++)
		if (rc > 0 && found++ < NAMES_SHOWN)
			buf_printf(out, "%s%s", found > 1 ? ", " : "", name);
	if (found > NAMES_SHOWN)
		buf_printf(out, " and %u more", found - NAMES_SHOWN);
	/* before there were alternative names (RFC 2818 3.1) */
	if (found == 0 && dn_name(c, c->lib->x509_crt_get_dn_by_oid, name))
		buf_adds(out, name);
	else if (found == 0)
		buf_adds(out, "no name");
}

/* Whose it is, and who says so. */
static void
say_whose(const struct chain *c, struct buf *out)
{
	char name[NAME_MAX_TEXT];

	buf_adds(out, "certificate of ");
	if (dn_name(c, c->lib->x509_crt_get_dn_by_oid, name))
		buf_adds(out, name);
	else
		say_names(c, out);
	if (c->lib->x509_crt_check_issuer(c->crt[0], c->crt[0]) != 0)
		return;
	buf_printf(out, " (issued by %s)", dn_name(c,
	    c->lib->x509_crt_get_issuer_dn_by_oid, name) ? name :
	    "somebody without a name");
}

static void
say_date(time_t t, struct buf *out)
{
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	buf_adds(out, text);
}

/* What the CAs that count here say of it: bits of
 * gnutls_certificate_status_t. */
static unsigned
judge(const struct chain *c, const struct certificate_question *q)
{
	gnutls_x509_trust_list_t list;
	unsigned status = 0;

	if (c->lib->x509_trust_list_init(&list, 0) < 0)
		return 0;
	if (q->ca_file != NULL)
		c->lib->x509_trust_list_add_trust_file(list, q->ca_file, NULL,
		    GNUTLS_X509_FMT_PEM, 0, 0);
	else
		c->lib->x509_trust_list_add_system_trust(list, 0, 0);
	/* the list takes over nothing of ours that it would free */
	if (c->lib->x509_trust_list_verify_crt(list,
	    (gnutls_x509_crt_t *)c->crt, c->n, 0, &status, NULL) < 0)
		status = 0;
	c->lib->x509_trust_list_deinit(list, 1);
	return status;
}

/* The words behind "certificate of X (issued by Y)", each for itself. */

static bool
dates(const struct chain *c, const struct certificate_question *q,
    struct buf *out)
{
	time_t from = c->lib->x509_crt_get_activation_time(c->crt[0]);
	time_t to = c->lib->x509_crt_get_expiration_time(c->crt[0]);

	if (q->now > to) {
		buf_adds(out, " expired on ");
		say_date(to, out);
		buf_adds(out, ": it must be renewed there");
	} else if (q->now < from) {
		buf_adds(out, " is not valid before ");
		say_date(from, out);
		buf_adds(out, ": is the clock here right?");
	}
	return q->now > to || q->now < from;
}

static bool
names(const struct chain *c, const struct certificate_question *q,
    struct buf *out)
{
	if (c->lib->x509_crt_check_hostname2(c->crt[0], q->host, 0) != 0)
		return false;
	buf_adds(out, " is for ");
	say_names(c, out);
	buf_printf(out, ", not for %s: the smarthost must have a name that it "
	    "is for", q->host);
	return true;
}

static bool
trust(const struct chain *c, const struct certificate_question *q,
    struct buf *out)
{
	bool alone = c->lib->x509_crt_check_issuer(c->crt[0], c->crt[0]) != 0;
	unsigned status = judge(c, q);
	struct buf said = { 0 };

	/* its own dates were told */
	if (dates(c, q, &said))
		status &= ~(unsigned)(GNUTLS_CERT_EXPIRED |
		    GNUTLS_CERT_NOT_ACTIVATED);
	buf_release(&said);
	if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
		buf_printf(out, alone ? " is signed by itself: if it is known "
		    "to be right, give it as ca-file, or set tls-pin to %s" :
		    " comes from a CA that is unknown here: give that CA as "
		    "ca-file, or, if the server is known to be right, set "
		    "tls-pin to %s", c->pin);
	else if ((status & GNUTLS_CERT_REVOKED) != 0)
		buf_adds(out, " was revoked");
	else if ((status & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
		buf_adds(out, " is signed by an algorithm that is not safe "
		    "any more: it must be renewed there");
	else if ((status & GNUTLS_CERT_EXPIRED) != 0)
		buf_adds(out, " comes with that of a CA that has expired");
	else if ((status & ~(unsigned)GNUTLS_CERT_INVALID) != 0)
		buf_adds(out, " has no valid signature");
	return status != 0;
}

void
certificate_explain(const struct certificate_question *q, struct buf *out)
{
	static bool (*const faults[])(const struct chain *,
	    const struct certificate_question *, struct buf *) = {
		dates, names, trust };
	struct buf what = { 0 };
	struct chain c;
	size_t i, found = 0;

	if (!chain_read(&c, q))
		return;
	if (q->tls_pin != NULL) {
		buf_printf(out, "the server has the key %s, not that of "
		    "tls-pin: set it only if the change is known to be right",
		    c.pin);
		chain_release(&c);
		return;
	}
	for (i = 0; i < 3; i++) {
		buf_clear(&what);
		if (!faults[i](&c, q, &what) || what.len == 0)
			continue;
		if (found++ == 0)
			say_whose(&c, out);
		else
			buf_adds(out, "; it");
		buf_add(out, what.data, what.len);
	}
	buf_release(&what);
	chain_release(&c);
}
