/*
 * What processes do to files, as a list in the order in which it was done:
 *
 *	SECONDS creat DIR NAME FILE	SECONDS mkdir DIR NAME FILE
 *	SECONDS unlink DIR NAME		SECONDS rename DIR NAME DIR NAME
 *	SECONDS write FILE OFFSET N	and behind that line, N octets
 *	SECONDS truncate FILE N		SECONDS utime FILE SECONDS
 *	SECONDS fsync FILE		SECONDS exit CODE
 *	SECONDS unknown CALL
 *
 * DIR and FILE are inode numbers; SECONDS are of CLOCK_MONOTONIC, when it was
 * done. "exit" is that of the program itself (not of what goes on behind it),
 * at its beginning: from there on, its caller may know the code. "unknown" is
 * what would change files in a way that this list cannot tell.
 */
#define _GNU_SOURCE
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static FILE *record;

int
record_open(const char *path)
{
	record = fopen(path, "w");
	return record == NULL ? -1 : 0;
}

int
record_close(void)
{
	if (record == NULL)
		return 0;
	return ferror(record) != 0 || fclose(record) != 0 ? -1 : 0;
}

static ssize_t
peek(const struct task *t, uint64_t at, void *out, size_t n)
{
	struct iovec ours = { out, n };
	struct iovec theirs = { (void *)(uintptr_t)at, n };

	return process_vm_readv(t->tid, &ours, 1, &theirs, 1, 0);
}

/* A string of the task, which may stand just before the end of its memory. */
static void
peek_string(const struct task *t, uint64_t at, char *out, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && peek(t, at + n, out + n, 1) == 1 &&
	    out[n] != '\0')
		n++;
	out[n] = '\0';
}

/* A name for us of what the task calls PATH in directory fd. */
static void
our_path(const struct task *t, uint64_t dirfd, uint64_t at, char *out)
{
	char path[PATH_LEN];
	int n;

	peek_string(t, at, path, sizeof(path));
	if (path[0] == '/')
		n = snprintf(out, PATH_LEN, "%s", path);
	else if ((int)dirfd == AT_FDCWD)
		n = snprintf(out, PATH_LEN, "/proc/%d/cwd/%.900s", t->tid, path);
	else
		n = snprintf(out, PATH_LEN, "/proc/%d/fd/%d/%.900s", t->tid,
		    (int)dirfd, path);
	(void)n;
}

static bool
stat_fd(const struct task *t, uint64_t fd, struct stat *st)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", t->tid, (int)fd);
	return stat(path, st) == 0;
}

/* "DIR NAME" of a path. */
static void
put_name(const char *path)
{
	char dir[PATH_LEN];
	const char *slash = strrchr(path, '/');
	struct stat st = { 0 };

	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	if (stat(dir, &st) < 0)
		st.st_ino = 0;
	fprintf(record, " %lu %s", (unsigned long)st.st_ino, slash + 1);
}

static void
begin(const char *what)
{
	fprintf(record, "%.6f %s", now(), what);
}

static void
unknown(const struct task *t)
{
	begin("unknown");
	fprintf(record, " %lu\n", (unsigned long)t->call.entry.nr);
}

static void
created(const struct task *t, const char *what)
{
	struct stat st;

	if (lstat(t->path, &st) < 0)
		return;
	begin(what);
	put_name(t->path);
	fprintf(record, " %lu\n", (unsigned long)st.st_ino);
}

static int64_t
position(const struct task *t, uint64_t fd)
{
	char path[64];
	long long pos = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", t->tid, (int)fd);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "pos: %lld", &pos) != 1)
		pos = 0;
	if (f != NULL)
		fclose(f);
	return pos;
}

static void
written(const struct task *t, int64_t n, int64_t at)
{
	const __u64 *args = t->call.entry.args;
	struct stat st;
	char *data;

	if (n <= 0 || !stat_fd(t, args[0], &st) || !S_ISREG(st.st_mode))
		return;
	if (at < 0)
		at = position(t, args[0]) - n;
	data = malloc((size_t)n);
	if (data == NULL || peek(t, args[1], data, (size_t)n) != n)
		abort();
	begin("write");
	fprintf(record, " %lu %lld %lld\n", (unsigned long)st.st_ino,
	    (long long)at, (long long)n);
	fwrite(data, 1, (size_t)n, record);
	free(data);
}

