#include "config.h"

#include "cmd/settings_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/str.h"
#include "base/xalloc.h"

#define SETTINGS_FILE_MAX (1u << 20)

/* Undo the quoting of a value, or cut its comment, in place. Returns 0, or
 * -1 for a quote that does not end or text behind it. */
static int
unquote(char *value)
{
	char *in = value + 1, *out = value;

	if (*value != '"') {
		if ((in = strchr(value, '#')) != NULL)
			*in = '\0';
		str_trim(value);
		return strchr(value, '"') == NULL ? 0 : -1;
	}
	for (; *in != '"'; in++) {
		if (*in == '\\' && (in[1] == '"' || in[1] == '\\'))
			in++;
		if (*in == '\0')
			return -1;
		*out++ = *in;
	}
	*out = '\0';
	in = str_trim(in + 1);
	return *in == '\0' || *in == '#' ? 0 : -1;
}

/* May the key stand here? */
static int
check_place(const struct setting *set, struct err *err)
{
	const struct account *a = &set->s->routing.accounts[set->account];
	const struct settings_place *before;

	if (set->account > 0 && !(set->key->flags & KEY_IN_ACCOUNT))
		return err_set(err, ERR_CONFIG, NULL,
		    "belongs before the first account");
	before = place_find(set->s, set->key->name, a->name);
	if (before == NULL || before->file != set->s->files ||
	    (set->key->flags & KEY_REPEATS))
		return 0;
	return err_set(err, ERR_CONFIG, NULL, "was set before in this %s",
	    set->account > 0 ? "account" : "file");
}

/* One line; set->account is where it stands. */
static int
parse_line(struct setting *set, char *line, struct err *err)
{
	char *name = str_trim(line), *value;

	if (*name == '\0' || *name == '#')
		return 0;
	value = name + strcspn(name, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value = str_trim(value);
	if ((set->key = key_find(name)) == NULL)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: there is no such setting", name);
	if (unquote(value) < 0)
		err_set(err, ERR_CONFIG, NULL, "the quotes do not match; a "
		    "value that holds one stands in quotes itself, with \\\" "
		    "for it");
	else if (check_place(set, err) == 0 && value_set(set, value, err) == 0) {
		if (set->key->type == TYPE_ACCOUNT)
			set->account = set->s->routing.naccount - 1;
		place_note(set);
		return 0;
	}
	err->kind = ERR_CONFIG;
	return err_prefix(err, "%s", name);
}

static int
parse_lines(struct settings *s, const char *name, char *line, struct err *err)
{
	struct setting set = { .s = s };
	struct buf where = { 0 };
	unsigned number = 0;
	char *end;
	int rc = 0;

	for (; rc == 0 && line != NULL && *line != '\0'; line = end) {
		buf_clear(&where);
		buf_printf(&where, "%s:%u", name, ++number);
		set.where = buf_str(&where);
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		rc = parse_line(&set, line, err);
		if (rc < 0)
			err_prefix(err, "%s", set.where);
	}
	buf_release(&where);
	return rc;
}

/* What was added behind the first old elements comes before them. */
static void
put_first(void *v, size_t size, size_t old, size_t n)
{
	char *all = v, *copy;

	if (old == 0 || old == n)
		return;
	copy = xmalloc(old * size);
	memcpy(copy, all, old * size);
	memmove(all, all + old * size, (n - old) * size);
	memcpy(all + (n - old) * size, copy, old * size);
	free(copy);
}

int
settings_parse(struct settings *s, const char *name, struct buf *text,
    struct err *err)
{
	size_t routes = s->routing.nroute, rules = s->rewrite.n;

	if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		return err_set(err, ERR_CONFIG, NULL,
		    "%s: holds a NUL byte; this is no text", name);
	s->files++;
	buf_str(text);
	if (parse_lines(s, name, text->data, err) < 0)
		return -1;
	put_first(s->routing.routes, sizeof(*s->routing.routes), routes,
	    s->routing.nroute);
	put_first(s->route_texts.v, sizeof(*s->route_texts.v), routes,
	    s->route_texts.n);
	put_first(s->rewrite.rules, sizeof(*s->rewrite.rules), rules,
	    s->rewrite.n);
	return accounts_settle(s, err);
}

int
settings_read(struct settings *s, const char *path, int missing_ok,
    struct err *err)
{
	struct buf text = { 0 };
	struct stat st;
	int rc = -1;

	if (missing_ok && stat(path, &st) < 0 && errno == ENOENT)
		return 0;
	if (file_read(path, SETTINGS_FILE_MAX, &text, err) < 0)
		err->kind = ERR_CONFIG;
	else
		rc = settings_parse(s, path, &text, err);
	buf_release(&text);
	return rc;
}
