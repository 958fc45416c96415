/* dsn: what the sender reads, what his programs read, and what hostile text
 * cannot do to either. */
#include "config.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/xalloc.h"
#include "mail/dsn.h"

#define ARRIVED 1795371579
#define BOUNDARY "ABC123.9/mail.example.net"

static struct buf plain_header;

/* What is known of a forward-path. */
struct known {
	const char *path, *orcpt, *status, *text, *host;
	time_t last_s;
};

static char *
copy(const char *s)
{
	return s != NULL ? xstrdup(s) : NULL;
}

static void
add(struct envelope *env, const struct known *k)
{
	struct rcpt *r = envelope_append(env, k->path);

	r->orcpt = copy(k->orcpt);
	r->status = copy(k->status);
	r->text = copy(k->text);
	r->host = copy(k->host);
	r->last_s = k->last_s;
}

/* An envelope from joe@example.net with one row, unless k is NULL. */
static struct envelope
joes(const struct known *k)
{
	struct envelope env = { .reverse_path = xstrdup("joe@example.net") };

	if (k != NULL)
		add(&env, k);
	return env;
}

/* The most that came at once. */
static size_t largest;

static int
take(void *arg, const void *data, size_t n, struct err *err)
{
	(void)err;
	buf_add(arg, data, n);
	if (n > largest)
		largest = n;
	return 0;
}

static int
refuse(void *arg, const void *data, size_t n, struct err *err)
{
	(void)arg;
	(void)data;
	(void)n;
	return err_set(err, ERR_TEMP, "4.3.1", "no room");
}

/* A DSN about all rows of env, with dsn_close() behind it. */
static void
make(enum dsn_kind kind, struct envelope *env, const struct buf *header,
    bool whole, struct buf *out)
{
	size_t *rows = calloc(env->nrcpt, sizeof(*rows)), i;
	struct dsn d = { .kind = kind, .hostname = "mail.example.net",
		.queue_id = "ABC123", .boundary = BOUNDARY,
		.message_id = "DEF456", .env = env, .rcpts = rows,
		.nrcpt = env->nrcpt, .header = header, .depth = 1,
		.whole = whole, .now = ARRIVED + 60 };
	struct err err;

	for (i = 0; i < env->nrcpt; i++)
		rows[i] = i;
	env->arrived_s = ARRIVED;
	env->expires_s = ARRIVED + 432000;
	largest = 0;
	ck_assert_int_eq(dsn_write(&d, take, out, &err), 0);
	dsn_close(&d, out);
	free(rows);
}

/* What every DSN must be, whatever it was made of. */
static void
assert_sound(struct buf *b, bool ascii)
{
	size_t i, start = 0, boundaries = 0;
	const char *p;

	for (i = 0; i < b->len; i++) {
		if (b->data[i] == '\0' ||
		    (ascii && (unsigned char)b->data[i] > 0x7e) ||
		    (b->data[i] == '\r' && b->data[i + 1] != '\n'))
			ck_abort_msg("byte %d in the DSN", b->data[i]);
		if (b->data[i] != '\n')
			continue;
		if (b->data[start] == '.' || i - 1 - start > 998)
			ck_abort_msg("line \"%.80s\"", b->data + start);
		start = i + 1;
	}
	ck_assert_uint_eq(start, b->len);
	for (p = buf_str(b); (p = strstr(p, "\r\n--")) != NULL; p += 4)
		boundaries++;
	ck_assert_uint_eq(boundaries, 4);
}

/* The first line that differs says enough, and Check takes no more. */
static void
assert_is(struct buf *b, const char *want)
{
	const char *got = buf_str(b);
	size_t i, start = 0;

	for (i = 0; got[i] == want[i]; i++) {
		if (got[i] == '\0')
			return;
		if (got[i] == '\n')
			start = i + 1;
	}
	ck_abort_msg("\"%.100s\" is not \"%.100s\"", got + start,
	    want + start);
}

static void
assert_has(struct buf *b, const char *text)
{
	ck_assert_msg(strstr(buf_str(b), text) != NULL, "no \"%s\" in\n%.2000s",
	    text, buf_str(b));
}

static void
assert_lacks(struct buf *b, const char *text)
{
	ck_assert_msg(strstr(buf_str(b), text) == NULL, "\"%s\" in\n%.2000s", text,
	    buf_str(b));
}

