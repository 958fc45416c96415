#include "config.h"

#include "mail/dsn.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "mail/date.h"
#include "mail/dsn_text.h"
#include "mail/header.h"
#include "mail/status.h"

/* What no honest message has; whatever cannot be read counts as that. */
#define DEPTH_MAX 1000

/* What is handed on at once, or a row more. */
#define PIECE_MAX 65536

/* What differs between the kinds. */
static const struct {
	const char *subject, *action, *status;
} kinds[] = {
	[DSN_FAILED] = { "Undelivered Mail Returned to Sender", "failed",
	    "5.0.0" },
	[DSN_DELAYED] = { "Delayed Mail (still being retried)", "delayed",
	    "4.0.0" },
	[DSN_RELAYED] = { "Mail Relayed (no further report)", "relayed",
	    "2.0.0" },
};

void
dsn_status(const struct dsn *d, const struct rcpt *r, char *out)
{
	if (r->status == NULL || status_parse(r->status, out) == 0)
		str_copy(out, STATUS_MAX, kinds[d->kind].status);
}

size_t
dsn_fit(const struct dsn *d, dsn_row_fn *write, size_t most, size_t octets)
{
	struct buf row = { 0 };
	size_t n = 0, sum = 0;

	for (; n < d->nrcpt && n < most; n++) {
		buf_clear(&row);
		write(d, &d->env->rcpts[d->rcpts[n]], &row);
		sum += row.len;
		if (n > 0 && sum > octets)
			break;
	}
	buf_release(&row);
	return n;
}

/*
 * One field "name: type text". The text may be anybody's: it is sanitised,
 * encoded where it is not ASCII, folded, and broken where it has no blanks,
 * so it can neither begin a field nor end the block.
 */
static void
add_field(struct buf *out, const char *name, const char *type,
    const char *text)
{
	char *safe = str_sanitise(xstrdup(text));
	struct buf field = { 0 };

	buf_printf(&field, "%s: %s", name, type);
	header_unstructured(&field, safe, field.len);
	buf_adds(&field, "\r\n");
	header_copy(out, field.data, field.len);
	buf_release(&field);
	free(safe);
}

static void
add_date(struct buf *out, const char *name, time_t t)
{
	char date[DATE_MAX];

	buf_printf(out, "%s: %s\r\n", name, date_rfc5322(t, date));
}

/* xtext decoded, as a C string appended: NUL becomes one control character
 * more that add_field() will not let through. */
static void
add_decoded(struct buf *out, const char *xtext)
{
	size_t i = out->len;

	xtext_read(out, xtext);
	for (; i < out->len; i++) {
		if (out->data[i] == '\0')
			out->data[i] = '\x01';
	}
}

/* The header */

/* The Message-ID of the original, when it is fit to be repeated. */
static void
find_message_id(const struct buf *header, struct buf *id)
{
	struct header_field field;
	const char *s;
	size_t n;

	if (!header_find(header, "Message-ID", &field))
		return;
	header_unfold(&field, id);
	s = buf_str(id);
	n = strlen(s);
	if (n != id->len || n < 3 || n > 900 || s[0] != '<' ||
	    strchr(s, '>') != s + n - 1 || strchr(s, ' ') != NULL ||
	    str_has_control(s) || str_has_8bit(s))
		buf_clear(id);
}

unsigned
dsn_depth(const struct buf *header)
{
	struct header_field field;
	struct buf text = { 0 };
	uint64_t depth;

	if (!header_find(header, "X-Postrider-Depth", &field))
		return 0;
	header_unfold(&field, &text);
	buf_str(&text);
	if (str_number(str_trim(text.data), DEPTH_MAX, &depth) < 0)
		depth = DEPTH_MAX;
	buf_release(&text);
	return (unsigned)depth;
}

/*
 * RFC 3834 3.1.3 for the To field; a DSN about a message that has no sender
 * can only go to those who look after the system.
 */