static void
opened(const struct task *t, uint64_t flags, int64_t fd)
{
	struct stat st;

	if ((flags & O_CREAT) != 0 && !t->existed)
		created(t, "creat");
	else if ((flags & O_TRUNC) != 0 && stat_fd(t, (uint64_t)fd, &st)) {
		begin("truncate");
		fprintf(record, " %lu 0\n", (unsigned long)st.st_ino);
	}
}

static void
of_file(const struct task *t, const char *what, const char *number)
{
	struct stat st;

	if (!stat_fd(t, t->call.entry.args[0], &st))
		return;
	begin(what);
	fprintf(record, " %lu%s\n", (unsigned long)st.st_ino, number);
}

static void
dated(const struct task *t)
{
	struct stat st;
	bool found = t->call.entry.args[1] == 0 ?
	    stat_fd(t, t->call.entry.args[0], &st) :
	    lstat(t->path, &st) == 0;

	if (!found)
		return;
	begin("utime");
	fprintf(record, " %lu %lld\n", (unsigned long)st.st_ino,
	    (long long)st.st_mtime);
}

void
record_enter(struct task *t)
{
	const __u64 *args = t->call.entry.args;
	struct stat st;

	if (record == NULL)
		return;
	switch (t->call.entry.nr) {
	case SYS_openat:
	case SYS_mkdirat:
	case SYS_unlinkat:
		our_path(t, args[0], args[1], t->path);
		t->existed = lstat(t->path, &st) == 0;
		break;
	case SYS_utimensat:
		if (args[1] != 0)
			our_path(t, args[0], args[1], t->path);
		break;
#ifdef SYS_open
	case SYS_open:
	case SYS_mkdir:
	case SYS_unlink:
		our_path(t, (uint64_t)AT_FDCWD, args[0], t->path);
		t->existed = lstat(t->path, &st) == 0;
		break;
#endif
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
		our_path(t, args[0], args[1], t->path);
		our_path(t, args[2], args[3], t->path2);
		break;
	case SYS_exit_group:
		if (t->process->number != 0)
			break;
		begin("exit");
		fprintf(record, " %d\n", (int)args[0]);
		break;
	}
}

static void
renamed(const struct task *t)
{
	begin("rename");
	put_name(t->path);
	put_name(t->path2);
	fprintf(record, "\n");
}

/* Calls that change files, and are not told in detail. */
static bool
is_unknown(const struct task *t)
{
	const __u64 *args = t->call.entry.args;
	struct stat st;

	switch (t->call.entry.nr) {
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_sendfile:
		return stat_fd(t, args[0], &st) && S_ISREG(st.st_mode);
	case SYS_mmap:
		return (args[2] & PROT_WRITE) != 0 &&
		    (args[3] & MAP_SHARED) != 0 && (int)args[4] >= 0;
	case SYS_linkat:
	case SYS_symlinkat:
	case SYS_truncate:
	case SYS_fallocate:
	case SYS_copy_file_range:
	case SYS_splice:
	case SYS_sync_file_range:
#ifdef SYS_rename
	case SYS_rename:
	case SYS_link:
	case SYS_symlink:
	case SYS_creat:
	case SYS_rmdir:
#endif
		return true;
	}
	return false;
}

void
record_leave(struct task *t, int64_t result)
{
	const __u64 *args = t->call.entry.args;
	char number[32];

	if (record == NULL)
		return;
	switch (t->call.entry.nr) {
	case SYS_openat:
		opened(t, args[2], result);
		break;
	case SYS_mkdirat:
		created(t, "mkdir");
		break;
	case SYS_unlinkat:
		begin("unlink");
		put_name(t->path);
		fprintf(record, "\n");
		break;
#ifdef SYS_open
	case SYS_open:
		opened(t, args[1], result);
		break;
	case SYS_mkdir:
		created(t, "mkdir");
		break;
	case SYS_unlink:
		begin("unlink");
		put_name(t->path);
		fprintf(record, "\n");
		break;
#endif
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
		renamed(t);
		break;
	case SYS_write:
		written(t, result, -1);
		break;
	case SYS_pwrite64:
		written(t, result, (int64_t)args[3]);
		break;
	case SYS_ftruncate:
		snprintf(number, sizeof(number), " %lld", (long long)args[1]);
		of_file(t, "truncate", number);
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		of_file(t, "fsync", "");
		break;
	case SYS_utimensat:
		dated(t);
		break;
	default:
		if (is_unknown(t))
			unknown(t);
	}
}