START_TEST(whole_text)
{
	const struct known known[] = {
		{ "user@example.org", "rfc822;Us+2Ber@example.org", "5.1.1",
		    "550 5.1.1 <user@example.org>: Recipient address "
		    "rejected: User unknown", "mx1.example.org",
		    ARRIVED + 21 },
		{ .path = "a@b.example" },
	};
	struct envelope env = joes(&known[0]);
	struct buf out = { 0 };

	add(&env, &known[1]);
	env.envid = xstrdup("QQ+2B1");
	make(DSN_FAILED, &env, &plain_header, false, &out);
	assert_sound(&out, true);
	assert_is(&out,
	    "From: Mail Delivery System <MAILER-DAEMON@mail.example.net>\r\n"
	    "To: joe@example.net\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "Date: Sun, 22 Nov 2026 18:20:39 +0000\r\n"
	    "Message-ID: <DEF456@mail.example.net>\r\n"
	    "In-Reply-To: <x@y>\r\n"
	    "References: <x@y>\r\n"
	    "Auto-Submitted: auto-replied\r\n"
	    "X-Postrider-Depth: 1\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"" BOUNDARY "\"\r\n"
	    "\r\n"
	    "This is a MIME-encapsulated message.\r\n"
	    "\r\n--" BOUNDARY "\r\n"
	    "Content-Description: Notification\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n"
	    "This is the mail system at mail.example.net.\r\n"
	    "\r\n"
	    "I am sorry: your message could not be delivered to the "
	    "recipients below.\r\n"
	    "It will not be tried again. Recipients who are not named here "
	    "are not\r\n"
	    "concerned.\r\n"
	    "\r\n"
	    "    Subject: Your invoice\r\n"
	    "    Sent: Sun, 22 Nov 2026 18:19:39 +0000\r\n"
	    "\r\n"
	    "  <user@example.org>\r\n"
	    "    Reason: no such mailbox (5.1.1)\r\n"
	    "    mx1.example.org said: 550 5.1.1 <user@example.org>: "
	    "Recipient\r\n"
	    "    address rejected: User unknown\r\n"
	    "    What may help: Look at the address for a slip, or ask the "
	    "recipient\r\n"
	    "    for the right one.\r\n"
	    "\r\n"
	    "  <a@b.example>\r\n"
	    "    Reason: permanent failure (5.0.0)\r\n"
	    "    What may help: If the words above do not tell, show this "
	    "report to\r\n"
	    "    the administrator of your mail system.\r\n"
	    "\r\n"
	    "The same follows in a form for programs, and then what you "
	    "sent.\r\n"
	    "\r\n--" BOUNDARY "\r\n"
	    "Content-Description: Delivery report\r\n"
	    "Content-Type: message/delivery-status\r\n"
	    "\r\n"
	    "Reporting-MTA: dns; mail.example.net\r\n"
	    "X-Postrider-Queue-ID: ABC123\r\n"
	    "Original-Envelope-Id: QQ+1\r\n"
	    "Arrival-Date: Sun, 22 Nov 2026 18:19:39 +0000\r\n"
	    "\r\n"
	    "Original-Recipient: rfc822; Us+er@example.org\r\n"
	    "Final-Recipient: rfc822; user@example.org\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n"
	    "Remote-MTA: dns; mx1.example.org\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 <user@example.org>: Recipient "
	    "address\r\n"
	    " rejected: User unknown\r\n"
	    "Last-Attempt-Date: Sun, 22 Nov 2026 18:20:00 +0000\r\n"
	    "\r\n"
	    "Final-Recipient: rfc822; a@b.example\r\n"
	    "Action: failed\r\n"
	    "Status: 5.0.0\r\n"
	    "\r\n--" BOUNDARY "\r\n"
	    "Content-Description: Message headers\r\n"
	    "Content-Type: text/rfc822-headers\r\n"
	    "\r\n"
	    "Subject: Your invoice\r\n"
	    "Message-ID: <x@y>\r\n"
	    "\r\n--" BOUNDARY "--\r\n");
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* What depends on a row, a kind, an envelope; NULL texts are not looked for. */
static const struct {
	const char *name;
	enum dsn_kind kind;
	struct known rcpt;
	const char *envid;
	const char *has[5];
	const char *lacks[2];
} rows[] = {
	{ "delay", DSN_DELAYED, { .path = "a@b.org", .status = "4.2.2",
	    .text = "452 4.2.2 over quota", .host = "mx.b.org" }, NULL,
	    { "Subject: Delayed Mail (still being retried)\r\n",
	    "THIS IS\r\nONLY A WARNING", "Action: delayed\r\nStatus: 4.2.2\r\n",
	    "Will-Retry-Until: Fri, 27 Nov 2026 18:19:39 +0000\r\n",
	    "mailbox full (4.2.2)" }, { "What may help", "Action: failed" } },
	{ "relayed", DSN_RELAYED, { .path = "a@b.org", .status = "2.0.0",
	    .text = "250 2.0.0 Ok", .host = "mx.b.org" }, NULL,
	    { "Action: relayed\r\nStatus: 2.0.0\r\n", "mx.b.org said: 250" },
	    { "Will-Retry", "What may help" } },
	{ "relayed, nothing known", DSN_RELAYED, { .path = "a@b.org" }, NULL,
	    { "Status: 2.0.0\r\n" }, { "Reason", NULL } },
	{ "our own words", DSN_FAILED, { .path = "a@b.org", .status = "5.1.2",
	    .text = "b.org does not exist" }, NULL,
	    { "Diagnostic-Code: X-Postrider; b.org does not exist\r\n",
	    "What was found: b.org does not exist\r\n",
	    "no such domain (5.1.2)", "behind the \"@\"" },
	    { "Remote-MTA", "Last-Attempt-Date" } },
	{ "a reply is three digits", DSN_FAILED, { .path = "a@b.org",
	    .text = "550-no" }, NULL, { "smtp; 550-no\r\n" }, { NULL } },
	{ "and a first of 2 to 5", DSN_FAILED, { .path = "a@b.org",
	    .text = "192 no" }, NULL, { "X-Postrider; 192 no" }, { NULL } },
	{ "a bare reply code", DSN_FAILED, { .path = "a@b.org",
	    .text = "550" }, NULL, { "smtp; 550\r\n" }, { NULL } },
	{ "status is nonsense", DSN_FAILED, { .path = "a@b.org",
	    .status = "5.1\r\nX: y" }, NULL, { "Status: 5.0.0\r\n" },
	    { "X: y", NULL } },
	{ "longest advice", DSN_FAILED, { .path = "a@b.org",
	    .status = "5.1.10" }, NULL, { "that takes no mail" },
	    { NULL } },
	{ "advice of the subject", DSN_FAILED, { .path = "a@b.org",
	    .status = "5.7.26" }, NULL, { "has rules that" }, { NULL } },

	{ "line ends in a reply", DSN_FAILED, { .path = "a@b.org",
	    .text = "550 no\r\n\r\nAction: delivered\n--" BOUNDARY "--\r\n" },
	    NULL, { "smtp; 550 no????Action:\r\n delivered?--" BOUNDARY },
	    { "\nAction: delivered", "\n--" BOUNDARY "--\r\n\r\n" } },
	{ "controls in a reply", DSN_FAILED, { .path = "a@b.org",
	    .text = "550 \x1b[2J\x07\x7f" }, NULL, { "smtp; 550 ?[2J??\r\n" },
	    { NULL } },
	{ "a reply in UTF-8", DSN_FAILED, { .path = "a@b.org",
	    .text = "550 n\xc3\xb6" }, NULL,
	    { "smtp; 550 =?UTF-8?", "charset=utf-8\r\nContent-Transfer-"
	    "Encoding: quoted-printable\r\n", "550 n=C3=B6\r\n" }, { NULL } },
	{ "a reply in no code", DSN_FAILED, { .path = "a@b.org",
	    .text = "550 n\xf6" }, NULL, { "smtp; 550 n?\r\n" }, { NULL } },
	{ "a host's name", DSN_FAILED, { .path = "a@b.org", .text = "550 no",
	    .host = "mx\r\nX: y" }, NULL, { "dns; mx??X: y\r\n" },
	    { "\nX:", NULL } },
	{ "+0A in ORCPT", DSN_FAILED, { .path = "a@b.org",
	    .orcpt = "rfc822;x+0D+0AAction:+20delivered+00y@z" }, NULL,
	    { "Original-Recipient: rfc822; x??Action: delivered?y@z\r\n" },
	    { "\nAction: del", NULL } },
	{ "ORCPT without a type", DSN_FAILED, { .path = "a@b.org",
	    .orcpt = "a@b.org" }, NULL, { "Final" }, { "Original-Rec" } },
	{ "+0A in ENVID", DSN_FAILED, { .path = "a@b.org" }, "x+0AX:+20y",
	    { "Original-Envelope-Id: x?X: y\r\n" }, { "\nX:", NULL } },

	{ "quoted local-part", DSN_FAILED,
	    { .path = "\"a  b\\\\\\\"\"@b.org" }, NULL,
	    { "Final-Recipient: rfc822; \"a  b\\\\\\\"\"@b.org\r\n" },
	    { NULL } },
	{ "local-part in UTF-8", DSN_FAILED,
	    { .path = "\xe7\x94\xa8+\xf0\x9f\x93\xac@b.org" }, NULL,
	    { "Final-Recipient: utf-8; \\x{7528}\\x{2B}\\x{1F4EC}@b.org\r\n",
	    "<=E7=94=A8+=F0=9F=93=AC@b.org>" }, { "rfc822; ", NULL } },
	{ "quoted and in UTF-8", DSN_FAILED,
	    { .path = "\"\xc3\xa4 \\\\=\"@b.org" }, NULL,
	    { "utf-8; \"\\x{E4}\\x{20}\\x{5C}\\x{5C}\\x{3D}\"@b.org" },
	    { NULL } },
	{ "no UTF-8 after all", DSN_FAILED, { .path = "\xe4@b.org" }, NULL,
	    { "utf-8; \\x{E4}@b.org", "<?@b.org>" }, { NULL } },
};

START_TEST(row)
{
	struct envelope env = joes(&rows[_i].rcpt);
	struct buf out = { 0 };
	size_t i;

	env.envid = copy(rows[_i].envid);
	make(rows[_i].kind, &env, &plain_header, false, &out);
	assert_sound(&out, true);
	for (i = 0; i < 5 && rows[_i].has[i] != NULL; i++)
		assert_has(&out, rows[_i].has[i]);
	for (i = 0; i < 2 && rows[_i].lacks[i] != NULL; i++)
		assert_lacks(&out, rows[_i].lacks[i]);
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* A reply of any length, with blanks or without, in ASCII or not. */
START_TEST(long_words)
{
	static const char *const units[] = { "x", "word ", "\xe2\x82\xac",
		"\xe2\x82\xac ", "\xff", ".", ". ", "-", "=", "  " };
	static const size_t sizes[] = { 100, 498, 499, 500, 501, 990, 1000,
		5000 };
	struct buf text = { 0 }, out = { 0 };
	struct known known = { .path = "a@b.org" };
	struct envelope env;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buf_clear(&text);
		buf_adds(&text, "550 ");
		while (text.len < sizes[i])
			buf_adds(&text, units[_i]);
		known.text = buf_str(&text);
		env = joes(&known);
		buf_clear(&out);
		make(DSN_FAILED, &env, &plain_header, false, &out);
		assert_sound(&out, true);
		assert_has(&out, "Diagnostic-Code: smtp; 550");
		envelope_release(&env);
	}
	buf_release(&text);
	buf_release(&out);
}
END_TEST

static const struct {
	const char *name, *header, *has, *lacks;
} headers[] = {
	{ "none", "", "Auto-Submitted", "In-Reply-To" },
	{ "folded Message-ID", "Message-ID:\r\n <a@b>\r\n",
	    "In-Reply-To: <a@b>\r\nReferences: <a@b>\r\n", "Subject: \r\n" },
	{ "two in one", "Message-ID: <a@b> <c@d>\r\n", "Auto", "In-Reply-To" },
	{ "no angle", "Message-ID: a@b\r\n", "Auto", "In-Reply-To" },
	{ "empty", "Message-ID:\r\n", "Auto", "In-Reply-To" },
	{ "controls", "Message-ID: <a\x1b@b>\r\n", "Auto", "In-Reply-To" },
	{ "subject in encoded-words", "Subject: =?UTF-8?Q?x?=\r\n",
	    "    Sent:", "    Subject:" },
	{ "hostile subject", "Subject: x\r\n --" BOUNDARY "--\r\n",
	    "    Subject: x --" BOUNDARY, "\n--" BOUNDARY "--\r\n\r\n" },
};

START_TEST(original_header)
{
	struct envelope env = joes(&(struct known){ .path = "a@b.org" });
	struct buf out = { 0 }, header = { 0 };

	buf_adds(&header, headers[_i].header);
	make(DSN_FAILED, &env, &header, true, &out);
	assert_sound(&out, true);
	assert_has(&out, headers[_i].has);
	assert_lacks(&out, headers[_i].lacks);
	envelope_release(&env);
	buf_release(&header);
	buf_release(&out);
}
END_TEST

#define EIGHT "Content-Transfer-Encoding: 8bit\r\n"

static const struct {
	const char *name, *header;
	uint8_t body;
	bool utf8, whole;
	const char *type;
	int eight;		/* how often 8bit is said */
} originals[] = {
	{ "header", "A: b\r\n", 0, false, false, "text/rfc822-headers", 0 },
	{ "header of 8 bits", "A: \xc3\xa4\r\n", BODY_8BIT, false, false,
	    "text/rfc822-headers", 2 },
	{ "body of 8 bits stays away", "A: b\r\n", BODY_8BIT, false, false,
	    "text/rfc822-headers", 0 },
	{ "header of SMTPUTF8", "A: \xc3\xa4\r\n", BODY_8BIT, true, false,
	    "message/global-headers", 2 },
	{ "header of ASCII with SMTPUTF8", "A: b\r\n", 0, true, false,
	    "text/rfc822-headers", 0 },
	{ "whole", "A: b\r\n", 0, false, true, "message/rfc822", 0 },
	{ "whole of 8 bits", "A: b\r\n", BODY_8BIT, false, true,
	    "message/rfc822", 2 },
	{ "whole of SMTPUTF8", "A: b\r\n", BODY_8BIT, true, true,
	    "message/global", 2 },
};

START_TEST(original)
{
	struct envelope env = joes(&(struct known){ .path = "a@b.org" });
	struct buf out = { 0 }, header = { 0 }, type = { 0 };
	const char *p;
	int eight = 0;

	env.body = originals[_i].body;
	env.utf8 = originals[_i].utf8;
	buf_adds(&header, originals[_i].header);
	buf_printf(&type, "Content-Type: %s\r\n%s\r\n%s\r\n--" BOUNDARY "--",
	    originals[_i].type, originals[_i].eight > 0 ? EIGHT : "",
	    originals[_i].whole ? "" : originals[_i].header);
	make(DSN_FAILED, &env, &header, originals[_i].whole, &out);
	assert_sound(&out, false);
	assert_has(&out, buf_str(&type));
	for (p = buf_str(&out); (p = strstr(p, EIGHT)) != NULL; p++)
		eight++;
	ck_assert_msg(eight == originals[_i].eight, "%s",
	    originals[_i].name);
	envelope_release(&env);
	buf_release(&header);
	buf_release(&type);
	buf_release(&out);
}
END_TEST

/* A message without a sender can be reported to the postmaster only. */
START_TEST(null_reverse_path)
{
	struct envelope env = joes(&(struct known){ .path = "a@b.org" });
	struct buf out = { 0 };

	env.reverse_path[0] = '\0';
	make(DSN_FAILED, &env, &plain_header, false, &out);
	assert_has(&out, "\r\nTo: postmaster@mail.example.net\r\n");
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* All of a thousand are named, in both parts. */
START_TEST(thousand)
{
	struct envelope env = { 0 };
	struct buf out = { 0 };
	char text[80];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "user%d@example.org", i);
		envelope_append(&env, text);
	}
	make(DSN_FAILED, &env, &plain_header, false, &out);
	assert_sound(&out, true);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "\r\n  <user%d@example.org>\r\n",
		    i);
		assert_has(&out, text);
		snprintf(text, sizeof(text),
		    "\r\n\r\nFinal-Recipient: rfc822; user%d@example.org\r\n",
		    i);
		assert_has(&out, text);
	}
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* Only the rows that are asked for. */
START_TEST(some_rows)
{
	struct envelope env = joes(&(struct known){ .path = "a@b.org" });
	size_t asked[] = { 2, 0 };
	struct dsn d = { .hostname = "h", .queue_id = "q", .boundary = "b",
		.message_id = "m", .env = &env, .rcpts = asked, .nrcpt = 2,
		.header = &plain_header };
	struct buf out = { 0 };
	struct err err;

	envelope_append(&env, "c@d.org");
	envelope_append(&env, "e@f.org");
	ck_assert_int_eq(dsn_write(&d, take, &out, &err), 0);
	assert_has(&out, "rfc822; a@b.org");
	assert_has(&out, "rfc822; e@f.org");
	assert_lacks(&out, "c@d.org");
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* Rows without end; what each part tells, and what of the others it says. */
static const struct {
	const char *name, *unit;
	size_t n, len;			/* of the words */
	size_t people, programs;	/* rows told; 0: it shall be fewer */
	const char *others, *not_named;
} crowds[] = {
	{ "all in the form", "x", 3000, 40, 1000, 3000,
	    "\r\nAnd 2000 more, who are named in the form for programs.\r\n",
	    NULL },
	{ "one more", "x", 1001, 40, 1000, 1001, "\r\nAnd 1 more, who", NULL },
	{ "and not all in that", "x", 12000, 40, 1000, 10000,
	    "\r\nAnd 11000 more. The form for programs names the first 10000 "
	    "of all, and\r\nthe log of this mail system each of them, under "
	    "ABC123.\r\n", "\r\nX-Postrider-Not-Named: 2000\r\n" },
	{ "long words", "word ", 12000, 1000, 0, 0, "\r\nAnd ",
	    "\r\nX-Postrider-Not-Named: " },
	{ "in UTF-8", "\xc3\xb6", 12000, 1000, 0, 0, "\r\nAnd ",
	    "\r\nX-Postrider-Not-Named: " },
};

/* Lines that begin so. */
static size_t
count(const struct buf *b, const char *text)
{
	size_t n = 0, len = strlen(text);

	for (size_t i = 0; i + len + 1 <= b->len; i++)
		if (b->data[i] == '\n' &&
		    memcmp(b->data + i + 1, text, len) == 0)
			n++;
	return n;
}

/* n rows whose words have so many octets. */
static struct envelope
crowd(size_t n, const char *unit, size_t len)
{
	struct envelope env = joes(NULL);
	struct buf words = { 0 };
	struct known known = { .status = "5.1.1", .host = "mx.example.org",
		.last_s = ARRIVED };
	char path[80];

	buf_adds(&words, "550 ");
	while (words.len < len)
		buf_adds(&words, unit);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "user%zu@example.org", i);
		known.path = path;
		known.text = buf_str(&words);
		add(&env, &known);
	}
	buf_release(&words);
	return env;
}