static void
add_to(const struct dsn *d, struct buf *out)
{
	const char *path = d->env->reverse_path;
	char *safe;

	if (path == NULL || path[0] == '\0') {
		buf_printf(out, "To: postmaster@%s\r\n", d->hostname);
		return;
	}
	safe = str_sanitise(xstrdup(path));
	buf_printf(out, "To: %s\r\n", safe);
	free(safe);
}

static bool
is_8bit(const struct dsn *d)
{
	size_t i;

	if (d->whole && d->env->body & BODY_8BIT)
		return true;
	for (i = 0; i < d->header->len; i++) {
		if ((unsigned char)d->header->data[i] > 0x7f)
			return true;
	}
	return false;
}

static void
write_header(const struct dsn *d, struct buf *out)
{
	struct buf id = { 0 };

	buf_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n",
	    d->hostname);
	add_to(d, out);
	buf_printf(out, "Subject: %s\r\n", kinds[d->kind].subject);
	add_date(out, "Date", d->now);
	buf_printf(out, "Message-ID: <%s@%s>\r\n", d->message_id, d->hostname);
	find_message_id(d->header, &id);
	if (id.len > 0)
		buf_printf(out,
		    "In-Reply-To: %s\r\n"
		    "References: %s\r\n",
		    buf_str(&id), buf_str(&id));
	buf_printf(out,
	    "Auto-Submitted: auto-replied\r\n"
	    "X-Postrider-Depth: %u\r\n"
	    "MIME-Version: 1.0\r\n",
	    d->depth);
	buf_printf(out,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n",
	    d->boundary);
	if (is_8bit(d))
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_adds(out, "\r\n"
		      "This is a MIME-encapsulated message.\r\n");
	buf_release(&id);
}

/* The part for programs (RFC 3464) */

/*
 * An address that is not ASCII, in a part that is: utf-8-addr-xtext of
 * RFC 6533 3, where "\x{" hexadecimal digits "}" is a character. It stands
 * for what xtext escapes, too, and for the backslash.
 */
static void
add_utf8_address(struct buf *out, const char *s)
{
	size_t left = strlen(s), len, i;
	unsigned long c;

	for (; left > 0; s += len, left -= len) {
		len = utf8_len(s, left);
		if (len <= 1) {
			len = 1;
			if (*s >= '!' && *s <= '~' && *s != '+' &&
			    *s != '=' && *s != '\\')
				buf_addc(out, *s);
			else
				buf_printf(out, "\\x{%02X}",
				    (unsigned)(unsigned char)*s);
			continue;
		}
		c = (unsigned char)*s & (0xffU >> (len + 1));
		for (i = 1; i < len; i++)
			c = c << 6 | ((unsigned char)s[i] & 0x3f);
		buf_printf(out, "\\x{%02lX}", c);
	}
}

/* orcpt: "rfc822;xtext" (RFC 3461 4.2); the DSN has it decoded. */
static void
write_original_recipient(const char *orcpt, struct buf *out)
{
	const char *xtext = strchr(orcpt, ';');
	struct buf text = { 0 };

	if (xtext == NULL)
		return;
	buf_add(&text, orcpt, (size_t)(xtext - orcpt));
	buf_adds(&text, "; ");
	add_decoded(&text, xtext + 1);
	add_field(out, "Original-Recipient", "", buf_str(&text));
	buf_release(&text);
}

static void
write_final_recipient(const char *path, struct buf *out)
{
	struct buf text = { 0 };

	if (str_has_8bit(path)) {
		add_utf8_address(&text, path);
		add_field(out, "Final-Recipient", "utf-8; ", buf_str(&text));
	} else {
		add_field(out, "Final-Recipient", "rfc822; ", path);
	}
	buf_release(&text);
}

