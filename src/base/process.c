#include "config.h"

#include "base/process.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strlist.h"

/* The ids of nobody where not even that name is known. */
#define NOBODY 65534

/* Of the stack: what is usual, and what we and the libraries cannot do
 * without (measured: between 64 and 128 KB). */
#define STACK_WANTED (8u << 20)
#define STACK_LEAST (256u << 10)

static struct {
	uid_t	uid;
	gid_t	gid;
} worker = { NOBODY, NOBODY };

/*
 * Without privilege or without a trustworthy surrounding there is nothing to
 * do but to have the caller try again. Not exit(3): in a forked child it
 * would write the parent's unflushed output a second time.
 */
static _Noreturn void
give_up(const char *what)
{
	dprintf(STDERR_FILENO, "postrider: %s: %s\n", what, strerror(errno));
	_exit(EX_TEMPFAIL);
}

/*
 * A caller may have closed descriptors 0-2; the next file opened would take
 * the place, and a message for standard error would end in the queue.
 */
static void
fill_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", O_RDWR) != fd)
			_exit(EX_TEMPFAIL);
	}
}

static void
reset_signals(void)
{
	struct sigaction now, act = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	/*
	 * exec(2) has already put an end to handlers; one that is there now
	 * is a sanitizer's.
	 */
	for (sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &now) == 0 &&
		    now.sa_handler == SIG_IGN)
			sigaction(sig, &act, NULL);
	}
	/* A lost connection or a full quota is an error of write(2) here. */
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	sigaction(SIGXFSZ, &act, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
stop_timers(void)
{
	static const struct itimerval off;

	setitimer(ITIMER_REAL, &off, NULL);
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	setitimer(ITIMER_PROF, &off, NULL);
}

/*
 * A stack that ends too soon is a crash somewhere in the middle, and a crash
 * of each worker means that mail waits without a word why.
 */
static void
raise_stack(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_STACK, &lim) < 0 || lim.rlim_cur >= STACK_WANTED)
		return;
	lim.rlim_cur = lim.rlim_max < STACK_WANTED ? lim.rlim_max :
	    STACK_WANTED;
	setrlimit(RLIMIT_STACK, &lim);
	if (lim.rlim_cur >= STACK_LEAST)
		return;
	errno = ENOMEM;
	give_up("the limit of the stack (ulimit -s)");
}

static void
reset_limits(void)
{
	static const struct rlimit none;
	static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit lim;

	setrlimit(RLIMIT_CORE, &none);
	raise_stack();
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (setrlimit(RLIMIT_FSIZE, &all) < 0 &&
	    getrlimit(RLIMIT_FSIZE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_FSIZE, &lim);
	}
}

/* libc opens a TZ that is a path; a caller must not choose our files. */
static bool
zone_is_name(const char *value)
{
	if (*value == ':')
		value++;
	return *value != '/' && strstr(value, "..") == NULL;
}

static bool
privilege_at_stake(void)
{
	return getauxval(AT_SECURE) != 0 || getuid() != geteuid() ||
	    process_has_group();
}

static const struct {
	const char *name;
	bool risky;	/* dropped where privilege is at stake */
} env_kept[] = {
	{ "HOME", false },
	{ "USER", false },
	{ "LOGNAME", false },
	{ "NAME", false },
	{ "TZ", false },
	{ "TERM", false },
	{ "XDG_CONFIG_HOME", false },
	{ "XDG_STATE_HOME", false },
	{ "XDG_DATA_HOME", false },
	{ "XDG_CACHE_HOME", false },
	{ "PATH", true },
	{ "SSL_CERT_FILE", true },
	{ "SSL_CERT_DIR", true },
	/* what Kerberos and the usual password-commands go by */
	{ "KRB5CCNAME", true },
	{ "DBUS_SESSION_BUS_ADDRESS", true },
	{ "XDG_RUNTIME_DIR", true },
	{ "DISPLAY", true },
	{ "WAYLAND_DISPLAY", true },
	{ "GNUPGHOME", true },
	{ "GPG_TTY", true },
	{ "SSH_AUTH_SOCK", true },
	{ "PASSWORD_STORE_DIR", true },
};

