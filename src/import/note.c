#include "config.h"

#include "import/import_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

#define VALUE_SHOWN 60		/* octets of a value in a comment */

void
conf_comment(struct conf_section *section, const char *text)
{
	char *clean = str_sanitise(xstrdup(text));

	buf_printf(&section->text, "# %s\n", clean);
	free(clean);
}

static void
remark(struct conf *conf, size_t at, bool complain, const char *text)
{
	struct conf_section *section = &conf->v[at];

	conf_comment(section, text);
	free(section->origin);
	section->origin = NULL;
	if (complain)
		strlist_take(&conf->complaints, str_sanitise(xstrdup(text)));
}

void
conf_note(struct conf *conf, size_t section, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	remark(conf, section, false, buf_str(&text));
	buf_release(&text);
}

void
conf_warn(struct conf *conf, size_t section, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	remark(conf, section, true, buf_str(&text));
	buf_release(&text);
}

/* Was something said of this line before? Then it is no news: msmtp's defaults
 * stand in many accounts. */
static bool
was_noted(struct conf *conf, const struct item *item)
{
	struct buf place = { 0 };
	void **known;
	bool before;

	item_place(item, &place);
	buf_printf(&place, " %s", item->key);
	known = strmap_at(&conf->noted, buf_str(&place));
	before = *known != NULL;
	*known = conf;
	buf_release(&place);
	return before;
}

static void
write_item(const struct item *item, struct buf *out)
{
	size_t n = strlen(item->value), shown = n > VALUE_SHOWN ?
	    VALUE_SHOWN : n;

	item_place(item, out);
	if (item->line > 0)
		buf_printf(out, ": %s", item->key);
	if (item->is_secret || n == 0)
		return;
	buf_adds(out, item->line > 0 ? " " : ": ");
	for (size_t i = 0; i < shown; i++)
		buf_addc(out, item->value[i] == '\t' ? ' ' : item->value[i]);
	if (n > shown)
		buf_adds(out, "...");
}

static void remark_item(struct conf *, size_t, struct item *, bool,
    const char *, va_list) __attribute__((format(printf, 5, 0)));

static void
remark_item(struct conf *conf, size_t section, struct item *item,
    bool complain, const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	item->is_done = true;
	if (was_noted(conf, item))
		return;
	write_item(item, &text);
	buf_adds(&text, ": ");
	buf_vprintf(&text, fmt, ap);
	remark(conf, section, complain, buf_str(&text));
	buf_release(&text);
}

void
conf_note_item(struct conf *conf, size_t section, struct item *item,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_item(conf, section, item, false, fmt, ap);
	va_end(ap);
}

void
conf_warn_item(struct conf *conf, size_t section, struct item *item,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	remark_item(conf, section, item, true, fmt, ap);
	va_end(ap);
}

const struct reason *
reason_find(const struct reason *reasons, const char *key)
{
	for (; reasons->key != NULL; reasons++) {
		size_t n = strlen(reasons->key);

		if (reasons->key[n - 1] == '*' ?
		    str_ieqn(reasons->key, key, n - 1) :
		    str_ieq(reasons->key, key))
			return reasons;
	}
	return NULL;
}

static void
leave(struct conf *conf, size_t section, struct item *item,
    const struct reason *reason)
{
	const char *why = reason != NULL ? reason->why : NULL;

	if (reason == NULL) {
		item->is_secret = true;
		conf_warn_item(conf, section, item,
		    "the other program has no such setting");
	} else if (why == NULL)
		conf_note_item(conf, section, item,
		    "Postrider has no such setting");
	else if (why[0] == '!')
		conf_warn_item(conf, section, item, "%s", why + 1);
	else
		conf_note_item(conf, section, item, "%s", why);
}

void
conf_leftovers(struct conf *conf, size_t section, struct items *items,
    const struct reason *reasons)
{
	for (size_t i = 0; i < items->n; i++)
		if (!items->v[i].is_done)
			leave(conf, section, &items->v[i],
			    reason_find(reasons, items->v[i].key));
}
