#include "config.h"

#include "mail/message.h"

#include <string.h>

#include "base/str.h"
#include "mail/addrlist.h"
#include "mail/date.h"
#include "mail/header.h"

/* Fields that end with us: what they say is not for the next host. */
static const char *const dropped[] = {
	"Bcc", "Resent-Bcc", "Return-Path", "Content-Length"
};

/*
 * Fields that a message must have, or ought to. Those of a resent message
 * are other ones (RFC 5322 3.6.6): its From and Date are the author's.
 */
enum { NEED_FROM, NEED_DATE, NEED_MESSAGE_ID, NEED_COUNT };

static const char *const needed[2][NEED_COUNT] = {
	{ "From", "Date", "Message-ID" },
	{ "Resent-From", "Resent-Date", "Resent-Message-ID" }
};

static bool
is_resent(const struct message *m)
{
	struct header_field field;
	size_t at = 0;

	while (header_next(&m->header, &at, &field)) {
		if (field.name_len > 7 && str_ieqn(field.text, "Resent-", 7))
			return true;
	}
	return false;
}

void
message_recipients(const struct message *m, const char *default_domain,
    struct strlist *good, struct strlist *bad)
{
	static const char *const names[2][3] = {
		{ "To", "Cc", "Bcc" },
		{ "Resent-To", "Resent-Cc", "Resent-Bcc" }
	};
	const char *const *name = names[is_resent(m)];
	struct header_field field;
	size_t at = 0;

	while (header_next(&m->header, &at, &field)) {
		if (header_is(&field, name[0]) || header_is(&field, name[1]) ||
		    header_is(&field, name[2]))
			addrlist_parse(field.body, field.body_len,
			    default_domain, good, bad);
	}
}

static void
take_first(void *arg, const struct addrlist_element *e)
{
	struct buf *first = arg;

	if (first->len == 0 && e->address != NULL)
		buf_adds(first, e->address);
}

/* The fields that name who sends: of From and Sender the first that have an
 * address. */
struct author {
	struct buf from, sender;
};

static void
note_author(struct author *a, const struct header_field *field,
    const char *const *name, const char *default_domain)
{
	struct buf *to = header_is(field, name[0]) ? &a->from :
	    header_is(field, name[1]) ? &a->sender : NULL;

	if (to != NULL)
		addrlist_walk(field->body, field->body_len, default_domain,
		    take_first, to);
}

/*
 * Where the newest block of Resent- fields ends: each is put on top of what
 * was there (RFC 5322 3.6.6), with the trace fields of its journey above it.
 * A second Resent-From belongs to an older one, too.
 */
static bool
block_ends(const struct author *a, const struct header_field *field)
{
	if (header_is(field, "Received") || header_is(field, "Return-Path"))
		return a->from.len > 0 || a->sender.len > 0;
	return a->from.len > 0 && header_is(field, "Resent-From");
}

bool
message_author(const struct message *m, const char *default_domain,
    struct buf *out)
{
	static const char *const names[2][2] = {
		{ "From", "Sender" },
		{ "Resent-From", "Resent-Sender" }
	};
	bool resent = is_resent(m);
	struct header_field field;
	struct author a = { 0 };
	size_t at = 0;
	bool found;

	while (header_next(&m->header, &at, &field)) {
		if (resent && block_ends(&a, &field))
			break;
		note_author(&a, &field, names[resent], default_domain);
	}
	found = a.from.len > 0 || a.sender.len > 0;
	if (a.sender.len > 0)
		buf_add(out, a.sender.data, a.sender.len);
	else
		buf_add(out, a.from.data, a.from.len);
	buf_release(&a.from);
	buf_release(&a.sender);
	return found;
}

static bool
is_dropped(const struct header_field *field)
{
	size_t i;

	for (i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		if (header_is(field, dropped[i]))
			return true;
	}
	return false;
}

static bool
is_empty(const struct header_field *field)
{
	struct buf text = { 0 };
	bool empty;

	header_unfold(field, &text);
	empty = text.len == 0;
	buf_release(&text);
	return empty;
}

/* Which of the needed fields this is, or NEED_COUNT. */
static size_t
which_needed(const struct header_field *field, const char *const *names)
{
	size_t i = 0;

	while (i < NEED_COUNT && !header_is(field, names[i]))
		i++;
	return i;
}

static void
add_received(const struct message_fix *fix, struct buf *out)
{
	char date[DATE_MAX];

	buf_printf(out,
	    "Received: by %s (Postrider, from userid %u)\r\n"
	    "\tid %s; %s\r\n",
	    fix->hostname, fix->uid, fix->queue_id,
	    date_rfc5322(fix->now, date));
}

