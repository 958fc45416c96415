#include "config.h"

#include "import/postfix.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

struct reading {
	struct postfix *p;
	struct item *item;	/* the parameter */
	bool	 secret;
	struct items *rows;
};

/* Those made by postmap from a text of the same name, or that text. */
static bool
is_text(const char *type)
{
	static const char *const types[] = { "hash", "btree", "lmdb", "cdb",
		"dbm", "sdbm", "texthash", NULL };

	for (size_t i = 0; types[i] != NULL; i++)
		if (strcmp(types[i], type) == 0)
			return true;
	return false;
}

static bool
is_pattern(const char *type)
{
	return strcmp(type, "regexp") == 0 || strcmp(type, "pcre") == 0;
}

static void
add_row(struct reading *r, const char *key, const char *value,
    const char *path, unsigned number)
{
	if (r->p->rows == IMPORT_LINES_MAX) {
		conf_warn_item(&r->p->imp->conf, 0, r->item, "the tables are "
		    "too long; the rest was not read");
		return;
	}
	r->p->rows++;
	items_add(r->rows, key, value, path, number)->is_secret = r->secret;
}

/* Does the pattern fit everything? */
static bool
fits_all(const char *pattern)
{
	static const char *const all[] = { ".", ".*", ".+", "^.*$", "^.+$",
		"^(.*)$", "^(.+)$", "^", "(.*)", "(.+)", "^.*", "^.+",
		NULL };

	for (size_t i = 0; all[i] != NULL; i++)
		if (strcmp(all[i], pattern) == 0)
			return true;
	return false;
}

/* "^ann@host\.example$" is one address. */
static bool
is_literal(const char *pattern, struct buf *address)
{
	size_t n = strlen(pattern);

	if (n < 3 || pattern[0] != '^' || pattern[n - 1] != '$')
		return false;
	for (size_t i = 1; i < n - 1; i++) {
		if (pattern[i] == '\\' && i + 1 < n - 1 &&
		    ispunct((unsigned char)pattern[i + 1]))
			i++;
		else if (strchr(".*+?()[]{}|^$\\", pattern[i]) != NULL)
			return false;
		buf_addc(address, pattern[i]);
	}
	return true;
}

/* The '/' that ends "/pattern/", or NULL. */
static char *
pattern_end(char *line)
{
	char *p;

	if (line[0] != '/')
		return NULL;
	for (p = line + 1; *p != '\0' && *p != '/'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '/' ? p : NULL;
}

/* "/pattern/flags value" */
static void
add_pattern(struct reading *r, char *line, const char *path, unsigned number)
{
	struct items bad = { 0 };
	struct buf address = { 0 };
	char *end = pattern_end(line), *value;

	value = end != NULL ? end + strcspn(end, " \t") : line;
	if (end != NULL) {
		*end = '\0';
		value = str_trim(value);
	}
	if (end != NULL && strchr(value, '$') == NULL && fits_all(line + 1))
		add_row(r, "*", value, path, number);
	else if (end != NULL && strchr(value, '$') == NULL &&
	    is_literal(line + 1, &address))
		add_row(r, buf_str(&address), value, path, number);
	else
		conf_warn_item(&r->p->imp->conf, 0,
		    items_add(&bad, "pattern", "", path, number),
		    "Postrider has no regular expressions; see PATTERNS in "
		    "postrider.conf(5)");
	items_release(&bad);
	buf_release(&address);
}

/* "key value", as postmap reads it. */
static void
add_line(struct reading *r, char *line, const char *path, unsigned number)
{
	char *value = line + strcspn(line, " \t");
	struct items bad = { 0 };

	if (value == line || *value == '\0' || *str_trim(value) == '\0') {
		conf_warn_item(&r->p->imp->conf, 0,
		    items_add(&bad, "line", "", path, number),
		    "is not of the form KEY VALUE");
		items_release(&bad);
		return;
	}
	*value++ = '\0';
	add_row(r, line, str_trim(value), path, number);
}

static void
read_text(struct reading *r, const char *path, bool patterns)
{
	struct buf text = { 0 }, line = { 0 }, used = { 0 };
	struct lines lines;
	struct err err;
	unsigned number;

	if (import_read_related(r->p->imp, path, &text, &used, &err) < 0)
		conf_warn_item(&r->p->imp->conf, 0, r->item, "%s", err.text);
	lines_begin(&lines, &text);
	while (lines_logical(&lines, &line, &number)) {
		buf_str(&line);
		if (patterns)
			add_pattern(r, line.data, buf_str(&used), number);
		else
			add_line(r, line.data, buf_str(&used), number);
	}
	import_wipe(&text);
	import_wipe(&line);
	buf_release(&used);
}

/* Strip one pair of braces round the text. */
static char *
unbrace(char *text)
{
	size_t n;

	text = str_trim(text);
	n = strlen(text);
	if (n < 2 || text[0] != '{' || text[n - 1] != '}')
		return text;
	text[n - 1] = '\0';
	return str_trim(text + 1);
}

/* The end of a word that braces may keep together. */
static char *
braced_end(char *p, const char *delimiters)
{
	unsigned depth = 0;

	for (; *p != '\0' && (depth > 0 || strchr(delimiters, *p) == NULL);
	    p++) {
		depth += *p == '{';
		if (*p == '}' && depth > 0)
			depth--;
	}
	return p;
}

static char *
braced_word(char **rest, const char *delimiters)
{
	char *word = *rest + strspn(*rest, delimiters), *end;

	if (*word == '\0')
		return NULL;
	end = braced_end(word, delimiters);
	*rest = end + (*end != '\0');
	*end = '\0';
	return word;
}

/* "{ a=b, { c = d e } }" */
static void
read_inline(struct reading *r, char *text)
{
	char *rest = unbrace(text), *word, *value;

	while ((word = braced_word(&rest, ", \t")) != NULL) {
		word = unbrace(word);
		if ((value = strchr(word, '=')) == NULL)
			continue;
		*value++ = '\0';
		add_row(r, str_trim(word), unbrace(value), r->item->file,
		    r->item->line);
	}
}

/* One "type:name". */
static void
read_one(struct reading *r, char *word)
{
	char *name;

	while (str_starts(word, "proxy:"))
		word += strlen("proxy:");
	name = strchr(word, ':');
	if (word[0] == '/') {
		read_text(r, word, false);
		return;
	}
	if (name == NULL || name[1] == '\0') {
		conf_warn_item(&r->p->imp->conf, 0, r->item,
		    "names no table");
		return;
	}
	*name++ = '\0';
	if (is_text(word) || is_pattern(word))
		read_text(r, name, is_pattern(word));
	else if (strcmp(word, "inline") == 0)
		read_inline(r, name);
	else if (strcmp(word, "static") == 0)
		add_row(r, "*", unbrace(name), r->item->file, r->item->line);
	else
		conf_warn_item(&r->p->imp->conf, 0, r->item,
		    "tables of the type %s are not read here", word);
}

void
table_read(struct postfix *p, struct item *item, bool secret,
    struct items *rows)
{
	struct reading r = { .p = p, .item = item, .secret = secret,
		.rows = rows };
	char *copy = xstrdup(item->value), *rest = copy, *word;

	while ((word = braced_word(&rest, ", \t")) != NULL)
		read_one(&r, word);
	explicit_bzero(copy, strlen(copy));
	free(copy);
}

struct item *
table_find(struct items *rows, const char *key)
{
	for (size_t i = 0; i < rows->n; i++)
		if (str_ieq(rows->v[i].key, key)) {
			rows->v[i].is_done = true;
			return &rows->v[i];
		}
	return NULL;
}
