#include "config.h"

#include "import/import_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/process.h"
#include "base/xalloc.h"
#include "cmd/exitcode.h"
#include "cmd/identity.h"
#include "cmd/output.h"
#include "cmd/result.h"

/* Where these programs have their settings, in the order of looking. */
static const struct {
	const char *path;	/* "~" is the caller's home */
	enum import_format format;
} usual[] = {
	{ "/etc/msmtprc", IMPORT_MSMTP },
	{ "~/.msmtprc", IMPORT_MSMTP },
	{ "~/.config/msmtp/config", IMPORT_MSMTP },
	{ "/etc/dma/dma.conf", IMPORT_DMA },
	{ "/etc/nullmailer/remotes", IMPORT_NULLMAILER },
	{ "/etc/ssmtp/ssmtp.conf", IMPORT_SSMTP },
	{ "/etc/postfix/main.cf", IMPORT_POSTFIX },
};

struct run {
	const struct options *options;
	const struct import_source *source;
	int	 directory;	/* of --passwords; -1: none */
	char	*directory_path;	/* absolute; owned */
	bool	*used;		/* of each operand; owned */
};

/* A file that stands among the operands takes the place of its namesake. */
static const char *
operand_for(struct run *run, const char *path)
{
	const struct options *o = run->options;

	for (size_t i = 0; i < run->source->paths.n; i++)
		if (run->source->paths.v[i] == path)
			return path;
	for (int i = 0; i < o->noperand; i++)
		if (strcmp(import_basename(o->operands[i]),
		    import_basename(path)) == 0) {
			run->used[i] = true;
			return o->operands[i];
		}
	return path;
}

static int
read_file(void *context, const char *path, struct buf *out, struct err *err)
{
	return file_read(operand_for(context, path), IMPORT_FILE_MAX, out,
	    err);
}

static int
write_password(int fd, const char *password, struct err *err)
{
	if (write_all(fd, password, strlen(password)) < 0 ||
	    write_all(fd, "\n", 1) < 0 || fsync(fd) < 0)
		return err_set(err, ERR_TEMP, NULL, "%s", strerror(errno));
	return 0;
}

static int
keep_password(void *context, const char *name, const char *password,
    struct buf *path, struct err *err)
{
	struct run *run = context;
	int fd = openat(run->directory, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return err_set(err, ERR_TEMP, NULL, "%s/%s: %s",
		    run->directory_path, name, strerror(errno));
	rc = write_password(fd, password, err);
	if (close(fd) < 0 && rc == 0)
		rc = err_set(err, ERR_TEMP, NULL, "%s", strerror(errno));
	if (rc < 0)
		unlinkat(run->directory, name, 0);
	else
		buf_printf(path, "%s/%s", run->directory_path, name);
	return rc;
}

static int
open_directory(struct run *run)
{
	const char *path = run->options->import_passwords;

	if (path == NULL)
		return 0;
	run->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run->directory_path = realpath(path, NULL);
	if (run->directory >= 0 && run->directory_path != NULL)
		return 0;
	result_complain(run->options->name, "--passwords %s: %s", path,
	    strerror(errno));
	return EX_CANTCREAT;
}

/* Say which of the usual places there are; take the first. */
static int
find_usual(struct run *run, struct import_source *source)
{
	struct buf path = { 0 };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		buf_clear(&path);
		if (usual[i].path[0] != '~' || identity_home(&path))
			buf_adds(&path, usual[i].path +
			    (usual[i].path[0] == '~'));
		if (source->format != IMPORT_FORMATS &&
		    source->format != usual[i].format)
			continue;
		if (access(buf_str(&path), F_OK) < 0)
			continue;
		result_complain(run->options->name, "%s %s (%s)",
		    source->paths.n == 0 ? "importing" : "there is also",
		    buf_str(&path), import_names[usual[i].format]);
		if (source->paths.n == 0) {
			strlist_add(&source->paths, buf_str(&path));
			source->format = usual[i].format;
		}
	}
	buf_release(&path);
	if (source->paths.n > 0)
		return 0;
	result_complain(run->options->name, "no settings of another program "
	    "in their usual places; name a file");
	return EX_NOINPUT;
}

/* Which format the first operand has. */
static int
find_format(struct run *run, struct import_source *source)
{
	const char *path = run->options->operands[0];
	struct buf text = { 0 };
	struct err err;
	int code = 0;

	if (file_read(path, IMPORT_FILE_MAX, &text, &err) < 0) {
		result_complain(run->options->name, "%s", err.text);
		code = EX_NOINPUT;
	} else if (source->format == IMPORT_FORMATS)
		source->format = import_guess(path, &text);
	if (code == 0 && source->format == IMPORT_FORMATS) {
		result_complain(run->options->name, "%s: is of no format that "
		    "is known here (--format says which)", path);
		code = EX_CONFIG;
	}
	import_wipe(&text);
	return code;
}

/* Another msmtprc comes over the first; other operands are asked for when a
 * setting names them. */
static void
add_operands(struct run *run, struct import_source *source)
{
	const struct options *o = run->options;

	for (int i = 0; i < o->noperand; i++)
		if (i == 0 || source->format == IMPORT_MSMTP) {
			strlist_add(&source->paths, o->operands[i]);
			run->used[i] = true;
		}
}

static int
choose(struct run *run, struct import_source *source)
{
	const struct options *o = run->options;
	int code;

	source->format = IMPORT_FORMATS;
	if (o->import_format != NULL)
		source->format = import_by_name(o->import_format);
	if (o->import_format != NULL && source->format == IMPORT_FORMATS) {
		result_complain(o->name, "--format %s: is none of msmtp, dma, "
		    "nullmailer, ssmtp, postfix", o->import_format);
		return EX_USAGE;
	}
	if (o->noperand == 0)
		return find_usual(run, source);
	if ((code = find_format(run, source)) == 0)
		add_operands(run, source);
	return code;
}

static int
print_result(struct run *run, struct import_result *result)
{
	const struct options *o = run->options;

	for (size_t i = 0; i < result->complaints.n; i++)
		result_complain(o->name, "%s", result->complaints.v[i]);
	for (int i = 0; i < o->noperand; i++)
		if (!run->used[i])
			result_complain(o->name, "%s: nothing names this file",
			    o->operands[i]);
	output_write(&result->text);
	return result->unkept > 0 ? EX_CANTCREAT : EX_OK;
}

static int
translate(struct run *run, struct import_source *source)
{
	struct import_result result = { 0 };
	struct err err;
	int code;

	source->read = read_file;
	source->keep = run->directory >= 0 ? keep_password : NULL;
	source->context = run;
	run->source = source;
	if (import_translate(source, &result, &err) < 0) {
		result_complain(run->options->name, "%s", err.text);
		code = exitcode_of_err(&err);
	} else
		code = print_result(run, &result);
	import_result_release(&result);
	return code;
}

int
import_run(const struct options *options)
{
	struct run run = { .options = options, .directory = -1 };
	struct import_source source = { 0 };
	int code;

	/* the files are the caller's */
	process_drop_group();
	run.used = xcalloc((size_t)options->noperand + 1, sizeof(*run.used));
	if ((code = open_directory(&run)) == 0 &&
	    (code = choose(&run, &source)) == 0)
		code = translate(&run, &source);
	if (run.directory >= 0)
		close(run.directory);
	free(run.directory_path);
	free(run.used);
	strlist_release(&source.paths);
	return code;
}
