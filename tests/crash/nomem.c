/*
 * Loaded with LD_PRELOAD: memory that runs out.
 *
 *	NOMEM_FILE=PATH		a file of 4 octets, the allocations so far, of all
 *				processes that have it together
 *	NOMEM_AT=N		the N-th gives NULL; N+: and all behind it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Not looked at: allocations of glibc while it looks users up. Version 2.36
 * dies of them in nss_database.c, by SIGSEGV or an assertion.
 */
static _Thread_local bool spared;

/* glibc's own, under the names that it has for this. */
void	*__libc_malloc(size_t);
void	*__libc_calloc(size_t, size_t);
void	*__libc_realloc(void *, size_t);
void	*__libc_memalign(size_t, size_t);

static atomic_uint *count;
static unsigned at;
static bool onwards;

__attribute__((constructor))
static void
begin(void)
{
	const char *path = getenv("NOMEM_FILE"), *n = getenv("NOMEM_AT");
	void *p;
	int fd;

	if (path == NULL || n == NULL)
		return;
	at = (unsigned)atoi(n);
	onwards = strchr(n, '+') != NULL;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	p = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	close(fd);
	if (p == MAP_FAILED)
		abort();
	count = p;
}

static bool
is_out(void)
{
	unsigned n;

	if (count == NULL || spared)
		return false;
	n = atomic_fetch_add(count, 1) + 1;
	if (n != at && !(onwards && n > at))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	return is_out() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return is_out() ? NULL : __libc_realloc(p, n);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *
aligned_alloc(size_t alignment, size_t n)
{
	return is_out() ? NULL : __libc_memalign(alignment, n);
}

void *
memalign(size_t alignment, size_t n)
{
	return is_out() ? NULL : __libc_memalign(alignment, n);
}

int
posix_memalign(void **out, size_t alignment, size_t n)
{
	if (is_out())
		return ENOMEM;
	*out = __libc_memalign(alignment, n);
	return *out == NULL ? ENOMEM : 0;
}

struct passwd *
getpwuid(uid_t uid)
{
	struct passwd *(*real)(uid_t) = (struct passwd *(*)(uid_t))
	    dlsym(RTLD_NEXT, "getpwuid");
	struct passwd *pw;

	spared = true;
	pw = real(uid);
	spared = false;
	return pw;
}

struct passwd *
getpwnam(const char *name)
{
	struct passwd *(*real)(const char *) = (struct passwd *(*)(const char *))
	    dlsym(RTLD_NEXT, "getpwnam");
	struct passwd *pw;

	spared = true;
	pw = real(name);
	spared = false;
	return pw;
}
