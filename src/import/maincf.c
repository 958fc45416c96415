#include "config.h"

#include "import/postfix.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/identity.h"

#define STEPS_MAX 10000		/* $names looked up for one file */
#define VALUE_MAX 16384		/* octets of one value, expanded or not */
#define DEPTH_MAX 20		/* of $names in $names */

/* What others refer to, where the file does not set it. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "myorigin", "$myhostname" },
	{ "default_database_type", "hash" },
	{ "queue_directory", "/var/spool/postfix" },
	{ "data_directory", "/var/lib/postfix" },
	{ "meta_directory", "/etc/postfix" },
	{ "mail_name", "Postfix" },
	{ "smtp_sasl_security_options", "noplaintext, noanonymous" },
	{ "smtp_helo_name", "$myhostname" },
};

struct expansion {
	const struct postfix *p;
	unsigned steps;
	unsigned depth;
	bool	 is_too_much;
};

static void expand(struct expansion *, const char *text, size_t n,
	    struct buf *out);

/* The directory of the file itself. */
static void
add_directory(const struct postfix *p, struct buf *out)
{
	const char *path = p->imp->source->paths.v[0];
	size_t n = (size_t)(import_basename(path) - path);

	if (n == 0)
		buf_adds(out, "/etc/postfix");
	else
		buf_add(out, path, n > 1 ? n - 1 : n);
}

static void
add_default(struct expansion *x, const char *name, struct buf *out)
{
	char *host = NULL;
	const char *dot;

	if (strcmp(name, "config_directory") == 0)
		add_directory(x->p, out);
	else if (strcmp(name, "myhostname") == 0) {
		host = identity_hostname();
		buf_adds(out, host);
	} else if (strcmp(name, "mydomain") == 0) {
		struct buf full = { 0 };

		expand(x, "$myhostname", 11, &full);
		dot = strchr(buf_str(&full), '.');
		buf_adds(out, dot != NULL ? dot + 1 : "localdomain");
		buf_release(&full);
	} else
		for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]);
		    i++)
			if (strcmp(name, defaults[i].name) == 0)
				expand(x, defaults[i].value,
				    strlen(defaults[i].value), out);
	free(host);
}

static void
add_parameter(struct expansion *x, const char *name, struct buf *out)
{
	const struct item *item;

	if (x->depth == DEPTH_MAX || x->steps == STEPS_MAX) {
		x->is_too_much = true;
		return;
	}
	x->steps++;
	x->depth++;
	item = items_find(&x->p->items, name);
	if (item != NULL)
		expand(x, item->value, strlen(item->value), out);
	else
		add_default(x, name, out);
	x->depth--;
}

/* How many octets from an opening bracket to its closing one, both counted; 0:
 * it does not close. */
static size_t
bracketed(const char *text, size_t n)
{
	char open = text[0], close = open == '{' ? '}' : ')';
	unsigned depth = 0;

	for (size_t i = 0; i < n; i++) {
		depth += text[i] == open;
		if (text[i] == close && --depth == 0)
			return i + 1;
	}
	return 0;
}

static size_t
name_length(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && (isalnum((unsigned char)text[i]) || text[i] == '_'))
		i++;
	return i;
}

/* Step over blanks, and over brackets round all of the rest. */
static void
strip(const char **text, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)**text)) {
		(*text)++;
		(*n)--;
	}
	while (*n > 0 && isspace((unsigned char)(*text)[*n - 1]))
		(*n)--;
	if (*n > 1 && **text == '{' && bracketed(*text, *n) == *n) {
		(*text)++;
		*n -= 2;
	}
}

/* Behind the name in "${name?text}", "${name:text}", "${name?{a}:{b}}". */
static void
choose(struct expansion *x, const struct buf *value, const char *rest,
    size_t n, struct buf *out)
{
	bool is_set = value->len > 0, wants_set = rest[0] == '?';
	const char *first = rest + 1, *second = NULL;
	size_t n1 = n - 1, n2 = 0, whole;

	if (n1 > 0 && first[0] == '{' &&
	    (whole = bracketed(first, n1)) > 0 && whole < n1 &&
	    first[whole] == ':') {
		second = first + whole + 1;
		n2 = n1 - whole - 1;
		n1 = whole;
	}
	if (is_set != wants_set) {
		first = second;
		n1 = n2;
	}
	if (first == NULL)
		return;
	strip(&first, &n1);
	if (x->depth == DEPTH_MAX) {
		x->is_too_much = true;
		return;
	}
	x->depth++;
	expand(x, first, n1, out);
	x->depth--;
}

