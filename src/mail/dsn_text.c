#include "config.h"

#include "mail/dsn_text.h"

#include <string.h>

#include "base/str.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/status.h"

#define COLUMNS 72		/* of text */
#define QP_COLUMNS 76		/* RFC 2045 6.7 */
#define WORD_LEN_MAX 500	/* a longer one is broken, anywhere */

static const char no_advice[] = "If the words above do not tell, show this "
    "report to the administrator of your mail system.";

/* 6.7, when it is the sender who has such an address, or the header. */
static const char advice_own_utf8[] = "The recipient's mail system takes no "
    "mail with such letters in your own address or in the header. Send it "
    "from another address.";

/* By the subject and detail of a status, or by its subject alone. */
static const struct {
	const char *detail, *advice;
} advices[] = {
	{ "1.1", "Look at the address for a slip, or ask the recipient for "
	    "the right one." },
	{ "1.2", "Look at the part behind the \"@\" for a slip: no mail "
	    "system of that name is known." },
	{ "1.3", "Look at the address for a slip: it cannot be right as it "
	    "is." },
	{ "1.6", "Ask the recipient for the new address." },
	{ "1.7", "The recipient's mail system does not accept your own "
	    "address. Show this report to the administrator of your mail "
	    "system." },
	{ "1.8", "The recipient's mail system does not accept your own "
	    "address. Show this report to the administrator of your mail "
	    "system." },
	{ "1.10", "The part behind the \"@\" is a name that takes no mail at "
	    "all. Ask the recipient for another address." },
	{ "2.1", "The mailbox is not in use now. Try to reach the recipient "
	    "in another way." },
	{ "2.2", "Tell the recipient in another way, and send the message "
	    "again when there is room." },
	{ "2.3", "Send a smaller message, for instance a link in place of an "
	    "attachment." },
	{ "3.4", "Send a smaller message, for instance a link in place of an "
	    "attachment." },
	{ "4.6", "The message goes round in a circle. Show this report to the "
	    "administrator of your mail system." },
	{ "4.7", "Look at the part behind the \"@\" for a slip. If it is "
	    "right, try again later, or reach the recipient in another "
	    "way." },
	{ "6.7", "The recipient's mail system knows no addresses with such "
	    "letters. Ask the recipient for another address." },
	{ "7.2", "Ask those who run the mailing list to let you send to it." },
	{ "1", "Look at the address for a slip, or ask the recipient for the "
	    "right one." },
	{ "2", "Try to reach the recipient in another way; the message may be "
	    "sent again later." },
	{ "3", "The recipient's mail system is in trouble. Send the message "
	    "again later." },
	{ "4", "The recipient's mail system could not be reached. Look at the "
	    "part behind the \"@\" for a slip; if it is right, try again "
	    "later." },
	{ "7", "The recipient's mail system has rules that this message does "
	    "not meet. Its words may say which; the administrator of your "
	    "mail system may know what to do." },
};

static const char *
advice_for(const struct rcpt *r, const char *status)
{
	size_t i, n;

	if (strlen(status) < 3)
		return no_advice;
	if (strcmp(status + 2, "6.7") == 0 && !address_needs_utf8(r->path))
		return advice_own_utf8;
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		n = strlen(advices[i].detail);
		if (strncmp(status + 2, advices[i].detail, n) == 0 &&
		    (status[2 + n] == '\0' || status[2 + n] == '.'))
			return advices[i].advice;
	}
	return no_advice;
}

