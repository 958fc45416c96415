/*
 * Any bytes as the settings of another program: what comes out is accepted by
 * the reader of settings, whole, and holds nothing but lines and comments.
 *
 * The first octet says which format, and whether passwords are kept; the rest
 * is the file, and behind each octet 1 another that it may name.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/import.h"
#include "cmd/settings.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct files {
	const char *next, *end;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Each file that is asked for is the next part of the input. */
static int
read_part(void *context, const char *path, struct buf *out, struct err *err)
{
	struct files *files = context;
	const char *stop;

	must(path[0] != '\0');
	if (files->next == NULL)
		return err_set(err, ERR_NOINPUT, NULL, "no more");
	stop = memchr(files->next, 1, (size_t)(files->end - files->next));
	buf_add(out, files->next, (size_t)((stop != NULL ? stop :
	    files->end) - files->next));
	files->next = stop != NULL ? stop + 1 : NULL;
	return 0;
}

static int
keep_none(void *context, const char *name, const char *password,
    struct buf *path, struct err *err)
{
	(void)context;
	(void)err;
	must(strchr(name, '/') == NULL && name[0] != '.');
	must(password != NULL && !str_has_control(name));
	buf_printf(path, "/keep/%s", name);
	return 0;
}

static void
is_accepted(struct buf *text)
{
	struct settings settings;
	struct err err;

	must(memchr(text->data, '\0', text->len) == NULL);
	for (const char *p = buf_str(text); *p != '\0'; p++)
		must(*p == '\n' || ((unsigned char)*p >= 0x20 && *p != 0x7f));
	settings_init(&settings);
	must(settings_parse(&settings, "result", text, &err) == 0);
	settings_complete(&settings);
	settings_check(&settings, &err);
	settings_release(&settings);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct files files;
	struct import_source source = { .read = read_part,
		.context = &files };
	struct import_result result = { 0 };
	struct err err;
	struct buf text = { 0 };

	if (n == 0)
		return 0;
	files = (struct files){ (const char *)data + 1,
		(const char *)data + n };
	buf_add(&text, data + 1, n - 1);
	import_guess("x", &text);
	buf_release(&text);
	source.format = data[0] % IMPORT_FORMATS;
	source.keep = data[0] & 0x80 ? keep_none : NULL;
	strlist_add(&source.paths, "/etc/x/file");
	if (import_translate(&source, &result, &err) == 0)
		is_accepted(&result.text);
	import_result_release(&result);
	strlist_release(&source.paths);
	return 0;
}