static void
add_needed(const struct message_fix *fix, size_t which, const char *name,
    struct buf *out)
{
	const char *from = fix->set_from != NULL ? fix->set_from : fix->from;
	struct buf field = { 0 };
	char date[DATE_MAX];

	buf_printf(&field, "%s: ", name);
	if (which == NEED_DATE)
		buf_adds(&field, date_rfc5322(fix->now, date));
	else if (which == NEED_MESSAGE_ID)
		buf_printf(&field, "<%s@%s>", fix->queue_id, fix->hostname);
	else if (fix->full_name == NULL || fix->full_name[0] == '\0')
		buf_adds(&field, from);
	else {
		header_phrase(&field, fix->full_name);
		buf_printf(&field, " <%s>", from);
	}
	buf_adds(&field, "\r\n");
	header_copy(out, field.data, field.len);
	buf_release(&field);
}

/* Does the field name who sends, as opposed to who gets it? */
static bool
is_of_senders(const struct header_field *field)
{
	static const char *const names[] = { "From", "Sender", "Reply-To",
		"Resent-From", "Resent-Sender", "Resent-Reply-To" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (header_is(field, names[i]))
			return true;
	}
	return false;
}

static void
copy_field(const struct message_fix *fix, const struct header_field *field,
    struct buf *out)
{
	struct buf text = { 0 };

	if (fix->rewrite == NULL || !is_of_senders(field)) {
		header_copy(out, field->text, field->len);
		return;
	}
	rewrite_field(fix->rewrite, field, fix->default_domain, &text);
	header_copy(out, text.data, text.len);
	buf_release(&text);
}

/* How many addresses a field has, bad ones too, and the last good one. */
struct tally {
	size_t n;
	struct buf address;
};

static void
count_address(void *arg, const struct addrlist_element *e)
{
	struct tally *t = arg;

	t->n++;
	buf_clear(&t->address);
	if (e->address != NULL)
		buf_adds(&t->address, e->address);
}

/* Is that one address, with whatever name, all that the field would have? */
static bool
has_only(const struct message_fix *fix, const struct header_field *field,
    const char *address)
{
	struct buf now = { 0 };
	struct tally t = { 0 };
	bool only;

	addrlist_walk(field->body, field->body_len, fix->default_domain,
	    count_address, &t);
	if (fix->rewrite != NULL)
		rewrite_address(fix->rewrite, buf_str(&t.address), &now);
	else
		buf_adds(&now, buf_str(&t.address));
	only = t.n == 1 && strcmp(buf_str(&now), address) == 0;
	buf_release(&t.address);
	buf_release(&now);
	return only;
}

/*
 * A From that is to be replaced: another stands in its place, unless it is
 * that already. A message has one; of a resent one the first is the newest,
 * the others are not ours.
 */
static void
replace_from(const struct message_fix *fix, const struct header_field *field,
    const char *name, bool again, struct buf *out)
{
	if (again && header_is(field, "From"))
		return;
	if (again || has_only(fix, field, fix->set_from))
		copy_field(fix, field, out);
	else
		add_needed(fix, NEED_FROM, name, out);
}

/* Copy what is not dropped; find out which of the needed fields are there. */
static void
copy_fields(const struct message *m, const struct message_fix *fix,
    const char *const *names, bool *have, struct buf *out)
{
	struct header_field field;
	size_t at = 0, which;

	while (header_next(&m->header, &at, &field)) {
		which = which_needed(&field, names);
		if (is_dropped(&field) ||
		    (which < NEED_COUNT && is_empty(&field)))
			continue;
		if (which == NEED_FROM && fix->set_from != NULL)
			replace_from(fix, &field, names[which], have[which],
			    out);
		else
			copy_field(fix, &field, out);
		if (which < NEED_COUNT)
			have[which] = true;
	}
}

int
message_fix(const struct message *m, const struct message_fix *fix,
    struct buf *out, struct err *err)
{
	bool have[NEED_COUNT] = { false }, resent = is_resent(m);
	const char *const *names = needed[resent];
	struct buf copied = { 0 };
	size_t i;

	if (m->hops >= MESSAGE_HOPS_MAX)
		return err_set(err, ERR_PERM, "5.4.6",
		    "too many hops: %u Received fields, a mail loop", m->hops);
	if (!fix->no_received)
		add_received(fix, out);
	copy_fields(m, fix, names, have, &copied);
	if (!resent)
		buf_add(out, copied.data, copied.len);
	for (i = 0; i < NEED_COUNT; i++) {
		if (!have[i])
			add_needed(fix, i, names[i], out);
	}
	if (resent)
		buf_add(out, copied.data, copied.len);
	buf_adds(out, "\r\n");
	buf_release(&copied);
	return 0;
}