static void
write_rcpt(const struct dsn *d, const struct rcpt *r, struct buf *out)
{
	char status[STATUS_MAX];

	dsn_status(d, r, status);
	if (r->orcpt != NULL)
		write_original_recipient(r->orcpt, out);
	write_final_recipient(r->path, out);
	buf_printf(out,
	    "Action: %s\r\n"
	    "Status: %s\r\n",
	    kinds[d->kind].action, status);
	/* only who has spoken was involved (RFC 3464 2.3.5) */
	if (r->host != NULL && rcpt_has_reply(r))
		add_field(out, "Remote-MTA", "dns; ", r->host);
	if (r->text != NULL)
		add_field(out, "Diagnostic-Code",
		    rcpt_has_reply(r) ? "smtp; " : "X-Postrider; ", r->text);
	if (r->last_s != 0)
		add_date(out, "Last-Attempt-Date", r->last_s);
	if (d->kind == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", d->env->expires_s);
}

size_t
dsn_reported(const struct dsn *d)
{
	return dsn_fit(d, write_rcpt, DSN_REPORT_ROWS, DSN_REPORT_MAX);
}

/*
 * The fields of the message. RFC 3464 has no group for "and others": each is
 * of one recipient. So a field of our own has their number (2.2.6).
 */
static void
write_report(const struct dsn *d, size_t told, struct buf *out)
{
	struct buf envid = { 0 };

	buf_adds(out, "Content-Description: Delivery report\r\n"
		      "Content-Type: message/delivery-status\r\n\r\n");
	add_field(out, "Reporting-MTA", "dns; ", d->hostname);
	add_field(out, "X-Postrider-Queue-ID", "", d->queue_id);
	if (told < d->nrcpt)
		buf_printf(out, "X-Postrider-Not-Named: %zu\r\n",
		    d->nrcpt - told);
	if (d->env->envid != NULL) {
		add_decoded(&envid, d->env->envid);
		add_field(out, "Original-Envelope-Id", "", buf_str(&envid));
	}
	add_date(out, "Arrival-Date", d->env->arrived_s);
	buf_release(&envid);
}

/*
 * The third part. With a header in UTF-8 for which SMTPUTF8 was needed it
 * has a type of its own (RFC 6533 4 and 5).
 */
static void
write_original(const struct dsn *d, struct buf *out)
{
	bool is_global = is_8bit(d) && envelope_needs_utf8(d->env);

	if (d->whole)
		buf_printf(out,
		    "Content-Description: Message\r\n"
		    "Content-Type: message/%s\r\n",
		    is_global ? "global" : "rfc822");
	else
		buf_printf(out,
		    "Content-Description: Message headers\r\n"
		    "Content-Type: %s\r\n",
		    is_global ? "message/global-headers" :
				"text/rfc822-headers");
	if (is_8bit(d))
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_adds(out, "\r\n");
	if (!d->whole)
		buf_add(out, d->header->data, d->header->len);
}

/* Where the pieces go. */
struct outlet {
	dsn_sink_fn *sink;
	void	*arg;
	struct buf piece;
};

static int
hand_on(struct outlet *o, struct err *err)
{
	int rc = o->sink(o->arg, o->piece.data, o->piece.len, err);

	buf_clear(&o->piece);
	return rc;
}

/* The fields of the first rows, a group for each. */
static int
write_rcpts(const struct dsn *d, size_t n, struct outlet *o, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (o->piece.len >= PIECE_MAX && hand_on(o, err) < 0)
			return -1;
		buf_adds(&o->piece, "\r\n");
		write_rcpt(d, &d->env->rcpts[d->rcpts[i]], &o->piece);
	}
	return 0;
}

int
dsn_write(const struct dsn *d, dsn_sink_fn *sink, void *arg, struct err *err)
{
	struct outlet o = { .sink = sink, .arg = arg };
	size_t told = dsn_reported(d);
	int rc = -1;

	write_header(d, &o.piece);
	buf_printf(&o.piece, "\r\n--%s\r\n", d->boundary);
	dsn_text_write(d, &o.piece);
	buf_printf(&o.piece, "\r\n--%s\r\n", d->boundary);
	write_report(d, told, &o.piece);
	if (write_rcpts(d, told, &o, err) < 0)
		goto out;
	buf_printf(&o.piece, "\r\n--%s\r\n", d->boundary);
	write_original(d, &o.piece);
	rc = hand_on(&o, err);
out:
	buf_release(&o.piece);
	return rc;
}

void
dsn_close(const struct dsn *d, struct buf *out)
{
	buf_printf(out, "\r\n--%s--\r\n", d->boundary);
}