START_TEST(bounded)
{
	struct envelope env = crowd(crowds[_i].n, crowds[_i].unit,
	    crowds[_i].len);
	struct buf out = { 0 };
	size_t people, programs;

	make(DSN_FAILED, &env, &plain_header, false, &out);
	assert_sound(&out, true);
	people = count(&out, "  <user");
	programs = count(&out, "Final-Recipient: rfc822; user");
	ck_assert_uint_eq(count(&out, "Action: failed\r\n"), programs);
	if (crowds[_i].people != 0) {
		ck_assert_uint_eq(people, crowds[_i].people);
		ck_assert_uint_eq(programs, crowds[_i].programs);
	}
	ck_assert_msg(people >= 500 && people <= 1000 && programs > people &&
	    programs <= 10000, "%s: %zu and %zu rows", crowds[_i].name, people,
	    programs);
	assert_has(&out, crowds[_i].others);
	assert_has(&out, ", of\r\nwhom the first");
	assert_lacks(&out, "not concerned");
	if (crowds[_i].not_named != NULL)
		assert_has(&out, crowds[_i].not_named);
	else
		assert_lacks(&out, "Not-Named");
	ck_assert_uint_lt(out.len, 10240000);
	ck_assert_uint_lt(largest, 4 << 20);
	envelope_release(&env);
	buf_release(&out);
}
END_TEST

