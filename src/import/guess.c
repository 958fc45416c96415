#include "config.h"

#include "import/import_impl.h"

#include <string.h>

#include "base/str.h"

const char *const import_names[IMPORT_FORMATS] = {
	[IMPORT_MSMTP] = "msmtp", [IMPORT_DMA] = "dma",
	[IMPORT_NULLMAILER] = "nullmailer", [IMPORT_SSMTP] = "ssmtp",
	[IMPORT_POSTFIX] = "postfix",
};

static const struct {
	const char *end;	/* of the path */
	enum import_format format;
} names[] = {
	{ "msmtprc", IMPORT_MSMTP },
	{ "msmtp/config", IMPORT_MSMTP },
	{ "dma.conf", IMPORT_DMA },
	{ "remotes", IMPORT_NULLMAILER },
	{ "ssmtp.conf", IMPORT_SSMTP },
	{ "main.cf", IMPORT_POSTFIX },
};

static bool (*const knows[IMPORT_FORMATS])(char *) = {
	[IMPORT_MSMTP] = msmtp_knows, [IMPORT_DMA] = dma_knows,
	[IMPORT_NULLMAILER] = nullmailer_knows, [IMPORT_SSMTP] = ssmtp_knows,
	[IMPORT_POSTFIX] = postfix_knows,
};

enum import_format
import_by_name(const char *word)
{
	enum import_format f = 0;

	while (f < IMPORT_FORMATS && !str_ieq(word, import_names[f]))
		f++;
	return f;
}

static bool
ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

/* How many lines of the text are of that format? */
static unsigned
count(enum import_format f, const struct buf *text)
{
	struct buf copy = { 0 };
	struct lines lines;
	unsigned n = 0;
	char *p;

	buf_add(&copy, text->data, text->len);
	lines_begin(&lines, &copy);
	while ((p = lines_next(&lines)) != NULL) {
		p = str_trim(p);
		if (*p != '\0' && *p != '#')
			n += knows[f](p);
	}
	buf_release(&copy);
	return n;
}

enum import_format
import_guess(const char *path, const struct buf *text)
{
	enum import_format best = IMPORT_FORMATS;
	unsigned most = 0, n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (ends_with(path, names[i].end))
			return names[i].format;
	if (text->len > 0 && memchr(text->data, '\0', text->len) != NULL)
		return best;
	for (enum import_format f = 0; f < IMPORT_FORMATS; f++)
		if ((n = count(f, text)) > most) {
			most = n;
			best = f;
		}
	return best;
}
