#include "config.h"

#include "import/import_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

struct item *
items_add(struct items *items, const char *key, const char *value,
    const char *path, unsigned line)
{
	struct item *item;

	items->v = xgrow(items->v, items->n, &items->cap, sizeof(*items->v));
	item = &items->v[items->n++];
	*item = (struct item){
		.key = xstrdup(key),
		.value = xstrdup(value),
		.file = xstrdup(import_basename(path)),
		.line = line,
	};
	return item;
}

struct item *
items_find(const struct items *items, const char *key)
{
	for (size_t i = items->n; i-- > 0;)
		if (str_ieq(items->v[i].key, key))
			return &items->v[i];
	return NULL;
}

struct item *
items_take(struct items *items, const char *key)
{
	for (size_t i = 0; i < items->n; i++)
		if (str_ieq(items->v[i].key, key))
			items->v[i].is_done = true;
	return items_find(items, key);
}

const char *
items_value(struct items *items, const char *key)
{
	const struct item *item = items_take(items, key);

	return item != NULL ? item->value : NULL;
}

void
items_release(struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		explicit_bzero(items->v[i].value, strlen(items->v[i].value));
		free(items->v[i].key);
		free(items->v[i].value);
		free(items->v[i].file);
	}
	free(items->v);
	*items = (struct items){ 0 };
}

void
item_swap(struct item *a, struct item *b)
{
	struct item keep = *a;

	*a = *b;
	*b = keep;
}

void
item_place(const struct item *item, struct buf *out)
{
	buf_adds(out, item->file);
	if (item->line > 0)
		buf_printf(out, ":%u", item->line);
}

void
items_places(const struct item *const *items, size_t n, struct buf *out)
{
	const struct item *last = NULL;

	for (size_t i = 0; i < n; i++) {
		if (items[i] == NULL)
			continue;
		if (last != NULL)
			buf_adds(out, ", ");
		if (last == NULL || items[i]->line == 0 ||
		    strcmp(last->file, items[i]->file) != 0)
			item_place(items[i], out);
		else
			buf_printf(out, ":%u", items[i]->line);
		/* a file as a whole is called what its key is */
		if (items[i]->line > 0)
			buf_printf(out, " %s", items[i]->key);
		last = items[i];
	}
}

void
lines_begin(struct lines *lines, struct buf *text)
{
	buf_str(text);
	*lines = (struct lines){ .next = text->data };
}

char *
lines_next(struct lines *lines)
{
	char *line = lines->next, *end;

	if (line == NULL || *line == '\0')
		return NULL;
	lines->number++;
	if ((end = strchr(line, '\n')) == NULL) {
		lines->next = NULL;
		return line;
	}
	lines->next = end + 1;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

/* Does the line at p say something: not empty, no comment? */
static bool
says_something(const char *p)
{
	p += strspn(p, " \t\r\f\v");
	return *p != '\0' && *p != '\n' && *p != '#';
}

/* Is there a line next that continues this one, perhaps behind comments? */
static bool
continues(const struct lines *lines)
{
	const char *p = lines->next;

	while (p != NULL && *p != '\0') {
		if (says_something(p))
			return *p == ' ' || *p == '\t';
		if ((p = strchr(p, '\n')) != NULL)
			p++;
	}
	return false;
}

bool
lines_logical(struct lines *lines, struct buf *out, unsigned *number)
{
	char *line;

	buf_clear(out);
	do {
		if ((line = lines_next(lines)) == NULL)
			return false;
	} while (!says_something(line));
	*number = lines->number;
	buf_adds(out, line);
	while (continues(lines)) {
		do {
			line = lines_next(lines);
		} while (line != NULL && !says_something(line));
		if (line == NULL)
			break;
		buf_adds(out, line);
	}
	return true;
}

char *
word_next(char **rest, const char *delimiters)
{
	char *word = *rest + strspn(*rest, delimiters), *end;

	if (*word == '\0')
		return NULL;
	end = word + strcspn(word, delimiters);
	*rest = end + (*end != '\0');
	*end = '\0';
	return word;
}

void
import_wipe(struct buf *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->len);
	buf_release(text);
}