/* How many bytes of a word of n go on one line: whole characters. */
static size_t
word_piece(const char *s, size_t n)
{
	if (n <= WORD_LEN_MAX)
		return n;
	n = WORD_LEN_MAX;
	while (n > WORD_LEN_MAX - 3 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/*
 * Append text as lines that all begin with indent blanks. Whatever text is,
 * it cannot begin a line of its own, nor forge a boundary.
 */
static void
wrap(struct buf *out, int indent, struct buf *text)
{
	size_t col = 0, n;
	const char *s;

	/* Fresh from a buf, so that it may be changed in place. */
	buf_str(text);
	for (s = str_sanitise(text->data); *s != '\0'; s += n) {
		s += strspn(s, " ");
		n = word_piece(s, strcspn(s, " "));
		if (n == 0)
			break;
		if (col > 0 && col + 1 + n > COLUMNS) {
			buf_adds(out, "\r\n");
			col = 0;
		}
		if (col == 0)
			buf_printf(out, "%*s", indent, "");
		else
			buf_addc(out, ' ');
		buf_add(out, s, n);
		col = (col == 0 ? (size_t)indent : col + 1) + n;
	}
	buf_adds(out, "\r\n");
	buf_clear(text);
}

/* Of whom it is. Who is not named must not think that all is well. */
static void
add_whom(const struct dsn *d, size_t told, struct buf *text)
{
	if (told < d->nrcpt)
		buf_printf(text, "%zu recipients, of whom the first %zu are "
		    "named below", d->nrcpt, told);
	else
		buf_printf(text, "the recipient%s below",
		    d->nrcpt == 1 ? "" : "s");
}

static void
write_opening(const struct dsn *d, size_t told, struct buf *out)
{
	struct buf text = { 0 };
	char date[DATE_MAX];

	buf_printf(&text, "This is the mail system at %s.", d->hostname);
	wrap(out, 0, &text);
	buf_adds(out, "\r\n");
	switch (d->kind) {
	case DSN_FAILED:
		buf_adds(&text, "I am sorry: your message could not be "
		    "delivered to ");
		add_whom(d, told, &text);
		buf_adds(&text, ". It will not be tried again.");
		if (told == d->nrcpt)
			buf_adds(&text, " Recipients who are not named here "
			    "are not concerned.");
		break;
	case DSN_DELAYED:
		buf_adds(&text, "Your message could not yet be delivered to ");
		add_whom(d, told, &text);
		buf_printf(&text, ". THIS IS ONLY A WARNING: it is kept here "
		    "and will be tried again until %s. You need not send it "
		    "again.", date_rfc5322(d->env->expires_s, date));
		break;
	case DSN_RELAYED:
		buf_adds(&text, "As you asked to be told: your message for ");
		add_whom(d, told, &text);
		buf_adds(&text, " was handed on to the mail system named "
		    "there. It does not report deliveries, so this is the "
		    "last report that you will get unless delivery fails.");
		break;
	}
	wrap(out, 0, &text);
	buf_adds(out, "\r\n");
	buf_release(&text);
}

/*
 * By what the sender knows the message. A subject in encoded-words says
 * nothing here; the third part has it, and mail programs show it there.
 */
static void
write_message(const struct dsn *d, struct buf *out)
{
	struct buf text = { 0 };
	struct header_field field;
	char date[DATE_MAX];

	if (header_find(d->header, "Subject", &field)) {
		buf_adds(&text, "Subject: ");
		header_unfold(&field, &text);
		if (strstr(buf_str(&text), "=?") == NULL)
			wrap(out, 4, &text);
	}
	buf_printf(out, "    Sent: %s\r\n\r\n",
	    date_rfc5322(d->env->arrived_s, date));
	buf_release(&text);
}

static void
write_words(const struct rcpt *r, struct buf *out)
{
	struct buf text = { 0 };

	if (r->text != NULL) {
		if (r->host != NULL && rcpt_has_reply(r))
			buf_printf(&text, "%s said: ", r->host);
		else if (r->host != NULL)
			buf_printf(&text, "What was found at %s: ", r->host);
		else
			buf_adds(&text, "What was found: ");
		buf_adds(&text, r->text);
		wrap(out, 4, &text);
	} else if (r->host != NULL) {
		buf_printf(&text, "Mail system: %s", r->host);
		wrap(out, 4, &text);
	}
	buf_release(&text);
}

static void
write_rcpt(const struct dsn *d, const struct rcpt *r, struct buf *out)
{
	char status[STATUS_MAX];
	struct buf text = { 0 };

	dsn_status(d, r, status);
	buf_printf(&text, "<%s>", r->path);
	wrap(out, 2, &text);
	if (d->kind == DSN_FAILED && status[0] == '4') {
		buf_adds(&text, r->attempts > 1 ? "It was tried again and "
		    "again, until it was given up. The last time:" :
		    "It was tried, and its time was over then:");
		wrap(out, 4, &text);
	}
	if (d->kind != DSN_RELAYED) {
		buf_printf(&text, "Reason: %s (%s)", status_meaning(status),
		    status);
		wrap(out, 4, &text);
	}
	write_words(r, out);
	if (d->kind == DSN_FAILED) {
		buf_printf(&text, "What may help: %s", advice_for(r, status));
		wrap(out, 4, &text);
	}
	buf_adds(out, "\r\n");
	buf_release(&text);
}

/* Where to find those who are not named. */
static void
write_others(const struct dsn *d, size_t told, struct buf *out)
{
	struct buf text = { 0 };
	size_t reported = dsn_reported(d);

	if (told == d->nrcpt)
		return;
	buf_printf(&text, "And %zu more", d->nrcpt - told);
	if (reported == d->nrcpt)
		buf_adds(&text, ", who are named in the form for programs.");
	else
		buf_printf(&text, ". The form for programs names the first "
		    "%zu of all, and the log of this mail system each of "
		    "them, under %s.", reported, d->queue_id);
	wrap(out, 0, &text);
	buf_adds(out, "\r\n");
	buf_release(&text);
}

/* May c stand for itself before next, in that column? */
static bool
is_qp_plain(char c, char next, size_t col)
{
	if (c < ' ' || c > '~' || c == '=')
		return false;
	return (c != ' ' || next != '\r') && (c != '.' || col > 0);
}

/*
 * Quoted-printable (RFC 2045 6.7) of text with CRLF line ends: lines of at
 * most 76 columns, no blank at the end of one, no dot at its beginning.
 */
static void
quoted_printable(struct buf *out, const char *s, size_t n)
{
	size_t i, col = 0;

	for (i = 0; i < n; i++) {
		if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n') {
			buf_adds(out, "\r\n");
			col = 0;
			i++;
			continue;
		}
		if (col + 3 > QP_COLUMNS - 1) {
			buf_adds(out, "=\r\n");
			col = 0;
		}
		if (is_qp_plain(s[i], i + 1 < n ? s[i + 1] : '\r', col)) {
			buf_addc(out, s[i]);
			col++;
		} else {
			buf_printf(out, "=%02X",
			    (unsigned)(unsigned char)s[i]);
			col += 3;
		}
	}
}

void
dsn_text_write(const struct dsn *d, struct buf *out)
{
	size_t told = dsn_fit(d, write_rcpt, DSN_TEXT_ROWS, DSN_TEXT_MAX);
	struct buf text = { 0 };

	write_opening(d, told, &text);
	write_message(d, &text);
	for (size_t i = 0; i < told; i++)
		write_rcpt(d, &d->env->rcpts[d->rcpts[i]], &text);
	write_others(d, told, &text);
	buf_adds(&text, "The same follows in a form for programs, and then "
			"what you sent.\r\n");
	buf_adds(out, "Content-Description: Notification\r\n");
	if (str_has_8bit(buf_str(&text))) {
		buf_adds(out,
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
		quoted_printable(out, text.data, text.len);
	} else {
		buf_adds(out,
		    "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
		buf_add(out, text.data, text.len);
	}
	buf_release(&text);
}