/* Who takes the pieces may fail. */
START_TEST(refused)
{
	struct envelope env = crowd(1, "x", 40);
	size_t first = 0;
	struct dsn d = { .hostname = "h", .queue_id = "q", .boundary = "b",
		.message_id = "m", .env = &env, .rcpts = &first, .nrcpt = 1,
		.header = &plain_header };
	struct err err;

	ck_assert_int_eq(dsn_write(&d, refuse, NULL, &err), -1);
	ck_assert_str_eq(err.status, "4.3.1");
	envelope_release(&env);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn");
	TCase *tc = tcase_create("dsn");
	int rc;

	setenv("TZ", "UTC", 1);
	buf_adds(&plain_header, "Subject: Your invoice\r\n"
				"Message-ID: <x@y>\r\n");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, whole_text);
	tcase_add_loop_test(tc, row, 0, CHECK_ROWS(rows));
	tcase_add_loop_test(tc, long_words, 0, 10);
	tcase_add_loop_test(tc, original_header, 0, CHECK_ROWS(headers));
	tcase_add_loop_test(tc, original, 0, CHECK_ROWS(originals));
	tcase_add_test(tc, null_reverse_path);
	tcase_add_test(tc, thousand);
	tcase_add_test(tc, some_rows);
	tcase_add_loop_test(tc, bounded, 0, CHECK_ROWS(crowds));
	tcase_add_test(tc, refused);
	suite_add_tcase(s, tc);
	rc = check_run(s);
	buf_release(&plain_header);
	return rc;
}