/* The inside of "${...}" or "$(...)". */
static void
expand_bracketed(struct expansion *x, const char *text, size_t n,
    struct buf *out)
{
	struct buf name = { 0 }, value = { 0 };
	size_t len = name_length(text, n);

	buf_add(&name, text, len);
	add_parameter(x, buf_str(&name), &value);
	if (len == n)
		buf_add(out, value.data, value.len);
	else if (text[len] == '?' || text[len] == ':')
		choose(x, &value, text + len, n - len, out);
	else
		x->is_too_much = true;
	buf_release(&name);
	buf_release(&value);
}

/* What begins with the '$' at text. Returns how much of it was used. */
static size_t
expand_one(struct expansion *x, const char *text, size_t n, struct buf *out)
{
	struct buf name = { 0 };
	size_t len;

	if (n > 1 && text[1] == '$') {
		buf_addc(out, '$');
		return 2;
	}
	if (n > 1 && (text[1] == '{' || text[1] == '(') &&
	    (len = bracketed(text + 1, n - 1)) > 0) {
		expand_bracketed(x, text + 2, len - 2, out);
		return len + 1;
	}
	len = name_length(text + 1, n - 1);
	if (len == 0) {
		buf_addc(out, '$');
		return 1;
	}
	buf_add(&name, text + 1, len);
	add_parameter(x, buf_str(&name), out);
	buf_release(&name);
	return len + 1;
}

static void
expand(struct expansion *x, const char *text, size_t n, struct buf *out)
{
	size_t i = 0;

	while (i < n) {
		if (out->len > VALUE_MAX) {
			x->is_too_much = true;
			return;
		}
		if (text[i] == '$')
			i += expand_one(x, text + i, n - i, out);
		else
			buf_addc(out, text[i++]);
	}
}

/* A table of passwords may stand in the file itself. */
static bool
may_hold_password(const struct item *item)
{
	return strstr(item->key, "pass") != NULL &&
	    (strstr(item->value, "inline:") != NULL ||
	    strstr(item->value, "static:") != NULL);
}

/* Names first, then all values at once: each may refer to any other. */
static void
expand_all(struct postfix *p)
{
	struct expansion x = { .p = p };
	struct items done = { 0 };
	struct buf value = { 0 };
	size_t n;

	for (size_t i = 0; i < p->items.n; i++) {
		struct item *item = &p->items.v[i], *now;

		buf_clear(&value);
		x.is_too_much = false;
		n = strlen(item->value);
		expand(&x, item->value, n > VALUE_MAX ? 0 : n, &value);
		x.is_too_much |= n > VALUE_MAX;
		now = items_add(&done, item->key, x.is_too_much ? "" :
		    buf_str(&value), item->file, item->line);
		now->is_secret = item->is_secret || may_hold_password(now);
		if (x.is_too_much) {
			conf_warn_item(&p->imp->conf, 0, item,
			    "what it refers to cannot be worked out here");
			now->is_done = true;
		}
	}
	buf_release(&value);
	items_release(&p->items);
	p->items = done;
}

static void
add_line(struct postfix *p, char *line, unsigned number)
{
	const char *path = p->imp->source->paths.v[0];
	char *value = strchr(line, '=');
	struct items bad = { 0 };
	struct item *item;

	if (value == NULL || line[0] == ' ' || line[0] == '\t') {
		conf_warn_item(&p->imp->conf, 0,
		    items_add(&bad, "line", "", path, number),
		    "is not of the form NAME = VALUE");
		items_release(&bad);
		return;
	}
	*value++ = '\0';
	item = items_add(&p->items, str_trim(line), str_trim(value), path,
	    number);
	item->is_secret = may_hold_password(item);
}

int
maincf_read(struct postfix *p, struct err *err)
{
	struct buf text = { 0 }, line = { 0 };
	struct lines lines;
	unsigned number;
	int rc = import_read(p->imp, p->imp->source->paths.v[0], &text, err);

	lines_begin(&lines, &text);
	while (rc == 0 && lines_logical(&lines, &line, &number)) {
		if (p->items.n == MAINCF_MAX) {
			conf_warn(&p->imp->conf, 0, "main.cf:%u: this is too "
			    "long; the rest was not read", number);
			break;
		}
		buf_str(&line);
		add_line(p, line.data, number);
	}
	import_wipe(&text);
	import_wipe(&line);
	if (rc == 0)
		expand_all(p);
	return rc;
}

struct item *
maincf_take(struct postfix *p, const char *name)
{
	struct item *item = items_take(&p->items, name);

	return item != NULL && item->value[0] != '\0' ? item : NULL;
}

bool
maincf_is_yes(struct postfix *p, const char *name)
{
	const struct item *item = maincf_take(p, name);

	return item != NULL && str_ieq(item->value, "yes");
}