static void
reduce_environment(void)
{
	struct strlist pairs = { 0 };
	bool secure = privilege_at_stake();
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(env_kept) / sizeof(env_kept[0]); i++) {
		value = getenv(env_kept[i].name);
		if (value == NULL || (secure && env_kept[i].risky))
			continue;
		if (strcmp(env_kept[i].name, "TZ") == 0 && !zone_is_name(value))
			continue;
		strlist_add(&pairs, env_kept[i].name);
		strlist_add(&pairs, value);
	}
	if (clearenv() != 0)
		give_up("clearenv");
	for (i = 0; i < pairs.n; i += 2) {
		if (setenv(pairs.v[i], pairs.v[i + 1], 1) < 0)
			give_up("setenv");
	}
	strlist_release(&pairs);
}

void
process_sanitise(void)
{
	fill_descriptors();
	umask(077);
	reset_signals();
	stop_timers();
	reset_limits();
	reduce_environment();
}

bool
process_has_group(void)
{
	gid_t real, effective, saved;

	if (getresgid(&real, &effective, &saved) < 0)
		give_up("getresgid");
	return effective != real || saved != real;
}

/* Set all three ids and look whether they are what was asked for. */
static void
become_group(gid_t gid)
{
	gid_t real, effective, saved;

	if (setresgid(gid, gid, gid) < 0)
		give_up("setresgid");
	if (getresgid(&real, &effective, &saved) < 0)
		give_up("getresgid");
	if (real != gid || effective != gid || saved != gid) {
		errno = EPERM;
		give_up("setresgid");
	}
}

static void
become_user(uid_t uid)
{
	uid_t real, effective, saved;

	if (setresuid(uid, uid, uid) < 0)
		give_up("setresuid");
	if (getresuid(&real, &effective, &saved) < 0)
		give_up("getresuid");
	if (real != uid || effective != uid || saved != uid) {
		errno = EPERM;
		give_up("setresuid");
	}
}

void
process_avoid_group(gid_t gid)
{
	if (worker.gid == gid)
		worker.gid = NOBODY;
}

/* Links in /proc lead past directories that the caller may not pass. */
static bool
belongs_to(int fd, gid_t group)
{
	struct stat st;

	return fstat(fd, &st) < 0 || st.st_gid == group;
}

bool
process_serves_guest(void)
{
	gid_t groups[256];
	int n;

	if (!process_has_group() || getuid() == 0)
		return false;
	n = getgroups(256, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == getegid())
			return false;
	return true;
}

int
process_open_as_caller(const char *path, int flags)
{
	gid_t group = getegid();
	int fd, e;

	if (group != getgid() && setegid(getgid()) < 0)
		return -1;
	fd = open(path, flags | O_NOCTTY | O_CLOEXEC);
	e = errno;
	if (group != getgid() && setegid(group) < 0)
		give_up("setegid");
	if (fd >= 0 && group != getgid() && belongs_to(fd, group)) {
		close(fd);
		fd = -1;
		e = EACCES;
	}
	errno = e;
	return fd;
}

void
process_drop_group(void)
{
	become_group(getgid());
}

/* The uid and gid of a line "name:x:uid:gid:..." of /etc/passwd. */
static bool
is_user(const char *line, const char *user, uid_t *uid, gid_t *gid)
{
	size_t n = strlen(user);
	unsigned u, g;

	if (strncmp(line, user, n) != 0 || line[n] != ':' ||
	    sscanf(line + n, ":%*[^:]:%u:%u:", &u, &g) != 2)
		return false;
	*uid = u;
	*gid = g;
	return true;
}

/*
 * A system's own users stand in /etc/passwd. The name service is not asked:
 * for a name it does not know it costs more than the rest of the start.
 */
static bool
find_in_passwd(const char *user, uid_t *uid, gid_t *gid)
{
	FILE *file = fopen("/etc/passwd", "re");
	char line[1024];
	bool is_found = false;

	while (file != NULL && !is_found &&
	    fgets(line, sizeof(line), file) != NULL)
		is_found = is_user(line, user, uid, gid);
	if (file != NULL)
		fclose(file);
	return is_found;
}

