#include "config.h"

#include "import/import_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cmd/identity.h"
#include "cmd/settings.h"

static int (*const translators[IMPORT_FORMATS])(struct import *,
    struct err *) = {
	[IMPORT_MSMTP] = import_msmtp, [IMPORT_DMA] = import_dma,
	[IMPORT_NULLMAILER] = import_nullmailer,
	[IMPORT_SSMTP] = import_ssmtp, [IMPORT_POSTFIX] = import_postfix,
};

const char *
import_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int
import_read(struct import *imp, const char *path, struct buf *out,
    struct err *err)
{
	size_t start = out->len;

	if (imp->source->read(imp->source->context, path, out, err) < 0)
		return -1;
	if (out->len == start || memchr(out->data + start, '\0',
	    out->len - start) == NULL)
		return 0;
	out->len = start;
	return err_set(err, ERR_CONFIG, NULL, "%s: is no text", path);
}

void
import_beside(const struct import *imp, const char *name, struct buf *out)
{
	const char *first = imp->source->paths.v[0];

	buf_add(out, first, (size_t)(import_basename(first) - first));
	buf_adds(out, name);
}

int
import_read_related(struct import *imp, const char *path, struct buf *out,
    struct buf *used, struct err *err)
{
	struct err other;

	buf_clear(used);
	if (path[0] == '/')
		buf_adds(used, path);
	else
		import_beside(imp, path, used);
	if (import_read(imp, buf_str(used), out, err) == 0)
		return 0;
	if (path[0] != '/')
		return -1;
	buf_clear(used);
	import_beside(imp, import_basename(path), used);
	return import_read(imp, buf_str(used), out, &other);
}

/* Whose file it is tells its place: root may import another's. */
static bool
home_of_file(const struct import *imp, struct buf *home)
{
	static const char *const ends[] = { "/.msmtprc",
		"/.config/msmtp/config" };
	const char *path = imp->source->paths.v[0];
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t m = strlen(ends[i]);

		if (path[0] == '/' && n > m &&
		    strcmp(path + n - m, ends[i]) == 0) {
			buf_add(home, path, n - m);
			return true;
		}
	}
	return identity_home(home);
}

void
import_tilde(const struct import *imp, const char *path, struct buf *out)
{
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') &&
	    home_of_file(imp, out))
		path++;
	buf_adds(out, path);
}

/* The frame round what a format has to say. */
static void
write_result(struct import *imp, struct import_result *result)
{
	struct buf from = { 0 };

	for (size_t i = 0; i < imp->source->paths.n; i++)
		buf_printf(&from, "%s%s", i > 0 ? ", " : "",
		    imp->source->paths.v[i]);
	buf_str(&from);
	buf_printf(&result->text, "# Made by postrider --import-config from "
	    "%s (%s).\n# Try it: postrider -C THIS-FILE --check-config\n\n",
	    str_sanitise(from.data), import_names[imp->source->format]);
	conf_write(&imp->conf, &result->text);
	buf_release(&from);
}

/* Each line was tried; what makes no sense together shows here. That a
 * password is missing was said before. */
static void
check_result(struct import_result *result, bool lacks_password)
{
	struct settings settings;
	struct buf copy = { 0 };
	struct err err;

	buf_add(&copy, result->text.data, result->text.len);
	settings_init(&settings);
	if (settings_parse(&settings, "the result", &copy, &err) < 0)
		strlist_add(&result->complaints, err.text);
	else if (!lacks_password) {
		settings_complete(&settings);
		if (settings_check(&settings, &err) < 0)
			strlist_add(&result->complaints, err.text);
	}
	settings_release(&settings);
	buf_release(&copy);
}

int
import_translate(const struct import_source *source,
    struct import_result *result, struct err *err)
{
	struct import imp = { .source = source };
	int rc;

	conf_init(&imp.conf);
	rc = translators[source->format](&imp, err);
	if (rc == 0 && !imp.is_understood)
		rc = err_set(err, ERR_CONFIG, NULL, "%s: there is nothing of "
		    "%s in it", source->paths.v[0],
		    import_names[source->format]);
	if (rc == 0) {
		write_result(&imp, result);
		result->complaints = imp.conf.complaints;
		imp.conf.complaints = (struct strlist){ 0 };
		check_result(result, imp.lacks_password);
	}
	result->settings = imp.conf.settings;
	result->unkept = imp.unkept;
	conf_release(&imp.conf);
	for (size_t i = 0; i < imp.passwords.n; i++)
		explicit_bzero(imp.passwords.v[i],
		    strlen(imp.passwords.v[i]));
	strlist_release(&imp.passwords);
	strlist_release(&imp.places);
	return rc;
}

void
import_result_release(struct import_result *result)
{
	buf_release(&result->text);
	strlist_release(&result->complaints);
	*result = (struct import_result){ 0 };
}
