#include "config.h"

#include "import/nullmailer.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"

const struct reason nullmailer_files[] = {
	{ "me", NULL }, { "defaulthost", NULL }, { "defaultdomain", NULL },
	{ "helohost", NULL },
	{ "idhost", "it makes Message-IDs with hostname" },
	{ "adminaddr", "!recipients are not changed, there are no aliases yet: "
	    "mail to users of this machine goes to them at origin" },
	{ "allmailfrom", NULL }, { "doublebounceto", NULL },
	{ "bounceto", "!reports go to the sender" },
	{ "bouncelines", NULL },
	{ "pausetime", NULL }, { "maxpause", NULL }, { "sendtimeout", NULL },
	{ "queuelifetime", NULL },
	{ NULL, NULL },
};

bool
nullmailer_knows(char *line)
{
	char *rest = line, *proto;

	word_next(&rest, " \t");
	proto = word_next(&rest, " \t");
	return proto != NULL && (strcmp(proto, "smtp") == 0 ||
	    strcmp(proto, "qmqp") == 0);
}

/*
 * Cut the next word off, as a shell would: '...', "..." with \ inside, \.
 *
 * word  cleared and filled.
 */
static bool
shell_word(const char **text, struct buf *word)
{
	const char *p = *text + strspn(*text, " \t\r");
	char quote = '\0';

	buf_clear(word);
	if (*p == '\0')
		return false;
	for (; *p != '\0' && (quote != '\0' || strchr(" \t\r", *p) == NULL);
	    p++) {
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (*p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'') {
			if (*++p == '\0')
				break;
			buf_addc(word, *p);
		} else
			buf_addc(word, *p);
	}
	*text = p;
	return true;
}

/* "port=587", "--port=587", "starttls" */
static void
add_option(struct nullmailer *m, struct remote *r, char *word)
{
	char *value = strchr(word, '=');
	struct item *item;

	word += strspn(word, "-");
	if (value != NULL)
		*value++ = '\0';
	item = items_add(&r->options, word, value != NULL ? value : "",
	    m->imp->source->paths.v[0], r->item->line);
	item->is_secret = strcmp(word, "pass") == 0;
}

static void
read_remote(struct nullmailer *m, const char *line, struct item *item)
{
	struct buf word = { 0 };
	struct remote r = { .item = item };
	bool smtp = true;

	if (!shell_word(&line, &word))
		goto out;
	if (strchr(buf_str(&word), '=') != NULL) {
		conf_warn_item(&m->imp->conf, 0, item,
		    "a host is missing in front of its options");
		goto out;
	}
	r.host = xstrdup(buf_str(&word));
	free(item->key);
	item->key = xstrdup(r.host);
	if (shell_word(&line, &word))
		smtp = strcmp(buf_str(&word), "smtp") == 0;
	while (shell_word(&line, &word)) {
		buf_str(&word);
		add_option(m, &r, word.data);
	}
	if (!smtp) {
		conf_warn_item(&m->imp->conf, 0, item,
		    "only SMTP is spoken, no QMQP");
		free(r.host);
		items_release(&r.options);
		goto out;
	}
	m->imp->is_understood = true;
	m->v = xgrow(m->v, m->n, &m->cap, sizeof(*m->v));
	m->v[m->n++] = r;
out:
	import_wipe(&word);
}

/* Lines first, that pointers to them stay good. */
int
nullmailer_read_remotes(struct nullmailer *m, struct err *err)
{
	const char *path = m->imp->source->paths.v[0];
	struct buf text = { 0 };
	struct lines lines;
	char *line;
	int rc = import_read(m->imp, path, &text, err);

	lines_begin(&lines, &text);
	while (rc == 0 && (line = lines_next(&lines)) != NULL) {
		line = str_trim(line);
		if (*line != '\0' && *line != '#')
			items_add(&m->lines, "line", line, path,
			    lines.number)->is_secret = true;
	}
	for (size_t i = 0; i < m->lines.n; i++)
		read_remote(m, m->lines.v[i].value, &m->lines.v[i]);
	import_wipe(&text);
	return rc;
}

void
nullmailer_read_files(struct nullmailer *m)
{
	struct buf path = { 0 }, text = { 0 };
	struct err err;

	for (const struct reason *f = nullmailer_files; f->key != NULL; f++) {
		buf_clear(&path);
		buf_clear(&text);
		import_beside(m->imp, f->key, &path);
		if (import_read(m->imp, buf_str(&path), &text, &err) < 0)
			continue;
		buf_str(&text);
		text.data[strcspn(text.data, "\n")] = '\0';
		items_add(&m->files, f->key, str_trim(text.data),
		    buf_str(&path), 0);
	}
	buf_release(&path);
	buf_release(&text);
}

void
nullmailer_release(struct nullmailer *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].host);
		items_release(&m->v[i].options);
	}
	free(m->v);
	items_release(&m->lines);
	items_release(&m->files);
}