void
process_find_user(const char *user)
{
	uid_t uid;
	gid_t gid;

	if ((user == NULL || !find_in_passwd(user, &uid, &gid)) &&
	    !find_in_passwd("nobody", &uid, &gid))
		return;
	/* A worker must be neither root nor in the group of the spool. */
	worker.uid = uid != 0 ? uid : NOBODY;
	worker.gid = gid;
	if (worker.gid == 0 || (process_has_group() &&
	    worker.gid == getegid()))
		worker.gid = NOBODY;
}

void
process_drop_all(void)
{
	bool root = geteuid() == 0;

	if (root && setgroups(0, NULL) < 0)
		give_up("setgroups");
	become_group(root ? worker.gid : getgid());
	become_user(root ? worker.uid : getuid());
	if (getuid() != 0 && setuid(0) == 0) {
		errno = EPERM;
		give_up("root can be had back");
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up("no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		give_up("dumpable");
}

void
process_detach_output(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		give_up("/dev/null");
	for (int to = 0; to <= STDERR_FILENO; to++)
		dup2(fd, to);
	if (fd > STDERR_FILENO)
		close(fd);
}

static bool
is_kept(int fd, const int *keep, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (keep[i] == fd)
			return true;
	}
	return false;
}

/* The least of keep that is not below from; INT_MAX when there is none. */
static int
next_kept(int from, const int *keep, size_t n)
{
	int next = INT_MAX;
	size_t i;

	for (i = 0; i < n; i++) {
		if (keep[i] >= from && keep[i] < next)
			next = keep[i];
	}
	return next;
}

static int
close_from_to(unsigned first, unsigned last)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, first, last, 0);
#else
	(void)first;
	(void)last;
	errno = ENOSYS;
	return -1;
#endif
}

/* For kernels before 5.9, and filters that do not know close_range(2). */
static void
close_one_by_one(const int *keep, size_t n)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	uint64_t number;
	long fd, end;

	if (dir != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			if (str_number(entry->d_name, INT_MAX, &number) < 0)
				continue;
			fd = (long)number;
			if (fd > STDERR_FILENO && fd != dirfd(dir) &&
			    !is_kept((int)fd, keep, n))
				close((int)fd);
		}
		closedir(dir);
		return;
	}
	end = sysconf(_SC_OPEN_MAX);
	for (fd = STDERR_FILENO + 1; fd < end; fd++) {
		if (!is_kept((int)fd, keep, n))
			close((int)fd);
	}
}

void
process_close_all_but(const int *keep, size_t n)
{
	int first = STDERR_FILENO + 1, next;

	for (;;) {
		next = next_kept(first, keep, n);
		if (next > first && close_from_to((unsigned)first,
		    next == INT_MAX ? UINT_MAX : (unsigned)next - 1) < 0) {
			close_one_by_one(keep, n);
			return;
		}
		if (next == INT_MAX)
			return;
		first = next + 1;
	}
}

/* For where getrandom(2) is filtered out, or not there. */
static int
read_random(unsigned char *p, size_t n)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -1;
	while (n > 0) {
		got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		p += got;
		n -= (size_t)got;
	}
	close(fd);
	return n == 0 ? 0 : -1;
}

/* Returns -1 when the kernel gives none. */
static int
get_random(void *data, size_t n)
{
	unsigned char *p = data;
	ssize_t got;

	while (n > 0) {
		got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return read_random(p, n);
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

void
process_random(void *data, size_t n)
{
	if (get_random(data, n) < 0)
		give_up("getrandom");
}

unsigned
process_random_below(unsigned limit)
{
	unsigned value, tail;

	assert(limit > 0);
	/* The first 2^N mod limit values would make some results likelier. */
	tail = (UINT_MAX - limit + 1) % limit;
	do {
		/* it only spreads load: not worth ending for */
		if (get_random(&value, sizeof(value)) < 0)
			return (unsigned)getpid() % limit;
	} while (value < tail);
	return value % limit;
}
